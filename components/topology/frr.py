"""Renders the configuration of an FRR 8.4 router: one file for zebra, ripd and staticd.

The order is that of the topology, so that the same topology gives the same text. It has the addresses of the ports,
as an IOS router's has: a candidate sees them in `show running-config`.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.topology.plan import PortPlan, RipPlan, RoutePlan


def render(hostname: str, ports: "Iterable[PortPlan]", rip: "RipPlan | None", routes: "Iterable[RoutePlan]") -> str:
    """The configuration, ending in a newline."""
    lines = [
        "frr version 8.4",
        "frr defaults traditional",
        f"hostname {hostname}",
        "service integrated-vtysh-config",
        "!",
    ]
    for port in ports:
        lines += [*_interface(port), "exit", "!"]
    if rip:
        lines += [*_rip(rip), "exit", "!"]
    if static := [f"ip route {route.dst} {route.via}" for route in routes]:
        lines += [*static, "!"]
    lines += ["line vty", "!", "end"]
    return "\n".join(lines) + "\n"


def _interface(port: "PortPlan") -> Iterator[str]:
    yield f"interface {port.ifname}"
    if port.description:
        yield f" description {port.description}"
    for address in port.addresses:
        yield f" ip address {address}"


def _rip(rip: "RipPlan") -> Iterator[str]:
    yield "router rip"
    yield f" version {rip.version}"
    if rip.timers:
        yield f" timers basic {' '.join(map(str, rip.timers))}"
    for network in rip.networks:
        yield f" network {network}"
    for ifname in rip.passive:
        yield f" passive-interface {ifname}"
