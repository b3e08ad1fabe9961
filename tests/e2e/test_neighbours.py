"""Labs among others on one host: what somebody else made, other labs of the same topology, and another `pulumi` on the same stack."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.mishaps import SMALL, TWO_LANS, make_stack
from tests.e2e.pings import Ping, pinging
from tests.e2e.stack import PROJECT, Stack
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine
from tests.proxy import proxy

FOREIGN = "deadbeef"
"""Looks like a lease."""
BY_HAND = [
    "ip link add VMnet2 type bridge",
    f"ip netns add {FOREIGN}-host",
    f"ip -n {FOREIGN}-host link set lo up",
    f"ip -n {FOREIGN}-host link add left type bridge",
    "ip link set lo up",
    "ip route add 10.10.1.0/24 dev lo",
    f"nft add table ip exam-lab-{FOREIGN}-masquerade-uplink",
    f"nft add chain ip exam-lab-{FOREIGN}-masquerade-uplink postrouting",
    "mkdir -p /tmp/root/bin && cp /bin/busybox /tmp/root/bin/",
    f"tar -C /tmp/root -c . | docker import - exam-lab-{FOREIGN}/simpleweb",
    f"docker run -d --name exam-lab-{FOREIGN}-web --network none exam-lab-{FOREIGN}/simpleweb /bin/busybox sleep 1000000",
    f"mkdir /etc/frr/{FOREIGN}-R1 && echo hostname R1 > /etc/frr/{FOREIGN}-R1/frr.conf",
]
"""What looks like a lab's, of each kind, made by the host's owner."""


@dataclass(frozen=True)
class LookAlike:
    """Something made by hand where an update of the lab, from two_lans to its edited version, wants to make something; {lease} is the lab's."""

    make: str
    seen: str
    """Shows it, and whether it is still the same."""
    away: str
    named: str
    """How the refusal calls it."""


IN_THE_WAY = {
    "bridge": LookAlike(
        "ip -n {lease}-host link add middle type bridge", "ip -n {lease}-host -d link show middle",
        "ip -n {lease}-host link del middle", "interface middle in host",
    ),
    "veth pair": LookAlike(
        "ip -n {lease}-host link add R1-Fa1-0 type bridge", "ip -n {lease}-host -d link show R1-Fa1-0",
        "ip -n {lease}-host link del R1-Fa1-0", "interface R1-Fa1-0 in host",
    ),
    "container": LookAlike(
        f"docker run -d --name exam-lab-{{lease}}-server --network none exam-lab-{FOREIGN}/simpleweb /bin/busybox sleep 1000000",
        "docker inspect --format '{{{{.Id}}}} {{{{.State.Running}}}}' exam-lab-{lease}-server",
        "docker rm -f exam-lab-{lease}-server", "Docker container exam-lab-{lease}-server",
    ),
    "namespace of a container": LookAlike(
        "ip netns add {lease}-server", "stat -c %i /run/netns/{lease}-server", "ip netns del {lease}-server",
        "network namespace {lease}-server",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("e2e-neighbours-host", tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture
def stacks(host: Machine, tmp_path: Path) -> Iterator[tuple[Stack, Stack]]:
    """Two of the same topology."""
    made = [make_stack(name, tmp_path / name, host, SMALL) for name in ("e2e-one", "e2e-two")]
    yield made[0], made[1]
    for stack in made:
        if stack.settings.exists():
            stack.destroy()


def test_two_labs_come_and_go_at_once(host: Machine, stacks: tuple[Stack, Stack]) -> None:
    """On a host that never saw the agent, so that both bring it."""
    before = snapshot(host.run)
    one, two = stacks
    together(up(one), up(two))
    leases = {stack: str(stack.outputs()["lease"]) for stack in stacks}
    numbers = json.loads(f"[{host.run('cat /var/lib/exam-lab/leases/*/lease.json').replace('}{', '},{')}]")
    assert sorted(record["number"] for record in numbers) == [0, 1]
    assert len(host.run("ls -A /var/lib/exam-lab/agent").split()) == 1

    # The same addresses, and each sees its own.
    for stack in stacks:
        assert stack.run("lab", "check").returncode == 0
        page = f"echo {stack.name} > /www/who.html"
        assert stack.run("lab", "exec", "web", "--", "/bin/busybox", "sh", "-c", page).returncode == 0
    for stack in stacks:
        seen = stack.run("lab", "exec", "client", "--", "/bin/busybox", "wget", "-qO-", "http://10.10.2.10/who.html")
        assert seen.stdout == f"{stack.name}\n"

    with pinging(host, [Ping("client", "web", f"{leases[two]}-client", "10.10.2.10")]) as pings:
        one.pulumi("destroy", "--yes", "--skip-preview", "-s", one.name)
        one.up()
    assert pings.sent
    assert not pings.lost
    assert two.up() == {}
    together(down(one), down(two))
    assert differences(before, snapshot(host.run)) == ""


@pytest.mark.thorough
def test_what_the_owner_of_the_host_made_is_not_touched(host: Machine, stacks: tuple[Stack, Stack]) -> None:
    for command in BY_HAND:
        host.run(command)
    before = snapshot(host.run)
    stack, _ = stacks
    stack.up()
    lease = str(stack.outputs()["lease"])
    stack.configure("topology", TWO_LANS.edited)
    there = {}
    for kind, thing in IN_THE_WAY.items():
        host.run(thing.make.format(lease=lease))
        there[kind] = host.run(thing.seen.format(lease=lease))
    while there:
        done = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", stack.name)
        assert done.returncode != 0, there
        refusals = [line.strip() for line in done.stdout.splitlines() if "exists already" in line]
        assert all("belongs to nobody that we know" in refusal for refusal in refusals)
        refused = [
            kind for kind in there if any(IN_THE_WAY[kind].named.format(lease=lease) in line for line in refusals)
        ]
        assert refused, done.stdout
        for kind, was in there.items():
            assert host.run(IN_THE_WAY[kind].seen.format(lease=lease)) == was, kind
        for kind in refused:
            host.run(IN_THE_WAY[kind].away.format(lease=lease))
            del there[kind]
    stack.up()
    assert stack.run("lab", "check").returncode == 0
    stack.destroy()
    assert differences(before, snapshot(host.run)) == ""


def test_a_second_pulumi_on_the_same_stack_is_refused(host: Machine, tmp_path: Path) -> None:
    with proxy(host.endpoint.port) as way:
        stack = make_stack("e2e-one", tmp_path, replace(host, endpoint=replace(host.endpoint, port=way.port)), SMALL)
        with up(stack) as first:
            assert first.stdout is not None
            while "LabLease" not in first.stdout.readline():
                pass
            # It does not end before the others have met it.
            way.freeze()
            second = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", stack.name)
            made = stack.run("python", "-m", "cli.demo", "--stack", stack.name, "--topology", "ccna_ch8")
            destroyed = stack.run("python", "-m", "cli.demo", "--destroy", "--stack", stack.name)
            way.resume()
            output = first.stdout.read()
        assert first.returncode == 0, output
        assert "error: the stack is currently locked by 1 lock(s)" in second.stderr
        for done in (made, destroyed):
            assert done.returncode == 2
            assert re.fullmatch(
                rf"lab: stack {stack.name} is being changed by pulumi, process {first.pid} of \S+ on \S+: wait for its end, then run this again",
                done.stderr.strip(),
            )
        assert stack.up() == {}
        stack.destroy()


def up(stack: Stack) -> subprocess.Popen[str]:
    return begin(stack, "up")


def down(stack: Stack) -> subprocess.Popen[str]:
    return begin(stack, "destroy")


def begin(stack: Stack, command: str) -> subprocess.Popen[str]:
    argv = ["pulumi", command, "--yes", "--skip-preview", "--non-interactive", "-s", stack.name]
    return subprocess.Popen(
        argv, cwd=PROJECT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def together(*running: subprocess.Popen[str]) -> None:
    """Wait for all of them; they must succeed. Their outputs are shorter than a pipe is deep."""
    for process in running:
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output
