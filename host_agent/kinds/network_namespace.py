"""`ip netns add NAME`, with the sysctls that make it a host or a router of the lab.

On the host it is called `<lease>-<name>`, so labs with the same names live side by side:

    ip netns exec a1b2c3d4-host ip -br address
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from host_agent.context import Context, Shown, namespace_key
from host_agent.errors import Conflict, Missing
from host_agent.kinds import route as route_kind
from host_agent.kinds import veth_pair
from host_agent.links import change_link, find_link
from host_agent.netlink import Rtnetlink, create, delete, exists, inside, processes, rtnetlink
from host_agent.routes import DEFAULT, MAIN_TABLE, PROTOCOL, Route, delete_route, routes
from host_agent.schema import REPLACE, between, decode, matching

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
DEFAULT_TTL = Path("/proc/sys/net/ipv4/ip_default_ttl")
BRIDGE_NF = [Path(f"/proc/sys/net/bridge/bridge-nf-call-{tables}") for tables in ("iptables", "ip6tables", "arptables")]


@dataclass(frozen=True, kw_only=True)
class Args:
    """A namespace as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a name of letters, digits, '_' and '-'"), REPLACE]
    forwarding: bool = False
    """net.ipv4.ip_forward."""
    default_ttl: Annotated[int, between(1, 255)] = 64
    """net.ipv4.ip_default_ttl: the IP TTL that its own packets start with (IOS: 255)."""
    bridge_nf: bool = False
    """net.bridge.bridge-nf-call-*: whether bridged packets meet iptables. A new namespace has it on, and Docker's FORWARD DROP would cut
    bridged traffic."""
    stray_routes: tuple[str, ...] = ()
    """Observed: routes with our protocol number that no Route and no `default_via` accounts for. Declared is none: they are removed."""
    owned: tuple[Literal["forwarding"], ...] = ()
    """What belongs to the routing daemon in it, whose `no ip forwarding` is the candidate's to type: given once."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where it is."""

    netns: str
    """Its name on the host, under /run/netns."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    netns = _netns(context, args)
    is_new = not exists(netns)
    if is_new:
        create(netns)
    elif not context.adopt:
        raise Conflict(f"network namespace {netns}", context.owner_of(""))
    with rtnetlink(netns) as socket:
        socket.request(change_link(ifname="lo", up=True))
        if not is_new:
            socket.request(*(delete_route(stray) for stray in _strays(context, args, socket)))
    _write_sysctls(netns, args, is_new=is_new)
    return Outputs(netns=netns)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    netns = _netns(context, args)
    if not exists(netns):
        return None
    with inside(netns):
        observed = Args(
            name=args.name,
            forwarding=args.forwarding if "forwarding" in args.owned else _flag(FORWARDING),
            default_ttl=int(DEFAULT_TTL.read_text()),
            bridge_nf=_bridge_nf(args.bridge_nf),
            stray_routes=_stray_routes(context, args),
            owned=args.owned,
        )
    return Shown(observed, Outputs(netns=netns))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    netns = _netns(context, args)
    # A shell or a capture that somebody left running in it would keep the namespace, nameless, with all its interfaces.
    with contextlib.suppress(Missing):
        for pid in processes(netns):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    delete(netns)


def _netns(context: Context, args: Args) -> str:
    return f"{context.lease}-{args.name}"


def _strays(context: Context, args: Args, socket: Rtnetlink) -> list[Route]:
    """Routes with our protocol number that nobody declared."""
    found = routes(socket, table=0, protocol=PROTOCOL)
    # The ledger has a route before the kernel has.
    strays = [route for route in found if not _is_declared(context, args, route)]
    if any((route.dst, route.metric, route.table) == (DEFAULT, 0, MAIN_TABLE) for route in strays):
        gateways = _default_gateways(context, args)
        strays = [
            route
            for route in strays
            if (route.dst, route.metric, route.table) != (DEFAULT, 0, MAIN_TABLE) or route.via not in gateways
        ]
    return strays


def _is_declared(context: Context, args: Args, route: Route) -> bool:
    declared = route_kind.Args(
        namespace=f"{context.lease}/network_namespace/{args.name}",
        dst=route.dst,
        metric=route.metric,
        table=route.table,
    )
    return context.host.ledger.find(context.lease, "route", route_kind.key(declared)) is not None


def _default_gateways(context: Context, args: Args) -> frozenset[str | None]:
    """Where the interfaces in the namespace send what has no other route."""
    pairs = (
        decode(veth_pair.Args, entry.args)
        for entry in context.host.ledger.entries(context.lease)
        if entry.kind == "veth_pair"
    )
    return frozenset(
        end.default_via for pair in pairs for end in pair.endpoints if namespace_key(end.namespace) == args.name
    )


def _stray_routes(context: Context, args: Args) -> tuple[str, ...]:
    """As `ip route` shows them."""
    with rtnetlink(_netns(context, args)) as socket:
        return tuple(_text(socket, route) for route in _strays(context, args, socket))


def _text(socket: Rtnetlink, route: Route) -> str:
    link = find_link(socket, index=route.ifindex) if route.ifindex else None
    words = {
        "via": route.via,
        "dev": link.ifname if link else "",
        "metric": route.metric,
        "table": route.table if route.table != MAIN_TABLE else 0,
    }
    return " ".join([route.dst, *(f"{word} {value}" for word, value in words.items() if value)])


def _write_sysctls(netns: str, args: Args, *, is_new: bool) -> None:
    with inside(netns):
        if is_new or "forwarding" not in args.owned:
            FORWARDING.write_text(str(int(args.forwarding)))
        DEFAULT_TTL.write_text(str(args.default_ttl))
        for path in BRIDGE_NF:
            if path.exists():
                path.write_text(str(int(args.bridge_nf)))


def _bridge_nf(declared: bool) -> bool:
    # Absent where the br_netfilter module is not loaded: then nothing calls iptables, and there is nothing to be seen.
    flags = [_flag(path) for path in BRIDGE_NF if path.exists()]
    return declared if not flags or flags == [declared] * len(flags) else not declared


def _flag(path: Path) -> bool:
    return path.read_text().strip() != "0"
