"""How things are timed and watched: whole commands from outside, memory by the kernel's high-water mark."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

TIMEOUT_S = 300
QUIET_WINDOW_S = 0.2
QUIET_SHARE = 0.85
"""Share of idle time at which the machine counts as quiet."""
SETTLE_LIMIT_S = 6.0
SAMPLE_S = 0.05


class BenchError(Exception):
    """A measured command failed: which one, and the end of what it said."""


def run(
    argv: Sequence[str], *, stdin: str = "", cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[float, str]:
    """Wall-clock seconds of a command that must succeed, from its start to its end, and what it printed. Raises BenchError."""
    # Into a file: a pipe would be waited for until the last process that inherited it has ended.
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        try:
            status = subprocess.run(
                argv,
                input=stdin,
                cwd=cwd,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        seconds = time.perf_counter() - started
        output.seek(0)
        printed = output.read()
    if status != 0:
        ended = f"did not end within {TIMEOUT_S} s" if status is None else f"ended with status {status}"
        tail = "\n".join(printed.splitlines()[-25:])
        raise BenchError(f"`{' '.join(argv)[:200]}` {ended}:\n{tail}")
    return seconds, printed


def settle() -> None:
    """Wait until the machine is quiet: the kernel ends namespaces in the background, which is not the next command's doing."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while time.monotonic() < deadline:
        idle, total = _cpu_times()
        time.sleep(QUIET_WINDOW_S)
        idle_after, total_after = _cpu_times()
        if total_after > total and (idle_after - idle) / (total_after - total) >= QUIET_SHARE:
            return


def _cpu_times() -> tuple[int, int]:
    fields = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


class Memory:
    """The most resident memory, in MiB, that any process had to which a name's test applies; a test is given its folder in /proc."""

    def __init__(self, tests: Mapping[str, Callable[[Path], bool]]) -> None:
        self.peak_mib: dict[str, float] = dict.fromkeys(tests, 0.0)
        self._tests = tests
        self._ended = threading.Event()

    def sample(self) -> None:
        """Look at all processes of this machine; those of a sandbox are among them."""
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            process = Path(entry.path)
            # It may have ended meanwhile.
            with contextlib.suppress(OSError):
                for name, applies in self._tests.items():
                    if applies(process):
                        self.peak_mib[name] = max(self.peak_mib[name], _high_water_mib(process / "status"))

    def watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self.sample()

    def end(self) -> None:
        self._ended.set()


def _high_water_mib(status: Path) -> float:
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def memory(tests: Mapping[str, Callable[[Path], bool]]) -> Iterator[Memory]:
    """Watch for the time of the block."""
    watched = Memory(tests)
    thread = threading.Thread(target=watched.watch, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        watched.end()
        thread.join()
