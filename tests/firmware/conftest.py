"""A lab for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware import machines


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[machines.Lab]:
    with machines.lab(tmp_path) as made:
        yield made
