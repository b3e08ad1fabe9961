"""The hypervisor client against answers that were recorded from Dynamips 0.2.14."""

from __future__ import annotations

import base64
import io
import socket
import threading
from collections.abc import Callable

import pytest

from host_agent.dynamips_client import (
    Answer,
    Client,
    DynamipsError,
    HypervisorGone,
    parse_saved_config,
    quote,
    read_answer,
)
from host_agent.errors import HostError

RECORDED = {
    "hypervisor version": b"100-0.2.14-amd64\r\n",
    "foo bar": b"201-Unknown module 'foo'\r\n",
    "vm create R1 1 c3725": b"100-VM 'R1' created\r\n",
    "vm list": b"101 R2 (c3725)\r\n101 R1 (c3725)\r\n100-OK\r\n",
    "vm get_status NOPE": b"208-unable to find object 'NOPE'\r\n",
    "hypervisor close": b"100-OK\r\n",
}
SAVED = """\
nio create_udp u0 12000 127.0.0.1 12001
nio create_tap n0 R1-Fa0-0

vm create M4 4 c7200
vm set_ios M4 /srv/image
vm set_ram M4 256
vm set_conf_reg M4 0x2102
vm add_slot_binding M4 0 0 C7200-IO-FE
vm add_nio_binding M4 1 0 u0
c7200 set_npe M4 npe-400
"""


class Daemon:
    """Answers as recorded."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        ours, theirs = socket.socketpair()
        self.heard: list[str] = []
        self.client = Client(ours)
        self._answers = answers
        self._thread = threading.Thread(target=self._serve, args=(theirs,), daemon=True)
        self._thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            for line in file:
                command = line.decode().rstrip("\n")
                self.heard.append(command)
                if command not in self._answers:
                    return
                connection.sendall(self._answers[command])

    def close(self) -> None:
        self.client.close()
        self._thread.join(5)


@pytest.fixture
def daemon() -> Callable[[], Daemon]:
    return lambda: Daemon(RECORDED)


def test_answers(daemon: Callable[[], Daemon]) -> None:
    made = daemon()
    assert made.client.call("hypervisor", "version").text == "0.2.14-amd64"
    assert made.client.call("vm", "create", "R1", 1, "c3725") == Answer("VM 'R1' created", ())
    assert made.client.call("vm", "list").lines == ("R2 (c3725)", "R1 (c3725)")
    made.close()


def test_a_refusal_has_code_and_text(daemon: Callable[[], Daemon]) -> None:
    made = daemon()
    with pytest.raises(DynamipsError, match=r"dynamips refuses `vm get_status NOPE`: 208 unable to find") as refused:
        made.client.call("vm", "get_status", "NOPE")
    assert (refused.value.code, refused.value.text) == (208, "unable to find object 'NOPE'")
    assert made.client.call("vm", "list").text == "OK", "the connection goes on"
    made.close()


def test_the_connection_is_always_closed_in_good_order(daemon: Callable[[], Daemon]) -> None:
    made = daemon()
    made.client.call("vm", "list")
    made.close()
    assert made.heard[-1] == "hypervisor close"


def test_a_daemon_that_dies_of_a_command() -> None:
    made = Daemon({})
    with pytest.raises(HypervisorGone, match="did not answer `vm start R1`"):
        made.client.call("vm", "start", "R1")
    made.close()


def test_messages_do_not_show_what_is_pushed() -> None:
    secret = "enable secret cisco\n"
    pushed = f"vm push_config R1 {base64.b64encode(secret.encode()).decode()}"
    made = Daemon({pushed: b"209-no\r\n"})
    with pytest.raises(DynamipsError, match=r"dynamips refuses `vm push_config R1`: 209 no$"):
        made.client.push_config("R1", secret)
    made.close()


def test_configs_are_base64() -> None:
    text = "hostname R1\n! a comment\nend\n"
    encoded = base64.b64encode(text.encode()).decode()
    made = Daemon({"vm extract_config R1": f"100-conf 'R1' '{encoded}' ''\r\n".encode()})
    assert made.client.extract_config("R1") == text
    made.close()


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("R1", "R1"),
        ("0/0", "0/0"),
        ("b c", '"b c"'),
        ("e!f", '"e!f"'),
        ("#1", '"#1"'),
        ("c\\d", '"c\\d"'),
    ],
)
def test_quoting(word: str, quoted: str) -> None:
    assert quote(word) == quoted


@pytest.mark.parametrize("word", ["", 'a"b', "a\nb", "a\rb", "a\0b"])
def test_what_can_not_be_said(word: str) -> None:
    with pytest.raises(HostError, match="can't be told"):
        quote(word)


@pytest.mark.parametrize("text", [b"", b"100", b"101 half\r\n100-"])
def test_answers_that_break_off(text: bytes) -> None:
    with pytest.raises(EOFError):
        read_answer(io.BytesIO(text))


def test_what_is_no_hypervisor() -> None:
    with pytest.raises(HostError, match="no answer of a Dynamips hypervisor"):
        read_answer(io.BytesIO(b"SSH-2.0-OpenSSH_9.2\r\n"))


def test_saved_config() -> None:
    saved = parse_saved_config(SAVED)
    assert saved.nios == {"u0": ("udp", "12000", "127.0.0.1", "12001"), "n0": ("tap", "R1-Fa0-0")}
    assert saved.machines == {
        "M4": {"platform": "c7200", "ios": "/srv/image", "ram": "256", "conf_reg": "0x2102", "npe": "npe-400"}
    }
    assert saved.cards == {"M4": {"0/0": "C7200-IO-FE"}}
    assert saved.bindings == {"M4": {"1/0": "u0"}}
