"""A network namespace of the lab: `ip netns add <lease>-host`, with its sysctls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class NetworkNamespace(HostResource, module="lab", name="NetworkNamespace"):
    """A namespace: the lab's host, or a router's. Its name on the host is the output `netns`.

    NetworkNamespace("host", name="host", forwarding=True, host=host, lease=lease)
    """

    name: pulumi.Output[str]
    netns: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        forwarding: pulumi.Input[bool] = False,
        default_ttl: pulumi.Input[int] = 64,
        bridge_nf: pulumi.Input[bool] = False,
        stray_routes: pulumi.Input[Sequence[str]] = (),
        owned: Sequence[str] = (),
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`default_ttl` is the IP TTL of its own packets. Fields are those of `host_agent.kinds.network_namespace.Args`."""
        args = {
            "name": name,
            "forwarding": forwarding,
            "default_ttl": default_ttl,
            "bridge_nf": bridge_nf,
            "stray_routes": stray_routes,
            "owned": owned,
        }
        super().__init__(HostProvider("network_namespace"), resource_name, args, host=host, lease=lease, opts=opts)
