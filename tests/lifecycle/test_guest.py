"""A lease's own key, on a host that labs of several stacks share: by real SSH, to the real agent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynamic_providers import connection
from dynamic_providers.base import LEASE, HostProvider, Properties
from dynamic_providers.ssh_key import make_key
from host_agent.errors import HostError
from tests.lifecycle.lab import Lab

KEYS = "cat /root/.ssh/authorized_keys 2>/dev/null || true"


@dataclasses.dataclass
class Guest:
    """A lease with a key, and what the key opens."""

    lab: Lab
    key: Path
    endpoint: connection.Endpoint

    @property
    def agent(self) -> connection.Agent:
        return connection.agent(self.endpoint)

    @property
    def owner(self) -> Properties:
        """The lease's args."""
        return {**self.lab.owner, "public_key": public(self.key)}

    def exec(self, *words: str) -> tuple[int, str, str]:
        ssh = self.agent.connection
        status, output, errors = ssh.run(ssh.agent_command("attach", self.lab.lease, *words))
        return status, output.decode(), errors.decode()


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture
def guest(lab: Lab, tmp_path: Path) -> Iterator[Guest]:
    key = tmp_path / "key"
    make_key(key)
    made = Guest(lab, key, dataclasses.replace(lab.endpoint, private_key_file=str(key)))
    HostProvider("lease").update("", {**lab.owner, **lab.common}, {**made.owner, **lab.common})
    yield made
    connection.close(made.endpoint)


def test_it_makes_and_shows_what_is_in_the_lease(guest: Guest) -> None:
    request = {"kind": "network_namespace", LEASE: guest.lab.lease, "args": {"name": "host"}}
    made = guest.agent.call("add", request)
    assert guest.lab.run("ip", "-br", "link", netns="host").startswith("lo ")
    assert "args" in guest.agent.call("show", request)
    ledger = guest.agent.call("ledger", {LEASE: guest.lab.lease})["objects"]
    assert isinstance(ledger, list)
    assert len(ledger) == 1
    assert str(made["id"]).startswith(f"{guest.lab.lease}/network_namespace/host#")
    ping = {"kind": "ping", "netns": guest.lab.netns("host"), "address": "127.0.0.1"}
    assert guest.agent.call("probe", ping)["ok"] is True


def test_it_opens_nothing_else(guest: Guest, lab_host: connection.Endpoint) -> None:
    other = Lab(lab_host, "another's")
    try:
        namespace = other.add("network_namespace", name="host")
        theirs = {LEASE: other.lease, "kind": "network_namespace", "args": {"name": "host"}}
        into = {LEASE: guest.lab.lease, "kind": "bridge", "args": {"namespace": namespace, "ifname": "mine"}}
        for method, parameters in (
            ("leases", {}),
            ("ledger", {LEASE: other.lease}),
            ("remove", theirs),
            ("remove", {LEASE: guest.lab.lease, "kind": "lease", "args": guest.owner}),
            ("add", into),
            ("probe", {"kind": "ping", "netns": "", "address": "127.0.0.1"}),
        ):
            with pytest.raises(HostError, match=r"the key of a? ?lease|what belongs to"):
                guest.agent.call(method, parameters)
        assert [link["ifname"] for link in other.ip_json("link", netns="host")] == ["lo"]
        ssh = guest.agent.connection
        for argv in (["id"], ["/bin/sh", "-c", "id"], ["/usr/bin/python3", "-I", "-c", "import os; os.system('id')"]):
            status, output, errors = ssh.run(argv)
            assert (status, output) == (1, b"")
            assert f"this key opens lease {guest.lab.lease}" in errors.decode()
        for arguments in (("attach", other.lease, "host", "--", "id"), ("keep",), ("line", f"{other.lease}-host", "1")):
            status, output, errors = ssh.run(ssh.agent_command(*arguments))
            assert (status, output) == (1, b"")
            assert errors.decode().strip() == f"this key opens lease {guest.lab.lease} alone"
    finally:
        other.close()


def test_commands_in_a_namespace_are_nobodys(guest: Guest) -> None:
    guest.lab.add("network_namespace", name="host")
    status, output, _ = guest.exec("host", "--", "id", "-un")
    assert (status, output.strip()) == (0, "nobody")
    # What the lab's namespace is there for works …
    for command in (
        "ip link add left type bridge",
        "ip link set left up",
        "ping -c1 -W2 127.0.0.1",
        "cat /proc/sys/net/ipv4/ip_forward",
    ):
        status, output, errors = guest.exec("host", "--", *command.split())
        assert status == 0, f"{command}: {output}{errors}"
    # … and the host is no nearer by it.
    for command in ("cat /etc/shadow", "ls /var/lib/exam-lab/leases", "nsenter --net=/proc/1/ns/net id", "docker ps"):
        status, output, errors = guest.exec("host", "--", *command.split())
        assert status != 0, f"{command}: {output}{errors}"
    assert "left" in guest.lab.run("ip", "-br", "link", netns="host")


def test_a_router_is_its_vtysh(guest: Guest) -> None:
    namespace = guest.lab.add("network_namespace", name="R1", forwarding=True)
    guest.lab.add("frr_router", name="R1", namespace=namespace, config="hostname R1\n")
    status, output, errors = guest.exec("R1", "--", "vtysh", "-c", "show running-config")
    assert (status, errors) == (0, "")
    assert "hostname R1" in output
    status, _, errors = guest.exec("R1", "--", "vtysh", "-f", "/etc/shadow")
    assert status == 1
    assert "takes -c COMMAND alone" in errors
    status, output, _ = guest.exec("R1", "--", "id", "-un")
    assert output.strip() == "nobody"


def test_the_key_is_kept_changed_and_taken_away(guest: Guest, tmp_path: Path) -> None:
    lab, lease = guest.lab, HostProvider("lease")
    before = lab.run("sh", "-c", KEYS)
    assert public(guest.key) in before
    shown = lease.read("id", {**guest.owner, **lab.common})
    assert shown.inputs is not None
    assert shown.inputs["public_key"] == public(guest.key)

    # Another line is not ours to touch; ours, taken out by hand, is drift.
    lab.run("sh", "-c", "echo '# by hand' >> /root/.ssh/authorized_keys")
    lab.run("sed", "-i", f"/exam-lab {lab.lease}/d", "/root/.ssh/authorized_keys")
    shown = lease.read("id", {**guest.owner, **lab.common})
    assert shown.inputs is not None
    assert shown.inputs["public_key"] == ""

    another = tmp_path / "another"
    make_key(another)
    lease.update("", {**guest.owner, **lab.common}, {**guest.owner, "public_key": public(another), **lab.common})
    assert public(another) in lab.run("sh", "-c", KEYS)
    connection.close(guest.endpoint)
    with pytest.raises(connection.Refused, match="login refused"):
        connection.agent(guest.endpoint)
    replaced = dataclasses.replace(guest.endpoint, private_key_file=str(another))
    assert connection.agent(replaced, try_again=True).call("ledger", {LEASE: lab.lease})
    connection.close(replaced)

    lease.delete("", {**lab.owner, **lab.common})
    assert lab.run("sh", "-c", KEYS) == "# Made by exam-lab, removed with its last key.\n# by hand\n"
    lab.run("rm", "-r", "/root/.ssh")
