"""A Linux bridge in a namespace of the lab: `ip link add VMnet2 type bridge`."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class Bridge(HostResource, module="lab", name="Bridge"):
    """A bridge, up, without spanning tree.

    Bridge("VMnet2", namespace=lab.namespace.id, ifname="VMnet2", host=host, lease=lease)
    """

    ifname: pulumi.Output[str]
    ifindex: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        ifname: pulumi.Input[str],
        mtu: pulumi.Input[int] = 1500,
        mac: pulumi.Input[str] | None = None,
        up: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`mtu` is in bytes; `mac` None leaves the choice to the kernel. Fields are those of `host_agent.kinds.bridge.Args`."""
        args = {"namespace": namespace, "ifname": ifname, "mtu": mtu, "mac": mac, "up": up}
        super().__init__(HostProvider("bridge"), resource_name, args, host=host, lease=lease, opts=opts)
