"""A folder as a tar of which every byte is known. Nothing but the standard library: the package is built by it, too."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO


def pack(folder: Path, into: IO[bytes]) -> None:
    """The same bytes for the same content, on every machine: sorted, root's, without times, modes 0755 or 0644."""
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_symlink():
                entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, path.readlink().as_posix()
                tar.addfile(entry)
            elif path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            elif path.is_file():
                status = path.stat()
                entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
                entry.size = status.st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
