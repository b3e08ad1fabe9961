"""The life of one host with a lab: what its examiner asks of it, what befalls it, and its end. The tests go on from each other."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest

from dynamic_providers.connection import Connection, Endpoint
from tests.aws import world
from tests.aws.world import Cloud
from tests.conditions import until
from tests.e2e.stack import Stack

pytestmark = pytest.mark.thorough

NAME = "e2e-aws-life"
# From a namespace behind the host, as a lab's with NAT: by what is forwarded. Prints 1 for an answer, else 0.
BEHIND = """
ip netns add behind
ip link add b0 type veth peer name b1 netns behind
ip address add 192.0.2.1/30 dev b0
ip link set b0 up
ip -n behind address add 192.0.2.2/30 dev b1
ip -n behind link set b1 up
ip -n behind route add default via 192.0.2.1
sysctl -qw net.ipv4.ip_forward=1
nft add table ip behind
nft add chain ip behind out '{ type nat hook postrouting priority 100; }'
nft add rule ip behind out ip saddr 192.0.2.2 masquerade
"""
TOKEN = """
import urllib.request as u
request = u.Request("http://169.254.169.254/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
try:
    print(len(u.urlopen(request, timeout=3).read()) > 20)
except OSError:
    print(False)
"""


def moment(**later: float) -> str:
    return f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(**later):%Y-%m-%dT%H:%M:%SZ}"


def login(stack: Stack) -> Connection:
    """A connection to the stack's host, as its user."""
    host = stack.outputs()["host"]
    assert isinstance(host, dict)
    return Connection(Endpoint.from_properties(host))


def as_root(stack: Stack, *argv: str) -> str:
    connection = login(stack)
    try:
        status, output, errors = connection.run(["sudo", "-n", *argv])
        assert status == 0, errors.decode()
        return output.decode()
    finally:
        connection.close()


def checks(stack: Stack) -> None:
    done = stack.run("lab", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert results
    assert all(result["passed"] for result in results)


@pytest.fixture(scope="module")
def lab(aws: Cloud) -> Iterator[Stack]:
    with world.stack(NAME, aws, {"topology": "two_lans"}) as stack:
        stack.up()
        yield stack


def test_extending_is_in_place(aws: Cloud, lab: Stack) -> None:
    before, boot = aws.instance(), as_root(lab, "cat", "/proc/sys/kernel/random/boot_id")
    later = moment(hours=9)
    lab.configure("expiry", later)
    lab.configure("deadline", moment(hours=8))
    changes = world.up(lab)
    assert set(changes) == {"update"}
    assert "Schedule exam-lab-expiry" in changes["update"]
    after = aws.instance()
    assert after["InstanceId"] == before["InstanceId"]
    assert after["PublicIpAddress"] == before["PublicIpAddress"]
    assert {"Key": "expiry", "Value": later} in after["Tags"]
    assert as_root(lab, "cat", "/proc/sys/kernel/random/boot_id") == boot
    assert json.loads(as_root(lab, "cat", "/etc/exam-lab/lifetime.json"))["expiry"] == later


def test_the_metadata_is_for_root_alone(lab: Stack) -> None:
    """They hold the host's private key. Two things keep labs from them: a rule of the host's, and the hop limit."""
    assert as_root(lab, "python3", "-c", TOKEN) == "True\n"
    connection = login(lab)
    try:
        assert connection.run(["python3", "-c", TOKEN])[1] == b"False\n"
    finally:
        connection.close()
    as_root(lab, "sh", "-ec", BEHIND)
    behind = ("ip", "netns", "exec", "behind", "python3", "-c", TOKEN)
    assert as_root(lab, *behind) == "False\n"
    as_root(lab, "nft", "delete", "table", "inet", "exam_lab_metadata")
    assert as_root(lab, *behind) == "False\n"
    as_root(lab, "sh", "-ec", "nft delete table ip behind; ip netns delete behind; nft -f /etc/exam-lab/metadata.nft")


def test_a_first_boot_that_failed_is_told_with_its_log_and_tried_again(lab: Stack) -> None:
    """It runs once more here, without what it asks for packages."""
    as_root(lab, "sh", "-c", "mv /usr/bin/dpkg-query /tmp; ! python3 -I /usr/local/lib/exam-lab/bootstrap.py")
    lab.configure("expiry", moment(hours=10))
    done = lab.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", NAME)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "did not become a lab host: its first boot failed at the step `packages`" in said
    assert "exam-lab: packages: [Errno 2] No such file or directory: 'dpkg-query'" in said
    as_root(lab, "mv", "/tmp/dpkg-query", "/usr/bin")
    assert set(world.up(lab)) == {"update"}
    checks(lab)


def test_while_an_exam_runs_nothing_ends_the_host(aws: Cloud, lab: Stack) -> None:
    before = aws.instance()["InstanceId"]
    lab.configure("running", "true")
    assert set(world.up(lab)) == {"update"}
    ec2 = aws.client("ec2")
    with pytest.raises(ec2.exceptions.ClientError, match="OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[before])
    for command in (("destroy", "--yes", "--skip-preview"), ("up", "--yes", "--skip-preview", "-c", "lab:resetHost=7")):
        done = lab.run("pulumi", *command, "--non-interactive", "-s", NAME)
        assert done.returncode != 0, done.stdout
        assert aws.instance()["InstanceId"] == before
    checks(lab)
    lab.configure("resetHost", "0")
    lab.configure("running", "false")
    lab.up()
    assert world.preview(lab) == {}


def test_a_stopped_host_is_an_error_and_then_comes_back_with_its_lab(aws: Cloud, lab: Stack) -> None:
    before, lease = aws.instance()["InstanceId"], lab.outputs()["lease"]
    ec2 = aws.client("ec2")
    ec2.stop_instances(InstanceIds=[before])
    done = lab.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", NAME)
    assert done.returncode != 0, done.stdout
    assert "reach" in done.stdout + done.stderr or "stopped" in done.stdout + done.stderr
    ec2.start_instances(InstanceIds=[before])
    lab.up()
    assert world.preview(lab) == {}
    assert (aws.instance()["InstanceId"], lab.outputs()["lease"]) == (before, lease)
    checks(lab)


def test_an_instance_that_the_schedule_ended_is_made_again_with_its_lab(aws: Cloud, lab: Stack) -> None:
    """The schedule is the line that root on the host can't stop: here it is due now."""
    before = aws.instance()["InstanceId"]
    scheduler = aws.client("scheduler")
    seen = scheduler.get_schedule(Name=scheduler.list_schedules()["Schedules"][0]["Name"])
    kept = ("Name", "GroupName", "FlexibleTimeWindow", "Target", "State", "Description")
    due = f"at({datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S})"
    scheduler.update_schedule(**{name: seen[name] for name in kept}, ScheduleExpression=due)
    until(lambda: aws.left().get("instances", []) == [], "the end of the instance")
    lab.up()
    assert aws.instance()["InstanceId"] != before
    assert world.preview(lab) == {}
    checks(lab)


def test_a_host_that_is_replaced_on_purpose_has_all_of_the_lab(aws: Cloud, lab: Stack) -> None:
    before = aws.instance()["InstanceId"]
    lab.configure("resetHost", "1")
    lab.up()
    assert aws.instance()["InstanceId"] != before
    assert world.preview(lab) == {}
    checks(lab)


def test_at_its_expiry_the_host_ends_itself(aws: Cloud, lab: Stack) -> None:
    lab.configure("deadline", "")
    # Later than the up is done, on a slow machine too.
    lab.configure("expiry", moment(seconds=60))
    lab.up()
    until(lambda: aws.left().get("instances", []) == [], "the end of the instance")
    done = lab.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "-s", NAME)
    assert done.returncode != 0
    assert "is past" in done.stdout + done.stderr
    lab.destroy()
    assert aws.left() == {}
