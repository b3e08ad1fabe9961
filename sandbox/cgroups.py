"""A sandbox's cgroups: one directory `exam-lab-IDENTITY` in each hierarchy of this machine, of version 1, 2 or both.

In the sandbox, whose cgroup namespace has these directories for roots, the hierarchies are mounted as they are outside, so that
dockerd finds what it would find there.
"""

import dataclasses
import os
from pathlib import Path

from sandbox import kernel
from sandbox.errors import SandboxError

_PREFIX = "exam-lab-"
_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
# What docker limits. hugetlb and rdma are left as they are.
_CONTROLLERS = frozenset({"cpu", "cpuset", "io", "memory", "pids"})


@dataclasses.dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy. options: those that mount it again, like "memory" or "none,name=systemd"; empty for version 2."""

    mount_point: Path
    version: int
    options: str

    def directory(self, identity: str) -> Path:
        """The sandbox's directory in it, as this machine sees it."""
        return self.mount_point / f"{_PREFIX}{identity}"


def hierarchies(mountinfo: str | None = None, known: frozenset[str] | None = None) -> list[Hierarchy]:
    """The cgroup hierarchies mounted here, each once.

    Read from /proc/self/mountinfo, and the version 1 controllers from /proc/cgroups, unless they are given.
    """
    if mountinfo is None:
        mountinfo = Path("/proc/self/mountinfo").read_text()
    if known is None:
        known = frozenset(line.split()[0] for line in Path("/proc/cgroups").read_text().splitlines() if line[:1] != "#")
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        mount_point = Path(line.split()[4].replace("\\040", " "))
        kind, _, super_options = line.partition(" - ")[2].split(" ")[:3]
        if kind == "cgroup2":
            found.setdefault("", Hierarchy(mount_point, 2, ""))
        elif kind == "cgroup":
            listed = super_options.split(",")
            chosen = [option for option in listed if option in known or option.startswith("name=")]
            if not any(option in known for option in chosen):
                chosen.insert(0, "none")
            options = ",".join(chosen)
            found.setdefault(options, Hierarchy(mount_point, 1, options))
    if not found:
        raise SandboxError(
            "no cgroup hierarchy is mounted on this machine: mount cgroup2 on /sys/fs/cgroup, then try again"
        )
    return list(found.values())


def enter(identity: str, namespace_flags: int) -> None:
    """Make the sandbox's cgroups, move this process in, and unshare (namespace_flags, and the cgroup namespace).

    On return this process is where PID 1 will live: in version 2 in a leaf below the namespace's root, since a cgroup with
    processes of its own cannot give controllers to others.
    """
    here = hierarchies()
    for hierarchy in here:
        directory = hierarchy.directory(identity)
        directory.mkdir(exist_ok=True)
        if hierarchy.version == 1 and "cpuset" in hierarchy.options.split(","):
            # A new cpuset of version 1 is empty, and takes no process until it is filled.
            for attribute in ("cpuset.cpus", "cpuset.mems"):
                (directory / attribute).write_text((hierarchy.mount_point / attribute).read_text())
            (directory / "cgroup.clone_children").write_text("1")
        if hierarchy.version == 2:
            _give_controllers(hierarchy.mount_point)
        (directory / "cgroup.procs").write_text("0")
    kernel.unshare(namespace_flags | kernel.CLONE_NEWCGROUP)
    for hierarchy in here:
        if hierarchy.version == 2:
            leaf = hierarchy.directory(identity) / "init"
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text("0")
            _give_controllers(hierarchy.directory(identity))


def _give_controllers(directory: Path) -> None:
    """Let the children of a version 2 cgroup use the controllers that containers are limited with."""
    have = set((directory / "cgroup.subtree_control").read_text().split())
    want = set((directory / "cgroup.controllers").read_text().split()) & _CONTROLLERS
    if want - have:
        (directory / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(want - have)))


def mount_inside(target: Path, here: list[Hierarchy]) -> None:
    """Mount the hierarchies (as found outside) on `target`, the sandbox's /sys/fs/cgroup; called in its cgroup namespace."""
    if [hierarchy.version for hierarchy in here] == [2]:
        kernel.mount("cgroup2", target, "cgroup2", _FLAGS)
        return
    kernel.mount("tmpfs", target, "tmpfs", _FLAGS, "mode=755,size=1m")
    for hierarchy in here:
        directory = target / hierarchy.mount_point.name
        directory.mkdir(exist_ok=True)
        if hierarchy.version == 2:
            kernel.mount("cgroup2", directory, "cgroup2", _FLAGS)
        else:
            kernel.mount("cgroup", directory, "cgroup", _FLAGS, hierarchy.options)


def remove(identity: str) -> None:
    """Remove the sandbox's cgroups, whose processes are dead. SandboxError if one is still in use."""
    for hierarchy in hierarchies():
        top = hierarchy.directory(identity)
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                Path(directory).rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SandboxError(
                    f"cannot remove the cgroup {directory}: {error.strerror}; end the processes in its cgroup.procs"
                ) from error
