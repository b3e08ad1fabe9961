"""Every kill and every cut at every resource step of `up`, of an update and of `destroy`, with both ways on: `make destroy`, and `up`.

Hours, so `make torture` alone runs it. TORTURE_EVERY=5 takes each fifth step, beginning with TORTURE_FROM (1).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.e2e.mishaps import CUTS, KILLS, ONE_LAN, WAY_OUT, Trial, trial_of

NAME = f"torture-kills-{os.getpid()}"
"""Several may run at the same time, each with some of the walks: `pytest tests/torture -k SIGTERM`."""
LIMIT_S = {"connection-silent": 120.0}
"""How long a run may take that something befalls: a host that is met for the first time is waited for for 60 s; what is not named: 60 s."""


COMMANDS = ("up", "update", "destroy")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with trial_of(NAME, ONE_LAN, tmp_path_factory.mktemp("kills")) as made:
        yield made


@pytest.fixture(scope="module")
def trial_of_nat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with trial_of(f"{NAME}-nat", WAY_OUT, tmp_path_factory.mktemp("kills-nat")) as made:
        yield made


@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mishap", [*KILLS, *CUTS])
def test_walk(trial: Trial, mishap: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    walk(trial, mishap, command, capsys)


@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mishap", [*KILLS, *CUTS])
def test_walk_of_nat(trial_of_nat: Trial, mishap: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    walk(trial_of_nat, mishap, command, capsys)


def walk(trial: Trial, mishap: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    every, first = int(os.environ.get("TORTURE_EVERY", "1")), int(os.environ.get("TORTURE_FROM", "1"))
    for step in itertools.count(first, every):
        for way_on in (trial.come_to_as_declared, trial.destroy_by_make):
            trial.prepare(command)
            outcome = trial.befall(command, step, mishap, LIMIT_S.get(mishap, 60.0))
            if not outcome.struck:
                assert step > 1, "there was no step at all"
                return
            way_on()
            with capsys.disabled():
                print(
                    f"{mishap} at step {step} ({outcome.steps[step - 1]}) of {command}: status {outcome.status} after"
                    f" {outcome.seconds:.1f} s, outlived by {outcome.outlived_s:.2f} s, {way_on.__name__}: as it must be",
                    flush=True,
                )
