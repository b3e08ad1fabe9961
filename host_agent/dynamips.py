"""Where the Dynamips daemons of a lab live on the host: their user, folders, ports and processes.

    /var/lib/exam-lab/dynamips/<lease>/ports.json               TCP ports on 127.0.0.1 of the lab's namespace, by who has them
    /var/lib/exam-lab/dynamips/<lease>/<hypervisor>/            root's:
        hypervisor.json                                         whose it is, its process and its port
        <router>.router.json                                    what can't be read back of a router
        work/                                                   the daemon's own: NVRAM, flash and log files of its routers

A lab's daemons run as a user of their own, without a name and without capabilities: what breaks out of an emulated router can read that lab's
NVRAM files, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from host_agent.cgroups import Group
from host_agent.context import Context
from host_agent.dynamips_client import TIMEOUT_S, Client, HypervisorGone, connected
from host_agent.errors import CommandFailed, HostError, Missing
from host_agent.ledger import read_json, split_id, write_json
from host_agent.netlink import inside, netns_path
from host_agent.schema import JSON

PROGRAM = Path("/usr/bin/dynamips")
FIRST_USER = 1879048192
"""The first user id that neither Debian nor systemd (UIDS-GIDS) gives to anybody; each lease has the one of its number."""
CONTROL_PORT, CONSOLE_PORT, AUX_PORT = 7200, 2001, 3001
"""Where the search for a free port begins."""
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
LOG_LIMIT_BYTES = 4 << 20
"""A router that crashes logs megabytes in seconds: a longer log is emptied when it is seen."""
FILE_LIMIT_BYTES = 64 << 20
"""No file that a daemon writes grows beyond this, unless a router's memory is in a file."""

_locks: dict[str, threading.RLock] = {}
_locks_lock = threading.Lock()


def user(context: Context) -> int:
    """The user and group id of a lease's daemons."""
    return FIRST_USER + context.host.ledger.number(context.lease)


def lease_folder(context: Context) -> Path:
    return context.host.root / "dynamips" / context.lease


def of_router(context: Context, hypervisor_id: str) -> Hypervisor:
    """The hypervisor that a router names. Raises Missing."""
    _, kind, name = split_id(hypervisor_id)
    entry = context.host.ledger.find(context.lease, kind, name)
    if kind != "dynamips_hypervisor" or entry is None:
        raise Missing(f"hypervisor {hypervisor_id} is not on this host")
    namespace = str(entry.args["namespace"])
    return Hypervisor(context, name, f"{split_id(namespace)[0]}-{split_id(namespace)[2]}")


@dataclass
class Hypervisor:
    """One daemon: its files and its process. `netns` is the name of its namespace."""

    context: Context
    name: str
    netns: str

    @property
    def folder(self) -> Path:
        return lease_folder(self.context) / self.name

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def log(self) -> Path:
        return self.work / "dynamips.log"

    @property
    def record(self) -> dict[str, JSON]:
        """`mark`, `pid` and `port`; empty where there is none."""
        return read_json(self.folder / "hypervisor.json") or {}

    @property
    def mark(self) -> str:
        """Whose it is; "" where nothing says so."""
        return str(self.record.get("mark") or "")

    @property
    def port(self) -> int:
        return int(cast(int, self.record.get("port") or 0))

    @property
    def cgroup(self) -> Group:
        """What it is limited by, if it is."""
        return Group(f"exam-lab-{self.context.lease}-{self.name}")

    def write_record(self, **values: JSON) -> None:
        write_json(self.folder / "hypervisor.json", {"mark": self.context.mark, **values})

    def make_folders(self) -> None:
        identity = user(self.context)
        with self.context.host.ledger.locked():
            for folder, owner, mode in (
                (self.folder.parent.parent, 0, 0o711),
                (self.folder.parent, 0, 0o711),
                (self.folder, 0, 0o711),
                (self.work, identity, 0o700),
            ):
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
                os.chown(folder, owner, owner)

    def remove_folders(self) -> None:
        lease = self.folder.parent
        # Not while another one makes its folder beside it.
        with self.context.host.ledger.locked():
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.folder)
            # The last one takes what all share.
            if lease.exists() and {path.name for path in lease.iterdir()} <= {"ports.json", ".lock"}:
                shutil.rmtree(lease)
            with contextlib.suppress(OSError):
                lease.parent.rmdir()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Of all operations of this agent, the only one on this daemon: it is one program with one state."""
        with _locks_lock:
            lock = _locks.setdefault(str(self.folder), threading.RLock())
        with lock:
            yield

    def pid(self) -> int:
        """The daemon's process, in whatever namespace it is; 0 where there is none."""
        recorded = int(cast(int, self.record.get("pid") or 0))
        if recorded and self._is_daemon(recorded):
            return recorded
        if not self.work.exists():
            return 0
        # Its record is lost, or somebody started another one in the folder.
        return next((int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_daemon(int(path.name))), 0)

    def is_running(self) -> bool:
        """Whether it is there, in its namespace as it is now, and not in one that was deleted under it."""
        pid = self.pid()
        try:
            return bool(pid) and Path(f"/proc/{pid}/ns/net").stat().st_ino == netns_path(self.netns).stat().st_ino
        except FileNotFoundError:
            return False

    def start(self) -> None:
        """Start the daemon and wait until it answers. Raises HostError with what it printed, and Missing where it is not installed."""
        if not PROGRAM.exists():
            raise Missing(
                f"hypervisor {self.name}: Dynamips is not installed on the lab host; `apt-get install dynamips` brings it"
                " (Debian: component non-free; Ubuntu: multiverse)"
            )
        identity = user(self.context)
        port = reserve_port(self.context, self.netns, f"control {self.name}", CONTROL_PORT)
        # A change of user drops all capabilities, and no new privileges are those that Debian's file has: it can then open the taps
        # that its user owns, and make none.
        argv = ["setpriv", "--no-new-privs", "--", str(PROGRAM), "-H", f"127.0.0.1:{port}", "-l", self.log.name]
        with inside(self.netns):
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.work,
                user=identity,
                group=identity,
                extra_groups=[],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.work)},
                umask=0o077,
                start_new_session=True,
                # Python ignores SIGXFSZ: so does the daemon then, and a file at its limit is no reason to die.
                restore_signals=False,
            )
        threading.Thread(target=process.wait, daemon=True).start()  # whoever ends must be waited for
        self.set_limit(process.pid, "fsize", FILE_LIMIT_BYTES)
        self.write_record(pid=process.pid, port=port)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                with self.connected() as client:
                    client.call("hypervisor", "working_dir", self.work)
                return
            except HypervisorGone:
                if process.poll() is not None or time.monotonic() > deadline:
                    break
                time.sleep(0.01)
        self.stop()
        raise HostError(f"hypervisor {self.name}: dynamips does not start: {self._last_words()}")

    def stop(self, *, at_once: bool = False) -> None:
        """End the daemon and all routers in it, in good order if it listens, by force otherwise. Idempotent.

        `at_once`: by force, where nothing of it is to be kept; each router would take a quarter of a second.
        """
        pid = self.pid()
        if not pid:
            return
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                if at_once:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                elif self.is_running():
                    with contextlib.suppress(HostError), self.connected() as client:
                        client.call("hypervisor", "stop")
                else:
                    signal.pidfd_send_signal(descriptor, signal.SIGINT)
                if not poll.poll(STOP_TIMEOUT_S * 1000):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    poll.poll(STOP_TIMEOUT_S * 1000)
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def connected(self, timeout_s: float = TIMEOUT_S) -> Iterator[Client]:
        """A connection to its control port, for commands that take no longer. Raises HypervisorGone."""
        with connected(self.netns, self.port, timeout_s) as client:
            yield client

    def allow_files(self, size: int) -> None:
        """Let the daemon write files of that many bytes, for memory that is in a file."""
        pid = self.pid()
        if pid:
            limit = limit_of(pid, "Max file size")
            if limit is not None and limit < size:
                self.set_limit(pid, "fsize", size)

    def set_limit(self, pid: int, name: str, size: int | None) -> None:
        """Set a limit of the daemon by its name in prlimit(1), in bytes; None: no limit.

        By the daemon's own user, who may: root may do it to others only with CAP_SYS_RESOURCE, which not every host's root has.
        """
        identity = user(self.context)
        argv = ["prlimit", "--pid", str(pid), f"--{name}={'unlimited' if size is None else size}:unlimited"]
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            user=identity,
            group=identity,
            extra_groups=[],
        )
        if done.returncode and Path(f"/proc/{pid}").exists():
            raise CommandFailed(argv, done.returncode, done.stderr)

    def push_config(self, client: Client, router: str, config: str) -> None:
        """Write a startup-config into a halted router's NVRAM, and take it out of the daemon's log again: there may be passwords in it."""
        client.push_config(router, config)
        with contextlib.suppress(FileNotFoundError), self.log.open("r+b") as file:
            # In place: the daemon writes on where it is.
            for found in re.finditer(rb"push_config \S+ (\S+)", file.read()):
                file.seek(found.start(1))
                file.write(b"*" * len(found[1]))

    def trim_logs(self) -> None:
        """Empty logs that grew beyond LOG_LIMIT_BYTES."""
        for path in (*self.work.glob("*_log.txt"), self.log):
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_size > LOG_LIMIT_BYTES and not path.is_symlink():
                    os.truncate(path, 0)

    def _is_daemon(self, pid: int) -> bool:
        try:
            if Path(f"/proc/{pid}/cwd").readlink() != self.work:
                return False
            return Path(f"/proc/{pid}/comm").read_text().strip() == PROGRAM.name
        except OSError:
            return False

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1] if lines else f"it says nothing; try `{PROGRAM} -H 127.0.0.1:{CONTROL_PORT}` on the lab host"


def limit_of(pid: int, name: str) -> int | None:
    """A soft limit of a process in bytes, by its name in /proc/PID/limits; None: there is none."""
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith(name):
            value = line.removeprefix(name).split()[0]
            return None if value == "unlimited" else int(value)
    return None


def reserve_port(context: Context, netns: str, owner: str, first: int, wanted: int | None = None) -> int:
    """A TCP port on 127.0.0.1 of the namespace, `owner`'s from now on; the one that it had, if that is free. Raises HostError."""
    with _ports(context) as taken:
        others = {port for name, port in taken.items() if name != owner}
        if wanted is not None:
            if wanted in others:
                holder = next(name for name, port in taken.items() if port == wanted and name != owner)
                raise HostError(f"port {wanted} of the lab is taken: {holder} has it. Choose another one, or none")
            taken[owner] = wanted
            return wanted
        earlier = taken.get(owner)
        candidates = [*([earlier] if earlier else []), *range(first, first + 999)]
        found: int | None = next((port for port in candidates if port not in others and is_free(netns, port)), None)
        if found is None:
            raise HostError(f"no port from {first} to {first + 998} is free in namespace {netns}")
        taken[owner] = found
        return found


def release_port(context: Context, owner: str) -> None:
    """Give a port back. Idempotent."""
    if (lease_folder(context) / "ports.json").exists():
        with _ports(context) as taken:
            taken.pop(owner, None)


def is_free(netns: str, port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:port in the namespace."""
    with inside(netns):
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with probe:
        # As daemons do: connections of an earlier listener that are not quite over are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _ports(context: Context) -> Iterator[dict[str, int]]:
    import fcntl  # not everywhere where this module is imported

    folder = lease_folder(context)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = cast(dict[str, int], read_json(folder / "ports.json") or {})
        yield taken
        write_json(folder / "ports.json", cast(dict[str, JSON], taken))
