"""A lab host that stops and starts: the lab is back by itself, before anybody runs `pulumi`, and `pulumi` then finds nothing to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynamic_providers.connection import Connection
from sandbox import control
from tests.e2e.stack import PROJECT, Stack, on_host
from tests.hostsnapshot import differences, snapshot
from tests.machines import STATE, Machine, machine, start

SAVED = ("configure terminal", "interface Vlan2", "description typed by the candidate", "end", "write memory")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    with machine("vm-reboot-host", tmp_path) as made:
        yield made


def reboot(host: Machine) -> Machine:
    """Stop and start it: the same host, by a new connection."""
    host.connection.close()
    control.stop(host.name, state=STATE)
    assert start(host.name, host.public_key_file).port == host.endpoint.port
    return Machine(host.name, host.endpoint, host.public_key_file, Connection(host.endpoint))


def work(stack: Stack) -> None:
    """What a candidate does: a configuration that is saved, and a file in a container."""
    commands = [argument for line in SAVED for argument in ("-c", line)]
    for argv in (["CORP", "--", "vtysh", *commands], ["web", "--", "/bin/busybox", "touch", "/answer"]):
        done = stack.run("lab", "exec", *argv)
        assert done.returncode == 0, done.stdout + done.stderr


def is_back(stack: Stack) -> None:
    """The lab works, what the candidate did is there, and Pulumi has nothing to add."""
    checked = stack.run("lab", "check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert all(check["passed"] for check in json.loads(checked.stdout))
    shown = stack.run("lab", "exec", "CORP", "--", "vtysh", "-c", "show running-config")
    assert " description typed by the candidate\n" in shown.stdout
    kept = stack.run("lab", "exec", "web", "--", "/bin/busybox", "ls", "/answer")
    assert kept.stdout == "/answer\n"
    assert stack.preview() == {}


def test_on_a_host_of_the_user_s_own(host: Machine, tmp_path: Path) -> None:
    # Once before, as the first mount of its root has other options than the next.
    host = reboot(host)
    before = snapshot(host.run)
    with on_host("vm-reboot", tmp_path, host, "ccna_ch8") as stack:
        stack.up()
        work(stack)
        host = reboot(host)
        is_back(stack)
        stack.destroy()
    assert differences(before, snapshot(host.run)) == ""
    host.connection.close()


@pytest.mark.thorough
def test_on_a_sandbox_of_the_stack_s_own(tmp_path: Path) -> None:
    stack = Stack("vm-sandbox", tmp_path, {"target": "sandbox", "topology": "ccna_ch8"})
    try:
        stack.up()
        work(stack)
        control.stop("vm-sandbox", state=STATE)
        start("vm-sandbox", PROJECT / ".state" / "keys" / "sandbox-vm-sandbox.pub")
        is_back(stack)

        # Dead when `up` comes: it is started, and waited for.
        control.stop("vm-sandbox", state=STATE)
        assert stack.up() == {"update": ["host", "sandbox"]}
        assert stack.preview() == {}
    finally:
        stack.destroy()
