"""Target `ssh`: a lab on a host that was there before, and that must be the same afterwards. The host is a sandbox that the test makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, on_host
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("e2e-ssh-host", tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture
def stack(host: Machine, tmp_path: Path) -> Iterator[Stack]:
    with on_host("e2e-ssh", tmp_path, host, "ccna_ch8") as made:
        yield made


def test_a_lab_comes_and_goes_without_a_trace(host: Machine, stack: Stack) -> None:
    before = snapshot(host.run)
    stack.up()
    # Never seen before, so pinned at the first connection.
    output = stack.outputs()["host"]
    assert isinstance(output, dict)
    assert output["host_key"] == host.endpoint.host_key
    checked = stack.run("lab", "check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert stack.up() == {}
    stack.destroy()
    assert differences(before, snapshot(host.run)) == ""


def test_removal_is_one_operation_by_the_ledger(host: Machine, stack: Stack) -> None:
    """The state may know nothing of what is on the host: the lease does."""
    before = snapshot(host.run)
    stack.up()
    exported = json.loads(stack.pulumi("stack", "export", "-s", stack.name).output)
    resources = exported["deployment"]["resources"]
    kept = ("pulumi:pulumi:Stack", "pulumi:providers:pulumi-python", "pulumi-python:dynamic/lab:LabHost")
    exported["deployment"]["resources"] = [
        {**resource, "parent": resources[0]["urn"]} if resource["type"].endswith("LabLease") else resource
        for resource in resources
        if resource["type"] in kept or resource["type"].endswith("LabLease")
    ]
    lost = Path(stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / "lost.json"
    lost.write_text(json.dumps(exported))
    stack.pulumi("stack", "import", "--force", "--file", str(lost), "-s", stack.name)
    stack.destroy()
    assert differences(before, snapshot(host.run)) == ""
