"""A tap in a namespace of the lab, for a port of an emulated router: `ip tuntap add … mode tap user …`."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class Tap(HostResource, module="lab", name="Tap"):
    """A tap, up, that the lab's Dynamips daemons may open.

    Tap("R1-Fa0-0", namespace=lab.namespace.id, ifname="R1-Fa0-0", master=finance.id, host=host, lease=lease)
    """

    ifindex: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        ifname: pulumi.Input[str],
        master: pulumi.Input[str] = "",
        mtu: pulumi.Input[int] = 1500,
        up: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`master` is the id of a Bridge, `mtu` is in bytes. Fields are those of `host_agent.kinds.tap.Args`."""
        args = {"namespace": namespace, "ifname": ifname, "master": master, "mtu": mtu, "up": up}
        super().__init__(HostProvider("tap"), resource_name, args, host=host, lease=lease, opts=opts)
