"""Interfaces and their addresses by rtnetlink: what bridges and veths have in common. See ip-link(8), ip-address(8) and rtnetlink(7)."""

from __future__ import annotations

import errno
import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from host_agent.context import Context, netns_name
from host_agent.errors import Missing
from host_agent.netlink import (
    CREATE,
    DUMP,
    EXCLUSIVE,
    Attributes,
    Message,
    Request,
    Rtnetlink,
    address,
    attributes,
    number,
    rtnetlink,
    text,
)

IFF_UP = 1

# linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/veth.h, linux/ip.h
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK, _RTM_SETLINK = 16, 17, 18, 19
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_RTM_GETNSID = 90
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_AF_SPEC, _IFLA_NET_NS_FD, _IFLA_EXT_MASK, _IFLA_LINK_NETNSID = (
    18,
    20,
    26,
    28,
    29,
    37,
)
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET_CONF, _PROMOTE_SECONDARIES, _ARP_NOTIFY = 1, 20, 22
_RTEXT_FILTER_SKIP_STATS = 8
_NETNSA_NSID, _NETNSA_FD = 1, 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_AF_INET = 2
_IFINFOMSG = struct.Struct("=BxHiII")
_IFADDRMSG = struct.Struct("=BBBBI")


@dataclass(frozen=True)
class Link:
    """An interface as the kernel shows it."""

    ifname: str
    ifindex: int
    kind: str
    """`bridge`, `veth`, …; "" for hardware."""
    alias: str
    mtu: int
    mac: str
    up: bool
    """The administrative state, IFF_UP."""
    master: int
    """ifindex of the bridge that it is in; 0 for none."""
    peer: int
    """ifindex of a veth's other end, in that end's namespace; 0 for others."""
    peer_nsid: int
    """This namespace's number (RTM_GETNSID) for the one where the other end is; -1 where it is this one."""


def link_request(ifname: str = "", index: int = 0) -> Request:
    """`ip link show`."""
    attributes: Attributes = {_IFLA_EXT_MASK: _RTEXT_FILTER_SKIP_STATS, _IFLA_IFNAME: ifname or None}
    return Request(_RTM_GETLINK, 0, _IFINFOMSG.pack(0, 0, index, 0, 0), attributes, f"show interface {ifname or index}")


def decode_link(message: Message) -> Link:
    """A link from an RTM_NEWLINK message."""
    _family, _type, index, flags, _change = _IFINFOMSG.unpack(message.body)
    found = message.attributes
    return Link(
        ifname=text(found[_IFLA_IFNAME]),
        ifindex=index,
        kind=text(attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND, b"")),
        alias=text(found.get(_IFLA_IFALIAS, b"")),
        mtu=number(found[_IFLA_MTU]),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        up=bool(flags & IFF_UP),
        master=number(found.get(_IFLA_MASTER, b"")),
        peer=number(found.get(_IFLA_LINK, b"")),
        peer_nsid=number(found[_IFLA_LINK_NETNSID]) if _IFLA_LINK_NETNSID in found else -1,
    )


def find_links(route: Rtnetlink, *ifnames: str) -> list[Link | None]:
    """The interfaces of these names in the socket's namespace, None for each that is not there; "" is none."""
    named = [ifname for ifname in ifnames if ifname]
    answers = dict(zip(named, route.exchange([link_request(ifname) for ifname in named]), strict=True))
    links: list[Link | None] = []
    for ifname in ifnames:
        answer = answers.get(ifname)
        if answer is None or (answer.error is not None and answer.error.errno == errno.ENODEV):
            links.append(None)
        elif answer.error is not None:
            raise answer.error
        else:
            links.append(decode_link(answer.messages[0]))
    return links


def find_link(route: Rtnetlink, ifname: str = "", index: int = 0) -> Link | None:
    """The interface of that name (or index) in the socket's namespace, or None."""
    [answer] = route.exchange([link_request(ifname, index)])
    if answer.error is None:
        return decode_link(answer.messages[0])
    if answer.error.errno == errno.ENODEV:
        return None
    raise answer.error


def own_link(context: Context, namespace: str, ifname: str) -> Link | None:
    """The interface if it is there and its alias says that it is this lease's; None also where its namespace is gone."""
    try:
        with rtnetlink(netns_name(namespace)) as route:
            link = find_link(route, ifname)
    except Missing:
        return None
    return link if link is not None and link.alias == context.mark else None


def add_bridge(ifname: str) -> Request:
    """`ip link add IFNAME type bridge`."""
    attributes: Attributes = {_IFLA_IFNAME: ifname, _IFLA_LINKINFO: {_IFLA_INFO_KIND: "bridge"}}
    return Request(_RTM_NEWLINK, CREATE | EXCLUSIVE, _IFINFOMSG.pack(0, 0, 0, 0, 0), attributes, f"add bridge {ifname}")


@dataclass(frozen=True)
class VethEnd:
    """What an end of a veth pair is born with. `netns_fd` None: the socket's namespace. `mac` None: a random one."""

    ifname: str
    mtu: int
    mac: str | None
    netns_fd: int | None = None

    def attributes(self) -> dict[int, bytes | int | str | Attributes | None]:
        """Attributes of an ifinfomsg."""
        return {
            _IFLA_IFNAME: self.ifname,
            _IFLA_MTU: self.mtu,
            _IFLA_ADDRESS: _mac(self.mac),
            _IFLA_NET_NS_FD: self.netns_fd,
        }


def add_veth_pair(end: VethEnd, peer: VethEnd) -> Request:
    """`ip link add END type veth peer PEER netns …`: each end is made in its own namespace, and is never seen in another."""
    # Nested in VETH_INFO_PEER is an ifinfomsg with attributes, as in the message itself.
    peer_request = Request(0, 0, _IFINFOMSG.pack(0, 0, 0, 0, 0), peer.attributes(), "")
    info: Attributes = {_IFLA_INFO_KIND: "veth", _IFLA_INFO_DATA: {_VETH_INFO_PEER: peer_request.payload()}}
    return Request(
        _RTM_NEWLINK,
        CREATE | EXCLUSIVE,
        _IFINFOMSG.pack(0, 0, 0, 0, 0),
        {**end.attributes(), _IFLA_LINKINFO: info},
        f"add veth pair {end.ifname}, {peer.ifname}",
    )


def change_link(
    *,
    ifname: str = "",
    index: int = 0,
    up: bool | None = None,
    mtu: int | None = None,
    mac: str | None = None,
    master: int | None = None,
    alias: str | None = None,
    promote_secondaries: bool = False,
    arp_notify: bool = False,
) -> Request:
    """`ip link set`; None leaves as it is. `master` is an ifindex, 0 for none.

    `promote_secondaries`: deleting an address leaves the others of its subnet alone (net.ipv4.conf.IFNAME.promote_secondaries).
    `arp_notify`: neighbours are told of another MAC, which their ARP caches would miss for half a minute (net.ipv4.conf.IFNAME.arp_notify).
    """
    flags = {_PROMOTE_SECONDARIES: promote_secondaries, _ARP_NOTIFY: arp_notify}
    conf = {name: 1 for name, is_set in flags.items() if is_set}
    return Request(
        _RTM_SETLINK,
        0,
        _IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, 0 if up is None else IFF_UP),
        {
            _IFLA_IFNAME: ifname or None,
            _IFLA_MTU: mtu,
            _IFLA_ADDRESS: _mac(mac),
            _IFLA_MASTER: master,
            _IFLA_IFALIAS: alias,
            _IFLA_AF_SPEC: {_AF_INET: {_IFLA_INET_CONF: conf}} if conf else None,
        },
        f"set interface {ifname or index}",
    )


def delete_link(index: int) -> Request:
    """`ip link del`."""
    return Request(_RTM_DELLINK, 0, _IFINFOMSG.pack(0, 0, index, 0, 0), {}, f"delete interface {index}")


def namespace_id(route: Rtnetlink, netns_fd: int) -> int:
    """The socket's namespace's number for another one, as in `Link.peer_nsid`; -1 where it has none yet."""
    [message] = route.request(Request(_RTM_GETNSID, 0, b"\0\0\0\0", {_NETNSA_FD: netns_fd}, "show namespace id"))
    found = number(message.attributes[_NETNSA_NSID])
    return -1 if found == 0xFFFFFFFF else found


def addresses(route: Rtnetlink, index: int) -> list[str]:
    """The IPv4 addresses of an interface, `10.1.1.2/24`, in the kernel's order."""
    messages = route.request(
        Request(
            _RTM_GETADDR, DUMP, _IFADDRMSG.pack(_AF_INET, 0, 0, 0, index), {}, f"show addresses of interface {index}"
        )
    )
    return [f"{address(message.attributes[_IFA_LOCAL])}/{message.body[1]}" for message in messages]


def add_address(index: int, value: str) -> Request:
    """`ip address add`."""
    return _address_request(_RTM_NEWADDR, CREATE | EXCLUSIVE, index, value, "add")


def delete_address(index: int, value: str) -> Request:
    """`ip address del`."""
    return _address_request(_RTM_DELADDR, 0, index, value, "delete")


def address_changes(index: int, present: Sequence[str], wanted: Sequence[str]) -> list[Request]:
    """What makes `present` addresses into the `wanted` ones. New ones come first, so that one that only changes its prefix length stays."""
    return [
        *(add_address(index, value) for value in wanted if value not in present),
        *(delete_address(index, value) for value in present if value not in wanted),
    ]


def _address_request(kind: int, flags: int, index: int, value: str, verb: str) -> Request:
    interface = ipaddress.IPv4Interface(value)
    packed = interface.ip.packed
    body = _IFADDRMSG.pack(_AF_INET, interface.network.prefixlen, 0, 0, index)
    return Request(
        kind, flags, body, {_IFA_LOCAL: packed, _IFA_ADDRESS: packed}, f"{verb} address {value} of interface {index}"
    )


def _mac(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value.replace(":", ""))
