"""`ip link add NAME type bridge`, up, in a namespace of the lab.

Two labs can both have a `VMnet2`: each is in its lab's namespace. The alias says whose it is (`ip link show VMnet2`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from host_agent.context import Context, Shown, namespace_key, netns_name
from host_agent.errors import Conflict
from host_agent.links import add_bridge, change_link, delete_link, find_link, own_link
from host_agent.netlink import rtnetlink
from host_agent.schema import REPLACE, Ifname, Mac, Mtu, ObjectId


@dataclass(frozen=True, kw_only=True)
class Args:
    """A bridge as declared or observed."""

    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace that it is in."""
    ifname: Annotated[Ifname, REPLACE]
    mtu: Mtu = 1500
    mac: Mac | None = None
    """None: the kernel's choice, the lowest of its ports'."""
    up: bool = True


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the kernel chose."""

    ifindex: int


def key(args: Args) -> str:
    return f"{namespace_key(args.namespace)}/{args.ifname}"


def add(context: Context, args: Args) -> Outputs:
    with rtnetlink(netns_name(args.namespace)) as route:
        link = find_link(route, args.ifname)
        if link is None:
            # A bridge whose MTU was never changed takes the smallest of its ports', and setting the MTU that it has is no change.
            another_mtu = args.mtu - 1 if args.mtu > 68 else args.mtu + 1
            route.request(add_bridge(args.ifname), change_link(ifname=args.ifname, alias=context.mark, mtu=another_mtu))
            link = find_link(route, args.ifname)
            assert link is not None
        elif link.kind != "bridge" or link.alias != context.mark or not context.adopt:
            raise Conflict(f"interface {args.ifname} in {namespace_key(args.namespace)}", context.owner_of(link.alias))
        route.request(change_link(index=link.ifindex, mtu=args.mtu, mac=args.mac, up=args.up))
    return Outputs(ifindex=link.ifindex)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    link = own_link(context, args.namespace, args.ifname)
    if link is None:
        return None
    observed = Args(
        namespace=args.namespace,
        ifname=args.ifname,
        mtu=link.mtu,
        mac=link.mac if args.mac else None,
        up=link.up,
    )
    return Shown(observed, Outputs(ifindex=link.ifindex))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    link = own_link(context, args.namespace, args.ifname)
    if link is not None:
        with rtnetlink(netns_name(args.namespace)) as route:
            route.request(delete_link(link.ifindex))
