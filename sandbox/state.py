"""Where a sandbox keeps its things on this machine, and how to see whether it runs.

    STATE/NAME/           root's, readable by everybody
      record.json         `Record`
      host_key.pub        for known_hosts
      log, log.previous   of this and the last run: PID 1, sshd, dockerd
      disk/               (root only)
        upper/ work/      the writable layer of its root, and overlayfs' scratch space
        data/             /var/lib/docker
      base/ root/         empty; mount points in the sandbox's own mount namespace

Its cgroups are the only other thing that it has on this machine (`sandbox.cgroups`).
"""

import dataclasses
import json
import re
from pathlib import Path

from sandbox.errors import SandboxError

ENTRIES = frozenset({"record.json", "record.json.new", "host_key.pub", "log", "log.previous", "disk", "base", "root"})
"""All that STATE/NAME can hold."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclasses.dataclass(frozen=True)
class Record:
    """What is known of a sandbox; the fields from `pid` on are of its last run, None before the first.

    identity: 12 hex digits, new for each sandbox made, in the names of its cgroups. base: the directory it was made on, for good.
    port: on 127.0.0.1. pid: its PID 1 as this machine sees it; start_ticks and machine_boot tell that process from a later one
    with the same number. boot_id: a new UUID per start. host_key: "ssh-ed25519 AAAA…". ready: it answered.
    """

    identity: str
    base: str
    port: int
    pid: int | None = None
    start_ticks: int | None = None
    machine_boot: str | None = None
    boot_id: str | None = None
    host_key: str | None = None
    ready: bool = False


@dataclasses.dataclass(frozen=True)
class Status:
    """A sandbox as users see it.

    exists: it was made; if not, all that follows is False or None. running: its PID 1 is alive, and it had come up; if not, pid and
    boot_id are None. pid: as this machine sees it. port: on 127.0.0.1. host_key: "ssh-ed25519 AAAA…". boot_id: UUID, new with
    each start, the one that the sandbox itself reads in /proc/sys/kernel/random/boot_id. base: what it was made on.
    """

    name: str
    exists: bool
    running: bool
    pid: int | None = None
    port: int | None = None
    host_key: str | None = None
    boot_id: str | None = None
    base: str | None = None


def checked_name(name: str) -> str:
    """The name, if it can be a host name: 1–32 of a–z, 0–9 and inner hyphens. SandboxError otherwise."""
    if not _NAME.fullmatch(name):
        raise SandboxError(f"sandbox name {name!r}: use 1 to 32 of a-z, 0-9 and hyphens, with no hyphen at either end")
    return name


def read_record(directory: Path) -> Record | None:
    """The record in STATE/NAME, None if there is none. SandboxError if it cannot be understood."""
    path = directory / "record.json"
    try:
        return Record(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (TypeError, ValueError) as error:
        raise SandboxError(f"{path} cannot be understood ({error}); `destroy` the sandbox and start it anew") from error


def write_record(directory: Path, record: Record) -> None:
    """Replace the record in STATE/NAME at once."""
    new = directory / "record.json.new"
    new.write_text(json.dumps(dataclasses.asdict(record), indent=2) + "\n")
    new.replace(directory / "record.json")


def machine_boot() -> str:
    """This machine's boot id."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """When a process started (clock ticks since boot, from /proc/PID/stat); None if it has ended, reaped or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the name in brackets, can hold blanks and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(record: Record) -> bool:
    """Whether the recorded PID 1 is that process and alive."""
    if record.pid is None or record.start_ticks is None or record.machine_boot != machine_boot():
        return False
    return start_ticks(record.pid) == record.start_ticks


def directory_of(state: Path, name: str) -> Path:
    """STATE/NAME, absolute, the name checked."""
    return state.absolute() / checked_name(name)


def status(name: str, *, state: Path) -> Status:
    """The sandbox's status, from its record and /proc; needs no root. Never made is no error."""
    record = read_record(directory_of(state, name))
    if record is None:
        return Status(name=name, exists=False, running=False)
    running = record.ready and is_alive(record)
    return Status(
        name=name,
        exists=True,
        running=running,
        pid=record.pid if running else None,
        port=record.port,
        host_key=record.host_key,
        boot_id=record.boot_id if running else None,
        base=record.base,
    )
