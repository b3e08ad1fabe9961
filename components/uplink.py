"""The lab's way out to the world, through the lab host's address."""

from __future__ import annotations

import ipaddress

import pulumi

from components.site import Site
from dynamic_providers.forwarding import Forwarding
from dynamic_providers.masquerade import Masquerade
from dynamic_providers.route import Route
from dynamic_providers.veth_pair import VethPair

IFNAME = "uplink"
"""The interface by which packets leave the lab's host namespace."""


class Uplink(pulumi.ComponentResource):
    """NAT: a veth pair from the lab's host namespace to the lab host's own, a default route, source NAT at both ends, and leave to
    pass.

    Twice, because labs with the same addresses live side by side: the lab's packets leave it with an address of the lease's own /30, and the
    lab host with the lab host's.

    Uplink("uplink", site=site, sources=["10.1.1.0/24"], network=lease.uplink, host_ifname=lab_host.uplink)
    """

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        sources: list[str],
        network: pulumi.Output[str],
        host_ifname: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`sources` are the lab's networks, `network` the lease's /30, `host_ifname` the interface of the lab host's default route."""
        super().__init__("lab:components:Uplink", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        outside = network.apply(lambda value: _address(value, 1))
        inside = network.apply(lambda value: _address(value, 2))
        pair = VethPair(
            name,
            endpoints=(
                {"namespace": site.namespace, "ifname": IFNAME, "addresses": [inside.apply(_with_length)]},
                {
                    "namespace": "",
                    "ifname": site.lease.apply(lambda lease: f"lab-{lease}"),
                    "addresses": [outside.apply(_with_length)],
                },
            ),
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        Route(
            f"{name}-default",
            namespace=site.namespace,
            dst="0.0.0.0/0",
            via=outside,
            dev=IFNAME,
            links=[pair.id],
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        Masquerade(
            f"{name}-lab",
            namespace=site.namespace,
            oifname=IFNAME,
            sources=sources,
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        host_ifname = host_ifname.apply(_required)
        Forwarding(name, network=network, oifname=host_ifname, host=site.host, lease=site.lease, opts=own)
        Masquerade(
            f"{name}-host",
            namespace="",
            oifname=host_ifname,
            sources=[network],
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        self.register_outputs({})


def _address(network: str, number: int) -> str:
    return str(ipaddress.IPv4Network(network)[number])


def _with_length(address: str) -> str:
    return f"{address}/30"


def _required(ifname: str) -> str:
    if not ifname:
        raise pulumi.RunError(
            "the topology asks for NAT, but the lab host has no default route: set `nat: false`, or give the host one"
        )
    return ifname
