"""`ip tuntap add NAME mode tap user UID`, up, in a namespace of the lab: where an emulated router's port is plugged in.

It is the lab's Dynamips user that may open it (see `host_agent.dynamips`), and it stays when the daemon that had it open dies.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Annotated

from host_agent import dynamips
from host_agent.context import Context, Shown, namespace_key, netns_name
from host_agent.errors import Conflict, HostError, Missing
from host_agent.ledger import split_id
from host_agent.links import Link, change_link, delete_link, find_link, find_links, own_link
from host_agent.netlink import Rtnetlink, inside, rtnetlink
from host_agent.schema import REPLACE, Ifname, Mtu, ObjectId

# linux/if_tun.h
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
_IFF_TAP, _IFF_NO_PI = 0x2, 0x1000
_IFREQ = struct.Struct("=16sH22x")


@dataclass(frozen=True, kw_only=True)
class Args:
    """A tap as declared or observed."""

    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace that it is in: that of the daemon that opens it."""
    ifname: Annotated[Ifname, REPLACE]
    master: ObjectId = ""
    """Id of the Bridge, in the same namespace, that it is a port of. Observed: the bare ifname of another master."""
    mtu: Mtu = 1500
    up: bool = True


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the kernel chose."""

    ifindex: int


def key(args: Args) -> str:
    return f"{namespace_key(args.namespace)}/{args.ifname}"


def add(context: Context, args: Args) -> Outputs:
    with rtnetlink(netns_name(args.namespace)) as route:
        link, master = find_links(route, args.ifname, _bridge(args))
        if link is not None and (link.kind != "tun" or link.alias != context.mark or not context.adopt):
            raise Conflict(f"interface {args.ifname} in {namespace_key(args.namespace)}", context.owner_of(link.alias))
        if args.master and (master is None or _namespace_of(args.master) != namespace_key(args.namespace)):
            raise Missing(
                f"tap {args.ifname} in {namespace_key(args.namespace)}: its master {args.master} is not there; "
                "a master must be in the same namespace"
            )
        if link is None:
            link = _make(context, args, route)
        index = master.ifindex if master else 0
        route.request(
            change_link(
                index=link.ifindex,
                mtu=args.mtu if link.mtu != args.mtu else None,
                up=args.up,
                master=index if link.master != index else None,
            )
        )
    return Outputs(ifindex=link.ifindex)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    link = own_link(context, args.namespace, args.ifname)
    if link is None or link.kind != "tun":
        return None
    master = ""
    if link.master:
        with rtnetlink(netns_name(args.namespace)) as route:
            found = find_link(route, index=link.master)
        master = found.ifname if found else ""
        if master and master == _bridge(args):
            master = args.master
    observed = Args(namespace=args.namespace, ifname=args.ifname, master=master, mtu=link.mtu, up=link.up)
    return Shown(observed, Outputs(ifindex=link.ifindex))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    link = own_link(context, args.namespace, args.ifname)
    if link is not None and link.kind == "tun":
        with rtnetlink(netns_name(args.namespace)) as route:
            route.request(delete_link(link.ifindex))


def _make(context: Context, args: Args, route: Rtnetlink) -> Link:
    """It lasts only from when it has its mark: an agent that is killed before leaves nothing."""
    import fcntl  # not everywhere where Args is imported

    try:
        with inside(netns_name(args.namespace)):
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Missing(f"tap {args.ifname}: the host has no /dev/net/tun; `modprobe tun` brings it") from None
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(args.ifname.encode(), _IFF_TAP | _IFF_NO_PI))
        fcntl.ioctl(descriptor, _TUNSETOWNER, dynamips.user(context))
        route.request(change_link(ifname=args.ifname, alias=context.mark))
        fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
    except OSError as error:
        raise HostError(
            f"tap {args.ifname} in {namespace_key(args.namespace)} can't be made: {error.strerror}"
        ) from None
    finally:
        os.close(descriptor)
    link = find_link(route, args.ifname)
    assert link is not None
    return link


def _bridge(args: Args) -> str:
    return split_id(args.master)[2].rpartition("/")[2] if args.master else ""


def _namespace_of(bridge: str) -> str:
    return split_id(bridge)[2].rpartition("/")[0]
