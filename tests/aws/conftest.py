"""What tests of target `aws` say and share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.world import Cloud, cloud, plugin


def pytest_report_header() -> str:
    return f"target aws: the plugin of pulumi-aws is {plugin()}; AWS is moto, on this machine"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An AWS whose instances run."""
    with cloud(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An AWS whose instances are records only."""
    with cloud(tmp_path_factory.mktemp("cloud"), hosts=False) as made:
        yield made
