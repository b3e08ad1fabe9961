"""Programs by argv list: what they print, and how they fail."""

from __future__ import annotations

import sys
import time

import pytest

from host_agent import commands
from host_agent.errors import CommandFailed


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_words_stay_words_and_stdin_is_fed() -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read())"
    assert commands.run([*python(code), "a b", "$HOME"], stdin="fed") == "['a b', '$HOME'] fed\n"


def test_stderr_is_given_on_demand() -> None:
    argv = python("import sys; print('out'); print('err', file=sys.stderr)")
    assert commands.run(argv) == "out\n"
    assert commands.run(argv, with_stderr=True) == "out\nerr\n"


def test_a_failure_has_the_argv_the_status_and_what_was_printed() -> None:
    with pytest.raises(CommandFailed, match=r"failed with status 3: broken") as failure:
        commands.run(python("import sys; print('broken', file=sys.stderr); sys.exit(3)"))
    assert failure.value.output == "broken"


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(CommandFailed, match="no-such-program"):
        commands.run(["no-such-program"])


def test_a_program_that_takes_too_long() -> None:
    with pytest.raises(CommandFailed, match=r"did not end within 0.2 s"):
        commands.run(python("import time; time.sleep(60)"), timeout_s=0.2)


def test_a_daemon_that_keeps_its_output_open_is_not_waited_for() -> None:
    started = time.monotonic()
    code = "import os, time; print('started', flush=True); os.fork() or time.sleep(5)"
    assert commands.run(python(code)) == "started\n"
    assert time.monotonic() - started < 4
