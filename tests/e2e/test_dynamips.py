"""The ccna_ch8 lab with routers in Dynamips, all of them or some, on a host that must be the same afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conditions import until
from tests.e2e.stack import PROJECT, Stack, on_host
from tests.e2e.test_drift import CommandLines, texts
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine

CCNA = PROJECT / "stacks" / "topologies" / "ccna_ch8.yaml"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("e2e-dynamips-host", tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture
def stack(host: Machine, tmp_path: Path) -> Iterator[Stack]:
    with on_host("e2e-dynamips", tmp_path, host, "ccna_ch8") as made:
        made.configure("routers", "dynamips")
        yield made


@pytest.fixture
def mixed(host: Machine, tmp_path: Path) -> Iterator[Stack]:
    """CORP and R3 in Dynamips, R1 and R2 on FRR."""
    text = CCNA.read_text().replace("../../images", str(PROJECT / "images"))
    for name in ("CORP", "R3"):
        text = text.replace(
            f"\n  {name}:\n", f"\n  {name}:\n    engine: {{dynamips: {{platform: c3725, image: free}}}}\n"
        )
    (tmp_path / "mixed.yaml").write_text(text)
    with on_host("e2e-mixed", tmp_path, host, str(tmp_path / "mixed.yaml")) as made:
        yield made


def checked(stack: Stack) -> list[tuple[object, object]]:
    """Each check: what was seen, and whether it passed."""
    done = stack.run("lab", "check", "--json")
    return [(result["name"], result["passed"]) for result in json.loads(done.stdout)]


ALL_PASSED = [
    ("ping 10.1.1.2 from host", True),
    ("ping 10.1.1.2 from web", True),
    ("ping 192.168.81.1 from web", True),
    ("http://192.168.10.100/hello.html from host", True),
]


def said(stack: Stack, *argv: str) -> str:
    done = stack.run("lab", "exec", *argv)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Terminal:
    """A command on a terminal of its own, as a person has it."""

    def __init__(self, stack: Stack, *argv: str) -> None:
        self._ours, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self.seen = ""
        self._process = subprocess.Popen(
            # Its controlling terminal, so that ^C and a change of size reach it as they would reach a person's command.
            ["setsid", "--ctty", "--wait", *argv],
            cwd=PROJECT,
            env={**stack.environment, "TERM": "xterm"},
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
        )

    def expect(self, text: str, timeout_s: float = 60) -> str:
        """What came up to the text. Fails the test if that does not come."""
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            assert select.select([self._ours], [], [], max(0, deadline - time.monotonic()))[0], (
                f"the terminal does not show {text!r} but {self.seen!r}"
            )
            self.seen += os.read(self._ours, 65536).decode(errors="replace")
        shown, _, self.seen = self.seen.partition(text)
        return shown

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self) -> int:
        """The command's status, once it has ended; the terminal must be as it was before."""
        status = self._process.wait(timeout=30)
        assert termios.tcgetattr(self.theirs) == self.before
        os.close(self._ours)
        os.close(self.theirs)
        return status


def check_terminal(stack: Stack, line: str) -> None:
    """What a person does at CORP's console or AUX port."""
    terminal = Terminal(stack, "lab", line, "CORP")
    terminal.expect("Ctrl-] leaves this line.")
    terminal.type("\r")
    terminal.expect("CORP")
    terminal.type("\x15enable\r")
    terminal.expect("CORP#")
    terminal.type("sh ip int b\t\r")
    # Tab completes the word, which is typed again on the next line.
    assert "brief" in terminal.expect("Interface                  IP-Address")
    terminal.expect("10.1.1.2")
    terminal.expect("CORP#")
    terminal.resize(132, 50)
    # The arrow brings the last command back; ^C is the router's key, and ends nothing of ours.
    terminal.type("\x1b[A")
    terminal.expect("sh ip int brief")
    terminal.type("\x03")
    terminal.expect("CORP#")
    terminal.type("ping 10.1.1.77 repeat 50\r")
    terminal.expect("Sending 50")
    terminal.type("\x1e")
    terminal.expect("CORP#")
    terminal.type("\x1d")
    assert terminal.wait() == 0


@pytest.mark.timeout(600)  # a minute, on quiet cores
def test_four_emulated_routers(host: Machine, stack: Stack) -> None:
    before = snapshot(host.run)
    stack.up()
    # The checks have the TTLs that IOS gives: 254, 254, 61.
    assert checked(stack) == ALL_PASSED
    assert stack.up() == {}
    assert stack.preview() == {}

    brief = said(stack, "CORP", "--", "show", "ip", "interface", "brief")
    rows = [line.split() for line in brief.splitlines()[1:]]
    assert {row[0]: row[1] for row in rows if row[1] != "unassigned"} == {
        "FastEthernet0/0": "10.1.2.1",
        "FastEthernet0/1": "10.1.4.1",
        "FastEthernet2/0": "10.1.5.1",
        "Vlan2": "10.1.1.2",
    }
    assert "description Switch Card to Core Network" in said(stack, "CORP", "--", "show", "running-config")
    routes = said(stack, "CORP", "--", "show", "ip", "route")
    assert "192.168.20.0/24 [120/1] via 10.1.2.2" in routes
    typed = stack.run("sh", "-c", "printf '\\nshow ip interface brief\\n' | lab console CORP")
    assert typed.returncode == 0, typed.stderr
    assert "Vlan2                      10.1.1.2" in typed.stdout
    for line in ("console", "aux"):
        check_terminal(stack, line)
    wrong = stack.run("lab", "exec", "CORP", "--", "show", "nonsense")
    assert wrong.returncode == 1

    # Who wants the topology's configuration again says so, and is told what that does.
    stack.configure("resetRouters", "1")
    told = stack.pulumi("preview", "-s", stack.name).output
    assert "router CORP gets its startup-config anew and restarts: what was saved in it is lost" in told
    assert sorted(stack.up()["update"]) == ["CORP", "R1", "R2", "R3"]
    assert checked(stack) == ALL_PASSED

    # Drift that a preview shows and an up repairs, and what is the candidate's.
    host.run("kill -9 $(pgrep --newest --exact dynamips)")
    changes = stack.preview()
    assert set(changes) == {"update"}
    (router,) = set(changes["update"])
    assert router in {"CORP", "R1", "R2", "R3"}
    assert len(changes["update"]) == 2, "the daemon, and the router in it"
    stack.up()
    assert checked(stack) == ALL_PASSED

    stack.destroy()
    assert differences(before, snapshot(host.run)) == ""


PLATFORMS = """
topology: platforms
networks: {Left: {bridge: left, subnet: 10.0.1.0/24}, Right: {bridge: right, subnet: 10.0.2.0/24}}
host:
  interfaces: {lab0: {network: Left, address: 10.0.1.2/24}}
  routes: [{dst: 10.0.0.0/16, via: 10.0.1.1}]
router_defaults: {engine: {dynamips: {hypervisor: all, ram_mib: 16, sparse: true, ghost: true}}, rip: {timers: [5, 30, 20]}}
routers:
  A:
    engine: {dynamips: {platform: c2691, system_id: FTX0001, cpus: 1}}
    slots: {1: NM-1FE-TX}
    interfaces: {Fa1/0: {network: Left, address: 10.0.1.1/24}}
  B: {slots: {2: NM-1FE-TX}}
  C: {slots: {1: NM-16ESW}}
  D:
    engine: {dynamips: {platform: c3745, nvram_kib: 304}}
    slots: {4: NM-1FE-TX}
    interfaces: {Fa0/1: {network: Right, address: 10.0.2.1/24}}
links:
  a-b: {A: {Fa0/0: 10.0.3.1/24}, B: {Fa2/0: 10.0.3.2/24}}
  b-c: {B: {Fa0/1: 10.0.4.1/24}, C: {Fa0/0: 10.0.4.2/24}}
  c-d: {C: {Fa0/1: 10.0.5.1/24}, D: {Fa4/0: 10.0.5.2/24}}
checks: [{ping: 10.0.2.1, from: host, reply_ttl: 252}]
"""


@pytest.mark.thorough
def test_platforms_mixed_and_a_daemon_shared(host: Machine, tmp_path: Path) -> None:
    """c2691, c3725 and c3745 in one chain: two of them share a daemon and their memory."""
    before = snapshot(host.run)
    (tmp_path / "platforms.yaml").write_text(PLATFORMS)
    with on_host("e2e-platforms", tmp_path, host, str(tmp_path / "platforms.yaml")) as stack:
        stack.up()
        assert checked(stack) == [("ping 10.0.2.1 from host", True)]
        assert stack.preview() == {}
        for name, platform in (("A", "c2691"), ("B", "c3725"), ("C", "c3725"), ("D", "c3745")):
            assert f"Emulated {platform[1:]} " in said(stack, name, "--", "show", "version")
        # A daemon for two routers, and one each for the others, of which one is limited.
        assert host.run("pgrep --count --exact dynamips") == "3\n"
        stack.destroy()
    assert differences(before, snapshot(host.run)) == ""


def test_a_preview_says_that_a_router_restarts(host: Machine, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"

    def declare(hardware: dict[str, object], **router: object) -> None:
        path.write_text(
            json.dumps({"topology": "one", "routers": {"R1": {"engine": {"dynamips": hardware}, **router}}})
        )

    declare({"ram_mib": 16})
    with on_host("e2e-restart", tmp_path, host, str(path)) as stack:
        stack.up()
        declare({"ram_mib": 32, "conf_reg": "0x2142"}, slots={1: "NM-1FE-TX"})
        told = stack.pulumi("preview", "-s", stack.name).output
        assert "warning: router R1 restarts for its new conf_reg, ram_mib, slots" in told
        assert stack.up() == {"update": ["R1"]}
        version = said(stack, "R1", "--", "show", "version")
        assert "with 32M bytes of memory.\n3 FastEthernet interfaces" in version
        assert "Configuration register is 0x2142" in version
        # What a preview can't know is no reason for a warning, and what changes while the router runs is none either.
        declare({"ram_mib": 32, "conf_reg": "0x2142", "idle_pc": "0x80010108"}, slots={1: "NM-1FE-TX"})
        assert "restarts" not in stack.pulumi("preview", "-s", stack.name).output


PASSWORDS = {"enable": "tr0ub4dor-and-3", "line": "s3cret-of-a-line", "key": "k3y-of-rip", "wrong": "m1styped-word"}


def secret_topology(folder: Path, *, corrected: bool = True) -> Path:
    """Three routers: the hash of a password; whole configurations with passwords in them, for the firmware and for FRR."""
    r2 = "hostname R2\nline con 0\n password {from_secret: lineOfR2}\n login\nline aux 0\n privilege level 15\nend\n"
    r3 = f"hostname R3\ninterface lo\n ip rip authentication mode md5\n ip rip authentication string {PASSWORDS['key']}\n"
    wrong = "" if corrected else f"enabel secret {PASSWORDS['wrong']}\n"
    (folder / "r2.conf").write_text(r2)
    topology = {
        "topology": "secrets",
        "routers": {
            "R1": {"engine": {"dynamips": {}}, "enable_secret": {"from_secret": "enableSecret"}},
            "R2": {"engine": {"dynamips": {}}, "config_file": "r2.conf"},
            "R3": {"engine": "frr", "config": r3 + wrong},
        },
    }
    path = folder / "secrets.yaml"
    path.write_text(json.dumps(topology))
    return path


@pytest.mark.timeout(600)
def test_no_password_of_a_router_is_to_be_seen(host: Machine, tmp_path: Path) -> None:
    """Not in the state and its backups, in what is printed, in process lists, in files of the lab host that others read."""
    watch = CommandLines()
    watch.start()
    printed = ""
    with on_host("e2e-passwords", tmp_path, host, str(secret_topology(tmp_path, corrected=False))) as stack:

        def pulumi(*arguments: str) -> str:
            nonlocal printed
            done = stack.run("pulumi", *arguments, "-s", stack.name, "--non-interactive")
            printed += done.stdout + done.stderr
            return done.stdout + done.stderr

        assert "router R1: the stack has no secret enableSecret: `pulumi config set --secret" in pulumi("preview")
        for name, password in (("enableSecret", PASSWORDS["enable"]), ("lineOfR2", PASSWORDS["line"])):
            stack.run("pulumi", "config", "set", "--secret", name, "-s", stack.name, stdin=password)
        assert "Unknown command: enabel … (line 5)" in pulumi("up", "--yes", "--diff")
        secret_topology(tmp_path)
        pulumi("up", "--yes", "--diff")
        pulumi("refresh", "--yes")
        assert stack.preview() == {}
        printed += stack.run("lab", "status", "--json").stdout

        def enabled(typed: str, until: str) -> str:
            """What the console shows once it shows `until`: a pipe is not waited for where the router is slow to answer."""
            deadline, text = time.monotonic() + 60, ""
            while until not in text and time.monotonic() < deadline:
                text = stack.run("lab", "console", "R1", stdin=f"\nenable\n{typed}\nshow privilege\n").stdout
            assert until in text, text
            return text

        assert "Current privilege level is 15" not in enabled("wrong", "Password: \nPassword:")
        enabled(PASSWORDS["enable"], "Current privilege level is 15")
        assert PASSWORDS["line"] in said(stack, "R2", "--", "show", "running-config")
        assert PASSWORDS["key"] in said(stack, "R3", "--", "vtysh", "-c", "show running-config")

        # The router's own text: it changes in place, and is not shown.
        (tmp_path / "r2.conf").write_text((tmp_path / "r2.conf").read_text().replace("hostname R2", "hostname other"))
        assert "[secret]" in pulumi("preview", "--diff")
        watch.stopped.set()
        watch.join()
        found = "find / /run /tmp /var -xdev -type f \\( -perm /o=r -o -path '*log*' \\) -size -4M -mmin -15 -print0"
        for password in PASSWORDS.values():
            assert host.run(f"{found} | xargs -0 grep -lF {password} || true") == ""
        kept = texts(stack.backend) + stack.settings.read_text()
        for password in PASSWORDS.values():
            assert password not in printed
            assert password not in kept
            assert not [line for line in watch.seen if password.encode() in line]


@pytest.mark.thorough
def test_emulated_routers_beside_others(host: Machine, mixed: Stack) -> None:
    before = snapshot(host.run)
    mixed.up()
    assert checked(mixed) == ALL_PASSED
    assert mixed.up() == {}
    learned = said(mixed, "R1", "--", "vtysh", "-c", "show ip route rip json")
    assert "192.168.81.0/24" in json.loads(learned)

    # A cut is learned by both engines, and so is its repair.
    said(mixed, "host", "--", "ip", "link", "set", "link-corp-r1", "down")
    until(lambda: "192.168.10.0" not in said(mixed, "CORP", "--", "show", "ip", "route"), "CORP forgets R1's networks")
    until(
        lambda: "192.168.81.0/24" not in said(mixed, "R1", "--", "vtysh", "-c", "show ip route rip json"),
        "R1 forgets what is behind CORP",
    )
    assert mixed.preview() == {"update": ["link-corp-r1"]}
    mixed.up()
    assert checked(mixed) == ALL_PASSED
    mixed.destroy()
    assert differences(before, snapshot(host.run)) == ""
