"""The virtual environment .venv: Python packages by lock, the project itself (editable), and activation."""

import hashlib
import subprocess
from pathlib import Path

from setup.paths import CHECKOUT, VENV
from setup.progress import Progress, SetupError, Step

LOCK = CHECKOUT / "requirements.lock"
"""What the program needs."""
LOCK_WITH_TESTS = CHECKOUT / "requirements-dev.lock"
"""The same at the same versions, and the tools of `make test` and `make lint`."""

PYTHONS = ("python3.13", "python3.12", "python3.11", "python3", "/usr/bin/python3")
"""Newest first, of those that the locks were made for; then whatever this machine calls Python 3."""

WATCH = 'import sys; {"pulumi.dynamic", "--engine"} & {*sys.orig_argv} and __import__("engine_watch").start()\n'
"""What Python does at its start: a program or provider of Pulumi's ends with its engine, from its first moment on."""

PIP = ("--disable-pip-version-check", "--no-input", "--quiet", "--no-cache-dir", "--retries", "1", "--timeout", "15")
PIP_ADVICE = (
    "Check that pip reaches its package index (`pip config list`, PIP_INDEX_URL, HTTPS_PROXY), then run make again."
)


def interpreter() -> Path | None:
    """Return the newest Python >= 3.11 that can make virtual environments, or None where there is none.

    Debian splits ensurepip off into python3-venv, without which `python3 -m venv` fails half way.
    """
    check = "import ensurepip, sys, venv; print(sys.executable if sys.version_info >= (3, 11) else '')"
    for python in PYTHONS:
        try:
            found = subprocess.run([python, "-c", check], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if found.returncode == 0 and found.stdout.strip():
            return Path(found.stdout.strip())
    return None


def interpreter_wanted() -> bool:
    """Tell whether .venv has to be made, and so an interpreter to be found."""
    return not _usable()


def pending(*, tests: bool) -> Step | None:
    """Return the step that brings .venv up to date, or None where it is. `tests`: with the tools for testing."""
    new = interpreter_wanted()
    lock = LOCK_WITH_TESTS if tests else LOCK
    packages_wanted = new or _read(_PACKAGES_STAMP) not in {_digest(lock), _digest(LOCK_WITH_TESTS)}
    project_wanted = new or _read(_PROJECT_STAMP) != _project_digest()
    if not packages_wanted and not project_wanted:
        return None

    def run(progress: Progress) -> None:
        if new:
            _make_venv(progress)
        if packages_wanted:
            progress.say(f"Python packages of {lock.name}, each checked by its hash")
            progress.command(
                [_PYTHON, "-m", "pip", "install", *PIP, "--require-hashes", "--requirement", lock],
                what="installing Python packages",
                advice=PIP_ADVICE,
                state=lambda _: "downloading and unpacking",
            )
            _PACKAGES_STAMP.write_text(_digest(lock))
        progress.say("the project itself, editable")
        progress.command(
            [
                *(_PYTHON, "-m", "pip", "install", *PIP),
                *("--no-index", "--no-deps", "--no-build-isolation"),
                # A line with the checkout's path; else each Python process would first import a finder of the packages in it.
                *("--config-settings", "editable_mode=compat", "--editable", "."),
            ],
            what="installing the project",
            advice="This needs no network: the message above is about the project's own files.",
            cwd=CHECKOUT,
        )
        for folder in VENV.glob("lib/python3*/site-packages"):
            (folder / "exam-lab.pth").write_text(WATCH)
        # As pip does with what it installs: who has PYTHONDONTWRITEBYTECODE set would have it compiled in each run.
        progress.command(
            [_PYTHON, "-m", "compileall", "-q", *_packages(), "engine_watch.py"],
            what="compiling the project",
            advice="The message above says which file is wrong.",
            cwd=CHECKOUT,
        )
        _PROJECT_STAMP.write_text(_project_digest())

    if not packages_wanted:
        return Step("the project's own packages into .venv", 0.1, 0, run)
    # With what tests of target aws need, which pulumi-aws is most of.
    size = (760 if tests else 160) if new else (600 if tests else 80)
    return Step("Python packages into .venv", 1, size, run)


_PYTHON = VENV / "bin" / "python"
_PACKAGES_STAMP = VENV / "exam-lab-packages"
_PROJECT_STAMP = VENV / "exam-lab-project"


def _usable() -> bool:
    # The scripts of an environment hold its path: in a checkout that was moved or copied, they run the old one.
    return _PYTHON.exists() and f"{VENV}" in _read(VENV / "bin" / "activate")


def _make_venv(progress: Progress) -> None:
    python = interpreter()
    if python is None:
        raise SetupError(
            "no Python 3.11 or later that can make virtual environments was found",
            "On Debian and Ubuntu: apt-get install python3-venv",
        )
    progress.say(f"virtual environment with {python}")
    progress.command(
        [python, "-m", "venv", "--clear", VENV],
        what="making the virtual environment",
        advice=f"Remove {VENV} if it is damaged, then run make again.",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _project_digest() -> str:
    return f"{_digest(CHECKOUT / 'pyproject.toml', Path(__file__))} {' '.join(_packages())}"


def _packages() -> list[str]:
    return sorted(marker.parent.name for marker in CHECKOUT.glob("*/__init__.py"))
