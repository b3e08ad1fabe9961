"""Ends of a host that are not as they should be, and of the address that outlives it."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from tests.aws import world
from tests.aws.world import Cloud
from tests.conditions import until
from tests.e2e.stack import PROJECT

pytestmark = pytest.mark.thorough

NAME = "e2e-aws-ends"


def test_destroy_works_with_a_dead_host(aws: Cloud) -> None:
    with world.stack(f"{NAME}-dead", aws, {"topology": "two_lans"}) as stack:
        stack.up()
        aws.client("ec2").stop_instances(InstanceIds=[aws.instance()["InstanceId"]])
        stack.destroy()
    assert aws.left() == {}


def test_destroy_after_a_killed_up_leaves_nothing(aws: Cloud) -> None:
    with world.stack(f"{NAME}-killed", aws, {"topology": "two_lans"}) as stack:
        port = int(str(json.loads(stack.pulumi("config", "get", "port", "--json", "-s", stack.name).output)["value"]))
        argv = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", stack.name]
        with subprocess.Popen(argv, cwd=PROJECT, env=stack.environment, stdout=subprocess.DEVNULL) as up:
            until(lambda: _answers(aws, port), "a host that answers")
            up.kill()
        stack.pulumi("cancel", "--yes", "-s", stack.name)
        stack.destroy()
    assert aws.left() == {}


def _answers(cloud: Cloud, port: int) -> bool:
    running = [instance for instance in cloud.instances() if instance["State"]["Name"] == "running"]
    if not running:
        return False
    try:
        with socket.create_connection((running[0]["PublicIpAddress"], port), 1):
            return True
    except OSError:
        return False


def test_an_elastic_address_stays_when_the_host_does_not(aws: Cloud) -> None:
    with world.stack(f"{NAME}-eip", aws, {"topology": "none", "elasticAddress": "true"}) as stack:
        stack.up()
        before, handed_out = aws.instance(), stack.outputs()["ssh"]
        stack.configure("resetHost", "1")
        stack.up()
        assert aws.instance()["InstanceId"] != before["InstanceId"]
        assert stack.outputs()["ssh"] == handed_out
        assert world.preview(stack) == {}
        stack.destroy()
    assert aws.left() == {}
