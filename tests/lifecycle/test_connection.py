"""The SSH connection and the agent at its other end: a real sshd in a sandbox."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from dynamic_providers import connection
from dynamic_providers.connection import Agent, Endpoint, Lost, OtherHost, Refused, Unreachable
from dynamic_providers.hosts.lab_host import FEATURES
from host_agent.errors import HostError
from host_agent.schema import JSON
from sandbox import control
from tests.conditions import until
from tests.machines import STATE, Machine, machine, make_key, start
from tests.proxy import Proxy, proxy

NOBODY = "192.0.2.1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine("connection", tmp_path_factory.mktemp("key")) as made:
        # There is a way to it, and no answer from it.
        made.run(f"ip route add {NOBODY} dev lo")
        yield made


@pytest.fixture
def agent(host: Machine) -> Iterator[Agent]:
    made = Agent(host.endpoint)
    yield made
    made.close()


@pytest.fixture
def way(host: Machine) -> Iterator[Proxy]:
    """A proxy on the way to the host."""
    with proxy(host.endpoint.port) as made:
        yield made


@pytest.fixture
def by_proxy(host: Machine, way: Proxy) -> Iterator[Endpoint]:
    endpoint = dataclasses.replace(host.endpoint, port=way.port)
    yield endpoint
    connection.close(endpoint)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes tens of seconds, in two."""
    monkeypatch.setattr(connection, "DEAD_PEER_S", 1.5)
    monkeypatch.setattr(connection, "BEAT_S", 0.3)
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 1.0)


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


def test_a_host_that_was_just_met_is_met_once(host: Machine, way: Proxy) -> None:
    # A host's first resource has neither its key nor its identity; all that follow have both.
    unknown = dataclasses.replace(host.endpoint, port=way.port, host_key="", identity="")
    first = connection.agent(unknown)
    assert first.pinned == dataclasses.replace(unknown, host_key=host.endpoint.host_key, identity=first.identity)
    assert connection.agent(first.pinned) is first
    connection.close(unknown)
    assert connection.agent(first.pinned) is not first
    connection.close(first.pinned)


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


def test_a_stock_host_has_all_that_labs_need(agent: Agent) -> None:
    assert agent.call("host", {"requires": list(FEATURES)})["missing"] == []


def test_a_busybox_that_needs_libraries_is_told(agent: Agent, host: Machine) -> None:
    host.run("mv /bin/busybox /bin/busybox.away && cp /bin/ls /bin/busybox")
    try:
        [problem] = cast("list[str]", agent.call("host", {"requires": ["busybox"]})["missing"])
    finally:
        host.run("mv /bin/busybox.away /bin/busybox")
    assert problem == (
        "busybox: /bin/busybox needs libraries that an image has not; `apt-get install busybox-static` on the host"
    )


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


def test_a_connection_that_breaks_fails_its_calls_and_is_made_again(host: Machine) -> None:
    agent = connection.agent(host.endpoint)
    agent.connection.close()
    with pytest.raises(Lost):
        agent.call("host", {})
    assert connection.agent(host.endpoint) is not agent
    assert connection.agent(host.endpoint).call("host", {})
    connection.close(host.endpoint)


def test_a_call_in_the_moment_of_the_agent_s_end_does_not_wait(
    agent: Agent, host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has told all who wait, and is about to end; the channel still takes what is sent."""
    host.run("pkill -KILL -f 'run.py serv[e]'")
    until(lambda: not agent.alive, "the reader has seen it")
    monkeypatch.setattr(agent, "_send", lambda frame: None)
    with pytest.raises(Lost, match="the connection is closed"):
        agent.call("info", {}, timeout_s=2)


def test_a_reader_that_fails_tells_those_who_wait(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it: an answer can't come any more."""
    waiting = _slow_call(agent, 60)

    def surprised(message: dict[str, object]) -> None:
        raise RuntimeError(f"nobody knows how to deliver {sorted(message)}")

    monkeypatch.setattr(agent, "_deliver", surprised)
    with pytest.raises(Lost, match="nobody knows how to deliver"):
        agent.call("host", {}, timeout_s=10)
    with pytest.raises(Lost, match="nobody knows how to deliver"):
        waiting.result(5)
    assert not agent.alive


def test_a_connection_that_is_cut_fails_its_calls_and_is_made_again(by_proxy: Endpoint, way: Proxy) -> None:
    agent = connection.agent(by_proxy)
    waiting = _slow_call(agent)
    assert way.cut() == 1
    with pytest.raises(Lost, match="the connection broke"):
        waiting.result(5)
    assert connection.agent(by_proxy).call("host", {})["identity"] == agent.identity


@pytest.mark.usefixtures("impatient")
def test_a_peer_that_went_silent_is_given_up(by_proxy: Endpoint, way: Proxy) -> None:
    agent = connection.agent(by_proxy)
    waiting = _slow_call(agent)
    way.freeze()
    with pytest.raises(Lost, match=r"the connection broke: no sign of life for 1\.5 s"):
        waiting.result(5)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        connection.agent(by_proxy)
    assert time.monotonic() - began < 4
    # The other resources of a lab do not wait for it one by one.
    began = time.monotonic()
    with pytest.raises(Unreachable):
        connection.agent(by_proxy)
    assert time.monotonic() - began < 0.1
    way.thaw()
    assert connection.wait(by_proxy, timeout_s=5).call("host", {})


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.6, 0.8, 0.9, 0.99])
def test_a_peer_that_goes_silent_while_it_is_met(part: float, host: Machine, way: Proxy) -> None:
    """At any point of banner, key exchange, login and start of the agent."""
    needed = []
    for _ in range(3):
        before = way.forwarded
        whole = Agent(dataclasses.replace(host.endpoint, port=way.port))
        needed.append(way.forwarded - before)
        whole.close()
    # Who was slow has sent signs of life meanwhile, which are not needed.
    bytes_in_all = min(needed)
    with proxy(host.endpoint.port) as silent:
        silent.freeze_after(int(part * bytes_in_all))
        began = time.monotonic()
        with pytest.raises(Unreachable) as error:
            Agent(dataclasses.replace(host.endpoint, port=silent.port))
        assert "\n" not in str(error.value)
        assert time.monotonic() - began < 4


def test_a_busy_connection_is_alive(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DEAD_PEER_S", 0.5)
    monkeypatch.setattr(connection, "BEAT_S", 0.1)
    busy = Agent(agent.endpoint)
    assert not _slow_call(busy, 2).result(5)["ok"]
    assert busy.alive
    busy.close()


def no_agent(seen_by: connection.Connection) -> bool:
    return seen_by.run(["pgrep", "-f", "run.py serve"])[0] != 0


def remove_agent(host: Machine) -> None:
    """What an earlier test brought; first its agents end, which may still be reading their modules."""
    until(lambda: no_agent(host.connection), "the agents of earlier tests end")
    host.run("rm -rf /var/lib/exam-lab/agent")


def test_an_upload_of_the_agent_that_is_cut_leaves_nothing(host: Machine, way: Proxy) -> None:
    remove_agent(host)
    way.freeze_after(200_000)
    there = "find /var/lib/exam-lab -path '*/agent/*' 2>/dev/null || true"
    with ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(Agent, dataclasses.replace(host.endpoint, port=way.port))
        until(lambda: connecting.done() or host.run(there) != "", "the upload has begun")
        way.cut()
        with pytest.raises(Lost, match="the connection broke"):
            connecting.result(10)
    until(lambda: host.run(there) == "", "nothing of it is left")
    Agent(host.endpoint).close()


def test_an_agent_is_brought_by_two_at_once(host: Machine) -> None:
    remove_agent(host)
    with ThreadPoolExecutor(2) as pool:
        for made in pool.map(Agent, [host.endpoint, host.endpoint]):
            made.close()
    assert len(host.run("ls -A /var/lib/exam-lab/agent").split()) == 1


def test_the_agent_ends_with_its_connection(host: Machine) -> None:
    agent = Agent(host.endpoint)
    assert agent.alive
    agent.close()
    # `host.connection` may have been cut by the reboot above.
    watcher = connection.Connection(host.endpoint)
    try:
        until(lambda: no_agent(watcher), "the agent ends with its connection", 2)
    finally:
        watcher.close()


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


def _slow_call(agent: Agent, timeout_s: float = 5) -> Future[dict[str, JSON]]:
    """A request that the host has, and answers after `timeout_s`."""
    begun = threading.Event()

    def call() -> dict[str, JSON]:
        begun.set()
        return agent.call("probe", {"kind": "ping", "address": NOBODY, "timeout_s": timeout_s})

    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    begun.wait()
    agent.call("missing_blobs", {"lease": "", "sha256": []})  # is behind it on the way
    return future
