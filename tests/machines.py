"""A lab host for tests: a sandbox of its own, as its owner would have it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dynamic_providers import ssh_key
from dynamic_providers.connection import Connection, Endpoint
from sandbox import base, control

STATE = Path(__file__).parent.parent / ".state" / "sandboxes"


@dataclass(frozen=True)
class Machine:
    """A running host: how to reach it, and a connection of the test's own."""

    name: str
    endpoint: Endpoint
    public_key_file: Path
    connection: Connection

    def run(self, command: str) -> str:
        """Output of a shell command, run as root. AssertionError where it fails."""
        status, output, errors = self.connection.run(["/bin/sh", "-c", command])
        assert status == 0, f"{command}: {errors.decode()}"
        return output.decode()


def start(name: str, public_key_file: Path) -> control.Status:
    """Start the sandbox, making it if need be."""
    return control.start(name, state=STATE, base=base.ensure(), public_key=public_key_file)


@contextlib.contextmanager
def machine(name: str, folder: Path) -> Iterator[Machine]:
    """A fresh sandbox of that name, its keys in `folder`; destroyed afterwards."""
    key_file = make_key(folder)
    control.destroy(name, state=STATE)
    try:
        status = start(name, key_file.with_suffix(".pub"))
        assert status.port is not None
        endpoint = Endpoint("127.0.0.1", status.port, private_key_file=str(key_file), host_key=status.host_key or "")
        connection = Connection(endpoint)
        try:
            yield Machine(name, endpoint, key_file.with_suffix(".pub"), connection)
        finally:
            connection.close()
    finally:
        control.destroy(name, state=STATE)


def make_key(folder: Path) -> Path:
    """A new key pair in `folder`; the private key's path. The public one is beside it, with suffix .pub."""
    path = folder / "id_ed25519"
    ssh_key.make_key(path)
    return path
