"""Where limits are written, on hosts with cgroups of version 1 and 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_agent import cgroups, commands
from host_agent.cgroups import Group, Hierarchy, Limits
from host_agent.errors import Missing

VERSION_1 = """\
30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
"""


def test_version_1_has_a_hierarchy_per_controller() -> None:
    assert cgroups.hierarchies(VERSION_1) == {
        "cpu": Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1),
        "memory": Hierarchy(Path("/sys/fs/cgroup/memory"), 1),
    }


def test_a_limit_that_the_host_has_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a host whose one hierarchy has no controllers."""
    (tmp_path / "cgroup.controllers").write_text("pids\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text(f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    monkeypatch.setattr(cgroups, "_PROC", tmp_path)
    assert not cgroups.has("memory")
    Group("exam-lab-R1").limit(1, Limits())
    with pytest.raises(Missing, match="the lab host has no cgroup controller cpu, which a limit needs"):
        Group("exam-lab-R1").limit(1, Limits(cpus=0.5))


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(memory_bytes=64 << 20), Limits(cpus=0.25), Limits(memory_bytes=4096, cpus=1.5)]
)
def test_version_2_without_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    """The files that are written: the kernel's are in the virtual machine's test."""
    monkeypatch.setattr(cgroups, "_PROC", tmp_path / "proc")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(f"30 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    (tmp_path / "proc/7").mkdir()
    (tmp_path / "proc/7/cgroup").write_text("0::/exam-lab-R1\n")
    (tmp_path / "exam-lab-R1").mkdir()
    group = Group("exam-lab-R1")
    monkeypatch.setattr(commands, "has_systemd", lambda: False)
    group.limit(7, limits)
    assert group.limits(7) == limits
    quota = "max" if limits.cpus is None else str(int(limits.cpus * 100_000))
    assert (tmp_path / "exam-lab-R1/cpu.max").read_text() == f"{quota} 100000"
