"""An image of a router, from a file of this machine."""

from __future__ import annotations

import functools
import struct
import tempfile
from pathlib import Path

from dynamic_providers.base import Properties
from dynamic_providers.image import digest
from dynamic_providers.router_image import RouterImageProvider
from tests.lifecycle.lab import Drift, Needs, Row

IDLE_PC = "0xffffffff80010108"


def elf(content: bytes) -> bytes:
    """The smallest that passes for an image: a header, one loaded section."""
    header = struct.pack(
        ">4sBBB9xHHIIIIIHHHHHH", b"\x7fELF", 1, 2, 1, 2, 8, 1, 0x80010000, 0, 52 + len(content), 0, 52, 32, 0, 40, 1, 0
    )
    section = struct.pack(">IIIIIIIIII", 0, 1, 6, 0x80010000, 52, len(content), 0, 0, 4, 0)
    return header + content + section


@functools.cache
def made(content: bytes) -> str:
    """The digest of such a file, which the provider finds by it."""
    path = Path(tempfile.mkdtemp()) / "image"
    path.write_bytes(elf(content))
    return digest(path)


def args(_needs: Needs, **changes: object) -> Properties:
    return {"name": "ios", "sha256": made(b"one"), "idle_pc": IDLE_PC, **changes}


def folder(content: bytes = b"one") -> str:
    return f"/var/lib/exam-lab/router-images/{made(content)}"


ROW = Row(
    kind="router_image",
    needs=lambda lab: {},
    args=args,
    provider=RouterImageProvider,
    seen=lambda lab, needs: lab.look("ls", "-R", folder()),
    look_alike=lambda lab, needs: lab.run("mkdir", "-p", folder()),
    clear_look_alike=lambda lab, needs: lab.run("rm", "-r", "/var/lib/exam-lab/router-images"),
    edits={
        "another image": lambda needs: args(needs, sha256=made(b"two")),
        "idle-pc": lambda needs: args(needs, idle_pc="0xffffffff8001010c"),
        "kept": lambda needs: args(needs, keep=True),
        "no idle-pc": lambda needs: args(needs, idle_pc=None),
    },
    replacing={"name": lambda needs: args(needs, name="other")},
    drifts={
        "deleted": Drift(lambda lab, needs: lab.run("rm", f"{folder()}/image"), ()),
        "truncated": Drift(lambda lab, needs: lab.run("truncate", "--size=10", f"{folder()}/image"), ()),
    },
)
