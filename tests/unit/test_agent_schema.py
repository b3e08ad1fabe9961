"""Frozen dataclasses as schema."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.kinds import veth_pair
from host_agent.schema import (
    REPLACE,
    SECRET,
    Address,
    Ifname,
    InterfaceAddress,
    Mac,
    Mtu,
    ObjectId,
    Prefix,
    SchemaError,
    between,
    changed,
    decode,
    encode_args,
    examine,
    marked,
    replacements,
)

unhurried = settings(deadline=None)
"""Machines that test are busy."""


@dataclass(frozen=True, kw_only=True)
class Inner:
    name: Annotated[str, REPLACE]
    addresses: tuple[InterfaceAddress, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Args:
    ifname: Annotated[Ifname, REPLACE]
    mtu: Mtu = 1500
    up: bool = True
    ratio: Annotated[float, between(0, 1)] = 0.5
    mode: Literal["a", "b"] = "a"
    mac: Mac | None = None
    password: Annotated[str, SECRET] = ""
    inners: tuple[Inner, ...] = ()
    env: dict[str, str] = dataclasses.field(default_factory=dict)


class Unknown:
    """A value that a preview does not know yet."""


def is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def test_defaults_and_canonical_values() -> None:
    args = decode(
        Args,
        {
            "ifname": "eth0",
            "mtu": 1400.0,
            "ratio": 1,
            "mac": "CC00.793B.0000",
            "inners": [{"name": "x", "addresses": ["10.1.1.2/24"]}],
            "__provider": "…",
        },
    )
    assert args == Args(
        ifname="eth0",
        mtu=1400,
        ratio=1.0,
        mac="cc:00:79:3b:00:00",
        inners=(Inner(name="x", addresses=("10.1.1.2/24",)),),
    )
    assert isinstance(args.mtu, int)
    assert decode(Args, encode_args(args)) == args


def test_all_problems_at_once_with_their_paths() -> None:
    values = {
        "mtu": 12,
        "up": "yes",
        "mode": "c",
        "mac": "01:00:5e:00:00:01",
        "inners": [{"name": "x"}, {"addresses": ["10.1.1.2"], "nmae": "y"}],
        "env": {"A": 1},
        "colour": "red",
    }
    with pytest.raises(SchemaError) as error:
        decode(Args, values)
    messages = {problem.path: problem.message for problem in error.value.problems}
    assert messages.keys() == {
        "ifname",
        "mtu",
        "up",
        "mode",
        "mac",
        "inners[1].name",
        "inners[1].nmae",
        "inners[1].addresses[0]",
        "env['A']",
        "colour",
    }
    assert messages["ifname"] == "is required"
    assert messages["up"] == "must be true or false, not str"
    assert messages["inners[1].addresses[0]"] == "must have a prefix length, such as 10.1.1.2/24"
    assert "multicast" in messages["mac"]


@pytest.mark.parametrize("value", [True, 1.5, "1500", None, float("nan"), float("inf"), [1]])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(SchemaError, match="mtu: must be a whole number"):
        decode(Args, {"ifname": "eth0", "mtu": value})


@dataclass(frozen=True)
class Words:
    ifname: Ifname | None = None
    mac: Mac | None = None
    interface_address: InterfaceAddress | None = None
    prefix: Prefix | None = None
    address: Address | None = None
    id: ObjectId | None = None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("ifname", value) for value in ("", "x" * 16, "é" * 8, "a/b", "a b", "a:b", ".", "..", "a\n")),
        *(("mac", value) for value in ("", "02:00:00:00:00", "02:00:00:00:00:0g", "ff:ff:ff:ff:ff:ff")),
        *(("interface_address", value) for value in ("10.1.1.2", "10.1.1.2/33", "10.1.1/24", "fe80::1/64", "x")),
        *(("prefix", value) for value in ("10.1.1.2/24", "10.0.0.0/33", "any", "::/0")),
        *(("address", value) for value in ("10.1.1.2/24", "10.1.1.256", "", "::1", "010.1.1.1")),
        ("id", "a b"),
    ],
)
def test_words_that_are_refused(field: str, value: str) -> None:
    _, problems = examine(Words, {field: value})
    assert [problem.path for problem in problems] == [field]


@pytest.mark.parametrize(
    ("field", "value", "canonical"),
    [
        ("ifname", "VMnet8-host-dev", "VMnet8-host-dev"),
        ("mac", "02-00-00-00-00-0A", "02:00:00:00:00:0a"),
        ("interface_address", "10.1.1.2/255.255.255.0", "10.1.1.2/24"),
        ("prefix", "default", "0.0.0.0/0"),
        ("prefix", "10.1.0.0/21", "10.1.0.0/21"),
        ("address", "10.1.1.2", "10.1.1.2"),
        ("id", "", ""),
    ],
)
def test_words_in_their_canonical_form(field: str, value: str, canonical: str) -> None:
    decoded, problems = examine(Words, {field: value})
    assert not problems
    assert decoded[field] == canonical


def test_unknown_values_are_taken_at_any_depth() -> None:
    unknown = Unknown()
    values = {
        "ifname": unknown,
        "mtu": unknown,
        "inners": [{"name": unknown}, unknown],
        "env": {"A": unknown},
        "mode": unknown,
    }
    decoded, problems = examine(Args, values, is_unknown)
    assert not problems
    assert decoded["ifname"] is unknown
    assert decoded["inners"] == ({"name": unknown, "addresses": ()}, unknown)


def test_marks_and_changes() -> None:
    assert marked(Args, REPLACE) == {"ifname"}
    assert marked(Args, SECRET) == {"password"}
    assert changed({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]


def endpoints(**second: object) -> dict[str, object]:
    ends = [{"namespace": "l/n/host#1", "ifname": "r1-br"}, {"namespace": "l/n/R1#1", "ifname": "eth0", **second}]
    decoded, problems = examine(veth_pair.Args, {"endpoints": ends}, is_unknown)
    assert not problems
    return decoded


@pytest.mark.parametrize(
    ("second", "replaced"),
    [
        ({}, []),
        ({"mtu": 1400}, []),
        ({"addresses": ["10.1.1.2/24"]}, []),
        ({"master": Unknown()}, []),
        ({"ifname": "eth1"}, ["endpoints"]),
        ({"namespace": "l/n/R1#2"}, ["endpoints"]),
        ({"namespace": Unknown()}, ["endpoints"]),
    ],
)
def test_what_replaces_is_told_by_marks_at_any_depth(second: dict[str, object], replaced: list[str]) -> None:
    assert replacements(veth_pair.Args, endpoints(), endpoints(**second), is_unknown) == replaced


def test_a_veth_pair_has_two_ends() -> None:
    end = {"namespace": "", "ifname": "a"}
    for ends in ([], [end], [end, end, end]):
        _, problems = examine(veth_pair.Args, {"endpoints": ends})
        assert [(problem.path, problem.message) for problem in problems] == [
            ("endpoints", f"must be two, not {len(ends)}")
        ]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.builds(Unknown),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["ifname", "mtu", "up", "ratio", "mode", "mac", "inners", "env", "name", "addresses", "endpoints"]
)


@unhurried
@given(st.dictionaries(FIELDS | st.text(min_size=1, max_size=5), JSON_VALUES, max_size=6))
def test_anything_gives_problems_or_args_never_a_traceback(values: dict[str, object]) -> None:
    for cls in (Args, veth_pair.Args, Words):
        decoded, problems = examine(cls, values, is_unknown)
        for problem in problems:
            assert problem.path
            assert problem.message
        if not problems and not any(is_unknown(value) for value in decoded.values()):
            assert examine(cls, decoded, is_unknown) == (decoded, [])
