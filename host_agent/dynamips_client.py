"""The control protocol of a Dynamips hypervisor (0.2.14): one command per line, answered by lines that begin with a code.

    > vm create R1 1 c3725
    < 100-VM 'R1' created
    > vm list
    < 101 R1 (c3725)
    < 100-OK

`-` after the code marks the last line. Codes from 200 on are refusals. State belongs to the daemon: it survives the connection.
"""

from __future__ import annotations

import base64
import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from host_agent.errors import HostError
from host_agent.netlink import inside

TIMEOUT_S = 20.0
"""The slowest command, `vm start`, takes 0.2 s with a small image and seconds with IOS."""
MODULE, COMMAND, OBJECT, START = 201, 202, 208, 209
"""Codes of refusals that callers tell apart."""

_LINE = re.compile(rb"(\d{3})([ -])(.*)")


class DynamipsError(HostError):
    """The hypervisor refused a command. `code` and `text` are its own."""

    def __init__(self, command: str, code: int, text: str) -> None:
        super().__init__(f"dynamips refuses `{command}`: {code} {text}")
        self.code = code
        self.text = text


class HypervisorGone(HostError):
    """Nobody answers on the control port, or the connection broke: the daemon is not there, or died of the command."""


@dataclass(frozen=True)
class Answer:
    """`text` is that of the last line, `lines` those before it."""

    text: str
    lines: tuple[str, ...]


class Client:
    """A connection to one hypervisor."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file: IO[bytes] = connection.makefile("rb")

    def call(self, *words: object, secret: str = "") -> Answer:
        """Carry a command out, with a last word `secret` that no message shows.

        Raises DynamipsError, and HypervisorGone where the daemon does not survive it.
        """
        shown = " ".join(quote(str(word)) for word in words)
        command = f"{shown} {quote(secret)}" if secret else shown
        try:
            self._socket.sendall(command.encode() + b"\n")
            code, answer = read_answer(self._file)
        except (OSError, EOFError) as error:
            raise HypervisorGone(f"dynamips did not answer `{shown}`: {error or type(error).__name__}") from None
        if code >= 200:
            raise DynamipsError(shown, code, answer.text)
        return answer

    def push_config(self, name: str, config: str) -> None:
        """Write a startup-config into a halted router's NVRAM."""
        self.call("vm", "push_config", name, secret=base64.b64encode(config.encode()).decode())

    def extract_config(self, name: str) -> str:
        """The startup-config in a router's NVRAM; "" where there is none."""
        try:
            text = self.call("vm", "extract_config", name).text
        except DynamipsError:
            return ""
        match = re.fullmatch(r"conf '[^']*' '([^']*)' '[^']*'", text)
        return base64.b64decode(match[1]).decode(errors="replace") if match else ""

    def close(self) -> None:
        """End the connection in good order: a bare disconnect leaks a descriptor of the daemon."""
        with contextlib.suppress(HostError):
            self.call("hypervisor", "close")
        self._file.close()
        self._socket.close()


@contextlib.contextmanager
def connected(netns: str, port: int, timeout_s: float = TIMEOUT_S) -> Iterator[Client]:
    """A connection for the time of the block. Raises HypervisorGone."""
    try:
        with inside(netns):
            opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        opened.settimeout(timeout_s)
        opened.connect(("127.0.0.1", port))
    except OSError as error:
        raise HypervisorGone(f"no Dynamips hypervisor answers on 127.0.0.1:{port} in {netns}: {error}") from None
    client = Client(opened)
    try:
        yield client
    finally:
        client.close()


def quote(word: str) -> str:
    """A word as the hypervisor reads it: there is no escape, and `!` and `#` begin a comment outside quotes. Raises HostError."""
    if not word or any(character in word for character in '"\r\n\0'):
        raise HostError(
            f"dynamips can't be told {word!r}: a word must not be empty, nor have quotes or line breaks in it"
        )
    return f'"{word}"' if re.search(r"[\s!#'\\]", word) else word


def read_answer(file: IO[bytes]) -> tuple[int, Answer]:
    """The code and text of the next answer. Raises EOFError where it breaks off, HostError where it is none."""
    lines: list[str] = []
    while True:
        line = file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the connection broke")
        match = _LINE.fullmatch(line.rstrip(b"\r\n"))
        if match is None:
            raise HostError(f"this is no answer of a Dynamips hypervisor: {line[:80]!r}")
        text = match[3].decode("latin-1")
        if match[2] == b"-":
            return int(match[1]), Answer(text, tuple(lines))
        lines.append(text)


@dataclass(frozen=True)
class SavedConfig:
    """What `hypervisor save_config` writes: the only read-back of several settings."""

    nios: dict[str, tuple[str, ...]]
    """NIO -> its kind and what it was made with: `{"R1-0-0": ("tap", "R1-Fa0-0")}`, `("udp", "10001", "127.0.0.1", "10002")`."""
    machines: dict[str, dict[str, str]]
    """VM -> setting -> value: `{"R1": {"ram": "128", "nvram": "112", "conf_reg": "0x2102", …}}`."""
    cards: dict[str, dict[str, str]]
    """VM -> slot/port -> card or WIC, what is built in included: `{"R1": {"0/0": "GT96100-FE", "0/16": "WIC-1T"}}`."""
    bindings: dict[str, dict[str, str]]
    """VM -> slot/port -> NIO."""


def parse_saved_config(text: str) -> SavedConfig:
    """Read a file of `hypervisor save_config`; what it has beside NIOs and settings of VMs is passed over."""
    nios: dict[str, tuple[str, ...]] = {}
    machines: dict[str, dict[str, str]] = {}
    cards: dict[str, dict[str, str]] = {}
    bindings: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        match line.split():
            case ["nio", command, name, *arguments] if command.startswith("create_"):
                nios[name] = (command.removeprefix("create_"), *arguments)
            case ["vm", "create", name, _, platform]:
                machines[name] = {"platform": platform}
                cards[name], bindings[name] = {}, {}
            case ["vm", "add_slot_binding", name, slot, port, card]:
                cards[name][f"{slot}/{port}"] = card
            case ["vm", "add_nio_binding", name, slot, port, nio]:
                bindings[name][f"{slot}/{port}"] = nio
            case [_, command, name, value] if command.startswith("set_") and name in machines:
                machines[name][command.removeprefix("set_")] = value
            case _:
                pass
    return SavedConfig(nios, machines, cards, bindings)
