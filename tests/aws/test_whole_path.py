"""Target `aws`, from nothing to the checks of the lab, and back to nothing."""

from __future__ import annotations

import json

from tests.aws import world
from tests.aws.world import Cloud


def test_from_nothing_to_a_lab_to_nothing(aws: Cloud) -> None:
    with world.stack("e2e-aws", aws, {"topology": "ccna_ch8"}) as stack:
        made = stack.up()
        assert set(made) == {"create"}
        host = stack.outputs()["host"]
        assert isinstance(host, dict)
        assert host["address"] == aws.instance()["PublicIpAddress"]
        checked = stack.run("lab", "check", "--json")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert [result["passed"] for result in json.loads(checked.stdout)] == [True] * 4
        assert stack.up() == {}
        stack.pulumi("refresh", "--yes", "--expect-no-changes", "-s", stack.name)
        stack.destroy()
    assert aws.left() == {}
