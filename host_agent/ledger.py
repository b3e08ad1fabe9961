"""The ledger: what each lease has on this host, written before it is made.

    /var/lib/exam-lab/leases/<lease>/lease.json              who: project, stack, user
    /var/lib/exam-lab/leases/<lease>/<kind> <key>.json       one object: its id, its declared args, when

One file per object, so that concurrent adds need no lock and a crash can spoil at most the object that it hit. A lease is on the disk before it
is open; its objects follow within the seconds that the kernel takes, as a wait for the disk at each of them would be paid by every `up`. What a
power cut spoils of them is not there afterwards, and made again by the next `up`. The folders are root's alone (0700): args can hold secrets.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from host_agent.errors import Missing
from host_agent.schema import JSON

ROOT = Path("/var/lib/exam-lab")


Allowed: TypeAlias = Callable[[Mapping[str, Mapping[str, JSON]]], None]


@dataclass(frozen=True)
class Entry:
    """One object of a lease. `id` is its Pulumi id; `args` as declared; `recorded_ns` orders entries by creation."""

    id: str
    lease: str
    kind: str
    key: str
    args: dict[str, JSON]
    recorded_ns: int


def make_id(lease: str, kind: str, key: str) -> str:
    """A new id, `<lease>/<kind>/<key>#<token>`: readable, and another one for each creation, so that dependents follow a replacement."""
    return f"{lease}/{kind}/{key}#{secrets.token_hex(3)}"


def split_id(object_id: str) -> tuple[str, str, str]:
    """Lease, kind and key of an id. Raises Missing for what is no id."""
    # A key may hold a '#' too: interface names can.
    parts = re.sub(r"#[0-9a-f]{6}$", "", object_id).split("/", 2)
    if len(parts) != 3:
        raise Missing(f"{object_id!r} is not the id of an object of a lab")
    return parts[0], parts[1], parts[2]


class Ledger:
    """The ledger of one host."""

    def __init__(self, root: Path = ROOT) -> None:
        self.leases = root / "leases"

    def open_lease(self, lease: str, owner: Mapping[str, JSON], allowed: Allowed = lambda others: None) -> None:
        """Begin or describe a lease. Idempotent: a lease keeps its number. `allowed` is told who holds all others, and raises if this may not be."""
        with self.locked():
            allowed(self._others(lease))
            self._describe(lease, owner)

    def lease_of(self, owner: Mapping[str, JSON], holder: Sequence[str], allowed: Allowed = lambda others: None) -> str:
        """The lease of who has the same properties `holder`, described anew; where there is none, a new one. Its id: eight hex digits.

        `allowed` as in `open_lease`.
        """
        with self.locked():
            for lease in self.all_leases():
                known = self.owner(lease) or {}
                if all(known.get(name) == owner.get(name) for name in holder):
                    break
            else:
                lease = secrets.token_hex(4)
            allowed(self._others(lease))
            self._describe(lease, owner)
            return lease

    def _others(self, lease: str) -> dict[str, dict[str, JSON]]:
        owners = ((other, self.owner(other)) for other in self.all_leases() if other != lease)
        return {other: owner for other, owner in owners if owner is not None}

    def _describe(self, lease: str, owner: Mapping[str, JSON]) -> None:
        folder = self.leases / lease
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = read_json(folder / "lease.json")
        # One of another lease may be gone by the time that it is read.
        others = [read_json(self.leases / other / "lease.json") for other in self.all_leases() if other != lease]
        taken = {record["number"] for record in others if record}
        number = known["number"] if known else next(n for n in itertools.count() if n not in taken)
        write_json(folder / "lease.json", {"owner": dict(owner), "number": number}, durable=True)

    def owner(self, lease: str) -> dict[str, JSON] | None:
        """What `open_lease` was told; None where there is no such lease."""
        record = read_json(self.leases / lease / "lease.json")
        return None if record is None else cast(dict[str, JSON], record["owner"])

    def number(self, lease: str) -> int:
        """A small number that no other lease on this host has, for what must differ between labs. Raises Missing."""
        record = read_json(self.leases / lease / "lease.json")
        if record is None:
            raise Missing(f"lease {lease} is not open on this host")
        return int(cast(int, record["number"]))

    def describe(self, lease: str) -> str:
        """Who holds a lease, for messages."""
        owner = self.owner(lease)
        if owner is None:
            return f"lease {lease}, which is not known on this host"
        return f"stack {owner.get('stack')} of project {owner.get('project')} (user {owner.get('user')}, lease {lease})"

    def close_lease(self, lease: str) -> None:
        """Forget a lease and all that is recorded for it, at once: whoever still writes to it finds it gone."""
        closed = self.leases.with_name("closed")
        closed.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (self.leases / lease).rename(closed / f"{lease}.{secrets.token_hex(4)}")
        # Also what an agent that was killed had left.
        shutil.rmtree(closed, ignore_errors=True)

    def record(self, lease: str, kind: str, key: str, args: Mapping[str, JSON]) -> tuple[Entry, bool]:
        """Write an object down before it is made; the same object keeps its id. Returns the entry and whether it was there before.

        Raises Missing where the lease is not open.
        """
        earlier = self.find(lease, kind, key)
        entry = Entry(
            id=earlier.id if earlier else make_id(lease, kind, key),
            lease=lease,
            kind=kind,
            key=key,
            args=dict(args),
            recorded_ns=earlier.recorded_ns if earlier else time.time_ns(),
        )
        try:
            write_json(
                self._path(lease, kind, key), {"id": entry.id, "args": entry.args, "recorded_ns": entry.recorded_ns}
            )
        except FileNotFoundError:
            raise Missing(
                f"lease {lease} is not open on this host: was it removed, or is this another machine?"
            ) from None
        return entry, earlier is not None

    def find(self, lease: str, kind: str, key: str) -> Entry | None:
        """The entry of an object, or None."""
        record = read_json(self._path(lease, kind, key))
        return None if record is None else _entry(lease, kind, key, record)

    def resolve(self, object_id: str) -> Entry:
        """The entry that an id names. Raises Missing."""
        entry = self.find(*split_id(object_id))
        if entry is None:
            raise Missing(f"{object_id} is not on this host")
        return entry

    def forget(self, lease: str, kind: str, key: str) -> None:
        """Strike an object out. Idempotent."""
        self._path(lease, kind, key).unlink(missing_ok=True)

    def entries(self, lease: str) -> list[Entry]:
        """All objects of a lease, oldest first."""
        return sorted(self._entries(lease), key=lambda entry: entry.recorded_ns)

    def all_leases(self) -> list[str]:
        """Ids of all leases on this host."""
        return sorted(path.parent.name for path in self.leases.glob("*/lease.json"))

    def kept_leases(self) -> list[str]:
        """Ids of those that are brought back without Pulumi."""
        return [lease for lease in self.all_leases() if (self.owner(lease) or {}).get("kept") is True]

    def shared(self, lease: str) -> contextlib.AbstractContextManager[None]:
        """Hold a lease, beside others that do so, for the time of the block: nobody is alone with it meanwhile."""
        return self._held(lease, alone=False)

    def alone(self, lease: str) -> contextlib.AbstractContextManager[None]:
        """Be the only one at work on a lease, among all processes of this host, for the time of the block."""
        return self._held(lease, alone=True)

    @contextlib.contextmanager
    def _held(self, lease: str, *, alone: bool) -> Iterator[None]:
        import fcntl  # not everywhere where this module is imported

        if not (self.leases / lease / "lease.json").exists():
            yield  # nothing is there to be worked on
            return
        descriptor = os.open(self.leases / lease, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all agents on this host, for the time of the block."""
        import fcntl

        self.leases.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.leases / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _entries(self, lease: str) -> Iterator[Entry]:
        for path in (self.leases / lease).glob("* *.json"):
            kind, _, quoted = path.name.removesuffix(".json").partition(" ")
            record = read_json(path)
            if record is not None:
                yield _entry(lease, kind, urllib.parse.unquote(quoted), record)

    def _path(self, lease: str, kind: str, key: str) -> Path:
        return self.leases / lease / f"{kind} {urllib.parse.quote(key, safe='')}.json"


def _entry(lease: str, kind: str, key: str, record: dict[str, JSON]) -> Entry:
    return Entry(
        id=str(record["id"]),
        lease=lease,
        kind=kind,
        key=key,
        args=cast(dict[str, JSON], record["args"]),
        recorded_ns=int(cast(int, record["recorded_ns"])),
    )


def write_json(path: Path, record: Mapping[str, JSON], *, durable: bool = False) -> None:
    """Write a record that only root can read. `durable`: it is on the disk when this returns, else within seconds."""
    # Written beside and renamed: a reader or a crash never meets half a record.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(record, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    beside.rename(path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_json(path: Path) -> dict[str, JSON] | None:
    """A record that `write_json` wrote; None where there is none, or where a power cut left half of one."""
    try:
        return cast(dict[str, JSON], json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
