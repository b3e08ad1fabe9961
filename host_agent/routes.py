"""Routes by rtnetlink. See ip-route(8) and rtnetlink(7)."""

from __future__ import annotations

import errno
import ipaddress
import struct
from dataclasses import dataclass

from host_agent.netlink import CREATE, DUMP, EXCLUSIVE, REPLACE, Message, Request, Rtnetlink, address, number

PROTOCOL = 76
"""Who made a route (rtm_protocol): us. Nobody else uses the number: iproute2's rt_protos has 0-4, 8-18, 42, 84, 99, 186-189 and 192, FRR
adds 190-199."""
MAIN_TABLE = 254
DEFAULT = "0.0.0.0/0"

# linux/rtnetlink.h
_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_GETROUTE = 24, 25, 26
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE = 1, 4, 5, 6, 15
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK, _RT_SCOPE_NOWHERE = 0, 253, 255
_RTN_UNICAST = 1
_AF_INET = 2
_RTMSG = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True, kw_only=True)
class Route:
    """An IPv4 unicast route. `via` "" is none, `ifindex` 0 is the kernel's choice (or several)."""

    dst: str
    via: str = ""
    ifindex: int = 0
    metric: int = 0
    table: int = MAIN_TABLE
    protocol: int = PROTOCOL


def routes(socket: Rtnetlink, table: int = MAIN_TABLE, ifindex: int = 0, protocol: int = 0) -> list[Route]:
    """The unicast routes of a table (0: of all), those of one interface or protocol where it is given."""
    body = _RTMSG.pack(_AF_INET, 0, 0, 0, 0, protocol, 0, _RTN_UNICAST, 0)
    filters = {_RTA_TABLE: table or None, _RTA_OIF: ifindex or None}
    request = Request(_RTM_GETROUTE, DUMP, body, filters, f"show routes of table {table or 'all'}")
    [answer] = socket.exchange([request])
    if answer.error is not None:
        if answer.error.errno == errno.ENOENT:  # the kernel makes a table when its first route comes
            return []
        raise answer.error
    return [_decode(message) for message in answer.messages]


def add_route(route: Route) -> Request:
    """`ip route add`."""
    return _request(_RTM_NEWROUTE, CREATE | EXCLUSIVE, route, "add")


def replace_route(route: Route) -> Request:
    """`ip route replace`: whatever route of the same dst, table and metric is there goes."""
    return _request(_RTM_NEWROUTE, CREATE | REPLACE, route, "replace")


def delete_route(route: Route) -> Request:
    """`ip route del`, of the one with this protocol alone."""
    return _request(_RTM_DELROUTE, 0, route, "delete")


def _request(kind: int, flags: int, route: Route, verb: str) -> Request:
    network = ipaddress.IPv4Network(route.dst)
    scope = _RT_SCOPE_NOWHERE if kind == _RTM_DELROUTE else _RT_SCOPE_UNIVERSE if route.via else _RT_SCOPE_LINK
    return Request(
        kind,
        flags,
        _RTMSG.pack(_AF_INET, network.prefixlen, 0, 0, 0, route.protocol, scope, _RTN_UNICAST, 0),
        {
            _RTA_TABLE: route.table,
            _RTA_DST: network.network_address.packed if network.prefixlen else None,
            _RTA_PRIORITY: route.metric or None,
            _RTA_GATEWAY: ipaddress.IPv4Address(route.via).packed if route.via else None,
            _RTA_OIF: route.ifindex or None,
        },
        f"{verb} route {route.dst}" + (f" via {route.via}" if route.via else ""),
    )


def _decode(message: Message) -> Route:
    _family, length, _source, _tos, table, protocol, _scope, _type, _flags = _RTMSG.unpack(message.body)
    found = message.attributes
    return Route(
        dst=f"{address(found.get(_RTA_DST, bytes(4)))}/{length}",
        via=address(found[_RTA_GATEWAY]) if _RTA_GATEWAY in found else "",
        ifindex=number(found.get(_RTA_OIF, b"")),
        metric=number(found.get(_RTA_PRIORITY, b"")),
        table=number(found[_RTA_TABLE]) if _RTA_TABLE in found else table,
        protocol=protocol,
    )
