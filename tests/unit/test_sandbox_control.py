import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import control, init, privilege, root, state
from sandbox.errors import SandboxError
from sandbox.state import Record, Status

RECORD = Record(
    identity="0123456789ab",
    base="/base",
    port=2222,
    pid=os.getpid(),
    start_ticks=state.start_ticks(os.getpid()),
    machine_boot=state.machine_boot(),
    boot_id="b2b2e8a4-0000-4000-8000-000000000000",
    host_key="ssh-ed25519 AAAA",
    ready=True,
)


def made(tmp_path: Path, record: Record) -> Path:
    (tmp_path / "one").mkdir()
    state.write_record(tmp_path / "one", record)
    return tmp_path


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "../a", "a" * 33, "a\n"])
def test_a_name_must_be_a_host_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="use 1 to 32 of"):
        control.status(name, state=tmp_path)


def test_never_made(tmp_path: Path) -> None:
    assert control.status("one", state=tmp_path) == Status("one", exists=False, running=False)
    assert control.stop("one", state=tmp_path) == Status("one", exists=False, running=False)
    control.destroy("one", state=tmp_path)


def test_running(tmp_path: Path) -> None:
    status = control.status("one", state=made(tmp_path, RECORD))
    assert status == Status("one", True, True, RECORD.pid, 2222, RECORD.host_key, RECORD.boot_id, "/base")


@pytest.mark.parametrize(
    "changes",
    [
        {"ready": False},
        {"pid": None},
        {"start_ticks": 1},
        {"machine_boot": "another"},
    ],
    ids=["not yet up", "never started", "its number is another process's now", "before the machine's last boot"],
)
def test_not_running(changes: dict[str, bool | int | str | None], tmp_path: Path) -> None:
    record = Record(**{**dataclasses.asdict(RECORD), **changes})
    status = control.status("one", state=made(tmp_path, record))
    assert status == Status("one", True, False, None, 2222, RECORD.host_key, None, "/base")


def test_a_zombie_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert state.start_ticks(process.pid) is None


def test_a_record_that_cannot_be_understood(tmp_path: Path) -> None:
    made(tmp_path, RECORD)
    (tmp_path / "one" / "record.json").write_text('{"identity": 1')
    with pytest.raises(SandboxError, match=r"one/record\.json cannot be understood .* `destroy` the sandbox"):
        control.status("one", state=tmp_path)


def test_start_checks_what_it_can_before_it_asks_for_root(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"cannot read the public key .*id\.pub: .*No such file"):
        control.start("one", state=tmp_path, base=tmp_path, public_key=tmp_path / "id.pub")
    with pytest.raises(SandboxError, match="port 70000: use 1 to 65535"):
        control.start("one", state=tmp_path, base=tmp_path, public_key=tmp_path / "id.pub", port=70000)
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="cannot make the state directory"):
        control.start("one", state=tmp_path / "file", base=tmp_path, public_key=tmp_path / "file")


def test_root_runs_the_program_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert privilege.argv(["stop"]) == [sys.executable, "-I", "-S", "-B", str(privilege.ROOT_PROGRAM), "stop"]


def test_others_use_sudo_without_a_prompt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="no sudo: install sudo, or run as root"):
        privilege.argv(["stop"])
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    assert privilege.argv(["stop"])[:3] == [str(sudo), "-n", "--"]
    with pytest.raises(SandboxError, match="a password is required; run `sudo -v`"):
        privilege.run(["stop"])


def test_the_privileged_programs_run_alone() -> None:
    # As sudo and as PID 1 run them: isolated, from elsewhere, with the standard library alone.
    command = [sys.executable, "-I", "-S", "-B", str(privilege.ROOT_PROGRAM), "start", "--help"]
    assert "--public-key" in subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout
    imports = [
        line.split()[1]
        for line in Path(init.__file__).read_text().splitlines()
        if line.startswith(("import ", "from "))
    ]
    assert all(name in sys.stdlib_module_names for name in imports)


def test_a_sandbox_needs_a_file_system_that_can_take_it() -> None:
    mountinfo = """\
1 0 0:20 / / rw - overlay overlay rw
2 1 8:1 / /srv rw shared:1 - ext4 /dev/sda1 rw
3 2 0:33 / /srv/far\\040away rw - nfs4 server:/x rw
"""
    root.check_file_system(Path("/srv/state"), mountinfo)
    root.check_file_system(Path("/srv/far"), mountinfo)
    for directory, kind in (("/home/somebody", "overlay (mounted on /)"), ("/srv/far away/state", "nfs4")):
        with pytest.raises(SandboxError, match=re.escape(f"{directory} is on {kind}")):
            root.check_file_system(Path(directory), mountinfo)
