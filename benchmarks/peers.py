"""The contestants that are not Pulumi's: shell by SSH, Ansible, pyinfra, Mininet.

All but Mininet run the very commands of `benchmarks.script`, so that what differs is how they get to the host. None of them reads what is
there: "no change" and drift are not theirs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import script
from benchmarks.hosts import BenchHost
from benchmarks.labs import Lab
from benchmarks.timing import TIMEOUT_S, BenchError, run
from setup.paths import user_cache

LOCK = Path(__file__).parent / "requirements.lock"
MININET_PACKAGES = ("mininet", "net-tools", "bridge-utils")
MININET = "/opt/mininet"
"""Where Mininet is on the host, unpacked."""


class ByHand:
    """What the contestants of this module have in common: steps for each operation, and a way to carry them out."""

    name = ""

    def __init__(self, lab: Lab, host: BenchHost) -> None:
        self.host = host
        self._steps = {"up": script.up(lab), "edit": script.edit(lab), "destroy": script.destroy(lab)}

    def up(self) -> float:
        return self._carry_out("up")

    def edit(self) -> float:
        return self._carry_out("edit")

    def destroy(self) -> float:
        return self._carry_out("destroy")

    def close(self) -> None:
        """Nothing is kept."""

    def _carry_out(self, operation: str) -> float:
        raise NotImplementedError


class Script(ByHand):
    """One script through one SSH session."""

    name = "shell script, one SSH session"

    def _carry_out(self, operation: str) -> float:
        return run(self.host.ssh("sh", "-s"), stdin=script.text(self._steps[operation]))[0]


class PerCommand(ByHand):
    """One SSH connection per step, one after another."""

    name = "one SSH connection per command"

    def _carry_out(self, operation: str) -> float:
        return sum(run(self.host.ssh(step.command))[0] for step in self._steps[operation])


class Ansible(ByHand):
    """A playbook with a task per step; pipelining, connections kept, no facts gathered."""

    name = "Ansible, pipelining"

    def __init__(self, lab: Lab, host: BenchHost, folder: Path) -> None:
        super().__init__(lab, host)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        options = " ".join(host.ssh_options())
        (folder / "ansible.cfg").write_text(
            f"[defaults]\ninventory = {folder}/inventory\nlocalhost_warning = false\ngathering = explicit\n"
            f"[ssh_connection]\npipelining = true\nssh_args = {options} -o ControlMaster=auto -o ControlPersist=60s\n"
            f"control_path_dir = {folder}/cp\n"
        )
        (folder / "inventory").write_text(
            f"lab ansible_host={host.endpoint.address} ansible_port={host.endpoint.port} ansible_user=root"
            " ansible_python_interpreter=/usr/bin/python3\n"
        )
        for operation, steps in self._steps.items():
            tasks: list[dict[str, object]] = [
                {"name": step.name, "ansible.builtin.shell": {"cmd": step.command}} for step in steps
            ]
            # JSON is YAML.
            play = [{"hosts": "lab", "gather_facts": False, "tasks": _raw(tasks)}]
            (folder / f"{operation}.yml").write_text(json.dumps(play, indent=1))

    def _carry_out(self, operation: str) -> float:
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": f"{self._folder}/ansible.cfg",
            "ANSIBLE_HOME": f"{self._folder}/home",
        }
        argv = [f"{tools()}/bin/ansible-playbook", f"{self._folder}/{operation}.yml"]
        seconds, _ = run(argv, cwd=self._folder, environment=environment)
        # Each run makes its own connection, as a user's does who has not just run another.
        for socket in (self._folder / "cp").glob("*"):
            subprocess.run(
                ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab"], capture_output=True, check=False
            )
        return seconds


class Pyinfra(ByHand):
    """A deploy with an operation per step."""

    name = "pyinfra"

    def __init__(self, lab: Lab, host: BenchHost, folder: Path) -> None:
        super().__init__(lab, host)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "ssh_hostname": host.endpoint.address,
            "ssh_port": host.endpoint.port,
            "ssh_user": "root",
            "ssh_key": host.endpoint.private_key_file,
            "ssh_known_hosts_file": f"{host.known_hosts}",
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
        }
        (folder / "inventory.py").write_text(f"lab = [('lab', {data!r})]\n")
        for operation, steps in self._steps.items():
            calls = [f"server.shell(name={step.name!r}, commands=[{step.command!r}])" for step in steps]
            text = "\n".join(["from pyinfra.operations import server", *calls])
            (folder / f"{operation}.py").write_text(f"{text}\n")

    def _carry_out(self, operation: str) -> float:
        argv = [f"{tools()}/bin/pyinfra", "inventory.py", f"{operation}.py", "--yes"]
        return run(argv, cwd=self._folder, environment={**os.environ, "NO_COLOR": "1"})[0]


class Mininet:
    """Mininet's Python API on the host: namespaces, links, bridges and router daemons; where the lab has containers it has namespaces."""

    name = "Mininet (no containers)"

    def __init__(self, lab: Lab, host: BenchHost, folder: Path) -> None:
        self._host = host
        description = dataclasses.asdict(lab)
        for router, described in zip(lab.routers, description["routers"], strict=True):
            described["start"] = script.start_router(router, inside=True)
            described["stop"] = script.stop_router(router)
        self._description = json.dumps(description)
        self._running: subprocess.Popen[str] | None = None
        _ship_mininet(host, folder)

    def up(self) -> float:
        """Until it says that it is ready; it holds the lab for as long as it runs."""
        environment = f"PYTHONPATH={MININET}/usr/lib/python3/dist-packages PATH={MININET}/usr/bin:{MININET}/sbin:$PATH"
        started = time.perf_counter()
        self._running = subprocess.Popen(
            self._host.ssh(f"{environment} python3 {MININET}/lab.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(f"{self._description}\n")
        self._running.stdin.flush()
        said = self._running.stdout.readline()
        seconds = time.perf_counter() - started
        if said != "ready\n":
            _, errors = self._running.communicate()
            raise BenchError(f"Mininet did not build the lab: {errors[-2000:]}")
        return seconds

    def destroy(self) -> float:
        assert self._running is not None
        started = time.perf_counter()
        _, errors = self._running.communicate(timeout=TIMEOUT_S)
        seconds = time.perf_counter() - started
        if self._running.returncode:
            raise BenchError(f"Mininet did not end the lab: {errors[-2000:]}")
        self._running = None
        return seconds

    def close(self) -> None:
        if self._running is not None:
            self._running.communicate(timeout=TIMEOUT_S)


def _ship_mininet(host: BenchHost, folder: Path) -> None:
    """Debian's packages, unpacked on the host beside what it has: a lab host has no use for them. Raises BenchError."""
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    run(["apt-get", "download", "-qq", *MININET_PACKAGES], cwd=folder)
    for package in folder.glob("*.deb"):
        run(["dpkg-deb", "--extract", f"{package}", f"{root}"])
    shutil.copy(Path(__file__).parent / "mininet_lab.py", root / "lab.py")
    with io.BytesIO() as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(root, arcname=".")
        host.run(f"mkdir -p {MININET} && tar -C {MININET} -x", packed.getvalue())


def tools() -> Path:
    """The virtual environment with Ansible and pyinfra, in the user's cache; made if missing. Raises BenchError."""
    folder = user_cache() / f"bench-tools-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"bench: installing Ansible and pyinfra into {folder}", file=sys.stderr)
        run([sys.executable, "-m", "venv", f"{folder}"])
        pip = [
            f"{folder}/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
        ]
        run([*pip, "--require-hashes", "--requirement", f"{LOCK}"])
        done.touch()
    return folder


def _raw(tasks: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    # Docker's templates look like Ansible's.
    for task in tasks:
        shell = task["ansible.builtin.shell"]
        assert isinstance(shell, dict)
        shell["cmd"] = f"{{% raw %}}{shell['cmd']}{{% endraw %}}"
    return list(tasks)
