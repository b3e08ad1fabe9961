"""A Dynamips daemon."""

from __future__ import annotations

from collections.abc import Callable

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def needs(lab: Lab) -> Needs:
    return {"host": lab.add("network_namespace", name="host"), "other": lab.add("network_namespace", name="other")}


def args(needs: Needs, **changes: object) -> Properties:
    return {"name": "R1", "namespace": needs["host"], "memory_mib": 400, "cpus": 2, **changes}


def folder(lab: Lab, name: str = "R1") -> str:
    return f"/var/lib/exam-lab/dynamips/{lab.lease}/{name}"


def pid(lab: Lab, name: str = "R1") -> str:
    """The daemon's process, by its working directory; "" where it does not run."""
    find = f'for d in /proc/[0-9]*; do [ "$(readlink $d/cwd)" = {folder(lab, name)}/work ] && basename $d; done; true'
    return lab.run("sh", "-c", find).strip()


def seen(lab: Lab, _needs: Needs) -> str:
    groups = lab.look(
        "sh", "-c", f"ls -d /sys/fs/cgroup/*exam-lab-{lab.lease}-R1 /sys/fs/cgroup/*/exam-lab-{lab.lease}-R1; true"
    )
    return lab.look("ls", "-ldn", folder(lab)) + groups + pid(lab)


def killed(lab: Lab, _needs: Needs) -> None:
    lab.run("kill", "-9", pid(lab))
    lab.run("sh", "-c", f"while [ -e /proc/{pid(lab) or 'none'} ]; do sleep 0.01; done")


def cgroup(lab: Lab, controller: str) -> tuple[str, str]:
    """The mount point of the controller's hierarchy on the host, and the daemon's cgroup below it."""
    lines = [line.split(":", 2) for line in lab.run("cat", f"/proc/{pid(lab)}/cgroup").splitlines()]
    version_1 = [path for _, names, path in lines if controller in names.split(",")]
    if version_1:
        return f"/sys/fs/cgroup/{controller}", version_1[0]
    return "/sys/fs/cgroup", next(path for _, names, path in lines if names == "")


def limited(controller: str, file_v1: str, file_v2: str, value: str) -> Callable[[Lab, Needs], object]:
    """Another limit, set by hand."""

    def happen(lab: Lab, needs: Needs) -> None:
        mount, path = cgroup(lab, controller)
        name = file_v2 if mount == "/sys/fs/cgroup" else file_v1
        lab.run("sh", "-c", f"echo {value} > {mount}{path}/{name}")

    return happen


def moved(lab: Lab, needs: Needs) -> None:
    for controller in ("memory", "cpu"):
        mount, _ = cgroup(lab, controller)
        lab.run("sh", "-c", f"mkdir -p {mount}/elsewhere; echo {pid(lab)} > {mount}/elsewhere/cgroup.procs")


def removed(lab: Lab, needs: Needs) -> None:
    killed(lab, needs)
    lab.run("rm", "-r", folder(lab))


ROW = Row(
    kind="dynamips_hypervisor",
    needs=needs,
    args=args,
    seen=seen,
    look_alike=lambda lab, needs: lab.run("mkdir", "-p", folder(lab)),
    clear_look_alike=lambda lab, needs: lab.run("rm", "-r", f"/var/lib/exam-lab/dynamips/{lab.lease}"),
    edits={
        "niceness": lambda needs: args(needs, niceness=15),
        "memory": lambda needs: args(needs, memory_mib=512),
        "CPU": lambda needs: args(needs, cpus=0.5),
        "memory and CPU": lambda needs: args(needs, memory_mib=256, cpus=1.25),
        "stopped": lambda needs: args(needs, running=False),
    },
    replacing={
        "name": lambda needs: args(needs, name="R2"),
        "namespace": lambda needs: args(needs, namespace=needs["other"]),
    },
    drifts={
        "killed": Drift(killed, ("running",)),
        "niceness": Drift(lambda lab, needs: lab.run("renice", "-n", "9", "-p", pid(lab)), ("niceness",)),
        "memory limit": Drift(
            limited("memory", "memory.limit_in_bytes", "memory.max", str(300 << 20)), ("memory_mib",)
        ),
        "CPU limit": Drift(limited("cpu", "cpu.cfs_quota_us", "cpu.max", "30000"), ("cpus",)),
        "moved to another cgroup": Drift(moved, ("cpus", "memory_mib")),
        "removed by hand": Drift(removed, ()),
    },
)
