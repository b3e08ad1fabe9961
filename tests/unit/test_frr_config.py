"""FRR's configuration as lines in contexts, and the difference between what was declared and what is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.frr_config import Line, difference, hostname, parse, patched, render

CORP = """\
hostname CORP
!
interface Vlan2
 description Switch Card to Core Network
 ip address 10.1.1.2/24
exit
!
router rip
 network 10.0.0.0/8
 timers basic 5 30 20
 version 2
exit
!
ip route 172.30.0.0/16 10.1.1.9
!
line vty
 exec-timeout 0 0
exit
!
end
"""


def typed(old: str, new: str) -> tuple[str, str]:
    change = difference(old, new)
    return render(change.removals), render(change.additions)


def test_lines_have_their_context() -> None:
    assert parse(CORP)[:4] == [
        Line((), "hostname CORP"),
        Line((), "interface Vlan2", opens=True),
        Line(("interface Vlan2",), "description Switch Card to Core Network"),
        Line(("interface Vlan2",), "ip address 10.1.1.2/24"),
    ]
    assert Line((), "ip route 172.30.0.0/16 10.1.1.9") in parse(CORP)


def test_a_file_without_indentation_means_the_same() -> None:
    assert parse("\n".join(line.strip() for line in CORP.splitlines())) == parse(CORP)


def test_a_file_without_separators_means_the_same() -> None:
    bare = "\n".join(line for line in CORP.splitlines() if line not in {"!", "exit", "end"})
    assert parse(bare) == parse(CORP)


def test_contexts_within_contexts() -> None:
    config = "key chain K\n key 1\n  key-string a\n key 2\n  key-string b\n exit\nexit\nhostname R1\n"
    assert [line for line in parse(config) if not line.opens] == [
        Line(("key chain K", "key 1"), "key-string a"),
        Line(("key chain K", "key 2"), "key-string b"),
        Line((), "hostname R1"),
    ]


@pytest.mark.parametrize(
    "config",
    [CORP, "", "router bgp 1\n address-family ipv4 unicast\n  network 10.0.0.0/8\n exit-address-family\nexit\n"],
)
def test_rendered_text_means_the_same(config: str) -> None:
    assert parse(render(parse(config))) == parse(config)


def test_no_difference() -> None:
    assert not difference(CORP, CORP.replace("\n!\n", "\n"))


def test_an_interface_changes_line_by_line() -> None:
    new = CORP.replace("10.1.1.2/24", "10.1.1.3/24").replace("Switch Card", "Card")
    assert typed(CORP, new) == (
        "interface Vlan2\n no description\n no ip address 10.1.1.2/24\nexit\n",
        "interface Vlan2\n description Card to Core Network\n ip address 10.1.1.3/24\nexit\n",
    )


def test_an_interface_that_is_no_longer_declared_loses_its_lines_alone() -> None:
    new = CORP.replace("interface Vlan2\n description Switch Card to Core Network\n ip address 10.1.1.2/24\nexit\n", "")
    assert typed(CORP, new) == ("interface Vlan2\n no description\n no ip address 10.1.1.2/24\nexit\n", "")


def test_rip_changes_by_what_came_and_went() -> None:
    new = CORP.replace(" network 10.0.0.0/8\n", " network 10.1.0.0/16\n network 172.16.0.0/12\n")
    assert typed(CORP, new) == (
        "router rip\n no network 10.0.0.0/8\nexit\n",
        "router rip\n network 10.1.0.0/16\n network 172.16.0.0/12\nexit\n",
    )


def test_a_routing_process_goes_as_a_whole() -> None:
    start, end = CORP.index("router rip"), CORP.index("ip route")
    assert typed(CORP, CORP[:start] + CORP[end:]) == ("no router rip\n", "")


def test_a_new_routing_process() -> None:
    start, end = CORP.index("router rip"), CORP.index("ip route")
    removals, additions = typed(CORP[:start] + CORP[end:], CORP)
    assert removals == ""
    assert additions == "router rip\n network 10.0.0.0/8\n timers basic 5 30 20\n version 2\nexit\n"


def test_static_routes() -> None:
    assert typed(CORP, CORP.replace("10.1.1.9", "10.1.1.8")) == (
        "no ip route 172.30.0.0/16 10.1.1.9\n",
        "ip route 172.30.0.0/16 10.1.1.8\n",
    )


def test_line_vty_stays_and_its_lines_change() -> None:
    assert typed(CORP, CORP.replace("exec-timeout 0 0", "exec-timeout 5 0")) == (
        "line vty\n no exec-timeout\nexit\n",
        "line vty\n exec-timeout 5 0\nexit\n",
    )
    assert typed(CORP, CORP.replace("line vty\n exec-timeout 0 0\nexit\n", "")) == (
        "line vty\n no exec-timeout\nexit\n",
        "",
    )


def test_negated_lines_are_turned_round() -> None:
    assert typed("no ip forwarding\n", "") == ("ip forwarding\n", "")


def test_a_key_goes_without_its_secret() -> None:
    old = "key chain K\n key 1\n  key-string secret\n"
    assert typed(old, "") == ("no key chain K\n", "")
    assert typed(old, old.replace("secret", "other")) == (
        "key chain K\n key 1\n  no key-string\n exit\nexit\n",
        "key chain K\n key 1\n  key-string other\n exit\nexit\n",
    )


def test_what_a_candidate_saved_keeps_their_lines() -> None:
    saved = CORP.replace(" version 2\n", " version 2\n network 172.20.0.0/16\n").replace(
        "hostname CORP", "hostname MINE"
    )
    new = CORP.replace("10.0.0.0/8", "10.1.0.0/16").replace("ip route 172.30.0.0/16 10.1.1.9\n", "")
    result = parse(patched(saved, CORP, new))
    assert Line((), "hostname MINE") in result
    assert [line.text for line in result if line.context == ("router rip",)] == [
        "timers basic 5 30 20",
        "version 2",
        "network 172.20.0.0/16",
        "network 10.1.0.0/16",
    ]
    assert not [line for line in result if line.text.startswith("ip route")]


def test_a_saved_configuration_gets_a_new_context() -> None:
    result = patched("hostname R1\n", "hostname R1\n", "hostname R1\nrouter rip\n network 10.0.0.0/8\n")
    assert result == "hostname R1\nrouter rip\n network 10.0.0.0/8\nexit\n"


def test_hostname() -> None:
    assert hostname(CORP) == "CORP"
    assert hostname("") == ""


LINES = st.lists(st.sampled_from(CORP.splitlines()), max_size=20).map("\n".join)


@given(LINES, LINES)
def test_what_is_declared_follows_from_the_difference(old: str, new: str) -> None:
    assert frozenset(parse(patched(old, old, new))) >= frozenset(parse(new))


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_gives_a_difference(old: str, new: str) -> None:
    assert not difference(new, new)
    assert set(difference(old, new).additions) <= set(parse(new))
