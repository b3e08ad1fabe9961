"""Files that the provider side uploads, such as a root file system: kept by their SHA-256 while a lease needs them.

    /var/lib/exam-lab/leases/<lease>/blobs/<sha256>   the lease's own hard link, and the uploads that are under way
    /var/lib/exam-lab/blobs/<sha256>                  the link by which other leases find it

So labs share an upload, an upload that was cut off goes with its lease, and no lease can lose what it has by another's end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from host_agent import router_images
from host_agent.errors import HostError, Missing

if TYPE_CHECKING:
    from host_agent.context import Host
    from host_agent.schema import JSON


def path(host: Host, lease: str, sha256: str) -> Path:
    """Where a lease has a blob, if it has it."""
    if len(sha256) != 64 or not sha256.isalnum():
        raise HostError(f"{sha256!r} is not a SHA-256 in hexadecimal digits")
    return host.ledger.leases / lease / "blobs" / sha256


def missing(host: Host, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{lease, sha256: […]}` -> `{sha256: […]}`: those that must be uploaded. Those of other leases are the lease's own from now on."""
    lease = str(parameters["lease"])
    return {"sha256": [digest for digest in cast(list[str], parameters["sha256"]) if not _has(host, lease, digest)]}


def put(host: Host, parameters: Mapping[str, object], blob: bytes) -> dict[str, JSON]:
    """`{lease, sha256, upload, offset, last}` and the bytes -> `{}`. Parts come in order; the last one is followed by a check of the whole.

    `upload` is random: the same file may be on its way twice.
    """
    final = path(host, str(parameters["lease"]), str(parameters["sha256"]))
    _make_folder(host, final)
    part = final.with_name(f"{final.name}.{int(str(parameters['upload']), 16):x}.part")
    offset = int(cast(int, parameters["offset"]))
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(blob)
    if parameters["last"]:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != final.name:
            part.unlink()
            raise HostError(f"the upload of {final.name} arrived damaged (SHA-256 {digest}); try again")
        part.rename(final)
        shared = _shared(host) / final.name
        shared.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            shared.hardlink_to(final)
    return {}


def drop(host: Host, lease: str, sha256: str) -> None:
    """The lease no longer needs it. Idempotent."""
    path(host, lease, sha256).unlink(missing_ok=True)
    collect(host)


def collect(host: Host) -> None:
    """Remove what no lease has any more."""
    for shared in _shared(host).glob("*"):
        # Whoever links it just now has it all the same.
        with contextlib.suppress(FileNotFoundError):
            if shared.stat().st_nlink == 1:
                shared.unlink()


def _has(host: Host, lease: str, sha256: str) -> bool:
    own = path(host, lease, sha256)
    _make_folder(host, own)
    if router_images.is_whole(router_images.folder(host.root, sha256)):
        return True  # as the router image that was made of it
    try:
        own.hardlink_to(_shared(host) / sha256)
    except FileExistsError:
        return True
    except FileNotFoundError:
        return own.exists()
    return True


def _make_folder(host: Host, own: Path) -> None:
    try:
        own.parent.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise Missing(
            f"lease {own.parent.parent.name} is not open on this host: was it removed, or is this another machine?"
        ) from None


def _shared(host: Host) -> Path:
    return host.root / "blobs"
