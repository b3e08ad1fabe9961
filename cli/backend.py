"""A stack's state in a file back end: what a Pulumi that was killed leaves there, and how it is put right.

Back ends of other kinds (S3, the service) keep no such files, or keep them so that they are never half written.
"""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cli.errors import UsageError
from cli.stack import pulumi


@dataclass(frozen=True)
class Lock:
    """A lock of a stack: whose it is."""

    pid: int
    username: str
    hostname: str

    def is_stale(self) -> bool:
        """Whether the process that took it was on this machine and has ended."""
        if self.hostname != socket.gethostname():
            return False
        try:
            # A number can be another process's by now.
            return Path(f"/proc/{self.pid}/comm").read_text().strip() != "pulumi"
        except (FileNotFoundError, ProcessLookupError):
            return True


def url() -> str:
    """The back end that Pulumi uses. Raises UsageError."""
    return str(json.loads(pulumi("whoami", "--verbose", "--json"))["url"])


def put_right(backend_url: str, name: str) -> None:
    """After a Pulumi that was killed: make the stack's state readable, and remove its locks. Raises UsageError where one is at work."""
    mend(backend_url)
    found = locks(backend_url, name)
    at_work = [lock for lock in found if not lock.is_stale()]
    if at_work:
        lock = at_work[0]
        advice = "" if lock.hostname == socket.gethostname() else f"; if it is dead, `pulumi cancel {name}` first"
        raise UsageError(
            f"stack {name} is being changed by pulumi, process {lock.pid} of {lock.username} on {lock.hostname}: "
            f"wait for its end, then run this again{advice}"
        )
    if found:
        pulumi("cancel", "--yes", name)
        print(f"The lock of a pulumi that was killed (pid {found[0].pid}) is removed.")
        forget_pending_creates(name)


def forget_pending_creates(name: str) -> None:
    """Strike out what a killed Pulumi had begun to create: it is created again, and what is there then is adopted.

    Pulumi itself would only ask about each of them, at a terminal (`pulumi refresh`), and warn at every run until then.
    """
    exported = cast("dict[str, dict[str, object]]", json.loads(pulumi("stack", "export", "-s", name)))
    pending = cast("list[dict[str, object]]", exported["deployment"].pop("pending_operations", None) or [])
    others = [operation for operation in pending if operation["type"] != "creating"]
    if others == pending:
        return
    exported["deployment"]["pending_operations"] = others
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(exported, file)
        file.flush()
        pulumi("stack", "import", "--file", file.name, "-s", name)


def mend(backend_url: str) -> list[Path]:
    """Remove attributes that were cut off while they were written, for which Pulumi would not read the file beside; which ones."""
    folder = _folder(backend_url)
    torn: list[Path] = []
    # Only what the files' driver adds beside a state, a lock, a backup; those themselves are written as a whole.
    for path in folder.rglob("*.attrs") if folder else ():
        with contextlib.suppress(FileNotFoundError):
            try:
                json.loads(path.read_text())
            except ValueError:
                path.unlink()
                torn.append(path)
    return torn


def locks(backend_url: str, name: str) -> list[Lock]:
    """The locks of a stack; none in back ends that keep no such locks or keep them elsewhere."""
    folder = _folder(backend_url)
    found: list[Lock] = []
    for path in sorted((folder / "locks" / "organization" / "lab" / name).glob("*.json")) if folder else ():
        with contextlib.suppress(FileNotFoundError):
            record = json.loads(path.read_text())
            found.append(Lock(int(record["pid"]), str(record["username"]), str(record["hostname"])))
    return found


def _folder(backend_url: str) -> Path | None:
    parts = urllib.parse.urlsplit(backend_url)
    if parts.scheme != "file":
        return None
    return Path(urllib.parse.unquote(parts.netloc + parts.path)).expanduser() / ".pulumi"
