"""Lines of emulated routers: telnet's own bytes, pipes, and what is typed at a prompt."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from host_agent.line import LineError, Prompt, Telnet, join

GREETING = b"\xff\xfd\x18\xff\xfb\x01\xff\xfb\x03\xff\xfe\x22Connected to Dynamips VM"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_telnet_is_taken_out_however_the_stream_is_cut(size: int) -> None:
    stream = GREETING + b" a\xff\xffb\xff\xfa\x18\x01\xff\xf0c\xff\xf1d"
    telnet = Telnet()
    assert b"".join(telnet.text(stream[at : at + size]) for at in range(0, len(stream), size)) == (
        b"Connected to Dynamips VM a\xffbcd"
    )


class Router:
    """What a router answers to each line that is typed, after what it had printed before."""

    def __init__(self, answers: dict[str, str], prompt: str = "R1>", history: str = "R1>old\r\nR1>") -> None:
        self.typed: list[str] = []
        self.line, self._router = socket.socketpair()
        self._answers, self._prompt = answers, prompt
        self._router.sendall(GREETING + history.encode())
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        buffer = b""
        while data := self._router.recv(100):
            buffer += data
            while b"\r" in buffer:
                line, _, buffer = buffer.partition(b"\r")
                text = line.decode()
                self.typed.append(text)
                answer = self._answers.get(text, "")
                end = "" if answer.endswith("Password: ") else self._prompt
                self._router.sendall(f"{text}\r\n{answer}{end}".encode())

    def close(self) -> None:
        self.line.close()
        self._thread.join(5)
        self._router.close()


@pytest.fixture
def router() -> Iterator[Callable[..., Router]]:
    made: list[Router] = []

    def make(answers: dict[str, str], prompt: str = "R1>") -> Router:
        made.append(Router(answers, prompt))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_command_s_output_alone_is_returned(router: Callable[..., Router]) -> None:
    there = router({"show clock": "*00:03:18 UTC\r\n", "enable": "% No password set\r\n"})
    assert Prompt(there.line).run("show clock") == "*00:03:18 UTC"
    assert there.typed == ["", "enable", "terminal length 0", "show clock", "terminal length 24", "disable"]


def test_who_is_privileged_already_stays_so(router: Callable[..., Router]) -> None:
    there = router({"show clock": "*00:03:18 UTC\r\n"}, prompt="R1#")
    assert Prompt(there.line).run("show clock") == "*00:03:18 UTC"
    assert there.typed == ["", "terminal length 0", "show clock", "terminal length 24"]


def test_a_line_with_a_password(router: Callable[..., Router]) -> None:
    there = router({"": "Password: "})
    with pytest.raises(LineError, match="asks for a password: use `lab console`"):
        Prompt(there.line).run("show clock")


def test_a_line_that_is_closed() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(LineError, match="closed the line"):
        Prompt(ours).run("show clock")


def test_a_pipe_is_typed_and_answered(router: Callable[..., Router]) -> None:
    there = router({"show clock": "*00:03:18 UTC\r\n"})
    (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
    os.write(write_in, b"\nshow clock\n")
    os.close(write_in)
    join(there.line, read_in, write_out)
    os.close(write_out)
    assert there.typed == ["", "show clock"]
    output = os.read(read_out, 65536).decode()
    os.close(read_in)
    os.close(read_out)
    assert output == "Connected to Dynamips VMR1>old\r\nR1>\r\nR1>show clock\r\n*00:03:18 UTC\r\nR1>"
