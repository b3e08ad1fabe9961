"""Target `aws`, from nothing to the checks of the lab, and back to nothing."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from pathlib import Path

import pytest

from tests.aws import world
from tests.aws.world import Cloud
from tests.e2e.stack import Stack

PRIVATE_KEY = re.compile(r"-----BEGIN OPENSSH PRIVATE KEY-----(?:\\n|\s)+([A-Za-z0-9+/=]{40,})")


def test_from_nothing_to_a_lab_to_nothing(aws: Cloud) -> None:
    with world.stack("e2e-aws", aws, {"topology": "ccna_ch8"}) as stack:
        assert set(stack.up()) == {"create"}
        host = stack.outputs()["host"]
        assert isinstance(host, dict)
        assert host["address"] == aws.instance()["PublicIpAddress"]
        checked = stack.run("lab", "check", "--json")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert [result["passed"] for result in json.loads(checked.stdout)] == [True] * 4
        # With its refresh: nothing of AWS and nothing on the host is otherwise than declared.
        assert stack.up() == {}
        assert_no_secret(aws, stack)
        stack.destroy()
    assert aws.left() == {}


@pytest.mark.quiet
def test_it_takes_less_than_three_times_as_long_as_on_a_sandbox(aws: Cloud, tmp_path: Path) -> None:
    with world.stack("e2e-aws-time", aws, {"topology": "ccna_ch8"}) as stack:
        in_the_cloud = _seconds(stack)
    sandbox = Stack("e2e-aws-sandbox", tmp_path, {"target": "sandbox", "topology": "ccna_ch8"})
    try:
        assert in_the_cloud < 3 * _seconds(sandbox)
    finally:
        if sandbox.settings.exists():
            sandbox.destroy()


def _seconds(stack: Stack) -> float:
    """From nothing to the lab's checks to nothing."""
    started = time.monotonic()
    stack.up()
    assert stack.run("lab", "check").returncode == 0
    stack.destroy()
    return time.monotonic() - started


def assert_no_secret(cloud: Cloud, stack: Stack) -> None:
    """In all that Pulumi keeps: neither the examiner's private key nor the host's, nor the user data that has that one."""
    user_data = _user_data(cloud)
    [hosts] = PRIVATE_KEY.findall(user_data)
    [examiners] = PRIVATE_KEY.findall(cloud.key.read_text())
    for file in stack.backend.rglob("*"):
        if file.is_file():
            kept = file.read_bytes()
            for secret in (hosts, examiners, user_data[:60]):
                assert secret.encode() not in kept, f"{file}: {secret[:10]}…"
                assert base64.b64encode(secret.encode())[:40] not in kept, file


def _user_data(cloud: Cloud) -> str:
    answer = cloud.client("ec2").describe_instance_attribute(
        InstanceId=cloud.instance()["InstanceId"], Attribute="userData"
    )
    raw = base64.b64decode(answer["UserData"]["Value"])
    return (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode()
