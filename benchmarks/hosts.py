"""The lab host that all contestants build on: a sandbox host of the benchmark's own, reached by SSH."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import script
from benchmarks.labs import IMAGES
from dynamic_providers.connection import Connection, Endpoint
from dynamic_providers.ssh_key import make_key
from sandbox import base, control

NAME = "bench"


@dataclass(frozen=True)
class BenchHost:
    """A running host. `connection` is for preparations; contestants make their own."""

    endpoint: Endpoint
    connection: Connection
    known_hosts: Path

    def run(self, command: str, stdin: bytes = b"") -> str:
        """What a shell command prints, run as root. Raises RuntimeError."""
        status, output, errors = self.connection.run(["/bin/sh", "-c", command], stdin)
        if status:
            raise RuntimeError(f"{command}: {errors.decode()}")
        return output.decode()

    def ssh(self, *command: str) -> list[str]:
        """OpenSSH's argv for a command on the host."""
        return ["ssh", *self.ssh_options(), "-p", f"{self.endpoint.port}", f"root@{self.endpoint.address}", *command]

    def ssh_options(self) -> list[str]:
        options = {
            "IdentityFile": self.endpoint.private_key_file,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": f"{self.known_hosts}",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        return ["-F", "none", *(argument for key, value in options.items() for argument in ("-o", f"{key}={value}"))]


def prepare(folder: Path) -> None:
    """An empty folder; what a run that was killed has left there is ended first."""
    control.destroy(NAME, state=folder / "sandboxes")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


@contextlib.contextmanager
def bench_host(folder: Path) -> Iterator[BenchHost]:
    """A fresh host with what scripts by hand need beside a lab host's packages; destroyed afterwards."""
    state = folder / "sandboxes"
    key = folder / "id_ed25519"
    make_key(key)
    try:
        status = control.start(NAME, state=state, base=base.ensure(), public_key=key.with_suffix(".pub"))
        assert status.port is not None
        endpoint = Endpoint("127.0.0.1", status.port, private_key_file=f"{key}", host_key=status.host_key or "")
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{status.port} {' '.join(endpoint.host_key.split()[:2])}\n")
        connection = Connection(endpoint)
        try:
            host = BenchHost(endpoint, connection, known_hosts)
            for file in sorted(path for path in (IMAGES / "simpleweb").rglob("*") if path.is_file()):
                target = script.ROOT / "web" / file.relative_to(IMAGES / "simpleweb")
                host.run(f"mkdir -p {target.parent} && cat >{shlex.quote(str(target))}", file.read_bytes())
            host.run(f"mkdir -p {script.ROOT}/web/bin && cp /bin/busybox {script.ROOT}/web/bin/")
            yield host
        finally:
            connection.close()
    finally:
        control.destroy(NAME, state=state)
