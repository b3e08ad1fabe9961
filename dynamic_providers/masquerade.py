"""Source NAT of the lab's packets: an nftables table of its own with `ip saddr SOURCE oifname IFNAME masquerade`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class Masquerade(HostResource, module="lab", name="Masquerade"):
    """What leaves `namespace` by `oifname` from `sources` gets that interface's address.

    Masquerade("nat", namespace=host.id, oifname="uplink", sources=["192.168.0.0/18"], host=host, lease=lease)
    """

    table: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        oifname: pulumi.Input[str],
        sources: pulumi.Input[Sequence[pulumi.Input[str]]],
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`sources` are IPv4 networks. Fields are those of `host_agent.kinds.masquerade.Args`."""
        args = {"namespace": namespace, "oifname": oifname, "sources": sources}
        super().__init__(HostProvider("masquerade"), resource_name, args, host=host, lease=lease, opts=opts)
