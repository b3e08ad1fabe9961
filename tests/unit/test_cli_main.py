from __future__ import annotations

import pytest

from cli import main
from cli.errors import UsageError
from dynamic_providers.connection import Unreachable
from host_agent.errors import Missing


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (["exec", "web", "--", "ip", "-br", "address"], ["ip", "-br", "address"]),
        (["exec", "web", "ip", "-br", "address"], ["ip", "-br", "address"]),
        (["exec", "web", "--", "grep", "--", "-x", "file"], ["grep", "--", "-x", "file"]),
        (["exec", "web", "grep", "--", "-x", "file"], ["grep", "--", "-x", "file"]),
        (["exec", "-s", "dev", "web", "--", "ls", "-s"], ["ls", "-s"]),
    ],
)
def test_the_command_of_exec_is_passed_on_as_it_is(line: list[str], command: list[str]) -> None:
    assert main.parse(line).command == command


@pytest.mark.parametrize(
    ("line", "stack"),
    [
        (["status"], None),
        (["-s", "a", "status"], "a"),
        (["status", "-s", "a"], "a"),
        (["-s", "b", "status", "--stack", "a"], "a"),
    ],
)
def test_the_stack_is_taken_on_either_side_of_the_command(line: list[str], stack: str | None) -> None:
    assert main.parse(line).stack == stack


@pytest.mark.parametrize(
    "line", [[], ["exec", "web"], ["exec", "web", "--"], ["console", "R1", "--", "sh"], ["check", "--timeout", "-1"]]
)
def test_a_wrong_command_line_ends_with_status_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.parse(line)
    assert end.value.code == 2
    assert "lab" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["--help"], ["check", "--help"], ["status", "-h"], ["console", "-h"], ["exec", "-h"]])
def test_every_command_has_help(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.parse(line)
    assert end.value.code == 0
    assert "usage: lab" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UsageError("no stack"), 2, "lab: no stack\n"),
        (Missing("no lease"), 1, "lab: no lease\n"),
        (Unreachable("no host"), 1, "lab: no host; does it run? `pulumi up` starts a sandbox that has stopped\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_one_line(
    error: BaseException, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.guarded(lambda: _raise(error)) == status
    assert capsys.readouterr().err == message


def test_a_trace_is_shown_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LAB_TRACE", "1")
    assert main.guarded(lambda: _raise(Unreachable("no host"))) == 1
    assert "Traceback" in capsys.readouterr().err


def _raise(error: BaseException) -> int:
    raise error
