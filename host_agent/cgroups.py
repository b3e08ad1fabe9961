"""Limits of a process's memory and processor time: a cgroup of its own, which goes with it.

Where systemd is, which owns the hierarchy, it makes the cgroup, as a scope `NAME.scope`. Elsewhere it is a directory at the root, as Docker's are.
Version 2 is what Debian has; of version 1 the same limits have other names.

    NAME.scope/memory.max, NAME.scope/cpu.max
"""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from host_agent import commands
from host_agent.errors import HostError, Missing

Controller = Literal["memory", "cpu"]
TIMEOUT_S = 5.0
PERIOD_US = 100_000
_NO_LIMIT = (1 << 64) - 1
"""In systemd's properties."""
_PROC = Path("/proc")
_MEMORY = {1: "memory.limit_in_bytes", 2: "memory.max"}


@dataclass(frozen=True)
class Limits:
    """Bytes, and processors (0.5 is half of one); None: no limit."""

    memory_bytes: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Hierarchy:
    """Where a controller's cgroups are."""

    mount: Path
    version: int


def hierarchies(mountinfo: str) -> dict[Controller, Hierarchy]:
    """The hierarchy of each of the two controllers, from the text of /proc/self/mountinfo."""
    found: dict[Controller, Hierarchy] = {}
    for line in mountinfo.splitlines():
        mount = Path(line.split(" ")[4])
        kind, _, options = line.partition(" - ")[2].split(" ")[:3]
        names: list[str] = []
        if kind == "cgroup2":
            names = (mount / "cgroup.controllers").read_text().split()
        elif kind == "cgroup":
            names = options.split(",")
        controllers: tuple[Controller, ...] = ("memory", "cpu")
        for controller in controllers:
            if controller in names:
                found.setdefault(controller, Hierarchy(mount, 2 if kind == "cgroup2" else 1))
    return found


@dataclass(frozen=True)
class Group:
    """The cgroup of one process, by a name that is unique on the host."""

    name: str

    def limit(self, pid: int, limits: Limits) -> None:
        """Bring the process's limits to these. Raises Missing where the host has none of that kind.

        Without any, the process stays where it is.
        """
        here = _here()
        wanted = {"memory": limits.memory_bytes, "cpu": limits.cpus}
        for controller, value in wanted.items():
            if value is not None and controller not in here:
                raise Missing(
                    f"the lab host has no cgroup controller {controller}, which a limit needs: boot it with cgroup v2, or leave the limit out"
                )
        if limits == Limits() and not any(self._directory(pid, controller) for controller in here):
            return
        if commands.has_systemd() and {hierarchy.version for hierarchy in here.values()} == {2}:
            self._limit_by_systemd(pid, limits)
        else:
            for controller, hierarchy in here.items():
                _write(self._enter(pid, controller, hierarchy), controller, hierarchy.version, limits)

    def limits(self, pid: int) -> Limits:
        """The limits that the process has by this cgroup; none where it is in another."""
        found = Limits()
        for controller, hierarchy in _here().items():
            directory = self._directory(pid, controller)
            if directory is not None:
                found = _read(directory, controller, hierarchy.version, found)
        return found

    def remove(self) -> None:
        """Take it away, once its process has ended. Idempotent. A scope of systemd's goes by itself."""
        for hierarchy in _here().values():
            deadline = time.monotonic() + TIMEOUT_S
            while True:
                try:
                    (hierarchy.mount / self.name).rmdir()
                except FileNotFoundError:
                    pass
                except OSError as error:
                    # The kernel is not quite done with the process.
                    if error.errno == errno.EBUSY and time.monotonic() < deadline:
                        time.sleep(0.01)
                        continue
                    raise HostError(
                        f"cgroup {hierarchy.mount / self.name} can't be removed: {error.strerror}; end what is in its cgroup.procs"
                    ) from None
                break

    def _limit_by_systemd(self, pid: int, limits: Limits) -> None:
        unit = f"{self.name}.scope"
        memory = _NO_LIMIT if limits.memory_bytes is None else limits.memory_bytes
        microseconds = _NO_LIMIT if limits.cpus is None else round(limits.cpus * 1_000_000)
        properties = ("MemoryMax", "t", str(memory), "CPUQuotaPerSecUSec", "t", str(microseconds))
        manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
        if self._directory(pid, "memory") is not None:
            argv = ["busctl", "call", *manager, "SetUnitProperties", "sba(sv)", unit, "true", "2", *properties]
            commands.run(argv)
            return
        about = ("Description", "s", "Emulated routers of an exam lab", "CollectMode", "s", "inactive-or-failed")
        members = ("PIDs", "au", "1", str(pid))
        argv = ["busctl", "call", *manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "5"]
        commands.run([*argv, *about, *members, *properties, "0"])
        deadline = time.monotonic() + TIMEOUT_S
        while self._directory(pid, "memory") is None:
            if time.monotonic() > deadline:
                raise HostError(f"systemd did not put process {pid} into {unit} within {TIMEOUT_S:g} s")
            time.sleep(0.01)

    def _enter(self, pid: int, controller: Controller, hierarchy: Hierarchy) -> Path:
        directory = hierarchy.mount / self.name
        if hierarchy.version == 2:
            (hierarchy.mount / "cgroup.subtree_control").write_text(f"+{controller}")
        directory.mkdir(exist_ok=True)
        if self._directory(pid, controller) is None:
            (directory / "cgroup.procs").write_text(str(pid))
        return directory

    def _directory(self, pid: int, controller: Controller) -> Path | None:
        """The process's cgroup, if it is this one."""
        hierarchy = _here().get(controller)
        if hierarchy is None:
            return None
        try:
            lines = (_PROC / str(pid) / "cgroup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return None
        for line in lines:
            _, names, path = line.split(":", 2)
            if (names == "" if hierarchy.version == 2 else controller in names.split(",")) and Path(path).name in {
                self.name,
                f"{self.name}.scope",
            }:
                return hierarchy.mount / path.lstrip("/")
        return None


def has(controller: Controller) -> bool:
    """Whether the host can limit this."""
    return controller in _here()


def _here() -> dict[Controller, Hierarchy]:
    return hierarchies((_PROC / "self/mountinfo").read_text())


def _read(directory: Path, controller: Controller, version: int, limits: Limits) -> Limits:
    """`limits` with what the directory says of the controller."""
    if controller == "memory":
        text = (directory / _MEMORY[version]).read_text().strip()
        # Version 1 says "none" by the largest multiple of a page.
        return replace(limits, memory_bytes=None if text == "max" or int(text) >= 1 << 62 else int(text))
    if version == 2:
        quota, period = (directory / "cpu.max").read_text().split()
    else:
        quota, period = ((directory / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    return replace(limits, cpus=None if quota in {"max", "-1"} else int(quota) / int(period))


def _write(directory: Path, controller: Controller, version: int, limits: Limits) -> None:
    none = "max" if version == 2 else "-1"
    if controller == "memory":
        (directory / _MEMORY[version]).write_text(none if limits.memory_bytes is None else str(limits.memory_bytes))
        return
    quota = none if limits.cpus is None else str(round(limits.cpus * PERIOD_US))
    if version == 2:
        (directory / "cpu.max").write_text(f"{quota} {PERIOD_US}")
    else:
        (directory / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (directory / "cpu.cfs_quota_us").write_text(quota)
