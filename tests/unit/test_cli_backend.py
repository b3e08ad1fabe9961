from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from cli import backend
from cli.errors import UsageError


def write_lock(backend: Path, pid: int, hostname: str) -> None:
    folder = backend / ".pulumi" / "locks" / "organization" / "lab" / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"pid": pid, "username": "ana", "hostname": hostname, "timestamp": "2026-01-01T00:00:00Z"}
    (folder / f"{pid}.json").write_text(json.dumps(record))
    (folder / f"{pid}.json.attrs").write_text("{}")


def test_the_lock_of_an_ended_process_is_stale(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    write_lock(tmp_path, ended.pid, socket.gethostname())
    (lock,) = backend.locks(f"file://{tmp_path}", "dev")
    assert lock == backend.Lock(ended.pid, "ana", socket.gethostname())
    assert lock.is_stale()


def test_the_lock_of_another_machine_is_not(tmp_path: Path) -> None:
    write_lock(tmp_path, 2**22 + 1, "elsewhere")
    (lock,) = backend.locks(f"file://{tmp_path}", "dev")
    assert not lock.is_stale()


def test_a_number_that_is_another_program_by_now_is_stale() -> None:
    assert backend.Lock(os.getpid(), "ana", socket.gethostname()).is_stale()


def test_a_running_pulumi_is_not(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\necho up\nread end\n")
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        assert not backend.Lock(running.pid, "ana", socket.gethostname()).is_stale()
        running.kill()


@pytest.mark.parametrize("url", ["s3://bucket/path", "https://pulumi.example.org", "file:///nowhere/at/all"])
def test_other_back_ends_have_no_such_locks(url: str) -> None:
    assert backend.locks(url, "dev") == []


def test_a_pulumi_at_work_is_named(tmp_path: Path) -> None:
    write_lock(tmp_path, 7, "elsewhere")
    with pytest.raises(
        UsageError, match=r"^stack dev is being changed by pulumi, process 7 of ana on elsewhere: .*`pulumi cancel dev`"
    ):
        backend.put_right(f"file://{tmp_path}", "dev")


def test_attributes_that_were_cut_off_are_removed(tmp_path: Path) -> None:
    state = tmp_path / ".pulumi" / "stacks" / "lab" / "dev.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    whole, torn = state.with_name("other.json.attrs"), state.with_name("dev.json.attrs")
    whole.write_text("{}")
    torn.touch()
    assert backend.mend(f"file://{tmp_path}?metadata=skip") == [torn]
    assert sorted(state.parent.iterdir()) == [state, whole]
