"""The tables of docs/benchmarks.md, and what is promised of counts."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import (
    DESTROY,
    EDIT,
    NO_CHECKPOINTS,
    ROUND_TRIP_S,
    SAME,
    SAME_WITH_REFRESH,
    UP,
    Counted,
    LabResult,
)
from benchmarks.peers import Script

PROJECT, ENGINE, SCRIPT = "this project", "engine alone", Script.name
CONTAINERLAB_RING_OF_50_S = 6.3
"""Measured on such a machine, once; it can't be had from a package registry."""
OPERATIONS = {"add", "show", "set", "remove"}
"""The agent's methods that are a resource operation; what else is asked is the host's features, and an image's upload."""


@dataclass(frozen=True)
class Goal:
    """A goal with what was measured."""

    text: str
    measured: float
    limit: float

    def row(self) -> str:
        verdict = "ok" if self.measured <= self.limit else "**missed**"
        return f"| {self.text} | {self.measured:.2f} s | {self.limit:.2f} s | {verdict} |"


def describe_machine() -> str:
    """What it was measured on, and how busy that was."""
    cores = os.cpu_count()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return (
        f"Measured on {today}: {cores} cores ({_processor()}), {memory_gib:.0f} GiB, Linux {platform.release()}, Python"
        f" {platform.python_version()}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def tables(results: Sequence[LabResult], machine: str) -> str:
    parts = [machine, ""]
    for result in results:
        if result.seconds:
            parts += [_lab_table(result), ""]
    found = goals(results)
    parts += [
        "### Goals",
        "",
        "| goal | measured | limit | |",
        "|---|---|---|---|",
        *(goal.row() for goal in found),
        "",
    ]
    parts += [_counts_table(results), ""]
    return "\n".join(parts)


def _lab_table(result: LabResult) -> str:
    lines = [
        f"### {result.title}",
        "",
        f"{result.resources} resources. Load of the machine in the minute before: {result.load:.1f}.",
        "",
        "| | up | no change | one edit | destroy | n |",
        "|---|---|---|---|---|---|",
    ]
    for name, operations in result.seconds.items():
        count = len(operations[UP])
        cells = [_cell(result, name, operation) for operation in (UP, SAME, EDIT, DESTROY)]
        lines.append(f"| {name} | {' | '.join(cells)} | {count} |")
        if SAME_WITH_REFRESH in operations:
            lines.append(f"| {name}, with refresh | | {_seconds(operations[SAME_WITH_REFRESH])} | | | {count} |")
    if result.distant:
        label = f"{PROJECT}, {ROUND_TRIP_S * 1000:.0f} ms away"
        cells = [_seconds(result.distant[operation]) for operation in (UP, SAME, EDIT, DESTROY)]
        lines.append(f"| {label} | {' | '.join(cells)} | {len(result.distant[UP])} |")
    lines += [f"| {name} | not installed: {why} | | | | |" for name, why in result.missing.items()]
    return "\n".join(lines)


def _cell(result: LabResult, name: str, operation: str) -> str:
    """The median, and its ratio to this project's: above 1 it takes longer."""
    median = result.median(name, operation)
    if median is None:
        return "–"
    ours = result.median(PROJECT + (NO_CHECKPOINTS if name.endswith(NO_CHECKPOINTS) else ""), operation)
    ratio = f" ({median / ours:.2f}×)" if ours and not name.startswith(PROJECT) else ""
    return f"{median:.2f}{ratio}"


def _seconds(samples: Sequence[float]) -> str:
    return f"{statistics.median(samples):.2f}" if samples else "–"


def goals(results: Sequence[LabResult]) -> list[Goal]:
    """The goals that these results can tell of."""
    found = []
    for result in results:
        bare = f"{PROJECT}{NO_CHECKPOINTS}" in result.seconds
        for mode in ("", NO_CHECKPOINTS) if bare else ("",):
            ours, engine = f"{PROJECT}{mode}", f"{ENGINE}{mode}"
            up, engine_up = result.median(ours, UP), result.median(engine, UP)
            script = result.median(SCRIPT, UP)
            same, edit, destroy = (result.median(ours, operation) for operation in (SAME, EDIT, DESTROY))
            engine_same, engine_destroy = result.median(engine, SAME_WITH_REFRESH), result.median(engine, DESTROY)
            title = f"{result.title}{mode}"
            if up is None or engine_up is None:
                continue
            if result.title == "`ccna_ch8`":
                found.append(Goal(f"{title}: up ≤ 1.6 × engine alone", up, 1.6 * engine_up))
            if script is not None:
                found.append(Goal(f"{title}: up ≤ engine alone + 1.2 × script", up, engine_up + 1.2 * script))
            if same is not None and engine_same is not None:
                found.append(Goal(f"{title}: no change ≤ engine alone with refresh + 0.5 s", same, engine_same + 0.5))
            if same is not None and edit is not None:
                found.append(Goal(f"{title}: one edit ≤ no change + 0.1 s", edit, same + 0.1))
            if destroy is not None and engine_destroy is not None:
                found.append(Goal(f"{title}: destroy ≤ engine alone + 0.5 s", destroy, engine_destroy + 0.5))
            if "50 containers" in title:
                found.append(
                    Goal(
                        f"{title}: up ≤ 1.3 × containerlab's {CONTAINERLAB_RING_OF_50_S} s",
                        up,
                        1.3 * CONTAINERLAB_RING_OF_50_S,
                    )
                )
            if result.distant:
                growth = statistics.median(result.distant[UP]) - up
                found.append(
                    Goal(f"{title}: up grows with {ROUND_TRIP_S * 1000:.0f} ms of round-trip time", growth, 3.0)
                )
    return found


def _counts_table(results: Sequence[LabResult]) -> str:
    lines = [
        "### Round-trips, connections, memory (this project)",
        "",
        "| lab | operation | phases | SSH connections | resource operations | round-trips for them | other round-trips | provider | agent |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for phase, counted in result.counted.items():
            operations, trips, others = _round_trips(counted)
            cells = [
                result.title,
                "no change" if phase == SAME else phase,
                *(counted.phases, counted.connections, operations, trips, others),
                f"{counted.provider_mib:.0f} MiB",
                f"{counted.agent_mib:.0f} MiB",
            ]
            lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


def _round_trips(counted: Counted) -> tuple[int, int, int]:
    """Resource operations that are the lab's, round-trips for them, and round-trips for anything else."""
    trips = sum(count for call, count in counted.calls.items() if call.split()[0] in OPERATIONS)
    others = sum(count for call, count in counted.calls.items() if call.split()[0] not in OPERATIONS)
    return counted.operations, trips, others


def broken_promises(results: Sequence[LabResult]) -> list[str]:
    """What is asserted: one connection a phase, one round-trip a resource operation."""
    broken = []
    for result in results:
        for phase, counted in result.counted.items():
            where = f"{result.title}, {phase}"
            if counted.connections != counted.phases:
                broken.append(
                    f"{where}: {counted.connections} SSH connections in {counted.phases} phases of the engine's"
                )
            operations, trips, _ = _round_trips(counted)
            if operations != trips:
                broken.append(f"{where}: {trips} round-trips for {operations} resource operations: {counted.calls}")
    return broken
