"""Continuous pings between devices of a lab during a block."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.machines import Machine

PROGRAM = "/root/pinger.py"


@dataclass(frozen=True)
class Ping:
    """One device pinging an address of another."""

    source: str
    target: str
    netns: str
    address: str

    @property
    def name(self) -> str:
        return f"{self.source} to {self.target} ({self.address})"


@dataclass
class Pings:
    """What came of them, once the block has ended: spans in seconds from the start, by the names of the pings."""

    sent: dict[str, int] = field(default_factory=dict)
    lost: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    stopped_s: float = 0.0

    def silent_at_the_end(self) -> list[str]:
        """Those whose last ping was not answered."""
        return [name for name, spans in self.lost.items() if spans and spans[-1][1] >= self.stopped_s - 0.02]


@contextmanager
def pinging(machine: Machine, pings: Iterable[Ping]) -> Iterator[Pings]:
    """From when all are answered to the end of the block. AssertionError where one never is."""
    status, _, errors = machine.connection.run(
        ["/bin/sh", "-c", f"cat > {PROGRAM}"], (Path(__file__).parent / "pinger.py").read_bytes()
    )
    assert status == 0, errors
    argument = json.dumps([[ping.name, ping.netns, ping.address] for ping in pings])
    channel = machine.connection.channel(["/usr/bin/python3", "-I", PROGRAM, argument])
    channel.settimeout(90)
    output = channel.makefile("r")
    result = Pings()
    try:
        first = output.readline()
        assert first == "ready\n", channel.makefile_stderr("rb").read().decode()
        yield result
        channel.sendall(b"\n")
        answer = json.loads(output.readline())
    finally:
        channel.close()
    result.stopped_s = answer["stopped"]
    for name, found in answer["pairs"].items():
        result.sent[name] = found["sent"]
        if found["lost"]:
            result.lost[name] = [(start, end) for start, end in found["lost"]]
