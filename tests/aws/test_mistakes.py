"""What is wrong with a stack of target `aws` is one clear error, and nothing was made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import world
from tests.aws.cloud import images
from tests.aws.world import Cloud
from tests.e2e.stack import Stack

NAME = "e2e-aws-mistakes"


@contextlib.contextmanager
def _stack(cloud: Cloud, settings: dict[str, str | None]) -> Iterator[Stack]:
    with world.stack(NAME, cloud, {"topology": "none", **settings}) as stack:
        yield stack


def _error(cloud: Cloud, settings: dict[str, str | None]) -> str:
    """What `pulumi up` says of it. Nothing is made in AWS."""
    with _stack(cloud, settings) as stack:
        done = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", NAME)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert cloud.left() == {}
        stack.destroy()
    assert "Traceback" not in said
    return said


def test_settings_that_are_missing_are_told_at_once(records: Cloud) -> None:
    missing = dict.fromkeys(("aws:region", "allow", "publicKey", "expiry"))
    said = _error(records, missing)
    for name in ("aws:region", "lab:allow", "lab:publicKey", "lab:expiry"):
        assert f"{name} is not set" in said


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"aws:region": "eu-centrall-1"}, "eu-centrall-1"),
        ({"image": "ami-00000000000000000"}, "has no image ami-00000000000000000"),
        ({"image": images.DEBIAN_ARM64}, "is for arm64, but m7i-flex.large is x86_64"),
        ({"instanceType": "m99.huge"}, "has no instance type 'm99.huge'"),
        ({"allow": "0.0.0.0/0"}, "allowTheWholeInternet"),
        ({"allow": "203.0.113.7/24"}, "host bits"),
        ({"publicKey": "/nonexistent/id.pub"}, "no public key can be read"),
        ({"expiry": "2020-01-01T00:00:00Z"}, "is past"),
        ({"zone": "eu-central-1z"}, "eu-central-1z does not offer m7i-flex.large"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_mistake_is_one_clear_error(records: Cloud, settings: dict[str, str | None], words: str) -> None:
    assert words in _error(records, settings)


@pytest.mark.thorough
def test_a_quota_that_is_used_up(tmp_path: Path) -> None:
    # The account has its default VPC.
    with world.cloud(tmp_path, hosts=False, quotas={"L-F678F1CE": 1}) as cloud:
        assert "1 of 1 VPCs of a region are used" in _error(cloud, {})


@pytest.mark.thorough
def test_no_credentials(records: Cloud) -> None:
    with _stack(records, {}) as stack:
        environment = dict(stack.environment)
        for name in world.CREDENTIALS:
            stack.environment.pop(name)
        stack.environment["HOME"] = str(stack.backend)
        done = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", NAME)
        assert done.returncode != 0
        assert "credentials" in done.stdout + done.stderr
        stack.environment.update(environment)
    assert records.left() == {}


@pytest.mark.thorough
def test_preflight_says_what_is_wrong_before_anything_is_made(records: Cloud) -> None:
    with _stack(records, {"instanceType": "m99.huge"}) as stack:
        done = stack.run("lab", "preflight")
        assert done.returncode != 0
        assert "m99.huge" in done.stdout + done.stderr
        stack.configure("instanceType", "m7i-flex.large")
        done = stack.run("lab", "preflight")
        assert done.returncode == 0, done.stdout + done.stderr
    assert records.left() == {}
