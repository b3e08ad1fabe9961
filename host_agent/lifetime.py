"""A host's own end of life: at its deadline it says that the exam is over, at its expiry it powers off.

A file of the host says when, so that both can be moved while it runs; whoever made the host decides what power-off means (EC2: terminate or stop).

This module is two things: part of the agent, which writes and reads that file, and a script on hosts that were made for labs, where it runs alone
(user data puts it there, see `dynamic_providers/hosts/user_data.py`). So it uses nothing but Python's own library.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host_agent.schema import JSON

SCRIPT = Path("/usr/local/lib/exam-lab/lifetime.py")
LIFETIME = Path("/etc/exam-lab/lifetime.json")
"""`{"deadline": "2026-11-25T16:00:00Z", "expiry": "2026-11-25T18:00:00Z"}`; a deadline of "" is none."""
LOCK = Path("/run/exam-lab-lifetime.lock")
"""Held by the process that watches the time: there is one."""
UNIT = "exam-lab-lifetime.service"
UNCLAIMED_S = 2 * 3600.0
"""A host that nobody told its expiry for that long was forgotten while it was made: it powers off."""
GRACE_S = 600.0
"""How long a host that is started after its expiry, for another one to be set, stays on."""
LOOK_S = 2.0
LOCK_S = 5.0
"""For how long who looks whether the time is watched may get in the watcher's way: it has the lock for a moment."""
SYSTEMD = Path("/run/systemd/system")


def lifetime(host: object, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{deadline, expiry}` sets, `{}` only looks -> `{deadline, expiry}` as they hold on the host: "" where nothing watches them."""
    if parameters:
        LIFETIME.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = LIFETIME.with_suffix(".new")
        fresh.write_text(json.dumps({name: parameters[name] for name in ("deadline", "expiry")}) + "\n")
        fresh.rename(LIFETIME)
        start()
    held = _declared() if watched() else None
    return {**held} if held else {"deadline": "", "expiry": ""}


def start() -> None:
    """Have the time watched, if it is not."""
    if SYSTEMD.is_dir():
        subprocess.run(["systemctl", "start", UNIT], stdin=subprocess.DEVNULL, check=False)
    elif not watched():
        subprocess.Popen(
            [sys.executable, "-I", str(SCRIPT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    deadline = time.monotonic() + LOCK_S
    while not watched() and time.monotonic() < deadline:
        time.sleep(0.02)


def watched() -> bool:
    """Whether a process watches the time."""
    with _locked(0) as is_free:
        return not is_free


def main() -> int:
    """Watch the time until it is over. Returns 0 where another process does."""
    with _locked(LOCK_S) as is_free:
        if not is_free:
            return 0
        start = time.monotonic()
        before = _declared()
        late = before if before and _is_past(before["expiry"]) else None
        said = ""
        while True:
            held = _declared()
            if _is_over(held, late, on_for_s=time.monotonic() - start):
                subprocess.run(["poweroff"], stdin=subprocess.DEVNULL, check=False)
            if held and held["deadline"] != said and _is_past(held["deadline"]):
                said = held["deadline"]
                text = f"The exam ended at {said}. This host powers off at {held['expiry']}."
                with contextlib.suppress(FileNotFoundError):
                    subprocess.run(["wall", text], stdin=subprocess.DEVNULL, check=False)
            time.sleep(LOOK_S)


def _is_over(held: dict[str, str] | None, late: dict[str, str] | None, *, on_for_s: float) -> bool:
    """`late` is what was declared when the host was started, if it was past already."""
    if held is None:
        return on_for_s > UNCLAIMED_S
    return _is_past(held["expiry"]) and (held != late or on_for_s > GRACE_S)


def _declared() -> dict[str, str] | None:
    """What the file says; None where there is none, or none that can be read: then nobody has claimed the host."""
    try:
        values = json.loads(LIFETIME.read_text())
        held = {"deadline": str(values["deadline"]), "expiry": str(values["expiry"])}
        _is_past(held["deadline"])
        _is_past(held["expiry"] or "never")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return held


def _is_past(moment: str) -> bool:
    return bool(moment) and datetime.datetime.fromisoformat(moment) <= datetime.datetime.now(datetime.UTC)


@contextlib.contextmanager
def _locked(timeout_s: float) -> Iterator[bool]:
    """Take the lock if nobody has it within that time: whether it is ours for as long as this lasts."""
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + timeout_s
    try:
        while not (is_free := _lock(descriptor)) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield is_free
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
