"""A real sandbox: needs root (or sudo without a password) and the base, which is built if it is missing."""

import base64
import contextlib
import dataclasses
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox import base, cgroups, control
from sandbox.errors import SandboxError
from sandbox.state import read_record, start_ticks
from setup.privilege import Privilege
from tests.conditions import until

IMPORT_BUSYBOX = """\
mkdir -p /tmp/busybox/bin && cp /bin/busybox /tmp/busybox/bin/ && ln -s busybox /tmp/busybox/bin/sh &&
tar -C /tmp/busybox -c . | docker import - busybox"""


@dataclasses.dataclass(frozen=True)
class Key:
    """A user's key pair: the public key's file, and the private key as paramiko takes it."""

    public: Path
    private: paramiko.PKey


@dataclasses.dataclass(frozen=True)
class Sandboxes:
    """Sandboxes of one test, in a state directory of its own."""

    state: Path
    base: Path
    key: Key

    def start(self, name: str = "one", port: int = 0) -> control.Status:
        return control.start(name, state=self.state, base=self.base, public_key=self.key.public, port=port)

    def stop(self, name: str = "one") -> control.Status:
        return control.stop(name, state=self.state)

    def status(self, name: str = "one") -> control.Status:
        return control.status(name, state=self.state)

    def destroy(self, name: str = "one") -> None:
        control.destroy(name, state=self.state)

    @contextlib.contextmanager
    def connect(self, name: str = "one", user: str = "root") -> Iterator[paramiko.SSHClient]:
        status = self.status(name)
        assert status.port is not None
        assert status.host_key is not None
        client = paramiko.SSHClient()
        host_key = paramiko.Ed25519Key(data=base64.b64decode(status.host_key.split()[1]))
        client.get_host_keys().add(f"[127.0.0.1]:{status.port}", "ssh-ed25519", host_key)
        with client:
            client.connect(
                "127.0.0.1",
                status.port,
                user,
                pkey=self.key.private,
                allow_agent=False,
                look_for_keys=False,
                timeout=10,
            )
            yield client

    def run(self, command: str, name: str = "one") -> str:
        """Output of a shell command in the sandbox, over SSH; an AssertionError with all of it if it fails."""
        with self.connect(name) as client:
            return run(client, command)


def run(client: paramiko.SSHClient, command: str) -> str:
    _, stdout, stderr = client.exec_command(command, timeout=60)
    output, errors = stdout.read().decode(), stderr.read().decode()
    status = stdout.channel.recv_exit_status()
    assert status == 0, f"{command}: status {status}\n{output}{errors}"
    return output.strip()


@pytest.fixture(scope="module")
def base_directory() -> Path:
    return base.ensure()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    directory = tmp_path_factory.mktemp("key")
    private = Ed25519PrivateKey.generate()
    public_line = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (directory / "id.pub").write_bytes(public_line + b" somebody\n")
    private_text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    (directory / "id").write_bytes(private_text)
    return Key(directory / "id.pub", paramiko.Ed25519Key.from_private_key_file(str(directory / "id")))


@pytest.fixture
def sandboxes(tmp_path: Path, base_directory: Path, key: Key) -> Iterator[Sandboxes]:
    yield Sandboxes(tmp_path, base_directory, key)
    for directory in tmp_path.iterdir():
        control.destroy(directory.name, state=tmp_path)


def cgroup_directories(identity: str) -> list[Path]:
    tops = [hierarchy.directory(identity) for hierarchy in cgroups.hierarchies()]
    return [path for top in tops if top.exists() for path in (top, *top.rglob("*")) if path.is_dir()]


def processes(identity: str) -> set[tuple[int, int]]:
    """(PID, start time) of everything in the sandbox's cgroups, its containers' too."""
    pids = {int(pid) for path in cgroup_directories(identity) for pid in (path / "cgroup.procs").read_text().split()}
    return {(pid, ticks) for pid in pids if (ticks := start_ticks(pid)) is not None}


def outer_machine() -> dict[str, str]:
    """What a sandbox could have changed on this machine."""

    def command(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    addresses = json.loads(command("ip", "-j", "address"))
    for interface in addresses:
        for address in interface["addr_info"]:
            # Seconds left, where an address comes by DHCP or router advertisement.
            address.pop("valid_life_time", None)
            address.pop("preferred_life_time", None)
    return {
        "links": command("ip", "-j", "link"),
        "addresses": json.dumps(addresses),
        "routes": command("ip", "-j", "route", "show", "table", "all"),
        "rules": command("ip", "-j", "rule"),
        "namespaces": command("ip", "netns", "list"),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "host name": socket.gethostname(),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    }


def test_a_host_of_its_own(sandboxes: Sandboxes) -> None:
    status = sandboxes.start()
    assert (status.name, status.exists, status.running) == ("one", True, True)
    assert sandboxes.start() == status == sandboxes.status()
    with sandboxes.connect() as client:
        assert run(client, "hostname; id -u") == "one\n0"
        assert run(client, "cat /proc/sys/kernel/random/boot_id") == status.boot_id
        assert [link["ifname"] for link in json.loads(run(client, "ip -j link show up"))] == ["lo"]
        assert run(client, "ps -o comm= -p 1") == "python3"
        assert run(client, "docker version -f '{{.Server.Os}}'") == "linux"
        assert len(run(client, "cat /etc/machine-id")) == 32
        # Nothing of this machine's files, by path or by mount.
        assert run(client, f"ls -d {sandboxes.state} {Path(__file__)} 2>&1 | grep -c 'No such file'") == "2"
        visible = [
            line for line in run(client, "cat /proc/self/mountinfo").splitlines() if str(sandboxes.state) in line
        ]
        assert [line.split()[4] for line in visible] == ["/var/lib/docker"]


def test_only_the_key_opens_it(sandboxes: Sandboxes) -> None:
    status = sandboxes.start()
    assert status.port is not None
    stranger = paramiko.ECDSAKey.generate()
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        with pytest.raises(paramiko.AuthenticationException):
            client.connect(
                "127.0.0.1", status.port, "root", pkey=stranger, allow_agent=False, look_for_keys=False, timeout=10
            )
    # From this machine alone: the listener is on 127.0.0.1, not on every address.
    with socket.socket() as other:
        other.bind(("127.0.0.2", status.port))


def test_another_user_with_sudo(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    sandboxes.run(
        "useradd -m -s /bin/bash examiner && echo 'examiner ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/examiner"
    )
    with sandboxes.connect(user="examiner") as client:
        assert run(client, "id -un && sudo -n id -un") == "examiner\nroot"


def test_routers_at_hand(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client:
        run(client, "ip netns add r1 && ip -n r1 link set lo up")
        run(
            client,
            "for daemon in zebra ripd; do ip netns exec r1 /usr/lib/frr/$daemon -d -N r1 -A 127.0.0.1 || exit 1; done",
        )
        assert "FRRouting" in run(
            client, "mkdir -p /etc/frr/r1 && touch /etc/frr/r1/vtysh.conf && vtysh -N r1 -c 'show version'"
        )
        assert run(client, "ps -o user= -C zebra,ripd").split() == ["frr", "frr"]


def test_forty_sessions_on_one_connection(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client:
        channels = [client.exec_command("cat", timeout=30) for _ in range(40)]
        for number, (stdin, _, _) in enumerate(channels):
            stdin.write(f"{number}\n")
            stdin.channel.shutdown_write()
        assert [stdout.read() for _, stdout, _ in channels] == [f"{number}\n".encode() for number in range(40)]


def test_files_over_sftp(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client, client.open_sftp() as sftp:
        with sftp.open("/root/file", "w") as file:
            file.write("content")
        assert run(client, "cat /root/file") == "content"


def test_containers_with_limits_and_shared_networks(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client:
        run(client, IMPORT_BUSYBOX)
        run(client, "docker run -d --name pause --network none --memory 32m --cpus 0.5 busybox busybox sleep 1000")
        pid = run(client, "docker inspect -f '{{.State.Pid}}' pause")
        limits = run(
            client,
            f"for path in $(sed 's/[^:]*:[^:]*://' /proc/{pid}/cgroup | sort -u); do"
            " cat /sys/fs/cgroup/memory$path/memory.limit_in_bytes /sys/fs/cgroup$path/memory.max"
            " /sys/fs/cgroup/cpu*$path/cpu.cfs_quota_us /sys/fs/cgroup$path/cpu.max; done 2>/dev/null | sort -u; true",
        )
        assert set(limits.splitlines()) in ({"33554432", "50000"}, {"33554432", "50000 100000"})
        run(client, f"ip netns attach pause {pid} && ip -n pause link add inside type veth peer name outside")
        links = run(client, "docker run --rm --network container:pause busybox busybox ip link")
        assert "inside" in links
        assert "outside" in links


def test_lab_plumbing(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client:
        run(
            client,
            "ip netns add r1 && ip netns add r2 && ip -n r1 link add name left type veth peer name right netns r2",
        )
        run(client, "ip -n r1 addr add 10.1.1.1/24 dev left && ip -n r1 link set left up")
        run(client, "ip -n r2 addr add 10.1.1.2/24 dev right && ip -n r2 link set right up")
        run(client, "ip netns exec r2 sysctl -w net.ipv4.ip_default_ttl=255 net.ipv4.ip_forward=1")
        assert "ttl=255" in run(client, "ip netns exec r1 ping -c 1 -W 5 10.1.1.2")
        run(
            client,
            "ip netns exec r1 nft add table inet lab && ip netns exec r1 sysctl net.bridge.bridge-nf-call-iptables=0",
        )
        run(client, "ip tuntap add dev tap0 mode tap && ip link del tap0")


def test_what_root_in_it_cannot_do(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    with sandboxes.connect() as client:
        assert run(client, "cat /proc/sys/kernel/panic > /proc/sys/kernel/panic || echo refused").endswith("refused")
        assert run(client, "mkdir /sys/fs/mine || echo refused").endswith("refused")
        # Not every kernel has these; where they are, /dev/null lies over them.
        run(client, "for file in /proc/sysrq-trigger /proc/kcore; do test ! -e $file || test -c $file || exit 1; done")
        assert run(client, "date -s @0 >/dev/null || echo refused").endswith("refused")
        bounding = int(run(client, "sed -n 's/CapBnd:\t//p' /proc/self/status"), 16)
        module, raw_io, boot, time_of_day = 16, 17, 22, 25
        assert not any(bounding >> number & 1 for number in (module, raw_io, boot, time_of_day))


def test_stop_and_start_is_a_reboot(sandboxes: Sandboxes) -> None:
    first = sandboxes.start()
    with sandboxes.connect() as client:
        run(client, IMPORT_BUSYBOX)
        run(client, "docker run -d --name web --network none busybox busybox sleep 1000")
        run(client, "touch /root/stays /tmp/goes && ip netns add goes && ip link add goes type bridge")
        machine_id = run(client, "cat /etc/machine-id")
    stopped = sandboxes.stop()
    assert (stopped.exists, stopped.running, stopped.pid, stopped.boot_id) == (True, False, None, None)
    assert sandboxes.stop() == stopped
    second = sandboxes.start()
    assert (second.port, second.host_key) == (first.port, first.host_key)
    assert second.boot_id != first.boot_id
    with sandboxes.connect() as client:
        assert run(client, "ls /root/stays /tmp; ip netns") == "/root/stays\n\n/tmp:"
        assert [link["ifname"] for link in json.loads(run(client, "ip -j link"))] == ["lo"]
        assert run(client, "cat /etc/machine-id") == machine_id
        assert run(client, "docker inspect -f '{{.State.Status}}' web") == "exited"
        run(client, "docker start web")


def test_a_killed_init_takes_everything_along(sandboxes: Sandboxes) -> None:
    status = sandboxes.start()
    record = read_record(sandboxes.state / "one")
    assert record is not None
    sandboxes.run(f"{IMPORT_BUSYBOX} && docker run -d --network none busybox busybox sleep 1000 && touch /root/stays")
    inside = processes(record.identity)
    assert len(inside) >= 4
    subprocess.run(Privilege().argv("kill", "-KILL", str(status.pid)), check=True)
    until(lambda: not sandboxes.status().running, "status says that it does not run")
    until(lambda: not any(start_ticks(pid) == ticks for pid, ticks in inside), "its processes are gone")
    assert sandboxes.start().running
    assert sandboxes.run("ls /root") == "stays"


def test_destroy_leaves_the_machine_as_it_was(sandboxes: Sandboxes) -> None:
    before = outer_machine()
    status = sandboxes.start()
    record = read_record(sandboxes.state / "one")
    assert record is not None
    assert status.port is not None
    with sandboxes.connect() as client:
        run(client, IMPORT_BUSYBOX)
        run(client, "docker run -d --name web --network none --memory 32m busybox busybox sleep 1000")
        run(
            client,
            "ip netns add lab && ip -n lab link add br0 type bridge && ip netns exec lab sysctl -w net.ipv4.ip_forward=1",
        )
        run(client, "setsid sleep 1000 >/dev/null 2>&1 < /dev/null &")
    assert outer_machine() == before
    inside = processes(record.identity)
    sandboxes.destroy()
    assert outer_machine() == before
    assert not any(start_ticks(pid) == ticks for pid, ticks in inside)
    assert cgroup_directories(record.identity) == []
    assert list(sandboxes.state.iterdir()) == []
    # Nothing listens any more: the address can be had without SO_REUSEADDR's leniency towards listeners.
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", status.port))
        listener.listen()
    sandboxes.destroy()


def test_destroy_of_a_stopped_and_of_a_killed_one(sandboxes: Sandboxes) -> None:
    for name in ("stopped", "killed"):
        sandboxes.start(name)
    sandboxes.stop("stopped")
    subprocess.run(Privilege().argv("kill", "-KILL", str(sandboxes.status("killed").pid)), check=True)
    identities = [record.identity for name in ("stopped", "killed") if (record := read_record(sandboxes.state / name))]
    for name in ("stopped", "killed"):
        sandboxes.destroy(name)
    assert list(sandboxes.state.iterdir()) == []
    assert [cgroup_directories(identity) for identity in identities] == [[], []]


def test_side_by_side(sandboxes: Sandboxes) -> None:
    names = ["left", "middle", "right"]
    with ThreadPoolExecutor() as threads:
        started = list(threads.map(sandboxes.start, names))
    assert len({status.port for status in started}) == len({status.host_key for status in started}) == len(names)
    for name in names:
        assert sandboxes.run("ip netns add lab && ip link add br0 type bridge && hostname", name) == name
    sandboxes.destroy("left")
    assert sandboxes.run("ip netns", "right") == "lab"


def test_a_port_that_is_taken(sandboxes: Sandboxes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SandboxError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use; end what uses"
        ):
            sandboxes.start(port=port)
    assert sandboxes.start(port=port).port == port


def test_a_failed_start_shows_the_log_and_leaves_nothing_running(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    sandboxes.run(
        "echo nonsense > /etc/docker/daemon.json || { mkdir -p /etc/docker; echo nonsense > /etc/docker/daemon.json; }"
    )
    sandboxes.stop()
    with pytest.raises(
        SandboxError, match=r"(?s)sandbox one did not start: dockerd ended with status 1 .*daemon\.json"
    ):
        sandboxes.start()
    record = read_record(sandboxes.state / "one")
    assert record is not None
    assert not sandboxes.status().running
    assert cgroup_directories(record.identity) == []


def test_a_starter_that_is_killed_leaves_a_sandbox_that_start_and_destroy_can_handle(sandboxes: Sandboxes) -> None:
    sandboxes.start()
    sandboxes.stop()
    log = sandboxes.state / "one" / "log"
    with ThreadPoolExecutor() as threads:
        first = log.stat().st_ino
        starting = threads.submit(sandboxes.start)
        until(lambda: log.exists() and log.stat().st_ino != first, "the new run has a log")
        starters = [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdigit()
            and str(sandboxes.state).encode() in command_line(path)
            and b"root.py" in command_line(path)
        ]
        assert starters
        subprocess.run(Privilege().argv("kill", f"-{signal.SIGKILL.value}", *map(str, starters)), check=False)
        with pytest.raises(SandboxError):
            starting.result()
    assert sandboxes.start().running
    assert sandboxes.run("hostname") == "one"


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_destroy_removes_only_what_a_sandbox_makes(sandboxes: Sandboxes) -> None:
    foreign = sandboxes.state / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").touch()
    with pytest.raises(SandboxError, match=r"mine holds what no sandbox makes \(thesis\.txt\): not removed"):
        sandboxes.destroy("mine")
    (foreign / "thesis.txt").unlink()


def test_a_base_that_is_none(sandboxes: Sandboxes, tmp_path: Path) -> None:
    other = dataclasses.replace(sandboxes, base=tmp_path)
    with pytest.raises(SandboxError, match="is no complete base: run `python3 -m sandbox base`"):
        other.start()
