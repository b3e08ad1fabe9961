"""Target `stack:NAME`: two candidates' labs on the host that a third stack makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mishaps import SMALL
from tests.e2e.pings import Ping, pinging
from tests.e2e.stack import PROJECT, Stack, machine_of
from tests.e2e.test_neighbours import down, together, up

HOST, ONE, TWO = "e2e-shared", "e2e-shared-one", "e2e-shared-two"
KEYS = PROJECT / ".state" / "keys"


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[tuple[Stack, Stack, Stack]]:
    """The host's, and two candidates'; all in one back end."""
    host = Stack(HOST, tmp_path, {"topology": "none"})
    candidates = [Stack(name, tmp_path, {"target": f"stack:{HOST}", "topology": SMALL}) for name in (ONE, TWO)]
    try:
        yield host, candidates[0], candidates[1]
    finally:
        for stack in (*candidates, host):
            if stack.settings.exists():
                stack.environment.update(LAB_DELETE_SHARED="true", LAB_DELETE_UNREACHABLE="true")
                stack.destroy()


def refusal(stack: Stack, *arguments: str) -> str:
    """What a `pulumi` command says that must fail."""
    done = stack.run("pulumi", *arguments, "--yes", "--skip-preview", "--non-interactive", "-s", stack.name)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_two_candidates_on_one_host(stacks: tuple[Stack, Stack, Stack]) -> None:
    host, one, two = stacks
    host.up()
    together(up(one), up(two))
    assert (one.up(), two.preview()) == ({}, {})
    for stack in (one, two):
        done = stack.run("lab", "check")
        assert done.returncode == 0, done.stdout + done.stderr

    assert one.run("lab", "status").returncode == 0
    assert [line.split()[0] for line in host.run("lab", "status").stdout.splitlines()[3:5]] == [ONE, TWO]

    # Each has a key of its own, and the host's is in no state.
    shown = {stack.name: stack.outputs()["host"] for stack in (one, two)}
    assert {name: dict(of)["private_key_file"] for name, of in shown.items()} == {  # type: ignore[call-overload]
        name: f".state/keys/lease-{name}" for name in (ONE, TWO)
    }
    secret = [(KEYS / name).read_text().splitlines()[1] for name in (f"sandbox-{HOST}", f"lease-{ONE}", f"lease-{TWO}")]
    for path in one.backend.rglob("*"):
        assert path.is_dir() or not any(line in path.read_text() for line in secret), path

    # One that the host has no room for is refused, and what was there is told.
    two.configure("memoryMib", "100000000")
    said = refusal(two, "up")
    assert "the host has no room for this lab: it may take 100000000 MiB" in said
    assert f"held: {ONE} " in said
    two.pulumi("config", "rm", "memoryMib", "-s", TWO)

    said = refusal(host, "destroy")
    assert f"there are labs of other stacks on it: {ONE} (user " in said
    assert "LAB_DELETE_SHARED=true" in said

    # A candidate's destroy takes only theirs.
    with machine_of(host) as machine:
        client = Ping("client", "web", f"{two.outputs()['lease']}-client", "10.10.2.10")
        with pinging(machine, [client]) as pings:
            one.destroy()
        assert pings.sent
        assert not pings.lost
        assert machine.run("ls /var/lib/exam-lab/leases").split() == [two.outputs()["lease"]]
    assert two.up() == {}
    together(down(two))
    host.destroy()
    assert not list(KEYS.glob(f"*{HOST}*"))


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_host_that_is_taken_away_all_the_same_and_made_anew(stacks: tuple[Stack, Stack, Stack]) -> None:
    host, one, two = stacks
    host.up()
    together(up(one), up(two))
    before = dict(one.outputs()["host"])  # type: ignore[call-overload]
    host.environment["LAB_DELETE_SHARED"] = "true"
    host.pulumi("destroy", "--yes", "--skip-preview", "-s", HOST)
    assert f"stack {HOST} is not up; it must make only a host" in refusal(one, "up")
    assert "LAB_DELETE_UNREACHABLE=true" in refusal(two, "destroy")
    two.environment["LAB_DELETE_UNREACHABLE"] = "true"
    two.destroy()
    # One follows to the new host within one up.
    host.up()
    one.up()
    one_lease = one.outputs()["lease"]
    after = dict(one.outputs()["host"])  # type: ignore[call-overload]
    assert after["identity"] != before["identity"]
    assert one.run("lab", "check").returncode == 0
    assert one.up() == {}
    # A state that is lost loses no lab.
    one.pulumi("stack", "rm", "--force", "--yes", "--preserve-config", "-s", ONE)
    done = one.run("python", "-m", "cli.demo", "--destroy", "--stack", ONE)
    assert f"Lease {one_lease} on 127.0.0.1, which the state did not know, is removed" in done.stdout, done.stderr
    assert not list(KEYS.glob(f"*{ONE}*"))
    one.settings.unlink()
    host.destroy()


def test_what_is_no_host_of_its_own_is_refused(tmp_path: Path) -> None:
    """Before anything is made: a stack with a lab, none at all, and a host on a host."""
    lab = Stack("e2e-shared-lab", tmp_path, {"topology": SMALL})
    guest = Stack("e2e-shared-guest", tmp_path, {"target": "stack:e2e-shared-nobody", "topology": SMALL})
    try:
        assert "e2e-shared-nobody" in refusal(guest, "up")
        guest.configure("topology", "none")
        assert "which makes a host, but lab:target stack:e2e-shared-nobody has one" in refusal(guest, "up")
        state = json.loads(lab.pulumi("stack", "export", "-s", lab.name).output)
        urn = f"urn:pulumi:{lab.name}::lab::pulumi:pulumi:Stack::lab-{lab.name}"
        state["deployment"]["resources"] = [
            {"urn": urn, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"topology": "two_lans"}}
        ]
        (tmp_path / "state.json").write_text(json.dumps(state))
        lab.pulumi("stack", "import", "--file", str(tmp_path / "state.json"), "-s", lab.name)
        guest.configure("topology", SMALL)
        guest.configure("target", f"stack:{lab.name}")
        assert f"stack {lab.name} has a lab of its own; it must make only a host" in refusal(guest, "up")
    finally:
        for stack in (guest, lab):
            stack.destroy()
