"""Programs on the host, by argv list."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from host_agent.errors import CommandFailed


def run(argv: Sequence[str], *, stdin: str = "", netns: str = "", timeout_s: float = 20) -> str:
    """What the program prints on stdout. `stdin` is fed to it; `netns` is the name of the network namespace that it runs in, as in /run/netns.

    Raises CommandFailed with the argv, the status and what it printed if it ends with an error, is not there, or takes longer than
    `timeout_s` seconds.
    """
    # nsenter, not `ip netns exec`: that one also remounts /sys in a mount namespace of its own, which costs ten times as much.
    if netns:
        argv = ["nsenter", f"--net=/run/netns/{netns}", "--", *argv]
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(argv, -1, f"it did not end within {timeout_s:g} s") from None
    except OSError as error:
        raise CommandFailed(argv, -1, str(error)) from None
    if done.returncode:
        raise CommandFailed(argv, done.returncode, f"{done.stderr.strip()}\n{done.stdout.strip()}")
    return done.stdout
