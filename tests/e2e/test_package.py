"""The package alone, as `pip install` leaves it on an examiner's machine: no checkout, no make, no root, and nothing that only Linux has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.mishaps import SMALL
from tests.e2e.stack import PROJECT
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine

SOURCES = (
    "benchmarks",
    "cli",
    "components",
    "dynamic_providers",
    "firmware",
    "host_agent",
    "images",
    "sandbox",
    "stacks",
)
FILES = ("LICENSE", "Pulumi.yaml", "README.md", "__main__.py", "engine_watch.py", "pyproject.toml", "setup.py")
ELSEWHERE = '''
"""Python imports this at its start: what Linux alone has can't be imported by what is ours."""
import builtins

LINUX = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
OURS = {"__main__", "cli", "components", "dynamic_providers", "engine_watch", "host_agent", "sandbox"}
imported = builtins.__import__

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = str((globals or {}).get("__name__", "")).partition(".")[0]
    if level == 0 and name in LINUX and importer in OURS:
        raise ModuleNotFoundError(f"{importer} imports {name}")
    return imported(name, globals, locals, fromlist, level)

builtins.__import__ = guarded
'''


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the package in it, and a project's folder."""

    folder: Path
    wheel: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def run(self, *argv: str, within: Path | None = None) -> str:
        """Output of a command that must succeed."""
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "for tests",
            "NO_COLOR": "1",
        }
        for name in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK", "PYTHONPATH", "VIRTUAL_ENV"):
            environment.pop(name, None)
        done = subprocess.run(
            argv, cwd=within or self.project, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for name in SOURCES:
        shutil.copytree(
            PROJECT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "Pulumi.*")
        )
    for name in FILES:
        shutil.copy(PROJECT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, source], check=True
    )
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    # What it depends on: from here, without what an editable install of the checkout would add.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (packages / "sitecustomize.py").write_text(ELSEWHERE)
    shutil.rmtree(source)
    (folder / "backend").mkdir()
    made = Installed(folder, wheel)
    made.run(str(folder / "venv" / "bin" / "lab"), "new", "project", within=folder)
    return made


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    with machine("e2e-package-host", tmp_path) as made:
        yield made


def test_the_package_has_what_a_project_starts_from(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert "host_agent/run.py" in names
    assert not [name for name in names if name.startswith(("tests/", "setup/"))]
    written = {
        path.relative_to(installed.project).as_posix() for path in installed.project.rglob("*") if path.is_file()
    }
    assert written == {
        ".gitignore", "Pulumi.yaml", "__main__.py", "firmware/exam-router.elf", "firmware/exam-router.json",
        "images/pause.tar", "images/simpleweb.tar",
        *(f"stacks/topologies/{path.name}" for path in (PROJECT / "stacks" / "topologies").glob("*.*")),
    }  # fmt: skip
    where = installed.run("python", "-c", "import components; print(components.__file__)").strip()
    assert Path(where).is_relative_to(installed.folder)


def test_a_lab_on_a_host_that_one_has(installed: Installed, host: Machine) -> None:
    before = snapshot(host.run)
    settings = {
        "target": "ssh",
        "topology": SMALL,
        "address": host.endpoint.address,
        "port": str(host.endpoint.port),
        "privateKeyFile": host.endpoint.private_key_file,
    }
    installed.run("pulumi", "stack", "init", "ana", "--non-interactive")
    for key, value in settings.items():
        installed.run("pulumi", "config", "set", key, value)
    installed.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
    assert all(check["passed"] for check in json.loads(installed.run("lab", "check", "--json")))
    assert installed.run("lab", "exec", "web", "--", "/bin/busybox", "cat", "/www/hello.html").count("Hello world")
    assert "R1" in installed.run("lab", "status")
    assert (
        "create" not in json.loads(installed.run("pulumi", "preview", "--json", "--non-interactive"))["changeSummary"]
    )
    installed.run("pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive")
    assert differences(before, snapshot(host.run)) == ""
