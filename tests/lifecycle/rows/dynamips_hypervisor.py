"""A Dynamips daemon."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def needs(lab: Lab) -> Needs:
    return {"host": lab.add("network_namespace", name="host"), "other": lab.add("network_namespace", name="other")}


def args(needs: Needs, **changes: object) -> Properties:
    return {"name": "R1", "namespace": needs["host"], **changes}


def folder(lab: Lab, name: str = "R1") -> str:
    return f"/var/lib/exam-lab/dynamips/{lab.lease}/{name}"


def pid(lab: Lab, name: str = "R1") -> str:
    """The daemon's process, by its working directory; "" where it does not run."""
    find = f'for d in /proc/[0-9]*; do [ "$(readlink $d/cwd)" = {folder(lab, name)}/work ] && basename $d; done; true'
    return lab.run("sh", "-c", find).strip()


def seen(lab: Lab, _needs: Needs) -> str:
    return lab.look("ls", "-ldn", folder(lab)) + pid(lab)


def killed(lab: Lab, _needs: Needs) -> None:
    lab.run("kill", "-9", pid(lab))
    lab.run("sh", "-c", f"while [ -e /proc/{pid(lab) or 'none'} ]; do sleep 0.01; done")


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
        "stopped": lambda needs: args(needs, running=False),
    },
    replacing={
        "name": lambda needs: args(needs, name="R2"),
        "namespace": lambda needs: args(needs, namespace=needs["other"]),
    },
    drifts={
        "killed": Drift(killed, ("running",)),
        "niceness": Drift(lambda lab, needs: lab.run("renice", "-n", "9", "-p", pid(lab)), ("niceness",)),
        "removed by hand": Drift(removed, ()),
    },
)
