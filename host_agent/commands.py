"""Programs on the host, by argv list."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from host_agent.errors import CommandFailed


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
    # Into files, not pipes: a daemon that the program starts may keep them open, and a pipe would be waited for until it ends.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:

        def printed(file: IO[bytes]) -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            done = subprocess.run(
                argv, input=stdin.encode(), stdout=stdout, stderr=stderr, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(argv, -1, f"it did not end within {timeout_s:g} s; {printed(stderr)}") from None
        except OSError as error:
            raise CommandFailed(argv, -1, str(error)) from None
        if done.returncode:
            raise CommandFailed(argv, done.returncode, f"{printed(stderr).strip()}\n{printed(stdout).strip()}")
        return printed(stdout) + (printed(stderr) if with_stderr else "")
