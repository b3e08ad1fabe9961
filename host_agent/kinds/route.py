"""`ip route add DST via VIA dev IFNAME metric METRIC table TABLE protocol 76`, in a namespace of the lab.

Ours are the routes with our protocol number; `ip route show protocol 76` lists them. A route whose interface went down is gone from the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from host_agent.context import Context, Shown, namespace_key, netns_name
from host_agent.errors import Conflict, HostError, Missing
from host_agent.links import find_link
from host_agent.netlink import NetlinkError, Rtnetlink, rtnetlink
from host_agent.routes import MAIN_TABLE, PROTOCOL, Route, add_route, delete_route, replace_route, routes
from host_agent.schema import REPLACE, Address, Ifname, ObjectId, Prefix, between


@dataclass(frozen=True, kw_only=True)
class Args:
    """A route as declared or observed. It needs `via`, `dev` or both."""

    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace or Container that it is in."""
    dst: Annotated[Prefix, REPLACE]
    via: Address | None = None
    dev: Ifname | None = None
    """None: the interface by which `via` is reached."""
    metric: Annotated[int, between(0, 2**32 - 1), REPLACE] = 0
    table: Annotated[int, between(1, 2**32 - 1), REPLACE] = MAIN_TABLE
    links: tuple[ObjectId, ...] = ()
    """Ids of the VethPairs that it may leave by: the kernel drops a route with its interface, so it follows when one is made anew."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the kernel chose."""

    ifname: str
    """The interface that it leaves by."""


def key(args: Args) -> str:
    table = "" if args.table == MAIN_TABLE else f" table {args.table}"
    return f"{namespace_key(args.namespace)}/{args.dst}{f' metric {args.metric}' if args.metric else ''}{table}"


def add(context: Context, args: Args) -> Outputs:
    if args.via is None and args.dev is None:
        raise HostError(
            f"route {args.dst} in {namespace_key(args.namespace)}: it says neither via nor dev; give one of them"
        )
    with rtnetlink(netns_name(args.namespace)) as socket:
        present = _find(socket, args)
        if present is not None and (present.protocol != PROTOCOL or not context.adopt):
            what = f"route {args.dst} metric {args.metric} table {args.table} in {namespace_key(args.namespace)}"
            raise Conflict(what, _owner(context, present))
        wanted = Route(
            dst=args.dst, via=args.via or "", ifindex=_ifindex(socket, args), metric=args.metric, table=args.table
        )
        if present is None or present.via != wanted.via or wanted.ifindex not in {0, present.ifindex}:
            try:
                socket.request(add_route(wanted) if present is None else replace_route(wanted))
            except NetlinkError as error:
                where = f"in namespace {namespace_key(args.namespace)}"
                raise HostError(f"{error}, {where}: is via in a subnet of an interface that is up?") from error
            present = _find(socket, args)
        return Outputs(ifname=_ifname(socket, present))


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    try:
        with rtnetlink(netns_name(args.namespace)) as socket:
            present = _find(socket, args)
            if present is None or present.protocol != PROTOCOL:
                return None
            ifname = _ifname(socket, present)
    except Missing:
        return None
    observed = Args(
        namespace=args.namespace,
        dst=args.dst,
        via=present.via or None,
        dev=ifname if args.dev else None,
        metric=args.metric,
        table=args.table,
        links=args.links,
    )
    return Shown(observed, Outputs(ifname=ifname))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    try:
        with rtnetlink(netns_name(args.namespace)) as socket:
            present = _find(socket, args)
            if present is not None and present.protocol == PROTOCOL:
                socket.request(delete_route(present))
    except Missing:
        return


def _find(socket: Rtnetlink, args: Args) -> Route | None:
    """The route that has the kernel's key: dst, metric and table. Ours, if there are several (appended ones)."""
    found = [route for route in routes(socket, args.table) if (route.dst, route.metric) == (args.dst, args.metric)]
    return next((route for route in found if route.protocol == PROTOCOL), found[0] if found else None)


def _ifindex(socket: Rtnetlink, args: Args) -> int:
    if args.dev is None:
        return 0
    link = find_link(socket, args.dev)
    if link is None:
        raise Missing(f"route {args.dst} in {namespace_key(args.namespace)}: its interface {args.dev} is not there")
    return link.ifindex


def _ifname(socket: Rtnetlink, route: Route | None) -> str:
    link = find_link(socket, index=route.ifindex) if route and route.ifindex else None
    return link.ifname if link else ""


def _owner(context: Context, route: Route) -> str:
    return (
        context.owner_of(context.mark)
        if route.protocol == PROTOCOL
        else f"routing protocol number {route.protocol} (see `ip route`)"
    )
