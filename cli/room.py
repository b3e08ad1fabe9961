"""`lab status` of a stack that makes only a host: whose labs are on it, and what room there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cli.table import count, render
from dynamic_providers import connection
from dynamic_providers.endpoint import Endpoint


@dataclass(frozen=True)
class Tenant:
    """A lab on the host, and what it may take; None where that was never said."""

    lease: str
    stack: str
    user: str
    memory_mib: int | None
    cpus: float | None


@dataclass(frozen=True)
class Room:
    """A host that stacks share. `memory_mib` and `cpus` are what all labs on it may take together."""

    stack: str
    host: Endpoint
    memory_mib: int
    cpus: float
    tenants: tuple[Tenant, ...]


def read(stack: str, outputs: Mapping[str, object]) -> Room:
    """From the stack's outputs and the host itself. Raises HostError."""
    host = Endpoint.from_properties(cast("Mapping[str, object]", outputs["host"]))
    capacity = cast("Mapping[str, float]", outputs["capacity"])
    leases = cast("Mapping[str, Mapping[str, object]]", connection.agent(host).call("leases", {}))
    return Room(
        stack,
        host,
        int(capacity["memory_mib"]),
        float(capacity["cpus"]),
        tuple(sorted((_tenant(lease, owner) for lease, owner in leases.items()), key=lambda tenant: tenant.stack)),
    )


def report(room: Room) -> str:
    """For people."""
    rows = [
        (
            tenant.stack,
            tenant.user,
            tenant.lease,
            "?" if tenant.memory_mib is None else f"{tenant.memory_mib} MiB",
            "?" if tenant.cpus is None else f"{tenant.cpus:g}",
        )
        for tenant in room.tenants
    ]
    left_mib = room.memory_mib - sum(tenant.memory_mib or 0 for tenant in room.tenants)
    left_cpus = room.cpus - sum(tenant.cpus or 0 for tenant in room.tenants)
    return "\n".join(
        [
            f"Stack {room.stack} makes the host {room.host} for others' labs",
            "",
            *([render(("stack", "user", "lease", "memory", "processors"), rows), ""] if rows else []),
            f"{count(len(rows), 'lab')}; left are {left_mib} of {room.memory_mib} MiB and {left_cpus:g} of {room.cpus:g} processors",
        ]
    )


def _tenant(lease: str, owner: Mapping[str, object]) -> Tenant:
    budget = cast("Mapping[str, float] | None", owner.get("budget"))
    return Tenant(
        lease,
        str(owner.get("stack")),
        str(owner.get("user")),
        int(budget["memory_mib"]) if budget else None,
        float(budget["cpus"]) if budget else None,
    )
