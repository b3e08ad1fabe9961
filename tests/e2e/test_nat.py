"""NAT: a lab's way out through a lab host that forwards as Docker leaves it, to an outside that knows neither the lab nor its uplink."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import outside
from tests.e2e.stack import Stack, on_host
from tests.hostsnapshot import differences, snapshot
from tests.machines import Machine, machine

SET_UP = f"""
{outside.SET_UP}
sysctl -q -w net.ipv4.ip_forward=1
iptables -P FORWARD DROP
iptables -N DOCKER-USER
iptables -A FORWARD -j DOCKER-USER
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("e2e-nat-host", tmp_path_factory.mktemp("key")) as made:
        made.run(SET_UP)
        yield made


@pytest.fixture
def stack(host: Machine, tmp_path: Path) -> Iterator[Stack]:
    topology = Path(__file__).parent / "topologies" / "nat.yaml"
    with on_host("e2e-nat", tmp_path, host, str(topology)) as made:
        yield made


def ping(stack: Stack) -> int:
    done = stack.run("lab", "exec", "client", "--", "/bin/busybox", "ping", "-c", "1", "-W", "3", outside.ADDRESS)
    return done.returncode


def test_the_way_out(host: Machine, stack: Stack) -> None:
    before = snapshot(host.run)
    stack.up()
    assert ping(stack) == 0
    # The outside has no route to the lab: only what has the lab host's address can be answered.
    assert host.run("ip -n outside route").split() == [
        "198.51.100.0/24",
        "dev",
        "out0",
        "proto",
        "kernel",
        "scope",
        "link",
        "src",
        outside.ADDRESS,
    ]
    assert stack.up() == {}

    host.run("iptables -F DOCKER-USER")
    assert ping(stack) != 0
    assert stack.up() == {"create": ["uplink"]}
    assert ping(stack) == 0

    stack.destroy()
    assert differences(before, snapshot(host.run)) == ""
