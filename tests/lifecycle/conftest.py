"""One sandbox host for all lifecycle tests, and a lease on it for each; in the end the host is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dynamic_providers import connection
from sandbox import base, control
from tests.lifecycle.lab import Lab

SETTLE_S = 20
"""How long the host may take, after the last lease is gone, to be as it was: the kernel ends namespaces in the background."""

SNAPSHOT: dict[str, list[str]] = {
    "links": ["ip", "-json", "link"],
    "addresses": ["ip", "-json", "address"],
    "routes": ["ip", "-json", "route", "show", "table", "all"],
    "rules": ["ip", "-json", "rule"],
    "namespaces": ["ip", "netns", "list"],
    "nftables": ["nft", "-j", "list", "ruleset"],
    "containers": ["docker", "ps", "--all", "--quiet", "--no-trunc"],
    "images": ["docker", "images", "--all", "--no-trunc"],
    "volumes": ["docker", "volume", "ls", "--quiet"],
    "networks": ["docker", "network", "ls", "--quiet", "--no-trunc"],
    "processes": ["ps", "-e", "-o", "comm="],
    "mounts": ["cut", "-d", " ", "-f", "4-", "/proc/self/mountinfo"],
    "leases": ["find", "/var/lib/exam-lab/leases", "-mindepth", "1", "-type", "d"],
}


@pytest.fixture(scope="session")
def lab_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[connection.Endpoint]:
    """A sandbox, with no lab on it before and after. Needs root, or sudo without a password."""
    directory = tmp_path_factory.mktemp("sandbox")
    private, public = directory / "key", directory / "key.pub"
    key = Ed25519PrivateKey.generate()
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" lifecycle\n")
    name = f"lifecycle-{os.getpid()}"
    state = directory / "sandboxes"
    try:
        status = control.start(name, state=state, base=base.ensure(), public_key=public)
        assert status.port is not None
        assert status.host_key is not None
        endpoint = connection.Endpoint("127.0.0.1", status.port, "root", str(private), status.host_key)
        watching = connection.Connection(endpoint)
        before = snapshot(watching)
        yield endpoint
        connection.close(endpoint)
        deadline = time.monotonic() + SETTLE_S
        while (after := snapshot(watching)) != before and time.monotonic() < deadline:
            time.sleep(0.1)
        watching.close()
        for what in SNAPSHOT:
            gone = [line for line in before[what] if line not in after[what]]
            new = [line for line in after[what] if line not in before[what]]
            assert before[what] == after[what], f"{what} of the host are not as before: gone {gone}, new {new}"
    finally:
        control.destroy(name, state=state)


def snapshot(host: connection.Connection) -> dict[str, list[str]]:
    """What labs could have left on a host; sorted lines."""
    lines: dict[str, list[str]] = {}
    for what, argv in SNAPSHOT.items():
        status, output, errors = host.run(argv)
        # Before the first lease there is no folder of leases.
        assert status == 0 or what == "leases", f"{argv}: {errors.decode()}"
        lines[what] = sorted(output.decode().splitlines())
    return lines


@pytest.fixture
def lab(lab_host: connection.Endpoint, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lease of the test's own, removed afterwards with all that it has."""
    lab = Lab(lab_host, request.node.name)
    yield lab
    lab.close()
