"""The end of a host, as far as it needs no host to be powered off."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent import lifetime

HELD = {"deadline": "2030-06-28T14:00:00Z", "expiry": "2030-06-28T16:00:00Z"}
NOTHING = {"deadline": "", "expiry": ""}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All its files in a folder of the test's own."""
    for name in ("SCRIPT", "LIFETIME", "LOCK"):
        monkeypatch.setattr(lifetime, name, tmp_path / name.lower())
    return tmp_path


def until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def look(**declared: str) -> dict[str, object]:
    return {**lifetime.lifetime(None, declared, None)}


def test_what_nobody_watches_does_not_hold(place: Path) -> None:
    lifetime.LIFETIME.write_text(json.dumps(HELD))
    assert look() == NOTHING
    with lifetime.LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look() == HELD


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"deadline": "", "expiry": "2030-06-28T16:00:00"}', '{"deadline": "", "expiry": "soon"}', '["2030"]'],
)
def test_a_file_that_says_nothing_is_none(place: Path, text: str) -> None:
    lifetime.LIFETIME.write_text(text)
    with lifetime.LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look() == NOTHING


@pytest.mark.parametrize("before", [None, {"deadline": "", "expiry": "2019-01-01T00:00:00Z"}])
def test_it_powers_off_once_it_is_told_to(
    place: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, str] | None
) -> None:
    """`before`: a host that is started after its expiry waits to be told another one."""
    if before:
        lifetime.LIFETIME.write_text(json.dumps(before))
    commands = place / "commands"
    commands.mkdir()
    for name in ("poweroff", "wall"):
        (commands / name).write_text(f'#!/bin/sh\necho "$0 $*" >> {place}/said\n')
        (commands / name).chmod(0o755)
    # The script itself, with its files here.
    source = Path(str(lifetime.__file__)).read_text()
    for was, now in (
        ("/usr/local/lib/exam-lab/lifetime.py", lifetime.SCRIPT),
        ("/etc/exam-lab/lifetime.json", lifetime.LIFETIME),
        ("/run/exam-lab-lifetime.lock", lifetime.LOCK),
        ("LOOK_S = 2.0", "LOOK_S = 0.05"),
    ):
        assert was in source
        source = source.replace(was, str(now))
    lifetime.SCRIPT.write_text(source)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    with subprocess.Popen([sys.executable, "-I", str(lifetime.SCRIPT)]) as process:
        try:
            until(process, lifetime.watched)
            assert look(**HELD) == HELD
            assert not (place / "said").exists()
            look(deadline="2020-01-01T00:00:00Z", expiry=HELD["expiry"])
            until(process, (place / "said").exists)
            until(process, lambda: "/wall The exam ended at 2020-01-01T00:00:00Z" in (place / "said").read_text())
            look(deadline="", expiry="2020-01-01T00:00:00Z")
            until(process, lambda: "/poweroff" in (place / "said").read_text())
        finally:
            process.kill()
