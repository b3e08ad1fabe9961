"""What happened to a lab behind Pulumi's back: a preview shows it attribute by attribute, an up repairs that and nothing else."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import control
from setup.privilege import Privilege
from tests.e2e.livelab import ADDRESSES, LiveLab, Topology, ccna_ch8, live_lab
from tests.e2e.pings import pinging
from tests.e2e.stack import PROJECT, Changes, Stack
from tests.e2e.test_edits import NAT_HOST

SECRET = "tr0ub4dor-and-3"


def base() -> Topology:
    topology = ccna_ch8()
    topology["host"]["nat"] = True
    topology["host"]["interfaces"]["VMnet8-host-dev"]["mac"] = "02:00:00:00:08:01"
    topology["containers"]["web"].update(memory_mib=64, cpus=0.5, env={"TOKEN": {"from_secret": "token"}})
    return topology


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLab]:
    folder = tmp_path_factory.mktemp("drift")
    with live_lab("ed-drift", folder, base(), prepare=NAT_HOST, secrets={"token": SECRET}) as lab:
        yield lab


@dataclass(frozen=True)
class Row:
    """What is done on the host, the lines of the preview's diff, and what preview and up name.

    In commands, LEASE is the lease, WEB and PAUSE are Docker's names, `in DEVICE` runs in a namespace.
    """

    command: str
    changes: Changes
    shows: tuple[str, ...] = ()
    """Each must be a line of `pulumi preview --diff`, blanks apart; for what is gone there is none."""
    previewed: Changes | None = None
    """What the preview names, if that is not the same."""


def update(command: str, name: str, *shows: str) -> Row:
    return Row(command, {"update": [name]}, shows)


def gone(command: str, *names: str) -> Row:
    return Row(command, {"create": sorted(names)})


HOST_ROUTES = ("host-10.1.0.0/21", "host-172.16.10.0/24", "host-192.168.0.0/18")
R2_LINKS = ("R2-Fa0-1", "R2-Fa1-0", "corp-r2")

ROWS = {
    "bridge down": update("in host ip link set VMnet4 down", "VMnet4", "~ up: false => true"),
    "bridge MTU": update("in host ip link set VMnet4 mtu 1400", "VMnet4", "~ mtu: 1400 => 1500"),
    "bridge deleted": Row(
        "in host ip link del VMnet4", {"create": ["VMnet4"], "update": ["R1-Fa1-0"]}, ("+ master: [unknown]",)
    ),
    "link down": Row(
        "in host ip link set VMnet8-host-dev down",
        {"create": sorted(HOST_ROUTES), "update": ["host-VMnet8-host-dev"]},
        ("~ up: false => true",),
    ),
    "MTU": update("in host ip link set web-br mtu 1400", "web-web-dev", "~ mtu: 1400 => 1500"),
    "MAC": update(
        "in host ip link set VMnet8-host-dev address 02:00:00:00:00:99",
        "host-VMnet8-host-dev",
        '~ mac: "02:00:00:00:00:99" => "02:00:00:00:08:01"',
    ),
    "address added": update(
        "in host ip address add 10.99.0.1/24 dev VMnet8-host-dev", "host-VMnet8-host-dev", '- [1]: "10.99.0.1/24"'
    ),
    "address removed": update(
        "in web ip address del 192.168.10.100/24 dev web-dev", "web-web-dev", '+ [0]: "192.168.10.100/24"'
    ),
    "master gone": update("in host ip link set web-br nomaster", "web-web-dev", "+ master: {+}"),
    "master changed": update("in host ip link set web-br master VMnet4", "web-web-dev", '~ master: "VMnet4" => {+}'),
    "link deleted": gone("in host ip link del web-br", "web-web-dev"),
    "link between routers deleted": gone("in R2 ip link del Fa0-0", "corp-r2"),
    "route deleted": gone("in host ip route del 172.16.10.0/24", "host-172.16.10.0/24"),
    "route changed": update(
        "in host ip route replace 172.16.10.0/24 via 192.168.81.77 proto 76",
        "host-172.16.10.0/24",
        '~ via: "192.168.81.77" => "192.168.81.10"',
    ),
    "route added": update(
        "in host ip route add 10.77.0.0/16 via 192.168.81.10 proto 76",
        "host",
        '- [0]: "10.77.0.0/16 via 192.168.81.10 dev VMnet8-host-dev"',
    ),
    "forwarding": update("in host sysctl -w net.ipv4.ip_forward=0", "host", "~ forwarding: false => true"),
    "default TTL": update("in R2 sysctl -w net.ipv4.ip_default_ttl=64", "R2", "~ default_ttl: 64 => 255"),
    "bridge-nf": update("in host sysctl -w net.bridge.bridge-nf-call-iptables=1", "host", "~ bridge_nf: true => false"),
    "container stopped": update("docker stop -t 0 WEB", "web", "~ running: false => true"),
    "container removed": update("docker rm -f WEB", "web", "~ running: false => true"),
    "container memory": update("docker update --memory 48m --memory-swap 48m WEB", "web", "~ memory_mib: 48 => 64"),
    "container CPU": update("docker update --cpu-quota 30000 WEB", "web", "~ cpus: 0.3 => 0.5"),
    "container and pause removed": gone("docker rm -f WEB PAUSE", "web", "web-web-dev"),
    "NAT rule flushed": update(
        "in host nft flush table ip exam-lab-LEASE-masquerade-uplink", "uplink-lab", '+ [0]: "10.1.1.0/24"'
    ),
    "NAT table deleted": gone("nft delete table ip exam-lab-LEASE-masquerade-up0", "uplink-host"),
    "router process killed": update("kill -9 $(cat /run/frr/LEASE-R2/ripd.pid)", "R2", "~ running: false => true"),
    "router's namespace deleted": Row(
        "ip netns del LEASE-R2",
        {"create": sorted(["R2", *R2_LINKS]), "update": ["R2"]},
        ("~ running: false => true",),
        # The id of what is created is not known before: for all that a preview can tell, the router moves to another namespace.
        previewed={"create": sorted(["R2", *R2_LINKS]), "replace": ["R2"]},
    ),
}


def meddle(lab: LiveLab, command: str) -> str:
    """Run a command of a row on the host."""
    names = {"LEASE": lab.lease, "WEB": f"exam-lab-{lab.lease}-web", "PAUSE": f"exam-lab-{lab.lease}-web-pause"}
    for word, name in names.items():
        command = re.sub(rf"\b{word}\b", name, command)
    return lab.host.run(re.sub(r"^in (\w+) ", rf"nsenter --net=/run/netns/{lab.lease}-\1 -- ", command))


def missing_lines(shows: tuple[str, ...], diff: str) -> list[str]:
    """Which of the lines a diff has not; `{+}` stands for anything."""
    lines = [" ".join(line.split()).replace(" :", ":", 1) for line in diff.splitlines()]
    patterns = {line: ".+".join(map(re.escape, line.split("{+}"))) for line in shows}
    return [line for line, pattern in patterns.items() if not any(re.match(pattern, shown) for shown in lines)]


ALWAYS = frozenset(
    {
        "MTU",
        "master gone",
        "route added",
        "default TTL",
        "container removed",
        "router process killed",
    }
)
"""Rows of `make test`, one for each way to be seen and repaired; the others are like one of these."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.thorough) for name in ROWS]
)
def test_drift_is_shown_and_repaired(lab: LiveLab, name: str) -> None:
    """The next row's preview shows that nothing else is left of this one."""
    row = ROWS[name]
    meddle(lab, row.command)
    diff, previewed = lab.stack.preview_diff()
    repaired = lab.stack.up()
    expected = row.changes if row.previewed is None else row.previewed
    assert (previewed, repaired, missing_lines(row.shows, diff)) == (expected, row.changes, []), diff


THEIRS = {
    "a route in web": "in web ip route add 10.55.0.0/16 via 192.168.10.10",
    "web's default route": "in web ip route replace default via 192.168.10.77",
    "an address on R1": "vtysh -N LEASE-R1 -c 'configure terminal' -c 'interface Fa1-0' -c 'ip address 192.168.20.99/24'",
    "no forwarding on R1": "vtysh -N LEASE-R1 -c 'configure terminal' -c 'no ip forwarding'",
    "shutdown on R1": "vtysh -N LEASE-R1 -c 'configure terminal' -c 'interface Fa1-0' -c 'shutdown'",
    "a static route on R1": "vtysh -N LEASE-R1 -c 'configure terminal' -c 'ip route 10.66.0.0/16 192.168.20.1'",
}
STILL = {
    "in web ip route show 10.55.0.0/16": "10.55.0.0/16 via 192.168.10.10",
    "in web ip route show default": "default via 192.168.10.77",
    "in R1 ip -br address show Fa1-0": "192.168.20.99/24",
    "in R1 sysctl net.ipv4.ip_forward": "net.ipv4.ip_forward = 0",
    "in R1 ip -o link show Fa1-0": "state DOWN",
    "vtysh -N LEASE-R1 -c 'show running-config'": "ip route 10.66.0.0/16 192.168.20.1",
}
TAKEN_BACK = (
    "in web ip route replace default via 192.168.10.10",
    "vtysh -N LEASE-R1 -c 'configure terminal' -c 'ip forwarding' -c 'interface Fa1-0' -c 'no shutdown'",
)


def test_what_is_the_candidates_is_not_drift(lab: LiveLab) -> None:
    for command in THEIRS.values():
        meddle(lab, command)
    diff, previewed = lab.stack.preview_diff()
    assert previewed == {}, diff
    # Nor is it touched by what is repaired or edited beside it.
    meddle(lab, "in R1 sysctl -w net.ipv4.ip_default_ttl=64")
    meddle(lab, "in host ip link set R1-Fa1-0 mtu 1400")
    topology = lab.edited(
        lambda topology: topology["routers"]["R1"]["interfaces"]["Fa0/1"].update(description="Finance")
    )
    lab.write(topology)
    assert lab.stack.up() == {"update": ["R1", "R1", "R1-Fa1-0"]}
    for command, expected in STILL.items():
        assert expected in meddle(lab, command), command
    lab.write(lab.base)
    assert lab.stack.up() == {"update": ["R1"]}
    assert "ip route 10.66.0.0/16" in meddle(lab, "vtysh -N LEASE-R1 -c 'show running-config'")
    for command in TAKEN_BACK:
        meddle(lab, command)


def texts(folder: Path) -> str:
    """All files below, as text."""
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


class CommandLines(threading.Thread):
    """Notes the command lines of all processes, on this machine and in all sandboxes on it, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    self.seen.add((process / "cmdline").read_bytes())


def test_a_secret_stays_one(lab: LiveLab) -> None:
    """Through a refresh, a repair, a change and a failure: not in state, outputs, errors and process lists."""
    watch = CommandLines()
    watch.start()
    printed = ""

    def pulumi(*arguments: str) -> str:
        nonlocal printed
        done = lab.stack.run("pulumi", *arguments, "-s", lab.stack.name, "--non-interactive")
        printed += done.stdout + done.stderr
        return done.stdout + done.stderr

    meddle(lab, "docker rm -f WEB")
    pulumi("preview", "--diff")
    pulumi("up", "--yes", "--diff")
    pulumi("refresh", "--yes")
    assert SECRET in meddle(lab, "docker inspect WEB")
    lab.stack.run("pulumi", "config", "set", "--secret", "token", "-s", lab.stack.name, stdin=f"{SECRET}-2")
    assert "[secret]" in pulumi("up", "--yes", "--diff")
    assert f"{SECRET}-2" in meddle(lab, "docker inspect WEB")
    lab.write(lab.edited(lambda topology: topology["containers"]["web"].update(command=["/no/such/program"])))
    assert "/no/such/program" in pulumi("up", "--yes", "--skip-preview")
    lab.write(lab.base)
    pulumi("up", "--yes", "--skip-preview")
    assert lab.stack.preview() == {}
    watch.stopped.set()
    watch.join()
    assert SECRET not in printed
    assert SECRET not in texts(lab.stack.backend)
    assert not [line for line in watch.seen if SECRET.encode() in line]


DOCKERD = "setsid dockerd --bridge=none --iptables=false --ip-forward=false --exec-opt=native.cgroupdriver=cgroupfs"


def test_docker_down(lab: LiveLab) -> None:
    """It is said, nothing counts as gone, nothing hangs, and all is back once it runs. Here nobody but the user can start it."""
    meddle(lab, "kill -9 $(pidof dockerd)")
    diff, previewed = lab.stack.preview_diff()
    assert (previewed, missing_lines(('- [0]: "docker: Docker does not answer on the lab host {+}',), diff)) == (
        {"update": ["host"]},
        [],
    ), diff
    failed = lab.stack.run(
        "pulumi", "up", "--yes", "--skip-preview", "-s", lab.stack.name, "--non-interactive", timeout_s=60
    )
    assert failed.returncode != 0
    assert re.search(r"error: HostError: .* is not ready for labs: docker: .*`systemctl start docker`", failed.stdout)
    meddle(lab, f"{DOCKERD} >/dev/null 2>&1 </dev/null & until docker version >/dev/null 2>&1; do sleep 0.1; done")
    lab.stack.up()
    assert lab.stack.preview() == {}
    with pinging(lab.host, lab.pings(ADDRESSES)):
        pass


@pytest.fixture
def sandboxed(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack("ed-dead", tmp_path, {"target": "sandbox", "topology": "ccna_ch8"})
    try:
        stack.up()
        yield stack
    finally:
        if stack.settings.exists():
            stack.destroy()


def test_the_whole_sandbox_dead(sandboxed: Stack) -> None:
    status = control.status("ed-dead", state=PROJECT / ".state" / "sandboxes")
    assert status.pid is not None
    subprocess.run(Privilege().argv("kill", "-KILL", str(status.pid)), check=True)
    diff, previewed = sandboxed.preview_diff()
    assert (previewed, missing_lines(("~ running: false => true",), diff)) == ({"update": ["host", "sandbox"]}, []), (
        diff
    )
    assert sandboxed.up() == {"update": ["host", "sandbox"]}
    checked = sandboxed.run("lab", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert sandboxed.preview() == {}
