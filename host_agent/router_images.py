"""Images of routers: what Dynamips can boot, and where the host keeps them.

    /var/lib/exam-lab/router-images/<sha256>/image         the ELF file, unpacked, readable by the labs' Dynamips users
    /var/lib/exam-lab/router-images/<sha256>/record.json   size and time of the file, to see whether it was changed
    /var/lib/exam-lab/router-images/<sha256>/idle_pc       where its idle loop is, once that was found (`lab idle-pc`)
    /var/lib/exam-lab/router-images/<sha256>/users/…       an empty file per RouterImage that uses it: `<lease>.<name>`

An image is known by the SHA-256 of what the user has, compressed or not; labs of one host share it.
"""

from __future__ import annotations

import re
import shutil
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from host_agent.errors import HostError
from host_agent.ledger import read_json

HEADER = struct.Struct(">16sHHIIIIIHHHHHH")
_SECTION = struct.Struct(">IIIIIIIIII")
_SHF_ALLOC, _SHT_NOBITS = 2, 8
_ET_EXEC = 2
_OTHERS = {
    2: "SPARC",
    3: "x86",
    20: "PowerPC",
    21: "PowerPC",
    22: "S/390",
    40: "ARM",
    50: "IA-64",
    62: "x86-64",
    183: "AArch64",
    243: "RISC-V",
}
"""Cisco writes numbers of its own into the machine field of images for its MIPS routers, so only what is surely another machine is refused."""


class NoImage(HostError):
    """A file that Dynamips can't boot."""


def idle_pc(value: str) -> str:
    """A rule of schema: the idle-pc as Dynamips takes it, sign-extended to 64 bits."""
    match = re.fullmatch(r"0x([0-9a-fA-F]{8}|[fF]{8}[0-9a-fA-F]{8})", value)
    if not match:
        raise ValueError(f"must be an idle-pc such as 0x60008f4c, not {value!r}")
    number = int(match[1][-8:], 16)
    return f"0x{number | (0xFFFFFFFF00000000 if number & 0x80000000 else 0):x}"


def check(file: IO[bytes], what: str) -> None:
    """Raise NoImage unless it is a complete ELF file for a 32-bit big-endian MIPS.

    A router that can't boot costs its console port until the daemon ends: so it is checked before.
    """
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(HEADER.size)
    if start[:4] != b"\x7fELF":
        raise NoImage(f"{what} is no image of a router: it is not an ELF file (nor a compressed one)")
    if len(start) < HEADER.size:
        raise NoImage(f"{what} is truncated: {size} bytes are less than the header of an ELF file")
    if start[4] != 1 or start[5] != 2:
        bits, order = (64 if start[4] == 2 else 32), ("big" if start[5] == 2 else "little")
        raise NoImage(
            f"{what} is for another machine: {bits}-bit {order}-endian, where Dynamips needs 32-bit big-endian MIPS"
        )
    _, kind, machine, _, _, _, sections_at, _, _, _, _, section_size, sections, _ = HEADER.unpack(start)
    if machine in _OTHERS:
        raise NoImage(f"{what} is for another machine: {_OTHERS[machine]}, where Dynamips needs MIPS")
    if kind != _ET_EXEC or not sections or section_size != _SECTION.size:
        raise NoImage(
            f"{what} is no image of a router: it is not an executable ELF file with sections, which is what Dynamips loads"
        )
    needed = sections_at + sections * section_size
    if needed <= size:
        file.seek(sections_at)
        for _ in range(sections):
            _, kind, flags, _, offset, length, *_ = _SECTION.unpack(file.read(section_size))
            if flags & _SHF_ALLOC and kind != _SHT_NOBITS:
                needed = max(needed, offset + length)
    if needed > size:
        raise NoImage(f"{what} is truncated: it has {size} bytes of at least {needed}")


def unpack(source: Path, target: Path, what: str) -> None:
    """Copy the image, or what a compressed one has in it, and check it. Raises NoImage, and then leaves no target."""
    try:
        if zipfile.is_zipfile(source):
            # A .bin is a small program with the image behind it, packed; it would unpack itself at each start, for minutes.
            with zipfile.ZipFile(source) as packed:
                members = [member for member in packed.infolist() if not member.is_dir()]
                if len(members) != 1:
                    raise NoImage(
                        f"{what} is a compressed file with {len(members)} files in it, where an image has one"
                    )
                with packed.open(members[0]) as inner, target.open("wb") as file:
                    shutil.copyfileobj(inner, file, 1 << 20)
        else:
            with source.open("rb") as plain, target.open("wb") as file:
                shutil.copyfileobj(plain, file, 1 << 20)
        with target.open("rb") as file:
            check(file, what)
    except (zipfile.BadZipFile, zlib.error) as error:
        target.unlink(missing_ok=True)
        raise NoImage(f"{what} is damaged: {error}") from None
    except HostError:
        target.unlink(missing_ok=True)
        raise


def folder(root: Path, sha256: str) -> Path:
    """Where an image is, if it is there."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise HostError(f"{sha256!r} is not a SHA-256 in hexadecimal digits")
    return root / "router-images" / sha256


def is_whole(folder: Path) -> bool:
    """Whether the image is there as it was put there."""
    record = read_json(folder / "record.json") or {}
    try:
        state = (folder / "image").stat()
    except FileNotFoundError:
        return False
    return (record.get("size"), record.get("mtime_ns")) == (state.st_size, state.st_mtime_ns)


def kept_idle_pc(folder: Path) -> str:
    """The idle-pc that was found for an image; "" where none was."""
    try:
        return (folder / "idle_pc").read_text().strip()
    except FileNotFoundError:
        return ""
