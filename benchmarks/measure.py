"""One run: every lab by every contestant that it has, in turn, several times."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import labs, peers
from benchmarks.hosts import BenchHost
from benchmarks.labs import Lab
from benchmarks.proxy import proxy
from benchmarks.pulumi_runs import Engine, Project
from benchmarks.timing import BenchError, memory, settle

ROUND_TRIP_S = 0.1
UP, SAME, SAME_WITH_REFRESH, EDIT, DESTROY = "up", "same", "same_with_refresh", "edit", "destroy"
NO_CHECKPOINTS = ", no checkpoints"
"""Behind the name of a contestant that runs with PULUMI_SKIP_CHECKPOINTS=true."""


@dataclass(frozen=True)
class Course:
    """A lab, and who takes part beside the project, the engine and the script."""

    lab: str
    title: str
    small: bool = False
    """With the contestants that need too long for a big one."""
    big: bool = False
    """Also without checkpoints."""
    checkpointed: bool = True
    """With checkpoints, which take minutes for a thousand resources."""


COURSES = (
    Course("ccna_ch8", "`ccna_ch8`", small=True),
    Course("containers-10", "ring of 10 containers", small=True),
    Course("containers-50", "ring of 50 containers"),
    Course("namespaces-200", "ring of 200 namespaces", big=True),
    Course("pairs-1000", "1,000 veth pairs", big=True, checkpointed=False),
)
REPETITIONS = 5


@dataclass
class Counted:
    """One phase of this project, counted."""

    connections: int
    phases: int
    """Provider processes that connected: an `up` that refreshes and then has something to do is two phases of the engine's."""
    operations: int
    """What must be done on the host, by the number of resources in the state."""
    calls: dict[str, int]
    """By method and kind, such as `add veth_pair`."""
    provider_mib: float
    agent_mib: float


@dataclass
class LabResult:
    """Everything measured with one lab."""

    title: str
    load: float = 0.0
    """The machine's, of the minute before."""
    resources: int = 0
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """By contestant and operation."""
    counted: dict[str, Counted] = field(default_factory=dict)
    """By operation."""
    distant: dict[str, list[float]] = field(default_factory=dict)
    """This project with ROUND_TRIP_S added, by operation."""
    missing: dict[str, str] = field(default_factory=dict)
    """Contestants that could not be had, and why."""

    def median(self, contestant: str, operation: str) -> float | None:
        samples = self.seconds.get(contestant, {}).get(operation)
        return statistics.median(samples) if samples else None


Say = Callable[[str], None]


class Runner:
    """Runs courses on a host; files of its own are in `folder`."""

    def __init__(self, host: BenchHost, folder: Path, say: Say, repetitions: int | None) -> None:
        """`repetitions`: instead of REPETITIONS."""
        self._host = host
        self._folder = folder
        self._say = say
        self._repetitions = repetitions or REPETITIONS

    def run(self, course: Course) -> LabResult:
        lab = labs.lab(course.lab)
        result = LabResult(course.title, os.getloadavg()[0])
        result.resources, result.counted = self._count(lab, checkpoints=not course.big)
        contestants = self._contestants(course, lab, result)
        try:
            for _ in range(self._repetitions):
                for name, contestant in contestants.items():
                    self._cycle(name, contestant, result.seconds.setdefault(name, {}))
        finally:
            for contestant in contestants.values():
                contestant.close()
        if course.lab == "ccna_ch8":
            self._distant(lab, result)
        return result

    def _contestants(self, course: Course, lab: Lab, result: LabResult) -> dict[str, Contestant]:
        """By name."""
        endpoint, size = self._host.endpoint, result.resources
        found: dict[str, Contestant] = {}
        if course.checkpointed:
            found["this project"] = Project(lab, endpoint, self._place(lab, "project"))
            found["engine alone"] = Engine(size, self._place(lab, "engine"))
        if course.big:
            for made in (
                Project(lab, endpoint, self._place(lab, "project-bare"), checkpoints=False),
                Engine(size, self._place(lab, "engine-bare"), checkpoints=False),
            ):
                found[f"{made.name}{NO_CHECKPOINTS}"] = made
        found[peers.Script.name] = peers.Script(lab, self._host)
        if course.small:
            found[peers.PerCommand.name] = peers.PerCommand(lab, self._host)
            makers: dict[str, Callable[[], Contestant]] = {
                peers.Ansible.name: lambda: peers.Ansible(lab, self._host, self._place(lab, "ansible")),
                peers.Pyinfra.name: lambda: peers.Pyinfra(lab, self._host, self._place(lab, "pyinfra")),
                peers.Mininet.name: lambda: peers.Mininet(lab, self._host, self._place(lab, "mininet")),
            }
            for name, make in makers.items():
                try:
                    found[name] = make()
                except (BenchError, OSError, subprocess.SubprocessError) as error:
                    result.missing[name] = str(error).splitlines()[0]
        return found

    def _cycle(self, name: str, contestant: Contestant, seconds: dict[str, list[float]]) -> None:
        for operation in (UP, SAME, SAME_WITH_REFRESH, EDIT, DESTROY):
            measured = getattr(contestant, operation, None)
            if measured is None:
                continue
            if isinstance(contestant, (Project, Engine)) and operation in {UP, EDIT}:
                contestant.set_edit(edited=operation == EDIT)
            settle()
            took = measured()
            seconds.setdefault(operation, []).append(took)
            self._say(f"{name}: {operation} {took:.2f} s")

    def _count(self, lab: Lab, *, checkpoints: bool) -> tuple[int, dict[str, Counted]]:
        """One cycle of this project through a counting proxy: number of resources, and each phase counted."""
        counted: dict[str, Counted] = {}
        resources = 0
        with proxy(self._host.endpoint.port) as relay:
            folder = self._place(lab, "counted")
            project = Project(lab, self._host.endpoint, folder, port=relay.port, checkpoints=checkpoints)
            file = folder / "counts"
            project.stack.environment["BENCH_COUNTS"] = f"{file}"
            project.stack.environment["PYTHONPATH"] += f":{Path(__file__).parent / 'counting'}"
            try:
                for operation in (UP, SAME, EDIT, DESTROY):
                    if operation in {UP, EDIT}:
                        project.set_edit(edited=operation == EDIT)
                    file.write_text("")
                    before = relay.connections
                    settle()
                    with memory(self._processes(file)) as watched:
                        getattr(project, operation)()
                    calls = Counter(line.strip() for line in file.read_text().splitlines())
                    phases = [call for call in calls if call.startswith("connect ")]
                    told = sum(calls.pop(call) for call in phases)
                    made = relay.connections - before
                    if told != made:
                        raise BenchError(
                            f"{operation}: {told} connections by the provider's count, {made} by the proxy's"
                        )
                    resources = resources or len(project.stack.resources())
                    # All but the host itself are made or read; one is edited, after all were read; the lease takes all with it.
                    operations = {UP: resources - 1, SAME: resources - 1, EDIT: resources, DESTROY: 1}[operation]
                    peak = watched.peak_mib
                    counted[operation] = Counted(
                        made, len(phases), operations, dict(calls), peak["provider"], peak["agent"]
                    )
                    self._say(f"counted: {operation} {counted[operation]}")
            finally:
                project.close()
        return resources, counted

    def _processes(self, counts: Path) -> dict[str, Callable[[Path], bool]]:
        """How the provider's and the agent's process are told from others of their kind on this machine."""
        sandbox = self._host.run("readlink /proc/self/ns/pid").strip()

        def is_provider(process: Path) -> bool:
            return (
                b"pulumi.dynamic" in (process / "cmdline").read_bytes()
                and f"{counts}".encode() in (process / "environ").read_bytes()
            )

        def is_agent(process: Path) -> bool:
            command = (process / "cmdline").read_bytes()
            return b"run.py\0serve" in command and str((process / "ns" / "pid").readlink()) == sandbox

        return {"provider": is_provider, "agent": is_agent}

    def _distant(self, lab: Lab, result: LabResult) -> None:
        with proxy(self._host.endpoint.port, ROUND_TRIP_S) as relay:
            project = Project(lab, self._host.endpoint, self._place(lab, "distant"), port=relay.port)
            try:
                for _ in range(self._repetitions):
                    self._cycle(f"with {ROUND_TRIP_S * 1000:.0f} ms of round-trip time", project, result.distant)
            finally:
                project.close()

    def _place(self, lab: Lab, name: str) -> Path:
        return self._folder / re.sub(r"[^a-z0-9]+", "-", f"{lab.name}-{name}")


Contestant = Project | Engine | peers.ByHand | peers.Mininet


def write(file: Path, results: Mapping[str, LabResult]) -> None:
    """Keep results, by lab."""
    file.write_text(json.dumps({lab: dataclasses.asdict(result) for lab, result in results.items()}, indent=1))


def read(file: Path) -> dict[str, LabResult]:
    """What `write` kept."""
    return {
        lab: LabResult(
            **{**kept, "counted": {operation: Counted(**counted) for operation, counted in kept["counted"].items()}}
        )
        for lab, kept in json.loads(file.read_text()).items()
    }


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
