"""Programs on the host, by argv list."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from host_agent.errors import CommandFailed


def has_systemd() -> bool:
    """Whether systemd runs the host. See sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()


def run(
    argv: Sequence[str], *, stdin: str = "", netns: str = "", timeout_s: float = 20, with_stderr: bool = False
) -> str:
    """What the program prints on stdout, or on both. `stdin` is fed to it; `netns` names the network namespace that it runs in, as in /run/netns.

    Raises CommandFailed with the argv, the status and what it printed if it ends with an error, is not there, or takes longer than
    `timeout_s` seconds.
    """
    # nsenter, not `ip netns exec`: that one also remounts /sys in a mount namespace of its own, which costs ten times as much.
    if netns:
        argv = ["nsenter", f"--net=/run/netns/{netns}", "--", *argv]
    # Files, not pipes: a daemon that the program starts may keep them open, and a pipe would be waited for until it ends.
    with _memory() as source, _memory() as stdout, _memory() as stderr:
        os.pwrite(source, stdin.encode(), 0)
        try:
            process = subprocess.Popen(argv, stdin=source, stdout=stdout, stderr=stderr)
        except OSError as error:
            raise CommandFailed(argv, -1, str(error)) from None
        if not _ends(process, timeout_s):
            process.kill()
            process.wait()
            raise CommandFailed(argv, -1, f"it did not end within {timeout_s:g} s; {_read(stderr)}")
        if process.wait():
            raise CommandFailed(argv, process.returncode, f"{_read(stderr).strip()}\n{_read(stdout).strip()}")
        return _read(stdout) + (_read(stderr) if with_stderr else "")


@contextlib.contextmanager
def _memory() -> Iterator[int]:
    """A file that is in no folder. See memfd_create(2)."""
    descriptor = os.memfd_create("exam-lab")
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


def _ends(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait for its end. `Popen.wait(timeout)` looks every 50 ms, which is as long as most of these programs run."""
    descriptor = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)
