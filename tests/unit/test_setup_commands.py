"""Set-up's own commands: what a user sees of them, and root by sudo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from setup import progress as progress_module
from setup.paths import CHECKOUT
from setup.privilege import Privilege
from setup.progress import Progress, SetupError


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "logs")


def test_a_failed_command_shows_its_end_and_what_to_do(progress: Progress) -> None:
    script = "print(*range(100), sep='\\n', flush=True); raise SystemExit('no route to host')"
    with pytest.raises(SetupError) as failure:
        progress.command([sys.executable, "-c", script], what="fetching it", advice="Check the cable.")
    assert str(failure.value).startswith("fetching it failed (exit 1): ")
    assert "\n    99\n    no route to host\n" in str(failure.value)
    assert "\n    80\n" not in str(failure.value)
    assert failure.value.advice == "Check the cable."


def test_a_command_that_is_not_there(progress: Progress) -> None:
    with pytest.raises(SetupError, match=r"^trying it failed: no-such-command: No such file"):
        progress.command(["no-such-command"], what="trying it", advice="")


def test_a_command_that_hangs_is_ended(progress: Progress) -> None:
    with pytest.raises(SetupError, match=r"^waiting failed \(took longer than 0\.2 s\)"):
        progress.command(["sleep", "100"], what="waiting", advice="", timeout_s=0.2)


def test_a_long_command_shows_that_it_is_alive(
    progress: Progress, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(progress_module, "ALIVE_EVERY_S", 0.05)
    # It ends when it has been shown to be alive, however slow this machine is.
    seen = tmp_path / "seen"
    script = f"echo unpacking; until [ -e {seen} ]; do sleep 0.02; done"

    def state(output: str) -> str:
        if output:
            seen.touch()
        return output.strip()

    progress.command(["sh", "-c", script], what="building", advice="", state=state)
    assert "… building: unpacking\n" in capsys.readouterr().out


def sudo_that(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for sudo on PATH, and be a user who is not root."""
    (folder / "sudo").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    Privilege().obtain()
    assert Privilege().argv("apt-get", "update") == ["apt-get", "update"]


def test_sudo_that_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo_that(tmp_path, "exit 0", monkeypatch)
    Privilege().obtain()
    assert Privilege().argv("apt-get", "update") == ["sudo", "--non-interactive", "apt-get", "update"]


def test_sudo_that_asks_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sudo_that(tmp_path, "echo 'sudo: a password is required' >&2; exit 1", monkeypatch)
    with (tmp_path / "input").open("w+") as no_terminal:
        monkeypatch.setattr(sys, "stdin", no_terminal)
        with pytest.raises(SetupError, match="a password is required") as failure:
            Privilege().obtain()
    assert "terminal" in failure.value.advice


def test_no_sudo_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="no sudo"):
        Privilege().obtain()


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make", "-C", CHECKOUT], capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "destroy", "test"):
        assert f"\n{target} " in f"\n{done.stdout}"
