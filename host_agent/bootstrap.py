"""What a host that a stack made does at its first boot to be a lab host, and how the agent learns how that went.

This module is two things: a script that cloud-init runs from user data, before anything else of this project is on the host; and part of the agent,
which waits for the script's end. So it uses nothing but Python's own library. Everything in it may run again, and then changes nothing that is done.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host_agent.schema import JSON

SCRIPT = Path("/usr/local/lib/exam-lab/bootstrap.py")
LOG = Path("/var/log/exam-lab-bootstrap.log")
STATUS = Path("/var/lib/exam-lab/bootstrap.json")
"""`{"state": "running" | "done" | "failed" | "told", "step": text, "pid": number}`; told: failed, and the user knows."""
CLOUD_INIT_ENDED = Path("/run/cloud-init/result.json")
CLOUD_INIT_LOG = Path("/var/log/cloud-init-output.log")
TAIL_LINES = 15
LOOK_S = 0.2
SYSTEMD = Path("/run/systemd/system")

PACKAGES = ("busybox-static", "docker.io", "frr", "iproute2", "nftables")
OPTIONAL_PACKAGES = ("dynamips",)
"""Only some labs need it, and it is not free: a mirror may be without."""
COMPONENTS = {"debian": "non-free", "ubuntu": "multiverse"}
"""Where the optional packages are."""
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=5")

UPDATE_TRIES = 6
PAUSE_S = 5.0

METADATA = Path("/etc/exam-lab/metadata.nft")
METADATA_RULES = """\
# The cloud's metadata, which has this host's private SSH key, is for root alone: not for users of this host, nor for labs.
add table inet exam_lab_metadata
delete table inet exam_lab_metadata
table inet exam_lab_metadata {
    chain output {
        type filter hook output priority -10; policy accept;
        # Not dropped: Ubuntu's sshd asks at each login, as a user of its own.
        ip daddr 169.254.169.254 meta skuid != 0 reject
        ip6 daddr fd00:ec2::254 meta skuid != 0 reject
    }
    chain forward {
        type filter hook forward priority -10; policy accept;
        ip daddr 169.254.169.254 drop
        ip6 daddr fd00:ec2::254 drop
    }
}
"""
UNITS = {
    "exam-lab-metadata.service": f"""\
[Unit]
Description=Keeps the cloud's metadata from labs
Before=network-pre.target docker.service
Wants=network-pre.target
DefaultDependencies=no

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {METADATA}

[Install]
WantedBy=multi-user.target
""",
    "exam-lab-lifetime.service": """\
[Unit]
Description=Powers this host off at its expiry

[Service]
ExecStart=/usr/bin/python3 -I /usr/local/lib/exam-lab/lifetime.py
Restart=always

[Install]
WantedBy=multi-user.target
""",
}


class BootstrapError(Exception):
    """A step failed; what its command printed is in the log."""


def main() -> int:
    """Make this host a lab host. Returns 1 where a step failed."""
    LOG.touch(mode=0o640)
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    STATUS.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    step = ""
    try:
        for step, work in STEPS.items():
            print(f"exam-lab: {step}", flush=True)
            _tell("running", step)
            work()
    except (BootstrapError, OSError, ValueError) as error:
        print(f"exam-lab: {step}: {error}", flush=True)
        _tell("failed", step)
        return 1
    _tell("done", step)
    print("exam-lab: done", flush=True)
    return 0


def wait(host: object, parameters: Mapping[str, object], progress: Callable[[str], None]) -> dict[str, JSON]:
    """`{timeout_s}` -> `{failure}`: "" once the script is done, else what failed, with the end of the log.

    A failure is told once; who asks again has it tried again.
    """
    deadline = time.monotonic() + float(str(parameters["timeout_s"]))
    shown = ""
    again: subprocess.Popen[bytes] | None = None
    while True:
        if again:
            # One that has ended is seen as ended once it is asked for.
            again.poll()
        status = _status()
        state, step = status["state"], status["step"]
        if state == "done":
            if again:
                again.wait()
            return {"failure": ""}
        if state == "told":
            again = _again()
        elif state == "failed":
            _tell("told", step)
            return {"failure": f"its first boot failed at the step `{step}`. The end of {LOG} there:\n{_tail(LOG)}"}
        elif state == "absent" and CLOUD_INIT_ENDED.exists():
            end = _tail(CLOUD_INIT_LOG)
            return {
                "failure": f"cloud-init ended there without having run {SCRIPT}. The end of {CLOUD_INIT_LOG}:\n{end}"
            }
        if time.monotonic() > deadline:
            return {"failure": f"its first boot is still at the step `{step}`. The end of {LOG} there:\n{_tail(LOG)}"}
        if step != shown:
            shown = step
            progress(f"first boot: {step}")
        time.sleep(LOOK_S)


def _packages() -> None:
    missing = [package for package in PACKAGES if not _is_installed(package)]
    optional = [package for package in OPTIONAL_PACKAGES if not _is_installed(package)]
    if not missing and not optional:
        return
    add_component()
    # The lists may be locked by what the distribution does at a boot.
    _run([*APT, "update"], tries=UPDATE_TRIES)
    if missing:
        _run([*APT, "install", "--no-install-recommends", *missing])
    with contextlib.suppress(BootstrapError):
        if optional:
            _run([*APT, "install", "--no-install-recommends", *optional])


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.startswith("ii")


def add_component(release: Path = Path("/etc/os-release"), apt: Path = Path("/etc/apt")) -> None:
    """Let apt see the component of the optional packages, on the mirrors that it has."""
    system = release.read_text()
    component = next(
        (COMPONENTS[name] for name in COMPONENTS if re.search(rf'^ID="?{name}"?$', system, re.MULTILINE)), ""
    )
    if not component:
        return
    one_line = re.compile(rf"^(deb\s(?!.*\s{component}(\s|$)).*\smain\b.*)$", re.MULTILINE)
    deb822 = re.compile(rf"^(Components:(?!.*\s{component}(\s|$)).*\smain\b.*)$", re.MULTILINE)
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if path.suffix in {".list", ".sources"} and path.is_file():
            text = path.read_text()
            changed = (deb822 if path.suffix == ".sources" else one_line).sub(rf"\1 {component}", text)
            if changed != text:
                path.write_text(changed)


def _metadata() -> None:
    METADATA.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    METADATA.write_text(METADATA_RULES)
    _run(["/usr/sbin/nft", "-f", str(METADATA)])


def _services() -> None:
    """What systemd runs. Where there is none, the time is watched all the same."""
    if not SYSTEMD.is_dir():
        lifetime = [sys.executable, "-I", str(SCRIPT.with_name("lifetime.py"))]
        subprocess.Popen(lifetime, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        return
    for name, text in UNITS.items():
        (Path("/etc/systemd/system") / name).write_text(text)
    _run(["systemctl", "daemon-reload"])
    _run(["systemctl", "enable", "--now", *UNITS])
    _run(["systemctl", "enable", "--now", "docker"])
    # Routers have daemons of their own; the host itself routes nothing.
    _run(["systemctl", "disable", "--now", "frr"])
    # Ubuntu's sshd is started by its socket, which has the port.
    by_socket = subprocess.run(["systemctl", "is-active", "--quiet", "ssh.socket"], check=False).returncode == 0
    _run(["systemctl", "restart", "ssh.socket"] if by_socket else ["systemctl", "reload", "ssh"])


STEPS: dict[str, Callable[[], None]] = {"packages": _packages, "metadata": _metadata, "services": _services}


def _run(argv: Sequence[str], *, tries: int = 1) -> None:
    """A command whose output goes to the log. Raises BootstrapError."""
    print(f"+ {' '.join(argv)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    while status := subprocess.run(argv, stdin=subprocess.DEVNULL, env=environment, check=False).returncode:
        tries -= 1
        if not tries:
            raise BootstrapError(f"`{' '.join(argv)}` failed with status {status}")
        time.sleep(PAUSE_S)


def _again() -> subprocess.Popen[bytes]:
    """Start the script again, in a session of its own: it outlives the agent."""
    # Before it starts, which may have its own to say at once.
    _tell("running", "again")
    return subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT)], stdin=subprocess.DEVNULL, cwd="/", start_new_session=True
    )


def _tell(state: str, step: str) -> None:
    fresh = STATUS.with_suffix(".new")
    fresh.write_text(json.dumps({"state": state, "step": step, "pid": os.getpid()}))
    fresh.rename(STATUS)


def _status() -> dict[str, str]:
    try:
        status = json.loads(STATUS.read_text())
    except FileNotFoundError:
        return {"state": "absent", "step": "cloud-init"}
    # A host that went down meanwhile left it half done.
    if status["state"] == "running" and not Path(f"/proc/{status['pid']}").exists():
        status = _status_of_ended(status)
    return {"state": str(status["state"]), "step": str(status["step"])}


def _status_of_ended(before: dict[str, object]) -> dict[str, object]:
    """What a process that has ended left: it may have written its last word since `before` was read."""
    status: dict[str, object] = json.loads(STATUS.read_text())
    return {**status, "state": "failed"} if status == before else status


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        return f"  ({error})"
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])


if __name__ == "__main__":
    sys.exit(main())
