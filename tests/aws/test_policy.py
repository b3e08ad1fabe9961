"""The policy of docs/aws-policy.json lets an examiner do all that target `aws` does, as far as moto judges it: by the names of actions."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.aws import world
from tests.aws.world import Cloud
from tests.e2e.stack import PROJECT

POLICY = PROJECT / "docs" / "aws-policy.json"
UP = ("up", "--yes", "--skip-preview", "--exclude", "**LabHost::host", "--exclude-dependents")
"""Without what is on the host."""


@pytest.fixture
def examiner(tmp_path: Path) -> Iterator[tuple[Cloud, dict[str, str]]]:
    """An AWS, and the credentials of a user with that policy and no other."""
    with world.cloud(tmp_path, hosts=False) as cloud:
        iam = cloud.client("iam")
        iam.create_user(UserName="examiner")
        iam.put_user_policy(UserName="examiner", PolicyName="exam-lab", PolicyDocument=json.dumps(_without_places()))
        key = iam.create_access_key(UserName="examiner")["AccessKey"]
        _authorize(cloud, True)
        yield cloud, {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.mark.thorough
def test_it_is_enough(examiner: tuple[Cloud, dict[str, str]]) -> None:
    cloud, credentials = examiner
    # It is judged at all.
    with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateVolume"):
        boto3.client(
            "ec2",
            region_name=world.REGION,
            endpoint_url=cloud.url,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        ).create_volume(AvailabilityZone=f"{world.REGION}a", Size=8)
    with world.stack("aws-policy", cloud, {"topology": "two_lans", "elasticAddress": "true"}) as stack:
        stack.environment.update(credentials)
        found = stack.run("lab", "preflight")
        assert found.returncode == 0, found.stdout + found.stderr
        stack.pulumi(*UP, "-s", stack.name)
        for changes in (
            {"allow": "127.0.0.0/8,203.0.113.0/24", "egress": "none", "expiry": "2099-01-01T00:00:00Z"},
            {"instanceType": "m7i-flex.xlarge", "diskGib": "30", "atExpiry": "stop"},
            {"elasticAddress": "false", "resetHost": "1"},
        ):
            for name, value in changes.items():
                stack.configure(name, value)
            stack.pulumi(*UP, "-s", stack.name)
        stack.destroy()
    _authorize(cloud, False)
    assert cloud.left() == {}


def test_it_is_no_more_than_named_actions() -> None:
    policy = json.loads(POLICY.read_text())
    actions = [action for statement in policy["Statement"] for action in _as_list(statement["Action"])]
    assert len(actions) == len(set(actions))
    assert not [action for action in actions if "*" in action]
    for statement in policy["Statement"]:
        changes = [
            action for action in _as_list(statement["Action"]) if not action.startswith(("ec2:Describe", "sts:"))
        ]
        assert changes == ["servicequotas:GetServiceQuota"] or statement["Resource"] != "*" or "Condition" in statement


def _without_places() -> dict[str, object]:
    """moto judges neither regions nor names of roles."""
    policy = json.loads(POLICY.read_text())
    statements = [{"Effect": "Allow", "Action": s["Action"], "Resource": "*"} for s in policy["Statement"]]
    return {**policy, "Statement": statements}


def _authorize(cloud: Cloud, wanted: bool) -> None:
    """Have moto refuse what no policy allows."""
    free_requests = b"0" if wanted else b"inf"
    # As a form, which it would be otherwise, moto does not see it.
    request = urllib.request.Request(
        f"{cloud.url}/moto-api/reset-auth", data=free_requests, headers={"Content-Type": "text/plain"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def _as_list(value: object) -> list[str]:
    return [value] if isinstance(value, str) else cast("list[str]", value)
