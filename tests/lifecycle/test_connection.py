"""The SSH connection and the agent at its other end: a real sshd in a sandbox."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dynamic_providers import connection
from dynamic_providers.connection import Agent, Lost, OtherHost, Refused, Unreachable
from host_agent.errors import HostError
from sandbox import control
from tests.machines import STATE, Machine, machine, make_key, start


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("connection", tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture
def agent(host: Machine) -> Iterator[Agent]:
    made = Agent(host.endpoint)
    yield made
    made.close()


def test_the_agent_is_brought_once(host: Machine) -> None:
    first = Agent(host.endpoint)
    first.close()
    began = time.monotonic()
    second = Agent(host.endpoint)
    second.close()
    assert first.identity == second.identity
    assert len(host.run("ls /var/lib/exam-lab/agent").split()) == 1
    assert time.monotonic() - began < 5


def test_the_agent_s_folder_is_root_s_alone_to_write(agent: Agent, host: Machine) -> None:
    assert host.run("find /var/lib/exam-lab/agent ! -user root -o -perm /022 ! -type l") == ""


def test_threads_share_one_agent(agent: Agent) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: agent.call("host", {}), range(64)))
    assert {answer["identity"] for answer in answers} == {agent.identity}


def test_an_error_on_the_host_is_one_line(agent: Agent) -> None:
    with pytest.raises(HostError, match=r"^no such method: 'dance'; known are .*$"):
        agent.call("dance", {})


def test_missing_packages_are_named_with_what_brings_them(agent: Agent, host: Machine) -> None:
    host.run("mv /usr/lib/frr /usr/lib/frr.away")
    try:
        answer = agent.call("host", {"requires": ["docker", "frr"]})
    finally:
        host.run("mv /usr/lib/frr.away /usr/lib/frr")
    assert answer["missing"] == ["frr: /usr/lib/frr/zebra is not there; `apt-get install frr` on the host brings it"]


def test_another_host_key_is_refused_at_once(host: Machine) -> None:
    # A well-formed key that is not the host's.
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    other = dataclasses.replace(host.endpoint, host_key=key)
    with pytest.raises(Refused, match="another host key"):
        connection.wait(other, timeout_s=30)


def test_a_shell_that_greets_is_told(host: Machine) -> None:
    with pytest.raises(Refused, match="a shell's greeting"):
        Agent(dataclasses.replace(host.endpoint, user="nobody"))


def test_another_machine_at_the_address_is_noticed(host: Machine) -> None:
    with pytest.raises(OtherHost, match="is another machine now"):
        Agent(dataclasses.replace(host.endpoint, identity="0" * 32))


def test_a_login_that_is_refused_does_not_wait(host: Machine, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Refused, match="login refused"):
        connection.wait(dataclasses.replace(host.endpoint, private_key_file=str(make_key(tmp_path))), timeout_s=30)
    assert time.monotonic() - began < 10


def test_nothing_listens(host: Machine) -> None:
    nowhere = dataclasses.replace(host.endpoint, port=1)
    with pytest.raises(Unreachable, match=r"can't be reached.*Waited 1 s"):
        connection.wait(nowhere, timeout_s=1)


def test_a_host_that_boots_is_waited_for(host: Machine) -> None:
    connection.close(host.endpoint)
    control.stop(host.name, state=STATE)
    waited: list[str] = []
    booting = threading.Timer(0.5, start, args=[host.name, host.public_key_file])
    booting.start()
    agent = connection.wait(host.endpoint, timeout_s=30, progress=waited.append)
    booting.join()
    assert agent.call("host", {})["identity"] == agent.identity
    assert waited
    connection.close(host.endpoint)


def test_a_connection_that_breaks_fails_its_calls_and_is_made_again(host: Machine) -> None:
    agent = connection.agent(host.endpoint)
    agent.connection.close()
    with pytest.raises(Lost):
        agent.call("host", {})
    assert connection.agent(host.endpoint) is not agent
    assert connection.agent(host.endpoint).call("host", {})
    connection.close(host.endpoint)


def test_the_agent_ends_with_its_connection(host: Machine) -> None:
    agent = Agent(host.endpoint)
    assert agent.alive
    agent.close()
    # `host.connection` may have been cut by the reboot above.
    watcher = connection.Connection(host.endpoint)
    try:
        deadline = time.monotonic() + 2
        while watcher.run(["pgrep", "-f", "run.py serve"])[0] == 0:
            assert time.monotonic() < deadline, "an agent outlives its connection"
    finally:
        watcher.close()
