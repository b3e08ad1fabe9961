"""A route in a namespace of the lab: `ip route add DST via VIA dev DEV`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class Route(HostResource, module="lab", name="Route"):
    """A static route; the output `ifname` is the interface that it leaves by.

    Route("core", namespace=host.id, dst="10.1.0.0/21", via="192.168.81.10", links=[uplink.id], host=host, lease=lease)
    """

    dst: pulumi.Output[str]
    ifname: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        dst: pulumi.Input[str],
        via: pulumi.Input[str] | None = None,
        dev: pulumi.Input[str] | None = None,
        metric: pulumi.Input[int] = 0,
        table: pulumi.Input[int] = 254,
        links: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`via`, `dev` or both are needed; `table` 254 is main. Fields are those of `host_agent.kinds.route.Args`."""
        args = {
            "namespace": namespace,
            "dst": dst,
            "via": via,
            "dev": dev,
            "metric": metric,
            "table": table,
            "links": links,
        }
        super().__init__(HostProvider("route"), resource_name, args, host=host, lease=lease, opts=opts)
