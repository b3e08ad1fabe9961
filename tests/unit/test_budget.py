"""What labs may take of a shared host."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pulumi
import pytest

from components import budget
from components.topology import read_topology
from components.topology.plan import Plan
from host_agent.errors import HostError
from host_agent.kinds.lease import Args, Budget, _refuse_overload
from host_agent.schema import encode_args

TOPOLOGIES = Path(__file__).parent.parent.parent / "stacks" / "topologies"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_topology(TOPOLOGIES / "ccna_ch8.yaml")


def test_every_container_of_a_limited_plan_has_limits(plan: Plan) -> None:
    [web] = plan.containers
    own = dataclasses.replace(plan, containers=(dataclasses.replace(web, memory_mib=16, cpus=None),))
    [limited] = budget.limited(own).containers
    assert (limited.memory_mib, limited.cpus) == (16, budget.CONTAINER_CPUS)


def test_a_lab_takes_what_its_topology_can(plan: Plan) -> None:
    ours = budget.of_lab(plan, None, None)
    assert ours["memory_mib"] == budget.LAB_MIB + 4 * budget.FRR_MIB + budget.CONTAINER_MIB
    assert ours["cpus"] == pytest.approx(budget.LAB_CPUS + 4 * budget.FRR_CPUS + budget.CONTAINER_CPUS)
    emulated = budget.of_lab(read_topology(TOPOLOGIES / "ccna_ch8.yaml", engine="dynamips"), None, None)
    assert emulated["memory_mib"] > 4 * budget.DYNAMIPS_EXTRA_MIB


def test_settings_say_otherwise_but_not_less_than_containers_may_take(plan: Plan) -> None:
    assert budget.of_lab(plan, 4096, 2.0) == {"memory_mib": 4096, "cpus": 2.0}
    with pytest.raises(pulumi.RunError, match="lab:memoryMib is 100, less than the limits"):
        budget.of_lab(plan, 100, None)
    with pytest.raises(pulumi.RunError, match=r"lab:cpus is 0\.1, less than the limits"):
        budget.of_lab(plan, None, 0.1)


@pytest.mark.parametrize(
    ("machine_mib", "memory_mib"), [(8000.0, 6976), (1500.0, 750)], ids=["all but a GiB", "half of a small one"]
)
def test_what_a_host_has_for_labs(machine_mib: float, memory_mib: int) -> None:
    assert budget.of_host(None, None, machine_mib=machine_mib, processors=2.0) == {
        "memory_mib": memory_mib,
        "cpus": 8.0,
    }
    assert budget.of_host(10, 1.5, machine_mib=machine_mib, processors=2.0) == {"memory_mib": 10, "cpus": 1.5}


def _lease(stack: str, memory_mib: int, cpus: float) -> Args:
    return Args(
        project="lab",
        stack=stack,
        user="ana@laptop",
        budget=Budget(memory_mib=memory_mib, cpus=cpus),
        capacity=Budget(memory_mib=1000, cpus=2.0),
    )


def test_overload_is_refused_with_who_has_what() -> None:
    others = {"a1b2c3d4": encode_args(_lease("ana", 600, 0.7)), "0badcafe": encode_args(_lease("bob", 300, 0.7))}
    _refuse_overload(_lease("eve", 100, 0.6), others)
    with pytest.raises(
        HostError, match=r"200 MiB and 0\.1 processors, 100 MiB and 0\.6 are left of 1000 MiB and 2 \(held: ana 600"
    ):
        _refuse_overload(_lease("eve", 200, 0.1), others)
    with pytest.raises(HostError, match="bob 300 MiB"):
        _refuse_overload(_lease("eve", 1, 0.7), others)


def test_a_lab_without_a_budget_takes_part_in_none() -> None:
    plain = Args(project="lab", stack="dev", user="ana@laptop")
    _refuse_overload(plain, {"a1b2c3d4": encode_args(_lease("ana", 5000, 5))})
    _refuse_overload(_lease("ana", 1000, 2.0), {"a1b2c3d4": encode_args(plain)})
