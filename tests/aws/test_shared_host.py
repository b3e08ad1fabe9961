"""A host on EC2 that two candidates' stacks share: its user is no root, and the keys of leases are that user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.world import Cloud
from tests.e2e.mishaps import SMALL
from tests.e2e.stack import Stack, machine_of
from tests.e2e.test_neighbours import down, together, up
from tests.e2e.test_shared_host import refusal

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture
def stacks(aws: Cloud) -> Iterator[tuple[Stack, Stack, Stack]]:
    """The host's, and two candidates'; all in one back end."""
    settings = {"e2e-aws-room": {**aws.settings(), "topology": "none"}}
    settings |= {f"e2e-aws-{name}": {"target": "stack:e2e-aws-room", "topology": SMALL} for name in ("ana", "bob")}
    made = [Stack(name, aws.folder / "shared", config) for name, config in settings.items()]
    for stack in made:
        stack.environment.update(aws.environment)
    try:
        yield made[0], made[1], made[2]
    finally:
        for stack in (*made[1:], made[0]):
            if stack.settings.exists():
                stack.environment.update(LAB_DELETE_SHARED="true", LAB_DELETE_UNREACHABLE="true")
                stack.destroy()


def test_two_candidates_on_one_host(aws: Cloud, stacks: tuple[Stack, Stack, Stack]) -> None:
    room, ana, bob = stacks
    room.up()
    assert room.up() == {}
    together(up(ana), up(bob))
    assert (ana.up(), bob.up()) == ({}, {})
    for stack in (ana, bob):
        checked = stack.run("lab", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert stack.run("lab", "exec", "host", "--", "id", "-un").stdout == "nobody\n"
    with machine_of(room) as host:
        keys = host.connection.run(["cat", ".ssh/authorized_keys"])[1].decode()
        assert keys.count('restrict,pty,command="sudo -n /usr/bin/python3 ') == 2
        assert "there are labs of other stacks on it: e2e-aws-ana (user " in refusal(room, "destroy")
        together(down(ana))
        assert bob.run("lab", "check").returncode == 0
        assert host.connection.run(["cat", ".ssh/authorized_keys"])[1].decode().count("exam-lab ") == 1
    # As at its expiry: nothing is to be forced then.
    aws.client("ec2").terminate_instances(InstanceIds=[aws.instance()["InstanceId"]])
    bob.destroy()
    room.destroy()
    assert aws.left() == {}
