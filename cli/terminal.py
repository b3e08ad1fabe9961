"""`lab console` and `lab exec`: this process's stdin, stdout and stderr joined to a command on the lab host."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Literal

import paramiko

from cli.errors import UsageError
from cli.stack import Deployment
from dynamic_providers import connection
from dynamic_providers.connection import Lost

CHUNK = 32 * 1024
"""Bytes at a time; what an SSH packet carries."""
STDIN, STDOUT, STDERR = 0, 1, 2


def console(deployment: Deployment, device_name: str, *, line: Literal["attach", "aux"] = "attach") -> int:
    """A device's console (a router's vtysh, a shell elsewhere) on this terminal, or as a pipe where there is none. Returns its status.

    `line` aux: the AUX port of an emulated router.
    """
    device = deployment.device(device_name)
    ssh = connection.agent(deployment.endpoint).connection
    argv = ssh.agent_command(line, deployment.lease, device.name)
    if not (os.isatty(STDIN) and os.isatty(STDOUT)):
        return join(ssh.channel(argv), deployment)
    if sys.platform == "win32":
        raise UsageError(
            "a console needs a terminal of Linux or macOS: use WSL, or `lab exec` and `lab console` with its input from a pipe"
        )
    columns, rows = os.get_terminal_size(STDIN)
    channel = ssh.terminal(argv, os.environ.get("TERM") or "vt100", columns, rows)
    with _raw_terminal(), _window_changes(channel):
        return join(channel, deployment)


def execute(deployment: Deployment, device_name: str, argv: Sequence[str]) -> int:
    """A command in a device, byte for byte as a pipe. Returns its status."""
    device = deployment.device(device_name)
    ssh = connection.agent(deployment.endpoint).connection
    return join(ssh.channel(ssh.agent_command("attach", deployment.lease, device.name, "--", *argv)), deployment)


def find_idle_pc(deployment: Deployment, device_name: str) -> int:
    """Have the lab host find the idle-pc of a router's image, and say so. Returns its status."""
    device = deployment.device(device_name)
    ssh = connection.agent(deployment.endpoint).connection
    return join(ssh.channel(ssh.agent_command("idle-pc", deployment.lease, device.name)), deployment)


def capture(deployment: Deployment, device_name: str, argv: Sequence[str]) -> tuple[int, str]:
    """A command in a device: its status, and its stdout, or stderr where it failed. Raises Lost."""
    device = deployment.device(device_name)
    ssh = connection.agent(deployment.endpoint).connection
    status, output, errors = ssh.run(ssh.agent_command("attach", deployment.lease, device.name, "--", *argv))
    return status, (errors if status else output).decode(errors="replace")


def join(channel: paramiko.Channel, deployment: Deployment) -> int:
    """Copy both ways until the command has ended; returns its status. Raises Lost where the connection broke before."""
    channel.settimeout(None)
    # Reads of a terminal can't be interrupted: this thread ends with the process.
    threading.Thread(target=_copy_stdin, args=(channel,), daemon=True).start()
    outputs = [
        threading.Thread(target=_copy_output, args=(channel, read, descriptor), daemon=True)
        for read, descriptor in ((channel.recv, STDOUT), (channel.recv_stderr, STDERR))
    ]
    for thread in outputs:
        thread.start()
    for thread in outputs:
        thread.join()
    status = channel.recv_exit_status()
    if status >= 0:
        return status
    if not channel.get_transport().is_active():
        raise Lost(f"{deployment.endpoint}: the connection broke")
    return 255  # it was killed by a signal


def _copy_stdin(channel: paramiko.Channel) -> None:
    # The other side may end before its input does.
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        while data := os.read(STDIN, CHUNK):
            channel.sendall(data)
        channel.shutdown_write()


def _copy_output(channel: paramiko.Channel, read: Callable[[int], bytes], descriptor: int) -> None:
    try:
        while data := read(CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        channel.close()  # nobody reads on: `lab exec web -- cat big | head`
    except (OSError, EOFError, paramiko.SSHException):
        channel.close()


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the other side, ^C too; the terminal is as before on the way out, a kill included."""
    import termios  # not on Windows
    import tty

    before = termios.tcgetattr(STDIN)
    ending = [(number, signal.signal(number, _end)) for number in (signal.SIGTERM, signal.SIGHUP)]
    try:
        tty.setraw(STDIN)
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSADRAIN, before)
        for number, handler in ending:
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def _window_changes(channel: paramiko.Channel) -> Iterator[None]:
    def resize(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            columns, rows = os.get_terminal_size(STDIN)
            channel.resize_pty(columns, rows)

    before = signal.signal(signal.SIGWINCH, resize)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
