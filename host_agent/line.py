"""A line of an emulated router, joined to this process: `run.py line NETNS PORT [-- COMMAND…]`.

Dynamips offers a router's console and its AUX port as telnet on 127.0.0.1 of the lab's namespace. With a terminal this is a console: Ctrl-] leaves
it. With a pipe, what comes in is typed, and what the router answers goes out until it is quiet. With a command, that alone is typed at the prompt,
and its output is printed.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence

from host_agent.netlink import inside

USAGE = "usage: run.py line NETNS PORT [-- COMMAND…]"
LEAVE = b"\x1d"  # Ctrl-], as in telnet
QUIET_S = 1.0
"""Silence after which a router has no more to say to what was piped in."""
SETTLE_S = 0.2
PROMPT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0
_PROMPT = re.compile(rb"(?:^|[\r\n])([A-Za-z0-9_.-]+(?:\([a-z0-9-]+\))?)([>#]) ?$")
_PASSWORD = re.compile(rb"[Pp]assword: ?$")
_IAC, _SUBNEGOTIATION, _END = 255, 250, 240


class Telnet:
    """Takes telnet's own bytes out of a stream, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def text(self, data: bytes) -> bytes:
        """What of `data` is for people."""
        data, found, at = self._rest + data, bytearray(), 0
        self._rest = b""
        while at < len(data):
            if data[at] != _IAC:
                found.append(data[at])
                at += 1
                continue
            command = data[at + 1 : at + 2]
            if command == bytes([_IAC]):
                found.append(_IAC)
                at += 2
                continue
            if command == bytes([_SUBNEGOTIATION]):
                end = data.find(bytes([_IAC, _END]), at)
                length = end + 2 - at if end >= 0 else 0
            else:
                # WILL, WONT, DO and DONT have an option after them.
                length = 3 if command and command[0] >= 251 else 2
            if not command or not length or at + length > len(data):
                self._rest = data[at:]
                break
            at += length
        return bytes(found)


class LineError(Exception):
    """The router does not answer as one does; the message says how."""


class Prompt:
    """A router at whose prompt one types."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._telnet = Telnet()
        self._seen = b""

    def run(self, command: str) -> str:
        """What the command prints. Raises LineError."""
        # Dynamips sends a new client what was on the line before.
        while select.select([self._connection], [], [], SETTLE_S)[0]:
            self._read()
        self._seen = b""
        sign = self._told("")[1]
        if sign == b">":
            self._told("enable")
        self._told("terminal length 0")
        output = self._told(command, COMMAND_TIMEOUT_S)[0]
        self._told("terminal length 24")
        if sign == b">":
            self._told("disable")
        # The rest of the first line is of what was typed, the last one is the prompt.
        lines = output.decode(errors="replace").replace("\r", "").split("\n")[1:-1]
        return "\n".join(lines).strip("\n")

    def _told(self, text: str, timeout_s: float = PROMPT_TIMEOUT_S) -> tuple[bytes, bytes]:
        """Type a line: what comes between its echo and the next prompt, that included, and the prompt's sign."""
        self._seen = b""
        self._type(text)
        # A long line is not echoed as it is.
        echo, deadline = text[:20].encode(), time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0 and select.select([self._connection], [], [], left)[0]:
            self._read()
            _before, echoed, answer = self._seen.partition(echo) if echo else (b"", b"\n", self._seen)
            found = _PROMPT.search(answer) if echoed else None
            if found and b"(" in found[1]:
                return self._told("end", left)
            if found:
                return answer, found[2]
            if _PASSWORD.search(self._seen):
                # An empty password is refused, thrice; then there is the prompt again, or the line is closed to us.
                if self._seen.count(b"assword:") > 3:
                    break
                self._type("")
        if _PASSWORD.search(self._seen):
            raise LineError("the line asks for a password: use `lab console` or `lab aux`")
        said = self._seen.decode(errors="replace").strip().splitlines()
        last = f"; the last line is {said[-1]!r}" if said else ": the line is silent"
        raise LineError(f"no prompt within {timeout_s:g} s{last}")

    def _type(self, text: str) -> None:
        self._connection.sendall(text.encode() + b"\r")

    def _read(self) -> None:
        data = self._connection.recv(65536)
        if not data:
            raise LineError("the router closed the line")
        self._seen += self._telnet.text(data)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 where the router does not answer, or says that a command is wrong (`% …`)."""
    if len(arguments) < 2 or (len(arguments) > 2 and arguments[2] != "--"):
        sys.exit(USAGE)
    netns, port, command = arguments[0], int(arguments[1]), " ".join(arguments[3:])
    try:
        with inside(netns):
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.connect(("127.0.0.1", port))
    except OSError as error:
        sys.exit(
            f"nothing answers on port {port} of {netns}: {error.strerror}; `pulumi up` starts a router that has stopped"
        )
    with connection:
        if command:
            try:
                output = Prompt(connection).run(command)
            except (LineError, OSError) as error:
                sys.exit(str(error))
            print(output)
            return int(any(line.startswith("%") for line in output.splitlines()))
        join(connection)
    return 0


def join(connection: socket.socket, stdin: int = 0, stdout: int = 1) -> None:
    """Copy both ways until the router closes the line, Ctrl-] is typed, or a pipe has ended and the router is quiet."""
    telnet, is_terminal, reading = Telnet(), os.isatty(stdin), True
    with _raw(stdin) if is_terminal else contextlib.nullcontext():
        if is_terminal:
            os.write(stdout, b"Ctrl-] leaves this line.\r\n")
        while True:
            waiting = [connection.fileno(), stdin] if reading else [connection.fileno()]
            ready, _, _ = select.select(waiting, [], [], None if reading else QUIET_S)
            if not ready:
                return
            if connection.fileno() in ready:
                data = connection.recv(65536)
                if not data:
                    return
                view = memoryview(telnet.text(data))
                while view:
                    view = view[os.write(stdout, view) :]
            if stdin in ready:
                typed = os.read(stdin, 4096)
                if is_terminal and (LEAVE in typed or not typed):
                    os.write(stdout, b"\r\n")
                    return
                reading = bool(typed)
                if not is_terminal:
                    typed = typed.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
                connection.sendall(typed.replace(b"\xff", b"\xff\xff"))


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
