"""What a lab may take of a host that others share: containers by their limits, routers by what they were seen to take."""

from __future__ import annotations

import dataclasses
import math

import pulumi

from components.topology.plan import Plan
from dynamic_providers.lab_lease import BudgetArgs

CONTAINER_MIB, CONTAINER_CPUS = 256, 0.5
"""The limits of a container that has none: on a shared host each one has some."""
LAB_MIB, LAB_CPUS = 96, 0.1
"""The agent that works for the lab, and its Docker side of things."""
FRR_MIB, FRR_CPUS = 32, 0.05
"""zebra, ripd, staticd and their watcher, of one router."""
DYNAMIPS_MIB, DYNAMIPS_EXTRA_MIB, DYNAMIPS_CPUS = 128, 100, 0.25
"""Of a router without `ram_mib` its RAM, what it takes beside it for translated code, and its processor with an idle-pc."""


def of_lab(plan: Plan, memory_mib: int | None, cpus: float | None) -> BudgetArgs:
    """The lab's budget: as the settings say, else what its topology can take. Raises pulumi.RunError for one that its containers exceed."""
    containers = limited(plan).containers
    held_mib = sum(container.memory_mib or 0 for container in containers)
    held_cpus = sum(container.cpus or 0 for container in containers)
    emulated = [router.dynamips for router in plan.routers if router.dynamips]
    frr = len(plan.routers) - len(emulated)
    if memory_mib is not None and memory_mib < held_mib:
        raise pulumi.RunError(
            f"lab:memoryMib is {memory_mib}, less than the limits of the lab's containers, {held_mib} MiB"
        )
    if cpus is not None and cpus < held_cpus:
        raise pulumi.RunError(f"lab:cpus is {cpus:g}, less than the limits of the lab's containers, {held_cpus:g}")
    return {
        "memory_mib": memory_mib
        or LAB_MIB
        + held_mib
        + FRR_MIB * frr
        + sum((router.ram_mib or DYNAMIPS_MIB) + DYNAMIPS_EXTRA_MIB for router in emulated),
        "cpus": cpus or round(LAB_CPUS + held_cpus + FRR_CPUS * frr + DYNAMIPS_CPUS * len(emulated), 2),
    }


def of_host(memory_mib: int | None, cpus: float | None, *, machine_mib: float, processors: float) -> BudgetArgs:
    """What labs on a host may take together: as the settings say, else all memory but one GiB, and four times its processors, as labs mostly wait."""
    return {
        "memory_mib": memory_mib or max(math.floor(machine_mib) - 1024, math.floor(machine_mib / 2)),
        "cpus": cpus or 4.0 * processors,
    }


def limited(plan: Plan) -> Plan:
    """The plan with limits on every container."""
    containers = tuple(
        dataclasses.replace(
            container, memory_mib=container.memory_mib or CONTAINER_MIB, cpus=container.cpus or CONTAINER_CPUS
        )
        for container in plan.containers
    )
    return dataclasses.replace(plan, containers=containers)
