"""A veth pair between two namespaces of the lab: `ip link add … type veth peer …`, with masters, addresses and default routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class EndpointArgs(TypedDict):
    """One end. Fields are those of `host_agent.kinds.veth_pair.Endpoint`, which has their meanings and defaults."""

    namespace: pulumi.Input[str]
    ifname: pulumi.Input[str]
    master: NotRequired[pulumi.Input[str]]
    addresses: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    mac: NotRequired[pulumi.Input[str] | None]
    mtu: NotRequired[pulumi.Input[int]]
    up: NotRequired[pulumi.Input[bool]]
    default_via: NotRequired[pulumi.Input[str] | None]
    owned: NotRequired[Sequence[str]]


class VethPair(HostResource, module="lab", name="VethPair"):
    """A cable with two ends.

    VethPair(
        "web",
        endpoints=(
            {"namespace": web.id, "ifname": "web-dev", "addresses": ["192.168.10.100/24"], "default_via": "192.168.10.10"},
            {"namespace": host.id, "ifname": "web-br", "master": finance.id},
        ),
        host=host,
        lease=lease,
    )
    """

    ifindexes: pulumi.Output[list[int]]
    macs: pulumi.Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        endpoints: tuple[EndpointArgs, EndpointArgs],
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Another namespace or ifname of an end makes another pair; everything else is changed in place."""
        args = {"endpoints": list(endpoints)}
        super().__init__(HostProvider("veth_pair"), resource_name, args, host=host, lease=lease, opts=opts)
