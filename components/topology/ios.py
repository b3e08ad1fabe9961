"""Renders the startup-config of a router that runs IOS, or the project's firmware, which reads the same.

The order is that of the topology, so that the same topology gives the same text.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.topology.plan import PortPlan, RipPlan, RoutePlan


def render(
    hostname: str,
    ports: "Iterable[PortPlan]",
    access_vlans: Mapping[str, int],
    rip: "RipPlan | None",
    routes: "Iterable[RoutePlan]",
) -> str:
    """The configuration, ending in a newline. `access_vlans` are the switch ports, by IOS name, and their VLANs."""
    ports = tuple(ports)
    lines = ["version 12.4", "!", f"hostname {hostname}", "!", "no ip domain lookup", "!"]
    for name, vlan in access_vlans.items():
        lines += [f"interface {name}", f" switchport access vlan {vlan}", " no shutdown", "!"]
    for port in ports:
        lines += [*_interface(port), "!"]
    if rip:
        lines += [*_rip(rip, {port.ifname: port.ios_name for port in ports}), "!"]
    for route in routes:
        network = IPv4Network(route.dst)
        lines.append(f"ip route {network.network_address} {network.netmask} {route.via}")
    # Automation's: it has no person to type an enable password, and nobody reaches it but through the lab host.
    lines += ["!", "line aux 0", " exec-timeout 0 0", " privilege level 15", "!", "end"]
    return "\n".join(lines) + "\n"


def with_enable_secret(config: str, secret: str) -> str:
    """The configuration with a line `enable secret`; `secret` is a hash, of type 5 or 8 as it begins."""
    return config.removesuffix("end\n") + f"enable secret {secret[1]} {secret}\n!\nend\n"


def classful(address: IPv4Address) -> IPv4Network:
    """The class A, B or C network of an address: what `network` of `router rip` means, whatever is written there."""
    first = int(address) >> 24
    return IPv4Network((int(address), 8 if first < 128 else 16 if first < 192 else 24), strict=False)


def _interface(port: "PortPlan") -> Iterator[str]:
    yield f"interface {port.ios_name}"
    if port.description:
        yield f" description {port.description}"
    for at, text in enumerate(port.addresses):
        address = IPv4Interface(text)
        yield f" ip address {address.ip} {address.netmask}" + (" secondary" if at else "")
    if not port.ios_name.startswith("Loopback"):
        yield " no shutdown"


def _rip(rip: "RipPlan", ios_names: Mapping[str, str]) -> Iterator[str]:
    yield "router rip"
    yield f" version {rip.version}"
    if rip.timers:
        # They are update, timeout and garbage collection. IOS counts its flush from the last update too; RFC 2453 has no hold-down.
        update, timeout, garbage = rip.timers
        yield f" timers basic {update} {timeout} 0 {timeout + garbage}"
    for ifname in rip.passive:
        yield f" passive-interface {ios_names[ifname]}"
    for network in dict.fromkeys(classful(IPv4Network(prefix).network_address) for prefix in rip.networks):
        yield f" network {network.network_address}"
    yield " auto-summary" if rip.auto_summary else " no auto-summary"
