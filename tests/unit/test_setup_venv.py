"""The choice of Python for .venv, and what to install where there is none."""

from pathlib import Path

import pytest

from setup import debian, venv
from setup.paths import CHECKOUT


def python(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on PATH, where pythons may be; /usr/bin/python3 is left out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(venv, "PYTHONS", [name for name in venv.PYTHONS if not name.startswith("/")])
    return tmp_path


def test_the_newest_python_that_can_make_virtual_environments(folder: Path) -> None:
    python(folder / "python3.13", "echo 'No module named ensurepip' >&2; exit 1")
    python(folder / "python3.12", f"echo {folder}/python3.12")
    python(folder / "python3.11", f"echo {folder}/python3.11")
    assert venv.interpreter() == folder / "python3.12"


def test_one_that_is_too_old_says_nothing(folder: Path) -> None:
    python(folder / "python3", "echo")
    assert venv.interpreter() is None


def test_without_one_its_debian_package_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert venv.interpreter() is None
    monkeypatch.setattr(venv, "VENV", folder)
    monkeypatch.setattr(venv, "_PYTHON", folder / "bin" / "python")
    monkeypatch.setattr(debian, "_installed", lambda package: True)
    assert debian.missing_packages() == ["python3-venv"]


def test_this_very_environment_needs_no_interpreter() -> None:
    assert (CHECKOUT / ".venv").is_dir(), "run the tests by `make test`, which makes .venv"
    assert not venv.interpreter_wanted()
    assert venv.pending(tests=True) is None
