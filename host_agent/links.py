"""Interfaces by rtnetlink: what bridges and veths have in common. See ip-link(8) and rtnetlink(7)."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from host_agent.context import Context, netns_name
from host_agent.errors import Missing

IFF_UP = 1


@dataclass(frozen=True)
class Link:
    """An interface as the kernel shows it."""

    ifname: str
    ifindex: int
    kind: str
    """`bridge`, `veth`, …; \"\" for hardware."""
    alias: str
    mtu: int
    mac: str
    up: bool
    """The administrative state, IFF_UP."""
    master: int
    """ifindex of the bridge that it is in; 0 for none."""
    peer: int
    """ifindex of a veth's other end, in that end's namespace; 0 for others."""


def find_link(route: IPRoute, ifname: str = "", index: int = 0) -> Link | None:
    """The interface of that name (or index) in the socket's namespace, or None."""
    try:
        answer = route.link("get", index=index) if index else route.link("get", ifname=ifname)
    except NetlinkError as error:
        if error.code == errno.ENODEV:
            return None
        raise
    message = next(iter(answer))
    info = message.get(("linkinfo", "kind"))
    return Link(
        ifname=message.get("ifname"),
        ifindex=message["index"],
        kind=info or "",
        alias=message.get("ifalias") or "",
        mtu=message.get("mtu"),
        mac=message.get("address") or "",
        up=bool(message["flags"] & IFF_UP),
        master=message.get("master") or 0,
        peer=message.get("link") or 0,
    )


def own_link(context: Context, namespace: str, ifname: str) -> Link | None:
    """The interface if it is there and its alias says that it is this lease's; None also where its namespace is gone."""
    try:
        with context.host.netlink.open(netns_name(namespace)) as route:
            link = find_link(route, ifname)
    except Missing:
        return None
    return link if link is not None and link.alias == context.mark else None
