"""Run the package's privileged program (`sandbox/root.py`) as root: directly, or through sudo by a fixed argv."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.errors import SandboxError

ROOT_PROGRAM = Path(__file__).resolve().parent / "root.py"


def argv(arguments: Sequence[str]) -> list[str]:
    """The command that runs `root.py` with `arguments` as root. SandboxError if this user is not root and has no sudo.

    Isolated (-I: no PYTHON* variables, no user site), without site-packages (-S), and without byte code (-B), which would
    leave root-owned files in the user's checkout.
    """
    command = [sys.executable, "-I", "-S", "-B", str(ROOT_PROGRAM), *arguments]
    if os.geteuid() == 0:
        return command
    sudo = shutil.which("sudo")
    if sudo is None:
        raise SandboxError("the sandbox needs root, and this user has no sudo: install sudo, or run as root")
    return [sudo, "-n", "--", *command]


def run(arguments: Sequence[str], *, show_progress: bool = False) -> None:
    """Run `root.py ARGUMENTS…` as root and wait. SandboxError with its message if it fails.

    show_progress lets its standard output (progress lines) through; otherwise it is dropped.
    """
    command = argv(arguments)
    # A process of its own even for root: the caller may have threads (Pulumi's provider does), and those do not survive a fork.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=None if show_progress else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    message = done.stderr.strip() or f"{' '.join(command)} ended with status {done.returncode}"
    if os.geteuid() != 0 and message.startswith("sudo:"):
        raise SandboxError(f"the sandbox needs root, but {message.splitlines()[0]}; run `sudo -v`, then try again")
    raise SandboxError(message)
