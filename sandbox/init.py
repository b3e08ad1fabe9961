"""PID 1 of a sandbox: takes SSH connections on a socket it inherits, starts dockerd, reaps. Runs on the base's own python3.

Usage: init.py NAME, with file descriptors 0-2 (nothing, log, log), LISTENER_FD (a listening TCP socket, made in the outer
network namespace: a socket stays in the namespace it was made in, so the sandbox needs no link to it) and REPORT_FD (a pipe to
the one who started the sandbox: one line of JSON, `{"host_key": …}` once dockerd answers, or `{"error": …}`).

SIGTERM shuts the sandbox down: everything gets SIGTERM, and after at most SHUTDOWN_GRACE_S this process ends, and with it
the PID namespace. A dockerd that dies is logged and not restarted: that is a fault of the host for its users to see.
"""

import errno
import fcntl
import json
import os
import selectors
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

LISTENER_FD = 3
REPORT_FD = 4
RUN_DIRECTORY = Path("/run/sandbox")
SHUTDOWN_GRACE_S = 1.0

_HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key")
_SSHD_CONFIG = RUN_DIRECTORY / "sshd_config"
_DOCKER_SOCKET = Path("/run/docker.sock")
_DOCKER_POLL_S = 0.02
_KEEPER_UNIT = Path("/etc/systemd/system/exam-lab.service")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
# One connection carries a whole lab: an agent, a console or command per device, file transfer. Hence MaxSessions.
# Without PAM an account without a password, as useradd makes it, would be locked.
# The key of the one who started the sandbox opens every account, as a machine's owner would expect; further keys lie in homes.
_SSHD_OPTIONS = f"""\
HostKey {_HOST_KEY}
AuthorizedKeysFile {RUN_DIRECTORY}/authorized_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
UseDNS no
MaxSessions 64
PrintMotd no
PrintLastLog no
SetEnv LANG=C.UTF-8
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""
_DOCKERD = [
    "/usr/sbin/dockerd",
    "--bridge=none",
    "--iptables=false",
    "--ip-forward=false",
    "--log-level=warn",
    "--exec-opt=native.cgroupdriver=cgroupfs",
]


def log(message: str) -> None:
    """One line to the sandbox's log."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} init: {message}", flush=True)


def report(message: dict[str, str]) -> None:
    """Tell the one who started the sandbox, who may be gone already, and close the pipe."""
    try:
        os.write(REPORT_FD, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        log("nobody waits for the report any more")
    os.close(REPORT_FD)


def spawn(argv: list[str], connection: socket.socket | None = None) -> int:
    """Start a program in a session of its own, output to the log; with `connection` as its input and output. Returns its PID."""
    actions: list[tuple[int, int, int]] = []
    if connection is not None:
        actions = [(os.POSIX_SPAWN_DUP2, connection.fileno(), 0), (os.POSIX_SPAWN_DUP2, connection.fileno(), 1)]
    # Python ignores SIGPIPE, and what is ignored stays ignored through exec.
    defaults = [
        signal.SIGPIPE,
        signal.SIGXFSZ,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGHUP,
        signal.SIGTERM,
        signal.SIGCHLD,
    ]
    return os.posix_spawn(
        argv[0], argv, _ENVIRONMENT, file_actions=actions, setsid=True, setsigmask=[], setsigdef=defaults
    )


def prepare(name: str) -> None:
    """What a machine does early at boot: identity at the first boot, loopback, sshd's configuration and host key."""
    machine_id = Path("/etc/machine-id")
    if not machine_id.exists() or not machine_id.read_text():
        machine_id.write_text(f"{uuid.uuid4().hex}\n")
        Path("/etc/hostname").write_text(f"{name}\n")
        Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        siocsifflags, iff_up = 0x8914, 1
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))
    Path("/run/sshd").mkdir(mode=0o755)
    Path("/run/lock").mkdir()
    Path("/run/lock").chmod(0o1777)
    make_run_directories()
    _SSHD_CONFIG.write_text(_SSHD_OPTIONS)
    if not _HOST_KEY.with_suffix(".pub").exists():
        # The public part is written last: a private key alone is what an interrupted first boot left.
        _HOST_KEY.unlink(missing_ok=True)
        keygen = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(_HOST_KEY)]
        subprocess.run(keygen, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, check=True)


def make_run_directories() -> None:
    """The directories in /run that packages ask for in tmpfiles.d(5), like FRR's; there is no systemd to make them."""
    for file in sorted(Path("/usr/lib/tmpfiles.d").glob("*.conf")):
        for line in file.read_text().splitlines():
            kind, path, mode, user, group = (*line.split(), *"-----")[:5]
            if kind not in {"d", "D"} or not path.startswith(("/run/", "/var/run/")):
                continue
            try:
                Path(path).mkdir(parents=True, exist_ok=True)
                Path(path).chmod(0o755 if mode == "-" else int(mode.lstrip("~:"), 8))
                shutil.chown(path, "root" if user == "-" else user, "root" if group == "-" else group)
            except (OSError, LookupError, ValueError) as error:
                # As systemd does: one package's mistake keeps no machine from booting.
                log(f"{file}: {line}: {error}")


def docker_answers() -> bool:
    """True once dockerd answers a ping on its socket."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(_DOCKER_SOCKET))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in client.recv(256)
    except (FileNotFoundError, ConnectionError, TimeoutError):
        return False


def start_keeper() -> None:
    """What systemd would start at boot of the lab's own: the process that brings labs back (see host_agent/keeper.py)."""
    try:
        unit = _KEEPER_UNIT.read_text()
    except FileNotFoundError:
        return
    for line in unit.splitlines():
        name, _, command = line.partition("=")
        if name == "ExecStart":
            spawn(shlex.split(command))


def accept(listener: socket.socket) -> None:
    """Give each waiting connection an sshd of its own."""
    while True:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        with connection:
            connection.setblocking(True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                spawn(["/usr/sbin/sshd", "-i", "-e", "-f", str(_SSHD_CONFIG)], connection)
            except OSError as error:
                log(f"cannot start sshd: {error}")


def reap() -> dict[int, int]:
    """Collect every child that has ended: {PID: wait status}."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def shut_down() -> None:
    """SIGTERM to everything but this process; return when no child is left, or after SHUTDOWN_GRACE_S."""
    log("shutting down")
    deadline = time.monotonic() + SHUTDOWN_GRACE_S
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        os.kill(-1, signal.SIGTERM)
    except ProcessLookupError:
        return
    while (left := deadline - time.monotonic()) > 0:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, left)


def run(name: str) -> int:
    """Boot, serve until SIGTERM. Returns the exit status: 1 if dockerd did not come up."""
    os.set_inheritable(LISTENER_FD, False)
    os.set_inheritable(REPORT_FD, False)
    wake_up, wake_up_end = socket.socketpair()
    wake_up.setblocking(False)
    wake_up_end.setblocking(False)
    signal.set_wakeup_fd(wake_up_end.fileno(), warn_on_full_buffer=False)
    received: set[int] = set()
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda signum, _frame: received.add(signum))

    prepare(name)
    dockerd: int | None = spawn(_DOCKERD)
    ready = False
    with socket.socket(fileno=LISTENER_FD) as listener, selectors.DefaultSelector() as selector:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wake_up, selectors.EVENT_READ)
        while signal.SIGTERM not in received:
            for key, _ in selector.select(None if ready else _DOCKER_POLL_S):
                if key.fileobj is listener:
                    accept(listener)
                else:
                    wake_up.recv(4096)
            # Unconditional, because a child may end between a signal's arrival and the read above.
            ended = reap()
            if dockerd in ended:
                code = os.waitstatus_to_exitcode(ended[dockerd])
                log(f"dockerd ended with status {code}; it is not restarted")
                dockerd = None
                if not ready:
                    report({"error": f"dockerd ended with status {code} before it answered"})
                    return 1
            if not ready and docker_answers():
                ready = True
                log("ready")
                start_keeper()
                report({"host_key": " ".join(_HOST_KEY.with_suffix(".pub").read_text().split()[:2])})
    shut_down()
    return 0


def main() -> int:
    """Entry point; a failure before the loop reaches the starter as an error report."""
    try:
        return run(sys.argv[1])
    except (OSError, subprocess.CalledProcessError) as error:
        log(f"failed: {error}")
        try:
            report({"error": f"PID 1 failed: {error}"})
        except OSError as closed:
            if closed.errno != errno.EBADF:
                raise
        return 1


if __name__ == "__main__":
    sys.exit(main())
