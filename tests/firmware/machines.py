"""Routers for tests: a Dynamips daemon in a network namespace of its own, and hosts in others.

Dynamips and FRR are those of the sandbox hosts' root file system: this machine needs neither of them, nor a source of packages that has them.

Nothing here touches the interfaces of the machine that the tests run on: the daemon's taps are born in its namespace, and some are moved on
into a host's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyroute2 import netns

from sandbox import base
from tests.conditions import until

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
ELF = FIRMWARE / "exam-router.elf"
IDLE_PC = json.loads((FIRMWARE / "exam-router.json").read_text(encoding="utf-8"))["idle_pc"]
CONTROL_PORT = 7200


def from_base(program: str) -> list[str]:
    """The beginning of an argv that runs a program of the sandbox hosts' root file system on this machine, with the libraries there."""
    root = base.ensure() / "root"
    if not (root / program).exists():
        pytest.fail(f"the sandbox hosts have no /{program}: this machine's mirror does not carry it")
    loader = min(root.glob("lib*/ld-linux*.so*"))
    (libraries,) = (root / "usr/lib").glob(f"{os.uname().machine}-linux-gnu*")
    return [str(loader), "--library-path", f"{libraries}:{libraries}/frr", str(root / program)]


def with_users_of_base(argv: Sequence[str]) -> list[str]:
    """The same for a program that becomes a user whom this machine may not have, as FRR does."""
    bind = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", bind, str(base.ensure() / "root/etc"), *argv]


def need(*commands: str) -> None:
    """Fail, saying which, if a command that a test runs is not on this machine."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        pytest.fail(f"not on this machine: {', '.join(missing)} (docs/firmware.md names the packages)")
    if os.geteuid() != 0:
        pytest.fail("network namespaces for the test's hosts can only be made by root")


class Namespace:
    """A network namespace, alive as long as a process of ours sleeps in it."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "--", "sleep", "infinity"])
        own = Path("/proc/self/ns/net").readlink()
        until(lambda: self.path.readlink() != own, "a namespace of its own")
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @property
    def path(self) -> Path:
        return Path(f"/proc/{self.pid}/ns/net")

    def _argv(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str) -> str:
        """The output of a command. AssertionError, with its complaint, where it fails."""
        done = subprocess.run(self._argv(argv), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *argv: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                self._argv(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent
            )

    def connect(self, port: int) -> socket.socket:
        """A TCP connection to 127.0.0.1 there. OSError where nobody listens."""
        made: list[socket.socket | OSError] = []

        def enter() -> None:  # in a thread of its own, which the namespace then keeps
            try:
                netns.setns(str(self.path))
                made.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def address(self, interface: str, address: str) -> None:
        self.run("ip", "address", "add", address, "dev", interface)
        self.run("ip", "link", "set", interface, "up")

    def route(self, destination: str, via: str) -> None:
        self.run("ip", "route", "add", destination, "via", via)

    def ping(self, address: str, count: int = 1) -> Reply | None:
        """The last reply; None if there was none."""
        argv = self._argv(["ping", "-n", "-c", str(count), "-i", "0.3", "-W", "2", address])
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        found = re.findall(r"ttl=(\d+) time=([\d.]+) ms", done.stdout)
        return Reply(int(found[-1][0]), float(found[-1][1]), len(found)) if found else None

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@dataclass(frozen=True)
class Reply:
    """A reply to ping: its TTL, the round trip, and how many came."""

    ttl: int
    time_ms: float
    count: int


class Hypervisor:
    """A Dynamips daemon's control connection: `command` takes words and gives the reply's lines."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rb")

    def command(self, *words: str | int) -> list[str]:
        self._socket.sendall((" ".join(str(word) for word in words) + "\n").encode())
        lines: list[str] = []
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            assert len(line) >= 4, f"Dynamips closed its control connection at: {words}"
            lines.append(line[4:])
            if line[3] == "-":
                assert line.startswith("100"), f"Dynamips refuses {words}: {line}"
                return lines

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class Console:
    """What a person at a router's console or AUX port types and sees."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._seen = ""

    def _read(self, timeout_s: float) -> bool:
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return False
        assert data, "the router closed its console"
        data = re.sub(rb"\xff[\xfb-\xfe].", b"", data)  # telnet options
        self._seen += data.decode("latin-1").replace("\r", "")
        return True

    def expect(self, pattern: str, timeout_s: float = 20) -> str:
        """What came up to the end of the first match. Fails the test if it does not come."""
        end = time.monotonic() + timeout_s
        while not (match := re.search(pattern, self._seen)):
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                pytest.fail(f"the console does not say {pattern!r}; it says:\n{self._seen}")
        before, self._seen = self._seen[: match.end()], self._seen[match.end() :]
        return before

    def send(self, keys: str) -> None:
        self._socket.sendall(keys.encode())

    def login(self) -> None:
        """From anywhere to privileged mode without pages."""
        self.expect("Press RETURN to get started")
        self.send("\r")
        self.expect(r"\n\S+[>#]$")
        self.run("enable")
        self.run("terminal length 0")

    def run(self, command: str, timeout_s: float = 20) -> str:
        """The output of one command, without its echo and the prompt after it."""
        self.send(command + "\r")
        self.expect(re.escape(command) + r"\n", timeout_s)
        output = self.expect(r"(?:^|\n)[^\n]{1,40}[>#]$", timeout_s)
        return output.rpartition("\n")[0].strip("\n")

    def configure(self, *commands: str) -> str:
        return "\n".join(self.run(command) for command in ["configure terminal", *commands, "end"])

    def close(self) -> None:
        self._socket.close()


@dataclass
class Router:
    """A router in the lab's daemon. `start` it, then use its console."""

    lab: Lab
    name: str
    platform: str
    number: int
    _console: Console | None = field(default=None, repr=False)

    @property
    def console_port(self) -> int:
        return 7300 + self.number

    @property
    def aux_port(self) -> int:
        return 7400 + self.number

    @property
    def console(self) -> Console:
        assert self._console is not None, f"{self.name} is not started"
        return self._console

    def start(self) -> Console:
        """Boot, and log in at the console."""
        self.lab.vm("start", self.name)
        self._console = self.open(self.console_port)
        self._console.login()
        return self._console

    def open(self, port: int) -> Console:
        made: list[Console] = []

        def connected() -> bool:
            with contextlib.suppress(OSError):
                made.append(Console(self.lab.namespace.connect(port)))
            return bool(made)

        until(connected, f"{self.name} listens on port {port}", 10)
        return made[0]

    def stop(self) -> None:
        self.console.close()
        self._console = None
        self.lab.vm("stop", self.name)
        time.sleep(0.3)  # a start straight after a stop loses the console port, and nothing tells when it would not
        assert self.lab.vm("get_status", self.name) == ["0"]

    def push_config(self, text: str) -> None:
        encoded = base64.b64encode(text.encode()).decode()
        self.lab.vm("push_config", self.name, encoded)

    def extract_config(self) -> str:
        reply = self.lab.vm("extract_config", self.name)[-1]
        match = re.search(r"'([^']*)' '[^']*'$", reply)
        assert match, reply
        return base64.b64decode(match[1]).decode()


class Lab:
    """One daemon, its routers, and hosts beside them. Use `lab()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespaces: list[Namespace] = []
        self.namespace = self.host()
        self.routers: list[Router] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self._next_port = 20000
        self.daemon = self.namespace.start(
            "nice",
            "-n",
            "10",
            *from_base("usr/bin/dynamips"),
            "-H",
            f"127.0.0.1:{CONTROL_PORT}",
            "-l",
            str(folder / "log"),
            log=folder / "out",
        )
        made: list[Hypervisor] = []

        def connected() -> bool:
            with contextlib.suppress(OSError):
                made.append(Hypervisor(self.namespace.connect(CONTROL_PORT)))
            return bool(made)

        until(connected, "Dynamips answers", 10)
        self.hypervisor = made[0]
        self.hypervisor.command("hypervisor", "working_dir", str(folder))

    def vm(self, command: str, *words: str | int) -> list[str]:
        return self.hypervisor.command("vm", command, *words)

    def host(self) -> Namespace:
        namespace = Namespace()
        self.namespaces.append(namespace)
        return namespace

    def router(
        self,
        name: str,
        config: str | None = None,
        *,
        platform: str = "c3725",
        cards: Sequence[int] = (),
        switch: int = 0,
    ) -> Router:
        """A router, not yet started; its startup-config; an NM-1FE-TX in each slot of `cards`, an NM-16ESW in `switch`."""
        router = Router(self, name, platform, len(self.routers) + 1)
        self.routers.append(router)
        self.vm("create", name, router.number, platform)
        settings: dict[str, str | int] = {
            "set_ios": str(ELF), "set_ram": 16, "set_idle_pc": IDLE_PC, "set_disk0": 0, "set_disk1": 0, "set_sparse_mem": 1,
            "set_con_tcp_port": router.console_port, "set_aux_tcp_port": router.aux_port,
        }  # fmt: skip
        for command, value in settings.items():
            self.vm(command, name, value)
        self.hypervisor.command(platform, "set_mac_addr", name, f"cc{router.number:02x}.793b.0000")
        for slot in cards:
            self.vm("slot_add_binding", name, slot, 0, "NM-1FE-TX")
        if switch:
            self.vm("slot_add_binding", name, switch, 0, "NM-16ESW")
        if config is not None:
            router.push_config(config)
        return router

    def _nio(self, router: Router, port: str, nio: str) -> None:
        slot, number = port.split("/")
        self.vm("slot_add_nio_binding", router.name, slot, number, nio)

    def link(self, a: Router, a_port: str, b: Router, b_port: str) -> None:
        """A cable between two routers: UDP on the loopback interface of the daemon's namespace."""
        one, two = self._next_port, self._next_port + 1
        self._next_port += 2
        for router, port, local, remote in ((a, a_port, one, two), (b, b_port, two, one)):
            nio = f"udp{local}"
            self.hypervisor.command("nio", "create_udp", nio, local, "127.0.0.1", remote)
            self._nio(router, port, nio)

    def attach(
        self, router: Router, port: str, interface: str, address: str, host: Namespace | None = None
    ) -> Namespace:
        """A host on a router's port, by a tap of that name (in the daemon's own namespace, or moved into the host's)."""
        nio = f"nio_{interface}"
        self.hypervisor.command("nio", "create_tap", nio, interface)
        self._nio(router, port, nio)
        host = host or self.host()
        if host is not self.namespace:
            self.namespace.run("ip", "link", "set", interface, "netns", str(host.pid))
        host.run("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
        host.address(interface, address)
        return host

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._daemon_pid()}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self._daemon_pid()}/status").read_text(encoding="ascii")
        match = re.search(r"VmRSS:\s+(\d+)", status)
        assert match
        return int(match[1])

    def _daemon_pid(self) -> int:
        return self.daemon.pid  # nsenter and nice become it

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for router in self.routers:
            if router._console is not None:
                router._console.close()
        with contextlib.suppress(AssertionError, OSError):
            self.hypervisor.command("hypervisor", "stop")
        self.hypervisor.close()
        for process in [self.daemon, *self.processes]:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for namespace in self.namespaces:
            namespace.close()


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A daemon, ended with all of its routers and hosts."""
    need("unshare", "nsenter", "ip", "ping", "sysctl")
    made = Lab(folder)
    try:
        yield made
    finally:
        made.close()


def interface(name: str, address: str | None = None, *lines: str) -> str:
    """Lines of a startup-config. The address is 10.0.0.1/24."""
    text = f"interface {name}\n"
    if address is not None:
        host, _, length = address.partition("/")
        mask = (0xFFFFFFFF << (32 - int(length))) & 0xFFFFFFFF
        text += f" ip address {host} {socket.inet_ntoa(mask.to_bytes(4, 'big'))}\n"
    return text + "".join(f" {line}\n" for line in lines)


def rip(*networks: str, lines: Sequence[str] = ("timers basic 5 30 0 50",)) -> str:
    return "router rip\n version 2\n" + "".join(
        f" {line}\n" for line in [*lines, *(f"network {n}" for n in networks), "no auto-summary"]
    )
