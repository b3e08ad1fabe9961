"""A second opinion on our rtnetlink codec: pyroute2's, in both directions. See docs/adr/0004."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from host_agent import links, routes
from host_agent.netlink import Message, Request, attributes

HEADER = 16
"""Bytes of struct nlmsghdr."""


class Pyroute2Message(Protocol):
    """What is used of pyroute2's messages, which have no types."""

    data: bytearray

    def decode(self) -> None: ...
    def encode(self) -> None: ...
    def get(self, name: object) -> object: ...
    def __getitem__(self, name: str) -> object: ...
    def __setitem__(self, name: str, value: object) -> None: ...


def theirs(kind: Callable[..., object], request: Request) -> Pyroute2Message:
    """Our bytes, as pyroute2 understands them."""
    payload = request.payload()
    header = (HEADER + len(payload)).to_bytes(4, "little") + request.type.to_bytes(2, "little") + bytes(10)
    message = cast(Pyroute2Message, kind(header + payload))
    message.decode()
    return message


def ours(message: Pyroute2Message, body_size: int) -> Message:
    """pyroute2's bytes, as we understand them."""
    message.encode()
    payload = bytes(message.data[HEADER:])
    return Message(16, payload[:body_size], attributes(payload[body_size:]))


def test_a_veth_pair_is_understood() -> None:
    request = links.add_veth_pair(
        links.VethEnd("web-dev", 1400, "02:00:00:00:00:01"), links.VethEnd("web-br", 1500, None, 7)
    )
    message = theirs(ifinfmsg, request)
    assert message.get("ifname") == "web-dev"
    assert message.get("mtu") == 1400
    assert message.get("address") == "02:00:00:00:00:01"
    assert message.get(("linkinfo", "kind")) == "veth"
    peer = cast(Pyroute2Message, message.get(("linkinfo", "data", "veth_info_peer")))
    assert peer.get("ifname") == "web-br"
    assert peer.get("mtu") == 1500
    assert peer.get("net_ns_fd") == 7
    assert peer.get("address") is None


def test_a_bridge_is_understood() -> None:
    message = theirs(ifinfmsg, links.add_bridge("VMnet2"))
    assert (message.get("ifname"), message.get(("linkinfo", "kind"))) == ("VMnet2", "bridge")


def test_changes_of_a_link_are_understood() -> None:
    message = theirs(
        ifinfmsg, links.change_link(index=5, up=True, mtu=1400, mac="02:00:00:00:00:02", master=9, alias="exam-lab a")
    )
    assert (message["index"], message["flags"], message["change"]) == (5, 1, 1)
    assert message.get("mtu") == 1400
    assert message.get("address") == "02:00:00:00:00:02"
    assert message.get("master") == 9
    assert message.get("ifalias") == "exam-lab a"


@pytest.mark.parametrize("make", [links.add_address, links.delete_address])
def test_addresses_are_understood(make: Callable[[int, str], Request]) -> None:
    message = theirs(ifaddrmsg, make(5, "192.168.10.100/24"))
    assert (message["index"], message["prefixlen"], message["family"]) == (5, 24, 2)
    assert message.get("local") == "192.168.10.100"


@pytest.mark.parametrize("make", [routes.add_route, routes.replace_route])
def test_routes_are_understood(make: Callable[[routes.Route], Request]) -> None:
    message = theirs(rtmsg, make(routes.Route(dst="10.1.0.0/21", via="192.168.81.10", metric=7, table=254)))
    assert (message["dst_len"], message["proto"], message["scope"]) == (21, routes.PROTOCOL, 0)
    assert message.get("dst") == "10.1.0.0"
    assert message.get("gateway") == "192.168.81.10"
    assert message.get("priority") == 7
    assert message.get("table") == 254


def test_a_link_of_theirs_is_decoded() -> None:
    message = cast(Pyroute2Message, ifinfmsg())
    message["index"] = 7
    message["flags"] = 1
    message["attrs"] = [
        ("IFLA_IFNAME", "web-br"),
        ("IFLA_MTU", 1400),
        ("IFLA_ADDRESS", "02:00:00:00:00:03"),
        ("IFLA_MASTER", 3),
        ("IFLA_LINK", 11),
        ("IFLA_LINK_NETNSID", 2),
        ("IFLA_IFALIAS", "exam-lab a1b2c3d4"),
        ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "veth")]}),
    ]
    assert links.decode_link(ours(message, 16)) == links.Link(
        ifname="web-br",
        ifindex=7,
        kind="veth",
        alias="exam-lab a1b2c3d4",
        mtu=1400,
        mac="02:00:00:00:00:03",
        up=True,
        master=3,
        peer=11,
        peer_nsid=2,
    )
