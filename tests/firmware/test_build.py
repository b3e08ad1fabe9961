"""The committed firmware is what its sources make, and its parts hold natively."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest

from tests.firmware.machines import ELF, FIRMWARE


def make(target: str, *needs: str) -> str:
    missing = [command for command in ("make", *needs) if shutil.which(command) is None]
    if missing:
        pytest.fail(f"not on this machine: {', '.join(missing)} (docs/firmware.md names the packages)")
    done = subprocess.run(["make", "-C", str(FIRMWARE), target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_rebuild_is_identical_to_the_committed_image() -> None:
    make("check", "mips-linux-gnu-gcc", "mips-linux-gnu-ld", "mips-linux-gnu-objcopy")


def test_the_description_is_that_of_the_committed_image() -> None:
    description = json.loads((FIRMWARE / "exam-router.json").read_text(encoding="utf-8"))
    assert description["sha256"] == hashlib.sha256(ELF.read_bytes()).hexdigest()
    assert description["idle_pc"].startswith("0xffffffff8001")


def test_unit_tests_under_the_sanitizers() -> None:
    assert " 0 failed" in make("test", "gcc")
