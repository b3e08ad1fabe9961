"""What keeps labs while nobody runs Pulumi: one process per host, from the first lease that is `kept` to the end of the last one.

It brings the labs back after a reboot, from the ledger; then it follows Docker's events, and when a pause container ends, it starts it
again, with the links and routes that ended with its namespace. A pause container that was removed is left alone: that is drift, for
`pulumi preview` to show.

systemd runs it as `exam-lab.service`. Where there is no systemd the agent starts it, and at boot whoever looks into the unit, as a sandbox's
PID 1 does. It never works beside an agent on the same lease: see `Ledger.alone`.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from host_agent import commands, guest
from host_agent.context import Host
from host_agent.errors import HostError
from host_agent.ledger import ROOT

UNIT = Path("/etc/systemd/system/exam-lab.service")
RUN = Path("/run/exam-lab")
RESTORED = RUN / "restored"
"""There once the labs of this boot are back."""
PID = RUN / "keeper.pid"
PROGRAM = Path(__file__).resolve().parent.parent / "run.py"
RESTORE_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 2.0
SYSTEMD_TIMEOUT_S = 60.0
"""How long systemd may take to read its units, on a slow, busy host."""
RETRY_S = (0.2, 30.0)
"""First and longest pause before what failed is tried again."""
UNUSED_S = 3600.0
"""How old an agent's folder must be to be removed: it may belong to a connection that is just being opened."""

# No mount namespace of its own (ProtectSystem and the like): the names under /run/netns are mounts that all must see.
_UNIT = """\
# Made by exam-lab with the first lab on this host, removed with the last one.
[Unit]
Description=Brings network exam labs back after a reboot, and mends their containers' links
After=docker.service

[Service]
Type=exec
ExecStart={python} -I {program} keep
# The routers' daemons that it starts belong to the lab.
KillMode=process
Restart=on-failure
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID
CapabilityBoundingSet=CAP_SETPCAP CAP_SYS_ADMIN CAP_SYS_NICE CAP_SYS_PTRACE

[Install]
WantedBy=multi-user.target
"""


def ensure(host: Host) -> None:
    """Have it run, from this version of the agent, if a lease on the host is to be kept; otherwise have it end."""
    if host.root != ROOT:
        return
    with host.ledger.locked():
        if not host.ledger.kept_leases():
            _end()
            return
        text = _UNIT.format(python=sys.executable, program=PROGRAM)
        if _installed() == text and _running():
            return
        RUN.mkdir(mode=0o755, exist_ok=True)
        # The host was not booted just now: what is not there is drift, and Pulumi's to show.
        RESTORED.touch()
        if not commands.has_systemd():
            _stop()
        UNIT.parent.mkdir(parents=True, exist_ok=True)
        UNIT.write_text(text)
        _start()
        _remove_old_agents(host)


def is_there(host: Host) -> bool:
    """Whether it runs, and will after a reboot."""
    return host.root != ROOT or (UNIT.exists() and _running())


def wait(host: Host) -> None:
    """Until the labs are back, on a host that was just booted; at most RESTORE_TIMEOUT_S, after which they are seen as they are."""
    deadline = time.monotonic() + RESTORE_TIMEOUT_S
    while host.root == ROOT and UNIT.exists() and not RESTORED.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def keep(host: Host) -> None:
    """The process itself; it returns only where another one is at work."""
    from host_agent.restore import restore_kept

    RUN.mkdir(mode=0o755, exist_ok=True)
    with PID.open("a+") as file:
        if not _be_the_only(file):
            _log("another keeper is at work on this host")
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        if not RESTORED.exists():
            with _errors_logged():
                restore_kept(host, _log)
            RESTORED.touch()
        pause, longest = RETRY_S
        while True:
            began = time.monotonic()
            with _errors_logged():
                _follow(host)
            # A stream that lasted was a Docker that was well.
            pause = RETRY_S[0] if time.monotonic() - began > longest else min(2 * pause, longest)
            time.sleep(pause)


def _follow(host: Host) -> None:
    """Mend what ended, and whatever ends, until Docker itself does. Raises what Docker and the kernel refuse."""
    from host_agent.kinds.container import LEASE, NAME, pause_name
    from host_agent.restore import mend

    # What ends from now on is in the stream; what ended before is looked for.
    filters = {"type": "container", "event": ["die", "start"], "label": [LEASE, NAME]}
    with contextlib.closing(host.docker.api.events(decode=True, filters=filters)) as events:
        for lease in host.ledger.kept_leases():
            mend(host, lease)
        for event in events:
            about = event["Actor"]["Attributes"]
            lease, name = about[LEASE], about[NAME]
            if about["name"] == pause_name(lease, name) and lease in host.ledger.kept_leases():
                began = time.monotonic()
                if mend(host, lease, name):
                    _log(
                        f"container {name} of lease {lease} has its links again after {time.monotonic() - began:.2f} s"
                    )


def _be_the_only(file: IO[str]) -> bool:
    """Lock the file for as long as this process lives. One that is just ending is waited for."""
    import fcntl  # not everywhere where this module is imported

    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


@contextlib.contextmanager
def _errors_logged() -> Iterator[None]:
    import docker
    import urllib3

    try:
        yield
    except (HostError, OSError, docker.errors.DockerException, urllib3.exceptions.HTTPError) as error:
        _log(str(error) or type(error).__name__)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end() -> None:
    if not UNIT.exists() and not RUN.exists():
        return
    if commands.has_systemd() and UNIT.exists():
        _systemctl("disable", "--now", UNIT.name)
    _stop()
    UNIT.unlink(missing_ok=True)
    if commands.has_systemd():
        _systemctl("daemon-reload")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(RUN)


def _start() -> None:
    if commands.has_systemd():
        # `enable` has systemd read the unit.
        _systemctl("enable", UNIT.name)
        _systemctl("restart", UNIT.name)
        pid = _systemctl("show", "--property=MainPID", "--value", UNIT.name).strip()
    else:
        with (RUN / "log").open("ab") as log:
            pid = str(
                subprocess.Popen(
                    [sys.executable, "-I", str(PROGRAM), "keep"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    start_new_session=True,
                ).pid
            )
    # It writes that itself, a moment later; until then nobody shall think that it is not there.
    PID.write_text(pid)


def _stop() -> None:
    """End the process, however it was started."""
    pid = _pid()
    try:
        descriptor = os.pidfd_open(pid) if pid else -1
    except ProcessLookupError:
        return
    if descriptor < 0:
        return
    try:
        if _running():
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
                if poll.poll(STOP_TIMEOUT_S * 1000):
                    return
    finally:
        os.close(descriptor)


def _running() -> bool:
    try:
        argv = Path(f"/proc/{_pid()}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return argv[-2:-1] == [b"keep"] and argv[-3].endswith(b"/run.py")


def _pid() -> int:
    try:
        return int(PID.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _installed() -> str:
    try:
        return UNIT.read_text()
    except FileNotFoundError:
        return ""


def _systemctl(*arguments: str) -> str:
    return commands.run(["systemctl", *arguments], timeout_s=SYSTEMD_TIMEOUT_S)


def _remove_old_agents(host: Host) -> None:
    """Remove versions of the agent that nobody uses: not this one, which the unit names from now on, nor one that runs or that a key names."""
    used = {PROGRAM.parent.name, *guest.versions(host)}
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used.update(re.findall(rf"{host.root}/agent/(\w+)/run\.py", process.read_bytes().decode(errors="replace")))
    for folder in (host.root / "agent").glob("*"):
        if folder.name not in used and folder.stat().st_mtime < time.time() - UNUSED_S:
            shutil.rmtree(folder, ignore_errors=True)
