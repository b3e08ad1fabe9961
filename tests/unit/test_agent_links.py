"""The rtnetlink codec: what is sent, byte by byte where the kernel is picky, and what is made of what it answers."""

from __future__ import annotations

import errno
import ipaddress
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent import links, netlink, routes
from host_agent.netlink import Message, NetlinkError, Request, attributes, number, text

unhurried = settings(deadline=None)
"""Machines that test are busy."""

IFINFOMSG = struct.Struct("=BxHiII")
RTMSG = struct.Struct("=BBBBBBBBI")


def nested(data: bytes, *path: int) -> bytes:
    for kind in path:
        data = attributes(data)[kind]
    return data


def message(request: Request, header_size: int) -> Message:
    """The kernel's own notification of a change has the change's form."""
    payload = request.payload()
    return Message(request.type, payload[:header_size], attributes(payload[header_size:]))


@unhurried
@given(st.dictionaries(st.integers(1, 100), st.binary(max_size=20) | st.integers(0, 2**32 - 1), max_size=6))
def test_attributes_come_back(values: dict[int, bytes | int]) -> None:
    payload = Request(0, 0, b"", values, "").payload()
    assert len(payload) % 4 == 0
    found = attributes(payload)
    expected = {kind: struct.pack("=I", value) if isinstance(value, int) else value for kind, value in values.items()}
    assert found == expected


@unhurried
@given(st.binary(max_size=64))
def test_broken_attributes_do_no_harm(data: bytes) -> None:
    attributes(data)


def test_nested_flags_are_taken_off_and_texts_end_at_zero() -> None:
    data = struct.pack("=HH", 9, 0x8000 | 3) + b"eth0\0" + b"\0" * 3
    assert {kind: text(value) for kind, value in attributes(data).items()} == {3: "eth0"}
    assert number(struct.pack("=I", 1500)) == 1500
    assert number(b"") == 0


def test_a_veth_pair_is_made_with_each_end_in_its_namespace() -> None:
    request = links.add_veth_pair(
        links.VethEnd("r1-br", 1400, None), links.VethEnd("eth0", 1500, "02:00:00:00:00:01", netns_fd=7)
    )
    found = message(request, IFINFOMSG.size).attributes
    assert text(found[3]) == "r1-br"
    assert number(found[4]) == 1400
    assert 1 not in found
    assert 28 not in found
    assert text(nested(found[18], 1)) == "veth"
    peer = attributes(nested(found[18], 2, 1)[IFINFOMSG.size :])
    assert text(peer[3]) == "eth0"
    assert peer[1] == bytes.fromhex("020000000001")
    assert number(peer[28]) == 7


def test_only_what_is_named_changes() -> None:
    request = links.change_link(index=5, mtu=1400)
    assert IFINFOMSG.unpack(request.body) == (0, 0, 5, 0, 0)
    assert message(request, IFINFOMSG.size).attributes.keys() == {4}
    up, down = links.change_link(index=5, up=True), links.change_link(index=5, up=False)
    assert IFINFOMSG.unpack(up.body)[3:] == (1, 1)
    assert IFINFOMSG.unpack(down.body)[3:] == (0, 1)
    assert number(message(links.change_link(index=5, master=0), IFINFOMSG.size).attributes[10]) == 0


def test_a_link_is_read() -> None:
    body = IFINFOMSG.pack(0, 1, 3, links.IFF_UP, 0)
    shown = {
        3: b"r1-br\0",
        4: struct.pack("=I", 1500),
        1: bytes.fromhex("020000000001"),
        5: struct.pack("=I", 2),
        10: struct.pack("=I", 9),
        18: struct.pack("=HH", 9, 1) + b"veth\0\0\0\0",
        20: b"exam-lab a1b2c3d4\0",
        37: struct.pack("=I", 0),
    }
    assert links.decode_link(Message(16, body, shown)) == links.Link(
        ifname="r1-br",
        ifindex=3,
        kind="veth",
        alias="exam-lab a1b2c3d4",
        mtu=1500,
        mac="02:00:00:00:00:01",
        up=True,
        master=9,
        peer=2,
        peer_nsid=0,
    )
    bare = links.decode_link(Message(16, IFINFOMSG.pack(0, 1, 1, 0, 0), {3: b"lo\0", 4: struct.pack("=I", 65536)}))
    assert (bare.kind, bare.alias, bare.mac, bare.up, bare.master, bare.peer, bare.peer_nsid) == (
        "",
        "",
        "",
        False,
        0,
        0,
        -1,
    )


ADDRESSES = st.lists(st.sampled_from(["10.1.1.1/24", "10.1.1.2/24", "10.1.1.1/16", "10.2.0.1/16"]), unique=True)


@unhurried
@given(ADDRESSES, ADDRESSES)
def test_address_changes_are_the_difference_new_ones_first(present: list[str], wanted: list[str]) -> None:
    new, old = 20, 21
    result = list(present)
    kinds = []
    for request in links.address_changes(4, present, wanted):
        family, length, _flags, _scope, index = struct.unpack("=BBBBI", request.body)
        assert (family, index) == (2, 4)
        value = f"{ipaddress.IPv4Address(message(request, 8).attributes[2])}/{length}"
        kinds.append(request.type)
        if request.type == new:
            assert value not in result
            result.append(value)
        else:
            result.remove(value)
    assert sorted(result) == sorted(wanted)
    assert kinds == sorted(kinds)
    assert {*kinds} <= {new, old}
    assert len(kinds) == len({*present} ^ {*wanted})


@pytest.mark.parametrize(
    "route",
    [
        routes.Route(dst="10.9.0.0/16", via="10.1.1.2"),
        routes.Route(dst="0.0.0.0/0", via="10.1.1.1", ifindex=3),
        routes.Route(dst="10.9.0.1/32", ifindex=3, metric=20, table=1000),
    ],
)
def test_a_route_is_sent_as_it_is_read(route: routes.Route) -> None:
    assert routes._decode(message(routes.add_route(route), RTMSG.size)) == route


def test_a_route_is_deleted_by_its_protocol() -> None:
    body = RTMSG.unpack(routes.delete_route(routes.Route(dst="10.9.0.0/16", via="10.1.1.2")).body)
    family, length, _source, _tos, _table, protocol, scope, _type, _flags = body
    assert (family, length, protocol, scope) == (2, 16, routes.PROTOCOL, 255)


def test_an_error_says_what_failed_and_what_the_kernel_says() -> None:
    plain = NetlinkError(errno.ENODEV, "show interface eth0", "")
    assert str(plain) == "show interface eth0: No such device"
    explained = NetlinkError(errno.ENETUNREACH, "add route 10.0.0.0/8 via 10.1.1.1", "Nexthop has invalid gateway")
    assert str(explained) == "add route 10.0.0.0/8 via 10.1.1.1: Nexthop has invalid gateway (ENETUNREACH)"


@pytest.mark.parametrize("capped", [True, False])
def test_the_kernels_words_are_found_behind_what_it_quotes(capped: bool) -> None:
    words = struct.pack("=HH", 4 + 6, 1) + b"wrong\0" + b"\0\0"
    quoted = struct.pack("=IHHII", 16 if capped else 24, 24, 0, 1, 0) + (b"" if capped else bytes(8))
    flags = 0x200 | (0x100 if capped else 0)
    assert netlink._reason(2, flags, struct.pack("=i", -22) + quoted + words) == "wrong"
    assert netlink._reason(2, 0, struct.pack("=i", -22) + quoted) == ""
