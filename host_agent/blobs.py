"""Files that the provider side uploads, such as a root file system: kept by their SHA-256 until they are used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from host_agent import router_images
from host_agent.errors import HostError

if TYPE_CHECKING:
    from host_agent.context import Host
    from host_agent.schema import JSON


def path(host: Host, sha256: str) -> Path:
    """Where a blob is, if it is there."""
    if len(sha256) != 64 or not sha256.isalnum():
        raise HostError(f"{sha256!r} is not a SHA-256 in hexadecimal digits")
    return host.root / "blobs" / sha256


def missing(host: Host, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{sha256: […]}` -> `{sha256: […]}`: those that are not here, neither as an upload nor as the router image that was made of it."""

    def is_here(digest: str) -> bool:
        return path(host, digest).exists() or router_images.is_whole(router_images.folder(host.root, digest))

    return {"sha256": [digest for digest in cast(list[str], parameters["sha256"]) if not is_here(digest)]}


def put(host: Host, parameters: Mapping[str, object], blob: bytes) -> dict[str, JSON]:
    """`{sha256, offset, last}` and the bytes -> `{}`. Parts come in order; the last one is followed by a check of the whole."""
    final = path(host, str(parameters["sha256"]))
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = final.with_suffix(".part")
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
    return {}
