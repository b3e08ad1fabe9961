"""The first boot of a host, as far as it needs no host: what is told of it, and what apt is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from host_agent import bootstrap


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All its files in a folder of the test's own."""
    for name in ("SCRIPT", "LOG", "STATUS", "CLOUD_INIT_ENDED", "CLOUD_INIT_LOG"):
        monkeypatch.setattr(bootstrap, name, tmp_path / name.lower())
    return tmp_path


def wait(timeout_s: float = 10) -> str:
    return str(bootstrap.wait(None, {"timeout_s": timeout_s}, lambda text: None)["failure"])


def status(state: str, step: str = "packages", pid: int | None = None) -> None:
    bootstrap.STATUS.write_text(json.dumps({"state": state, "step": step, "pid": pid or os.getpid()}))


def test_a_host_that_is_ready_is_not_waited_for(place: Path) -> None:
    status("done")
    assert wait() == ""


def test_a_failure_is_told_with_the_end_of_its_log(place: Path) -> None:
    bootstrap.LOG.write_text("".join(f"line {number}\n" for number in range(100)))
    status("failed")
    failure = wait()
    assert "failed at the step `packages`" in failure
    assert failure.splitlines()[1:] == [f"  line {number}" for number in range(85, 100)]


def test_who_asks_again_has_it_tried_again(place: Path) -> None:
    done = json.dumps({"state": "done", "step": "services", "pid": 1})
    bootstrap.SCRIPT.write_text(f"import pathlib; pathlib.Path({str(bootstrap.STATUS)!r}).write_text({done!r})")
    bootstrap.LOG.touch()
    status("failed")
    assert "failed at the step" in wait()
    assert wait() == ""


def test_a_first_boot_that_was_cut_off_is_a_failure(place: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    status("running", pid=ended.pid)
    assert "failed at the step `packages`" in wait()


def test_user_data_that_was_not_run_is_told(place: Path) -> None:
    bootstrap.CLOUD_INIT_ENDED.touch()
    bootstrap.CLOUD_INIT_LOG.write_text("util.py[WARNING]: Failed loading yaml blob\n")
    failure = wait()
    assert "cloud-init ended there without having run" in failure
    assert "Failed loading yaml blob" in failure


def test_time_is_up(place: Path) -> None:
    status("running")
    bootstrap.LOG.write_text("+ apt-get update\n")
    assert "is still at the step `packages`" in wait(timeout_s=0.1)


@pytest.mark.parametrize(
    ("distribution", "file", "before", "after"),
    [
        (
            "debian",
            "sources.list.d/debian.sources",
            "Types: deb\nSuites: bookworm\nComponents: main\n",
            "Types: deb\nSuites: bookworm\nComponents: main non-free\n",
        ),
        (
            "debian",
            "sources.list",
            "# deb none\ndeb http://deb.example/debian bookworm main contrib\n",
            "# deb none\ndeb http://deb.example/debian bookworm main contrib non-free\n",
        ),
        (
            "debian",
            "sources.list",
            "deb http://deb.example/debian bookworm main non-free-firmware\n",
            "deb http://deb.example/debian bookworm main non-free-firmware non-free\n",
        ),
        (
            "ubuntu",
            "sources.list.d/ubuntu.sources",
            "Components: main universe restricted multiverse\n",
            "Components: main universe restricted multiverse\n",
        ),
        ("fedora", "sources.list", "deb x y main\n", "deb x y main\n"),
    ],
)
def test_apt_is_shown_where_dynamips_is(tmp_path: Path, distribution: str, file: str, before: str, after: str) -> None:
    release, apt = tmp_path / "os-release", tmp_path / "apt"
    release.write_text(f'NAME="x"\nID={distribution}\n')
    path = apt / file
    path.parent.mkdir(parents=True)
    (apt / "sources.list.d").mkdir(exist_ok=True)
    path.write_text(before)
    for _ in range(2):
        bootstrap.add_component(release, apt)
        assert path.read_text() == after
