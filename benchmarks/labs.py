"""The labs that are built, in words that all contestants share: namespaces, bridges, veth pairs, routes, routers, images, containers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from components.topology.plan import AttachmentPlan, LinkEnd, Plan

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "images"
IOS_TTL = 255
MTU = 1500
EDITED_MTU = 1400
COMMAND = ("/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www")
CAPABILITIES = ("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE")


@dataclass(frozen=True)
class Namespace:
    """A network namespace with its sysctls."""

    name: str
    forwarding: bool = False
    default_ttl: int = 64


@dataclass(frozen=True)
class Bridge:
    """A Linux bridge."""

    namespace: str
    ifname: str
    mtu: int = MTU


@dataclass(frozen=True)
class End:
    """One end of a veth pair; `namespace` is that of a Namespace or of a container of this name."""

    namespace: str
    ifname: str
    master: str = ""
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    mtu: int = MTU
    default_via: str | None = None


@dataclass(frozen=True)
class Pair:
    """A veth pair."""

    name: str
    ends: tuple[End, End]


@dataclass(frozen=True)
class Route:
    """A route in a namespace."""

    namespace: str
    dst: str
    via: str


@dataclass(frozen=True)
class Router:
    """FRR in the namespace of the same name."""

    name: str
    config: str


@dataclass(frozen=True)
class Container:
    """A container of the one image, with no network but the lab's."""

    name: str
    command: tuple[str, ...] = COMMAND
    capabilities: tuple[str, ...] = CAPABILITIES


@dataclass(frozen=True)
class Lab:
    """A whole lab. `edited` is the name of the pair whose MTU is changed."""

    name: str
    edited: str
    namespaces: tuple[Namespace, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    pairs: tuple[Pair, ...] = ()
    routes: tuple[Route, ...] = ()
    routers: tuple[Router, ...] = ()
    containers: tuple[Container, ...] = ()

    def with_edit(self) -> Lab:
        """The same with another MTU of one pair."""

        def changed(pair: Pair) -> Pair:
            first, second = pair.ends
            return replace(pair, ends=(replace(first, mtu=EDITED_MTU), replace(second, mtu=EDITED_MTU)))

        return replace(self, pairs=tuple(changed(pair) if pair.name == self.edited else pair for pair in self.pairs))


def lab(name: str) -> Lab:
    """The lab of that name: `ccna_ch8`, `containers-N`, `namespaces-N`, `pairs-N`. Raises ValueError."""
    shape, _, size = name.partition("-")
    if name == "ccna_ch8":
        # Here: no other lab's program shall wait for what reads topologies.
        from components.topology import read_topology

        return of_plan(read_topology(PROJECT / "stacks" / "topologies" / "ccna_ch8.yaml"), edited="web-web-dev")
    if shape == "containers":
        names = [f"c{number}" for number in range(int(size))]
        return Lab(name, "pair-0", containers=tuple(Container(each) for each in names), pairs=ring(names))
    if shape == "namespaces":
        names = [f"n{number}" for number in range(int(size))]
        return Lab(name, "pair-0", namespaces=tuple(Namespace(each) for each in names), pairs=ring(names))
    if shape == "pairs":
        pairs = tuple(_pair(number, "left", "right", f"l{number}", f"r{number}") for number in range(int(size)))
        return Lab(name, "pair-0", namespaces=(Namespace("left"), Namespace("right")), pairs=pairs)
    raise ValueError(f"no such lab: {name}")


def ring(names: list[str]) -> tuple[Pair, ...]:
    """Each linked to the next by a pair with addresses of a /30 of its own."""
    following = [*names[1:], names[0]]
    return tuple(
        _pair(number, here, there, "next", "previous")
        for number, (here, there) in enumerate(zip(names, following, strict=True))
    )


def _pair(number: int, here: str, there: str, ifname: str, peer: str) -> Pair:
    network = f"10.{number // 4096}.{number // 64 % 64}"
    first = number % 64 * 4 + 1
    return Pair(
        f"pair-{number}",
        (
            End(here, ifname, addresses=(f"{network}.{first}/30",)),
            End(there, peer, addresses=(f"{network}.{first + 1}/30",)),
        ),
    )


def of_plan(plan: Plan, *, edited: str) -> Lab:
    """The lab that a topology describes; NAT and what its containers have beyond command and capabilities are not among it."""

    def attached(interface: AttachmentPlan, addresses: tuple[str, ...]) -> Pair:
        return Pair(
            f"{interface.device}-{interface.ifname}",
            (
                End(
                    interface.device,
                    interface.ifname,
                    addresses=addresses,
                    mac=interface.mac,
                    mtu=interface.mtu,
                    default_via=interface.default_via,
                ),
                End("host", interface.peer, master=interface.bridge, mtu=interface.mtu),
            ),
        )

    def linked(end: LinkEnd) -> End:
        # Addresses are the router's configuration.
        return End(end.router, end.ifname, mac=end.mac, mtu=end.mtu)

    return Lab(
        plan.name,
        edited,
        namespaces=(
            Namespace("host", forwarding=plan.host.forwarding),
            *(Namespace(router.name, forwarding=True, default_ttl=IOS_TTL) for router in plan.routers),
        ),
        bridges=tuple(Bridge("host", network.bridge, network.mtu) for network in plan.networks),
        pairs=(
            *(attached(interface, interface.addresses) for interface in plan.host.interfaces),
            *(attached(port.attachment, ()) for router in plan.routers for port in router.ports if port.attachment),
            *(Pair(link.name, (linked(link.a), linked(link.b))) for link in plan.links),
            *(attached(each, each.addresses) for container in plan.containers for each in container.interfaces),
        ),
        routes=tuple(Route("host", route.dst, route.via) for route in plan.host.routes),
        routers=tuple(Router(router.name, router.config) for router in plan.routers),
        containers=tuple(
            Container(container.name, container.command, container.capabilities) for container in plan.containers
        ),
    )
