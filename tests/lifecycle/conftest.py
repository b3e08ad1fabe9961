"""One sandbox host for all lifecycle tests, and a lease on it for each; in the end the host is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from dynamic_providers import connection
from dynamic_providers.ssh_key import make_key
from sandbox import base, control
from tests import hostsnapshot
from tests.lifecycle.lab import Lab

SETTLE_S = 20
"""How long the host may take, after the last lease is gone, to be as it was: the kernel ends namespaces in the background."""


@pytest.fixture(scope="session")
def lab_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[connection.Endpoint]:
    """A sandbox, with no lab on it before and after. Needs root, or sudo without a password."""
    directory = tmp_path_factory.mktemp("sandbox")
    private, public = directory / "key", directory / "key.pub"
    make_key(private)
    name = f"lifecycle-{os.getpid()}"
    state = directory / "sandboxes"
    try:
        status = control.start(name, state=state, base=base.ensure(), public_key=public)
        assert status.port is not None
        assert status.host_key is not None
        endpoint = connection.Endpoint("127.0.0.1", status.port, "root", str(private), status.host_key)
        watching = connection.Connection(endpoint)
        before = hostsnapshot.snapshot(lambda command: in_shell(watching, command))
        yield endpoint
        connection.close(endpoint)
        deadline = time.monotonic() + SETTLE_S
        while (after := hostsnapshot.snapshot(lambda command: in_shell(watching, command))) != before:
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        watching.close()
        for what in before:
            assert after[what] == before[what], f"{what} of the host are not as before"
    finally:
        control.destroy(name, state=state)


def in_shell(host: connection.Connection, command: str) -> str:
    status, output, errors = host.run(["sh", "-c", command])
    assert status == 0, f"{command}: {errors.decode()}"
    return output.decode()


@pytest.fixture
def lab(lab_host: connection.Endpoint, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lease of the test's own, removed afterwards with all that it has."""
    lab = Lab(lab_host, request.node.name)
    yield lab
    lab.close()
