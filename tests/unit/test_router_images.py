"""What passes for an image of a router, and what a compressed one has in it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dynamic_providers import router_image
from host_agent.router_images import HEADER, NoImage, check, idle_pc, unpack
from tests.lifecycle.rows.router_image import elf

IMAGE = elf(b"code" * 20)


def with_field(offset: int, value: bytes) -> bytes:
    return IMAGE[:offset] + value + IMAGE[offset + len(value) :]


def test_a_whole_image() -> None:
    check(io.BytesIO(IMAGE), "image")


def test_numbers_that_cisco_writes_for_its_machines() -> None:
    check(io.BytesIO(with_field(18, struct.pack(">H", 0x69))), "image")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an ELF file"),
        (b"#!/bin/sh\n" * 20, "not an ELF file"),
        (IMAGE[:20], "truncated: 20 bytes"),
        (IMAGE[:60], "truncated: it has 60 bytes of at least"),
        (IMAGE[:-1], "truncated"),
        (with_field(4, b"\2"), "for another machine: 64-bit big-endian"),
        (with_field(5, b"\1"), "for another machine: 32-bit little-endian"),
        (with_field(18, struct.pack(">H", 20)), "for another machine: PowerPC"),
        (with_field(16, struct.pack(">H", 1)), "not an executable ELF file with sections"),
        (with_field(HEADER.size - 4, struct.pack(">H", 0)), "not an executable ELF file with sections"),
    ],
)
def test_what_is_no_image(content: bytes, message: str) -> None:
    with pytest.raises(NoImage, match=message) as refused:
        check(io.BytesIO(content), "router image ios")
    assert str(refused.value).startswith("router image ios is ")
    assert "\n" not in str(refused.value)


def packed(*members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            archive.writestr(f"C3725-{number}.BIN", member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [lambda: IMAGE, lambda: packed(IMAGE), lambda: elf(b"a program that unpacks itself") + packed(IMAGE)],
    ids=["plain", "packed", "self-extracting"],
)
def test_an_image_is_unpacked(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(make())
    unpack(tmp_path / "source", tmp_path / "target", "image")
    assert (tmp_path / "target").read_bytes() == IMAGE


def damaged() -> bytes:
    content = bytearray(packed(IMAGE))
    content[45] ^= 0xFF  # behind the member's header and name
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(IMAGE, IMAGE), "with 2 files in it"),
        (packed(b"text"), "not an ELF file"),
        (damaged(), "image is damaged"),
    ],
)
def test_what_is_refused_leaves_nothing(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(content)
    with pytest.raises(NoImage, match=message):
        unpack(tmp_path / "source", tmp_path / "target", "image")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("given", "meant"),
    [("0x80010108", "0xffffffff80010108"), ("0x60008F4C", "0x60008f4c"), ("0xffffffff80010108", "0xffffffff80010108")],
)
def test_idle_pcs_are_sign_extended(given: str, meant: str) -> None:
    assert idle_pc(given) == meant


@pytest.mark.parametrize("given", ["80010108", "0x8001", "0x0000000080010108", "0x8001010g"])
def test_what_is_no_idle_pc(given: str) -> None:
    with pytest.raises(ValueError, match="must be an idle-pc"):
        idle_pc(given)


def test_a_local_image_is_checked_by_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "ios.bin").write_bytes(IMAGE[:-1])
    with pytest.raises(NoImage, match="truncated"):
        router_image.local_digest(tmp_path / "ios.bin")
    with pytest.raises(NoImage, match="is not there; give `free`"):
        router_image.local_digest(tmp_path / "none.bin")
