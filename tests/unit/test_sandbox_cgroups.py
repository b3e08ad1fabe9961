from pathlib import Path

import pytest

from sandbox import cgroups
from sandbox.cgroups import Hierarchy
from sandbox.errors import SandboxError

KNOWN = frozenset({"cpu", "cpuacct", "cpuset", "memory", "pids"})


def test_version_2_alone() -> None:
    mountinfo = "35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
    assert cgroups.hierarchies(mountinfo, KNOWN) == [Hierarchy(Path("/sys/fs/cgroup"), 2, "")]


def test_both_versions_each_hierarchy_once() -> None:
    mountinfo = """\
33 24 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
34 33 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 33 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
36 33 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct
37 33 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
99 33 0:32 / /mnt/again rw - cgroup cgroup rw,memory
"""
    assert cgroups.hierarchies(mountinfo, KNOWN) == [
        Hierarchy(Path("/sys/fs/cgroup/unified"), 2, ""),
        Hierarchy(Path("/sys/fs/cgroup/systemd"), 1, "none,name=systemd"),
        Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1, "cpu,cpuacct"),
        Hierarchy(Path("/sys/fs/cgroup/memory"), 1, "memory"),
    ]


def test_none_is_an_error() -> None:
    with pytest.raises(SandboxError, match="no cgroup hierarchy is mounted"):
        cgroups.hierarchies("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n", KNOWN)


def test_a_directory_per_sandbox() -> None:
    assert Hierarchy(Path("/sys/fs/cgroup"), 2, "").directory("0123456789ab") == Path(
        "/sys/fs/cgroup/exam-lab-0123456789ab"
    )
