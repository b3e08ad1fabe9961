"""Ten labs of one topology on one host, up and down at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.mishaps import SMALL, make_stack
from tests.e2e.stack import Stack
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine

LABS = 10


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("torture-ten-host", tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.mark.timeout(1800)
def test_ten_labs_at_once(host: Machine, tmp_path: Path) -> None:
    before = snapshot(host.run)
    stacks = [make_stack(f"torture-ten-{number}", tmp_path / str(number), host, SMALL) for number in range(LABS)]
    try:
        all_at_once(stacks, lambda stack: stack.up())
        leases = {str(stack.outputs()["lease"]) for stack in stacks}
        assert len(leases) == LABS
        for stack in stacks:
            checked = stack.run("lab", "check")
            assert checked.returncode == 0, checked.stdout + checked.stderr
        all_at_once(stacks, lambda stack: stack.destroy())
    finally:
        for stack in stacks:
            stack.settings.unlink(missing_ok=True)
    deadline = time.monotonic() + 20
    while (found := differences(before, snapshot(host.run))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == ""


def all_at_once(stacks: list[Stack], do: Callable[[Stack], object]) -> None:
    with ThreadPoolExecutor(len(stacks)) as pool:
        list(pool.map(do, stacks))
