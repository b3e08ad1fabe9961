"""The part of the package that runs as root: `root.py base|start|stop|destroy …`, called by `sandbox.privilege` only.

It prints progress on standard output, and on failure one message on standard error. Arguments are checked against mistakes:
a name is a host name, directories are the invoking user's (SUDO_UID) or root's, and only what this program makes is removed.
They are no defence against the invoking user, whose checkout this program is, and who can have root anyhow.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import json
import os
import re
import secrets
import select
import shutil
import signal
import socket
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    # Run by path (sudo keeps no PYTHONPATH, and -I ignores it), this file's folder is not on the path either.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import base as base_image
from sandbox import cgroups, isolation, kernel
from sandbox.errors import SandboxError
from sandbox.state import ENTRIES, Record, directory_of, is_alive, machine_boot, read_record, start_ticks, write_record

START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0
_KILL_TIMEOUT_S = 10.0
_LOG_TAIL_LINES = 20
_PUBLIC_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?")
_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
# Upper layers and docker's own overlays need extended attributes and d_type; these do not have them, or are slow or unsafe at it.
_UNSUITABLE_FILE_SYSTEMS = (
    "overlay",
    "aufs",
    "nfs",
    "cifs",
    "fuse",
    "9p",
    "virtiofs",
    "vfat",
    "exfat",
    "ecryptfs",
    "ramfs",
)


def _check_owner(path: Path, what: str) -> None:
    """SandboxError unless the path is a real directory, and through sudo one of the user who invoked it or of root."""
    try:
        status = path.lstat()
    except OSError as error:
        raise SandboxError(f"{what} {path}: {error.strerror}") from error
    allowed = {0, int(os.environ.get("SUDO_UID", status.st_uid))}
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in allowed:
        raise SandboxError(f"{what} {path} must be a directory (not a link) that belongs to you or to root")


def check_file_system(directory: Path, mountinfo: str) -> None:
    """SandboxError if a sandbox's writable layer cannot be on the file system of `directory`, by /proc/self/mountinfo's text."""
    best, kind = "", ""
    for line in mountinfo.splitlines():
        mount_point = line.split()[4].replace("\\040", " ")
        if directory.is_relative_to(mount_point) and len(mount_point) >= len(best):
            best, kind = mount_point, line.partition(" - ")[2].split(" ")[0]
    if kind.startswith(_UNSUITABLE_FILE_SYSTEMS):
        raise SandboxError(
            f"{directory} is on {kind} (mounted on {best}), on which neither a sandbox's root nor its Docker can write:"
            " choose a state directory on ext4, xfs or btrfs"
        )


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[int]:
    """Hold the sandbox's lock, which is its directory; yields the descriptor. FileNotFoundError if it does not exist."""
    while True:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever had the lock may have destroyed the sandbox, and another one may have made it anew.
            if directory.exists() and os.path.samestat(os.fstat(descriptor), directory.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1; port 0 lets the kernel choose."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; end what uses that port (`ss -ltnp`), or give another port"
        ) from error
    return listener


@dataclasses.dataclass(frozen=True)
class _Launched:
    """A PID 1 that waits for a byte on `go`, and ends if that is closed without: what is on no record must not run.

    pid: 0 if it did not come so far. report: reading end of the pipe on which it tells how it goes.
    """

    pid: int
    go: int
    report: int


def _launch(
    directory: Path, record: Record, name: str, public_key: str, listener: socket.socket, lock: int
) -> _Launched:
    """Make the new namespaces and their first process."""
    report, report_end = os.pipe()
    go, go_end = os.pipe()
    pid_pipe, pid_end = os.pipe()
    log = directory / "log"
    if log.exists():
        log.replace(directory / "log.previous")
    log_descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    launcher = os.fork()
    if launcher == 0:
        # Nothing may unwind into the parent's code from here on: only _exit.
        status = 1
        try:
            os.close(lock)
            os.setsid()
            os.umask(0o022)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (log_descriptor, 1), (log_descriptor, 2)):
                os.dup2(source, target)
            cgroups.enter(record.identity, _NAMESPACES)
            child = os.fork()
            if child == 0:
                os.close(go_end)
                if not os.read(go, 1):
                    os._exit(1)
                isolation.become_init(
                    directory,
                    name=name,
                    base=Path(record.base),
                    boot_id=str(record.boot_id),
                    public_key=public_key,
                    listener=listener.fileno(),
                    report=report_end,
                )
            os.write(pid_end, str(child).encode())
            status = 0
        except BaseException as error:  # noqa: BLE001 - nobody else would hear of it
            os.write(report_end, json.dumps({"error": str(error) or repr(error)}).encode() + b"\n")
        finally:
            os._exit(status)
    os.close(report_end)
    os.close(go)
    os.close(pid_end)
    os.close(log_descriptor)
    os.waitpid(launcher, 0)
    pid = os.read(pid_pipe, 32)
    os.close(pid_pipe)
    return _Launched(int(pid or 0), go_end, report)


def _wait_for_report(report: int, deadline: float) -> str:
    """The host key that PID 1 reports. SandboxError with its error, or if it ends or takes too long."""
    received = b""
    while not received.endswith(b"\n"):
        if not select.select([report], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise SandboxError(f"dockerd did not answer within {START_TIMEOUT_S:.0f} s")
        piece = os.read(report, 65536)
        if not piece:
            raise SandboxError("its PID 1 ended before it was up")
        received += piece
    message: dict[str, str] = json.loads(received)
    if "error" in message:
        raise SandboxError(message["error"])
    return message["host_key"]


def _check_banner(port: int, deadline: float) -> None:
    """SandboxError unless an SSH server greets on 127.0.0.1:port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=max(0.1, deadline - time.monotonic())) as client:
            banner = client.recv(64)
    except OSError as error:
        raise SandboxError(f"sshd does not answer on 127.0.0.1:{port}: {error}") from error
    if not banner.startswith(b"SSH-2.0-"):
        raise SandboxError(f"sshd closed a connection to 127.0.0.1:{port} without a greeting")


def _log_tail(directory: Path) -> str:
    lines = (directory / "log").read_text(errors="replace").splitlines() if (directory / "log").exists() else []
    return "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:])


def _end(pid: int, signals: tuple[tuple[signal.Signals, float], ...]) -> bool:
    """Send each signal in turn and wait its seconds for the process to end. True once it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        for number, seconds in signals:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if poll.poll(seconds * 1000):
                return True
        return False
    finally:
        os.close(descriptor)


def _end_sandbox(directory: Path, record: Record, signals: tuple[tuple[signal.Signals, float], ...]) -> None:
    """End the sandbox's PID 1, if it is alive, and with it all that is in its namespaces; take its cgroups away."""
    if is_alive(record) and record.pid is not None and not _end(record.pid, signals):
        raise SandboxError(
            f"process {record.pid}, PID 1 of the sandbox in {directory}, does not end; see /proc/{record.pid}/stack"
        )
    cgroups.remove(record.identity)


def start(name: str, state: Path, base: Path, port: int, public_key: str) -> None:
    """Make the sandbox if need be, and start it if it does not run; returns when sshd and dockerd answer."""
    if not _PUBLIC_KEY.fullmatch(public_key):
        raise SandboxError(f"not an SSH public key (one line as in id_ed25519.pub): {public_key[:60]!r}")
    _check_owner(state, "state directory")
    check_file_system(state.resolve(), Path("/proc/self/mountinfo").read_text())
    directory = directory_of(state, name)
    directory.mkdir(mode=0o755, exist_ok=True)
    _check_owner(directory, "sandbox directory")
    with _locked(directory) as lock:
        record = read_record(directory)
        if record is not None and record.ready and is_alive(record):
            return
        if record is None:
            record = Record(identity=secrets.token_hex(6), base=str(base), port=port)
        _check_owner(Path(record.base), "base")
        if not base_image.is_base(Path(record.base)):
            raise SandboxError(
                f"{record.base} is no complete base: run `python3 -m sandbox base`;"
                f" if it is gone for good, destroy the sandbox {name}, which was made on it"
            )
        _end_sandbox(directory, record, ((signal.SIGKILL, _KILL_TIMEOUT_S),))
        # `upper` gives the sandbox's `/` its mode; that nobody else on this machine runs its setuid programs is up to `disk`.
        for entry, mode in (
            ("disk", 0o700),
            ("disk/upper", 0o755),
            ("disk/work", 0o700),
            ("disk/data", 0o710),
            ("base", 0o755),
            ("root", 0o755),
        ):
            (directory / entry).mkdir(mode=mode, exist_ok=True)
        with _listen(port or record.port) as listener:
            # The port and the identity are kept from here on, whatever comes next.
            record = dataclasses.replace(
                record,
                port=listener.getsockname()[1],
                pid=None,
                start_ticks=None,
                boot_id=str(uuid.uuid4()),
                machine_boot=machine_boot(),
                ready=False,
            )
            write_record(directory, record)
            _boot(directory, record, name, public_key, listener, lock)


def _boot(directory: Path, record: Record, name: str, public_key: str, listener: socket.socket, lock: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        launched = _launch(directory, record, name, public_key, listener, lock)
        listener.close()
        if launched.pid:
            record = dataclasses.replace(record, pid=launched.pid, start_ticks=start_ticks(launched.pid))
            write_record(directory, record)
            # If it has ended already, its report says why.
            with contextlib.suppress(BrokenPipeError):
                os.write(launched.go, b"g")
        host_key = _wait_for_report(launched.report, deadline)
        _check_banner(record.port, deadline)
    except BaseException as error:
        _end_sandbox(directory, record, ((signal.SIGKILL, _KILL_TIMEOUT_S),))
        if isinstance(error, SandboxError):
            tail = f"the end of {directory / 'log'}:\n{_log_tail(directory)}"
            raise SandboxError(f"sandbox {name} did not start: {error}\n{tail}") from error
        raise
    (directory / "host_key.pub").write_text(f"{host_key} {name}\n")
    write_record(directory, dataclasses.replace(record, host_key=host_key, ready=True))


def stop(name: str, state: Path) -> None:
    """Shut the sandbox down; its files stay. Stopped or never made is no error."""
    directory = directory_of(state, name)
    with contextlib.suppress(FileNotFoundError), _locked(directory):
        record = read_record(directory)
        if record is not None:
            _end_sandbox(directory, record, ((signal.SIGTERM, _STOP_TIMEOUT_S), (signal.SIGKILL, _KILL_TIMEOUT_S)))


def destroy(name: str, state: Path) -> None:
    """Kill the sandbox and remove all it had. Never made is no error."""
    directory = directory_of(state, name)
    with contextlib.suppress(FileNotFoundError), _locked(directory):
        _check_owner(directory, "sandbox directory")
        foreign = sorted({path.name for path in directory.iterdir()} - ENTRIES)
        if foreign:
            raise SandboxError(
                f"{directory} holds what no sandbox makes ({', '.join(foreign[:3])}): not removed; move it away, then destroy again"
            )
        record = read_record(directory)
        if record is not None:
            _end_sandbox(directory, record, ((signal.SIGKILL, _KILL_TIMEOUT_S),))
        # The record goes last, so that a destroy that was interrupted can be repeated.
        for path in sorted(directory.iterdir(), key=lambda path: path.name == "record.json"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        directory.rmdir()


def main() -> int:
    """Parse the argv that `sandbox.privilege` made, and do it. Exit status 1 with a message on standard error if it fails."""
    parser = argparse.ArgumentParser(prog="root.py")
    commands = parser.add_subparsers(dest="command", required=True)
    base = commands.add_parser("base")
    base.add_argument("--cache", type=Path, required=True)
    base.add_argument("--cloud", action="store_true")
    for command in ("start", "stop", "destroy"):
        subparser = commands.add_parser(command)
        subparser.add_argument("name")
        subparser.add_argument("--state", type=Path, required=True)
        if command == "start":
            subparser.add_argument("--base", type=Path, required=True)
            subparser.add_argument("--port", type=int, required=True)
            subparser.add_argument("--public-key", required=True)
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        if os.geteuid() != 0:
            raise SandboxError("root.py must run as root; use `python3 -m sandbox`, which sees to it")
        if arguments.command == "base":
            _check_owner(arguments.cache, "cache directory")
            base_image.build(arguments.cache, cloud=arguments.cloud)
        elif arguments.command == "start":
            start(arguments.name, arguments.state, arguments.base, arguments.port, arguments.public_key)
        elif arguments.command == "stop":
            stop(arguments.name, arguments.state)
        else:
            destroy(arguments.name, arguments.state)
    except (SandboxError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
