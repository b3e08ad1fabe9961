"""The owner of everything that a stack has on a lab host."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Mapping
from typing import TypedDict

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class BudgetArgs(TypedDict):
    """Fields of `host_agent.kinds.lease.Budget`: MiB and processors."""

    memory_mib: int
    cpus: float


def this_user() -> str:
    """`name@machine` of who runs this."""
    return f"{getpass.getuser()}@{platform.node()}"


class LabLease(HostResource, module="lab", name="LabLease"):
    """The first resource of a lab. Its removal ends all that the host's ledger has for it, whatever the state knows.

    LabLease("lease", project=pulumi.get_project(), stack=pulumi.get_stack(), user="ana@laptop", host=host)
    """

    lease: pulumi.Output[str]
    uplink: pulumi.Output[str]
    """A /30 for the lab's way out, `100.64.0.4/30`, that no other lab on the host has."""

    def __init__(
        self,
        resource_name: str,
        *,
        project: pulumi.Input[str],
        stack: pulumi.Input[str],
        user: pulumi.Input[str],
        kept: pulumi.Input[bool] = True,
        public_key: pulumi.Input[str] = "",
        budget: BudgetArgs | None = None,
        capacity: pulumi.Input[Mapping[str, float]] | None = None,
        host: pulumi.Input[Mapping[str, object]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`user` is `name@machine` of who runs Pulumi; `kept`: the host itself brings the lab back after a reboot; `public_key` opens this lease and
        no more; `budget` is what the lab may take, `capacity` what all on the host may.

        Fields are those of `host_agent.kinds.lease.Args`.
        """
        args = {
            "project": project,
            "stack": stack,
            "user": user,
            "kept": kept,
            "public_key": public_key,
            "budget": budget,
            "capacity": capacity,
        }
        super().__init__(HostProvider("lease"), resource_name, args, host=host, lease=None, opts=opts)
