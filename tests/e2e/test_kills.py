"""Kills and cuts at a few steps; tests/torture/test_kills.py walks all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mishaps import TWO_LANS, Trial, trial_of

NAME = "e2e-kills"
LIMIT_S = 60.0


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with trial_of(NAME, TWO_LANS, tmp_path_factory.mktemp("kills")) as made:
        yield made


@pytest.mark.parametrize(
    ("command", "step", "mishap"),
    [
        ("up", 12, "SIGKILL"),
        pytest.param("up", 20, "SIGINT-twice", marks=pytest.mark.thorough),
        pytest.param("destroy", 2, "SIGKILL-agent", marks=pytest.mark.thorough),
    ],
)
def test_make_destroy_leaves_the_host_as_it_was(trial: Trial, command: str, step: int, mishap: str) -> None:
    trial.prepare(command)
    assert trial.befall(command, step, mishap, LIMIT_S).struck
    trial.destroy_by_make()


@pytest.mark.parametrize(
    ("command", "step", "mishap"),
    [
        pytest.param("up", 17, "connection-reset", marks=pytest.mark.thorough),
        ("update", 36, "SIGKILL-provider"),
        pytest.param("destroy", 10, "SIGKILL", marks=pytest.mark.thorough),
    ],
)
def test_up_gets_to_as_declared(trial: Trial, command: str, step: int, mishap: str) -> None:
    trial.prepare(command)
    assert trial.befall(command, step, mishap, LIMIT_S).struck
    trial.come_to_as_declared()


@pytest.mark.thorough
def test_a_state_that_was_rolled_back(trial: Trial) -> None:
    """To one from before the lab, and to one of an earlier lab."""
    trial.prepare("up")
    empty = _state_of(trial)
    kept = empty.read_text()
    trial.stack.up()
    empty.write_text(kept)
    trial.come_to_as_declared()
    earlier = empty.read_text()
    trial.stack.pulumi("destroy", "--yes", "--skip-preview", "-s", NAME)
    trial.stack.up()
    empty.write_text(earlier)
    trial.come_to_as_declared()
    empty.write_text(kept)
    trial.destroy_by_make()


def test_a_state_that_was_deleted(trial: Trial) -> None:
    trial.prepare("destroy")
    settings = trial.stack.settings.read_text()
    _state_of(trial).unlink()
    trial.stack.pulumi("stack", "init", NAME, "--no-select")
    trial.stack.settings.write_text(settings)
    trial.come_to_as_declared()
    shutil.rmtree(_state_of(trial).parent)
    done = trial.stack.run("python", "-m", "cli.demo", "--destroy", "--stack", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "which the state did not know, is removed with all that it had" in done.stdout
    trial.assert_host_as_before()


def _state_of(trial: Trial) -> Path:
    """The file that has the stack's state."""
    backend = Path(trial.stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://").partition("?")[0])
    return backend / ".pulumi" / "stacks" / "lab" / f"{NAME}.json"
