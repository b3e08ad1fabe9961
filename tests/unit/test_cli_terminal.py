"""`lab exec` and `lab console` against an SSH server in this process, which runs what it is asked on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

PROGRAM = """
import sys
from types import SimpleNamespace
from cli import terminal
from cli.stack import Deployment, Device
from dynamic_providers import connection
from dynamic_providers.connection import Connection, Endpoint

class Here(Connection):
    def agent_command(self, *arguments):
        return list(arguments[4:]) or ["sh", "-i"]

port, key, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
endpoint = Endpoint("127.0.0.1", port, private_key_file=key)
ssh = Here(endpoint)
connection.agent = lambda endpoint: SimpleNamespace(connection=ssh)
lab = Deployment("dev", endpoint, "a1b2", {"R1": Device("R1", "router", "a1b2-R1", ())}, ())
sys.exit(terminal.execute(lab, "R1", command) if command else terminal.console(lab, "R1"))
"""


class Server(paramiko.ServerInterface):
    """Lets anybody in and runs their commands, on a pseudo-terminal where one was asked for."""

    def __init__(self) -> None:
        self.terminal: tuple[int, int] | None = None

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_pty_request(
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        self.terminal = pty.openpty()
        return self.check_channel_window_change_request(channel, width, height, pixelwidth, pixelheight)

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        assert self.terminal is not None
        fcntl.ioctl(self.terminal[0], termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        master, slave = self.terminal or (None, subprocess.PIPE)
        argv = ["/bin/sh", "-c", f"exec {command.decode()}"]
        with subprocess.Popen(
            argv if master is None else ["setsid", "--ctty", "--wait", *argv], stdin=slave, stdout=slave, stderr=slave
        ) as process:
            if master is not None:
                os.close(slave)
                to_process, outputs = master, [(master, channel.sendall)]
            else:
                assert process.stdin is not None
                assert process.stdout is not None
                assert process.stderr is not None
                to_process = process.stdin.fileno()
                outputs = [
                    (process.stdout.fileno(), channel.sendall),
                    (process.stderr.fileno(), channel.sendall_stderr),
                ]
            copies = [threading.Thread(target=_copy, args=pair, daemon=True) for pair in outputs]
            for copy in copies:
                copy.start()
            threading.Thread(target=self._input, args=(channel, process, to_process), daemon=True).start()
            for copy in copies:
                copy.join()
            status = process.wait()
        # The other side may have gone.
        with contextlib.suppress(OSError, EOFError):
            if status >= 0:
                channel.send_exit_status(status)
            channel.close()

    def _input(self, channel: paramiko.Channel, process: subprocess.Popen[bytes], to_process: int) -> None:
        try:
            while data := channel.recv(65536):
                view = memoryview(data)
                while view:
                    view = view[os.write(to_process, view) :]
            if process.stdin is not None:
                process.stdin.close()
        except OSError:
            pass


def _copy(descriptor: int, send: object) -> None:
    assert callable(send)
    try:
        while data := os.read(descriptor, 65536):
            send(data)
    except (OSError, EOFError):
        pass  # the last process on a pseudo-terminal has ended, or the other side has gone (paramiko: EOFError)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[list[str]]:
    """Argv of a program that runs a command in, or opens the console of, a device that the server is."""
    key = paramiko.RSAKey.generate(2048)
    key.write_private_key_file(str(tmp_path / "key"))
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connected, _ = listener.accept()
            transports.append(paramiko.Transport(connected))
            transports[0].add_server_key(key)
            transports[0].start_server(server=Server())

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        yield [sys.executable, "-c", PROGRAM, str(listener.getsockname()[1]), str(tmp_path / "key")]
        acceptor.join(1)
    for transport in transports:
        transport.close()
        transport.join(5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("PS1", "READY> ")


def run(server: list[str], command: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*server, *command], input=stdin, capture_output=True, timeout=60, check=False)


def test_output_errors_and_status_are_the_commands(server: list[str]) -> None:
    done = run(server, ["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_megabytes_of_any_bytes_go_both_ways(server: list[str]) -> None:
    data = os.urandom(5_000_000)
    assert run(server, ["cat"], data).stdout == data


def test_words_arrive_as_they_are(server: list[str]) -> None:
    words = ["a b", "", "$HOME", "'", "*", "\n"]
    assert run(server, ["printf", "[%s]", *words]).stdout.decode() == "".join(f"[{word}]" for word in words)


def test_a_killed_command_is_255(server: list[str]) -> None:
    assert run(server, ["sh", "-c", "kill -9 $$"]).returncode == 255


def test_a_reader_that_goes_ends_it(server: list[str]) -> None:
    with subprocess.Popen([*server, "cat", "/dev/zero"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        process.wait(30)


def test_a_console_without_a_terminal_is_a_pipe(server: list[str]) -> None:
    done = run(server, [], b"echo from the console; exit 4\n")
    assert done.returncode == 4
    assert b"from the console" in done.stdout


class Terminal:
    """A program on a pseudo-terminal of 30 rows and 100 columns."""

    def __init__(self, argv: list[str]) -> None:
        self.master, slave = pty.openpty()
        self.resize(30, 100)
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave)
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, pattern: str) -> None:
        """Wait until the pattern is shown; what is shown up to then is used up."""
        deadline = time.monotonic() + 30
        while (found := re.search(pattern, self.seen)) is None:
            assert time.monotonic() < deadline, f"{pattern!r} was not shown, but {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536).decode()
        self.seen = self.seen[found.end() :]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def end(self) -> int:
        status = self.process.wait(30)
        assert termios.tcgetattr(self.slave) == self.before
        return status


@pytest.fixture
def terminal(server: list[str]) -> Iterator[Terminal]:
    opened = Terminal(server)
    yield opened
    opened.close()


def test_a_console_is_a_terminal_with_its_size_and_keys(terminal: Terminal) -> None:
    terminal.expect("READY> $")
    terminal.type("stty size\n")
    terminal.expect("30 100\r\n")
    terminal.resize(40, 120)
    terminal.process.send_signal(signal.SIGWINCH)  # what the kernel does for the foreground of a controlling terminal
    # The change is on its way beside what is typed.
    terminal.type("until [ \"$(stty size)\" = '40 120' ]; do :; done; echo gro''wn\n")
    terminal.expect("grown\r\n")
    terminal.expect("READY> $")
    # It speaks before it is interrupted: the echo of what was typed may come before it is there.
    terminal.type("sh -c 'echo run\"\"ning; exec cat'\n")
    terminal.expect("running\r\n")
    terminal.type("\x03")
    terminal.expect("READY> $")
    terminal.type("echo in''terrupted; exit 5\n")
    terminal.expect("interrupted\r\n")
    assert terminal.end() == 5


def test_a_kill_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.expect("READY> $")
    terminal.process.terminate()
    assert terminal.end() == 128 + signal.SIGTERM
