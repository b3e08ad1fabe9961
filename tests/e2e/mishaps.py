"""What may befall a `pulumi` that runs, at a chosen step of it; and what must hold afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from cli.backend import locks
from tests import outside
from tests.e2e.stack import PROJECT, Stack
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine
from tests.proxy import Proxy, proxy

SMALL = "two_lans"
TOPOLOGIES = PROJECT / "tests" / "e2e" / "topologies"
ORPHANS_S = 1.0
"""How long a process of ours may outlive its parent."""
AGENT = "run.py serve"


@dataclass(frozen=True)
class Run:
    """A `pulumi` that runs, the host that it works on, and the proxy on the way there."""

    process: subprocess.Popen[str]
    host: Machine
    way: Proxy


@dataclass(frozen=True)
class Topologies:
    """Of a trial: what is brought up, and what an update makes of it, an edit of each sort."""

    declared: str
    edited: str
    host: str = ""
    """What the host has beside: shell commands."""


TWO_LANS = Topologies(SMALL, str(TOPOLOGIES / "two_lans_edited.yaml"))
ONE_LAN = Topologies(str(TOPOLOGIES / "one_lan.yaml"), str(TOPOLOGIES / "one_lan_edited.yaml"))
"""Half as many steps, and every kind of resource that two_lans has."""
WAY_OUT = Topologies(
    str(TOPOLOGIES / "way_out.yaml"),
    str(TOPOLOGIES / "way_out_edited.yaml"),
    # Forwarding is on for good once a lab has asked for it, as Docker does it.
    f"{outside.SET_UP}sysctl -q -w net.ipv4.ip_forward=1",
)
"""The kinds of NAT."""


@dataclass
class Outcome:
    """How a run ended. `steps` are those that had begun; `messages` what the user was told."""

    struck: bool = False
    status: int = 0
    seconds: float = 0.0
    steps: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    outlived_s: float = 0.0
    """For how long a process of the run, or its agent on the host, outlived the command."""

    @property
    def errors(self) -> list[str]:
        return [line for message in self.messages for line in message.splitlines() if line.strip()]


Mishap = Callable[[Run], None]


def interrupted(run: Run) -> None:
    run.process.send_signal(signal.SIGINT)


def interrupted_twice(run: Run) -> None:
    run.process.send_signal(signal.SIGINT)
    # A person's second ^C. Two signals at once are one.
    time.sleep(0.1)
    run.process.send_signal(signal.SIGINT)


def terminated(run: Run) -> None:
    run.process.terminate()


def killed(run: Run) -> None:
    run.process.kill()


def provider_killed(run: Run) -> None:
    kill_those(descendants(run.process.pid), b"pulumi.dynamic")


def agent_killed(run: Run) -> None:
    run.host.run(f"pkill -KILL -f '{AGENT[:-1]}[{AGENT[-1]}]' || true")


def session_killed(run: Run) -> None:
    """The sshd of the agent's connection; the agent itself is not told."""
    run.host.run(
        f"for agent in $(pgrep -f '{AGENT[:-1]}[{AGENT[-1]}]'); do kill -KILL $(ps -o ppid= -p $agent); done || true"
    )


def connection_reset(run: Run) -> None:
    run.way.cut()


def connection_silent(run: Run) -> None:
    run.way.freeze()


KILLS: dict[str, Mishap] = {
    "SIGINT": interrupted,
    "SIGINT-twice": interrupted_twice,
    "SIGTERM": terminated,
    "SIGKILL": killed,
    "SIGKILL-provider": provider_killed,
    "SIGKILL-agent": agent_killed,
}
CUTS: dict[str, Mishap] = {
    "session-killed": session_killed,
    "connection-reset": connection_reset,
    "connection-silent": connection_silent,
}


def pulumi(
    stack: Stack, *arguments: str, host: Machine, way: Proxy, step: int, mishap: Mishap, limit_s: float
) -> Outcome:
    """Run `pulumi` with `arguments`, and let `mishap` happen as its `step`-th resource step begins (from 1).

    AssertionError where it takes longer than `limit_s`. `struck` says whether it had so many steps.
    """
    argv = ["pulumi", *arguments, "--yes", "--skip-preview", "--json", "--non-interactive", "-s", stack.name]
    outcome = Outcome()
    began = time.monotonic()
    process = subprocess.Popen(
        argv, cwd=PROJECT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )  # fmt: skip
    hangs = threading.Event()

    def end() -> None:
        hangs.set()
        process.kill()

    limit = threading.Timer(limit_s, end)
    limit.start()
    family: list[int] = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):
                outcome.messages.append(line.strip())
                continue
            if not line.endswith("\n"):
                break  # killed while it wrote
            event = json.loads(line)
            diagnostic = event.get("diagnosticEvent", {})
            if diagnostic.get("severity") in {"error", "warning"}:
                outcome.messages.append(diagnostic["message"])
            if "resourcePreEvent" in event:
                outcome.steps.append(event["resourcePreEvent"]["metadata"]["urn"].rpartition("::")[2])
                if len(outcome.steps) == step:
                    family = descendants(process.pid)
                    outcome.struck = True
                    mishap(Run(process, host, way))
    outcome.status = process.wait()
    ended = time.monotonic()
    limit.cancel()
    outcome.seconds = ended - began
    assert not hangs.is_set(), f"pulumi {arguments[0]} hangs at step {step}: {outcome.errors}"
    if f"lab-{stack.name}" in outcome.steps[step - 1 :]:
        # Before the first resource a killed engine's language host kills the program at once, and after the last one the engine has ended the
        # providers: nobody is left to end the language host, which looks after its engine by itself every five minutes. On a busy machine the
        # engine is further than what was read of it.
        kill_those(family, b"pulumi-language-python")
    looked = ended
    while any(alive(pid) for pid in family) or (outcome.status and agents(host)):
        # What is asked takes time too: it was there when the question was put.
        outcome.outlived_s = looked - ended
        assert outcome.outlived_s < 20, [command_line(pid) for pid in family]
        time.sleep(0.01)
        looked = time.monotonic()
    return outcome


def agents(host: Machine) -> int:
    """How many agents are on the host."""
    return int(host.run(f"pgrep -c -f '{AGENT[:-1]}[{AGENT[-1]}]' || true"))


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started, by pid."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    ahead: list[int] = [pid]
    while ahead:
        children = parents.get(ahead.pop(), [])
        found += children
        ahead += children
    return found


def kill_those(pids: list[int], word: bytes) -> None:
    """Of these processes those with a word in their command line."""
    for pid in pids:
        if word in command_line(pid):
            os.kill(pid, signal.SIGKILL)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def alive(pid: int) -> bool:
    """Whether it is there, and is not a zombie that nobody has waited for."""
    return command_line(pid) != b""


class Trial:
    """A lab on target `ssh` through a proxy, to which mishaps happen; and what must hold after each."""

    def __init__(self, name: str, topologies: Topologies, folder: Path, host: Machine, way: Proxy) -> None:
        self.name = name
        self.topologies = topologies
        self.folder = folder
        self.host = host
        self.way = way
        self.before = snapshot(host.run)
        self._stack: Stack | None = None
        self._there = ""
        """The topology that is there as declared, with nothing left to do, as long as nothing is let happen to it; "" where that is not known."""

    @property
    def stack(self) -> Stack:
        """The stack; made where there is none."""
        if self._stack is None:
            by_proxy = replace(self.host, endpoint=replace(self.host.endpoint, port=self.way.port))
            self._stack = make_stack(self.name, self.folder / self.name, by_proxy, self.topologies.declared)
        return self._stack

    def prepare(self, command: str) -> None:
        """Whatever was before: there is nothing before an `up`, and the lab before an `update` or a `destroy`."""
        there, self._there = self._there, ""
        if command == "up":
            self.destroy_by_make()
        elif there != self.topologies.declared:
            self.cancel()
            self.stack.configure("topology", self.topologies.declared)
            self.stack.up()
        if command == "update":
            self.stack.configure("topology", self.topologies.edited)

    def befall(self, command: str, step: int, name: str, limit_s: float) -> Outcome:
        """Let a mishap happen to `up`, `update` or `destroy`, and check what is seen of it at once."""
        outcome = pulumi(
            self.stack, "destroy" if command == "destroy" else "up", host=self.host, way=self.way, step=step,
            mishap={**KILLS, **CUTS}[name], limit_s=limit_s,
        )  # fmt: skip
        self.way.thaw()
        told = "\n".join(outcome.messages)
        if outcome.struck and outcome.status and name in {*CUTS, "SIGKILL-agent"}:
            assert "the connection broke" in told or "can't be reached" in told or "did not start" in told, told
        assert "Traceback" not in told, told
        if name != "connection-silent":
            # Everything waits its turn on a machine that is busy.
            allowed = ORPHANS_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
            assert outcome.outlived_s <= allowed, f"{name} at step {step}: {outcome.outlived_s:.2f} s"
        return outcome

    def destroy_by_make(self) -> None:
        """`make destroy` leaves the host as it was."""
        done = self.stack.run("python", "-m", "cli.demo", "--destroy", "--stack", self.name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not self.stack.settings.exists()
        self._stack = None
        self.assert_host_as_before()

    def come_to_as_declared(self) -> None:
        """`pulumi up`, after no more than a `pulumi cancel`, gets to what is declared, and the host has nothing else."""
        self.cancel()
        self.stack.up()
        assert self.stack.preview() == {}
        in_state = {str(item["id"]) for item in self.stack.resources() if str(item.get("id", "")).count("/") >= 2}
        recorded = self.host.run("cat /var/lib/exam-lab/leases/*/*' '*.json | sed 's/}{/}\\n{/g'")
        lease = next(text for text in in_state if "/lease/" in text)
        assert {json.loads(line)["id"] for line in recorded.splitlines()} == in_state - {lease}
        self._there = self.stack.configured("topology")

    def cancel(self) -> None:
        """Remove the lock of a Pulumi that was killed, as it says itself that one should."""
        if locks(self.stack.environment["PULUMI_BACKEND_URL"], self.name):
            self.stack.pulumi("cancel", "--yes", self.name)

    def assert_host_as_before(self) -> None:
        # The kernel ends namespaces at its own pace.
        deadline = time.monotonic() + 5
        while (found := differences(self.before, snapshot(self.host.run))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == ""


@contextlib.contextmanager
def trial_of(name: str, topologies: Topologies, folder: Path) -> Iterator[Trial]:
    """A trial on a host of its own."""
    with machine(f"{name}-host", folder) as host, proxy(host.endpoint.port) as way:
        host.run(topologies.host)
        made = Trial(name, topologies, folder, host, way)
        try:
            yield made
        finally:
            made.stack.settings.unlink(missing_ok=True)


def make_stack(name: str, folder: Path, host: Machine, topology: str) -> Stack:
    """A stack on target `ssh`, with its state where activation has it."""
    stack = Stack(name, folder, {})
    stack.environment["PULUMI_BACKEND_URL"] += "?metadata=skip"
    settings = {
        "target": "ssh",
        "topology": topology,
        "address": host.endpoint.address,
        "port": host.endpoint.port,
        "privateKeyFile": host.endpoint.private_key_file,
    }
    # As `pulumi config set` would, but at once.
    with stack.settings.open("a") as file:
        file.write("config:\n" + "".join(f"  lab:{key}: {json.dumps(value)}\n" for key, value in settings.items()))
    return stack
