"""A virtual machine under QEMU's software emulation: a Debian as it comes, reached by SSH on 127.0.0.1 alone."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dynamic_providers import connection
from dynamic_providers.connection import Connection, Endpoint
from sandbox.cache import default_cache
from tests.vm import image

BOOT_TIMEOUT_S = 400
MEMORY_MIB = 2048


@dataclass
class VirtualMachine:
    """A running machine, and how to reach it as a user who has sudo without a password."""

    endpoint: Endpoint
    console: Path
    """What it printed on its serial line."""
    process: subprocess.Popen[bytes]
    connection: Connection | None = None
    """The test's own; to log in takes seconds."""

    def run(self, command: str) -> str:
        """Output of a shell command, run as root. AssertionError where it fails, Unreachable where there is no answer."""
        self.connection = self.connection or Connection(self.endpoint)
        try:
            status, output, errors = self.connection.run(self.connection.as_root(["/bin/sh", "-c", command]))
        except connection.Unreachable:
            self.disconnect()
            raise
        assert status == 0, f"{command}: {errors.decode()}"
        return output.decode()

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def boot_id(self) -> str:
        return self.run("cat /proc/sys/kernel/random/boot_id")

    def wait(self, other_than: str = "") -> None:
        """Until systemd has started all, in another boot than that one. AssertionError after BOOT_TIMEOUT_S, with the end of its console."""
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while True:
            with contextlib.suppress(connection.Unreachable):
                if self.boot_id() != other_than:
                    self.run("systemctl is-system-running --wait || true")
                    return
            assert self.process.poll() is None, f"QEMU ended: {self._printed()}"
            assert time.monotonic() < deadline, f"not up within {BOOT_TIMEOUT_S} s: {self._printed()}"
            time.sleep(1)

    def reboot(self) -> None:
        """`systemctl reboot`, and wait until it is up again."""
        before = self.boot_id()
        with contextlib.suppress(connection.Unreachable):
            self.run("systemctl reboot")
        self.disconnect()
        self.wait(other_than=before)

    def _printed(self) -> str:
        return self.console.read_text(errors="replace")[-3000:]


@contextlib.contextmanager
def virtual_machine(folder: Path) -> Iterator[VirtualMachine]:
    """A fresh one, with logs in `folder`; what it writes to its disk is gone with it."""
    made = image.ensure(default_cache())
    port = _free_port()
    console = folder / "console"
    argv = [
        "qemu-system-x86_64",
        "-no-user-config",
        "-nodefaults",
        *("-machine", "q35"),
        *("-accel", "tcg,thread=multi"),
        *("-cpu", "max"),
        *("-smp", "2"),
        *("-m", str(MEMORY_MIB)),
        *("-kernel", str(made / "vmlinuz")),
        *("-initrd", str(made / "initrd")),
        *("-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet"),
        *("-drive", f"file={made / 'disk.ext4'},format=raw,if=virtio,snapshot=on"),
        # Nothing gets out, and only SSH gets in, from this machine alone.
        *("-netdev", f"user,id=net,net=192.0.2.0/24,restrict=on,hostfwd=tcp:127.0.0.1:{port}-192.0.2.15:22"),
        *("-device", "virtio-net-pci,netdev=net"),
        *("-device", "virtio-rng-pci"),
        *("-serial", f"file:{console}"),
        *("-display", "none"),
    ]
    with (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        endpoint = Endpoint("127.0.0.1", port, image.USER, str(made / "id_ed25519"))
        machine = VirtualMachine(endpoint, console, process)
        machine.wait()
        yield machine
        machine.disconnect()
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
