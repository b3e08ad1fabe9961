"""The host that a lab is built on, by the setting `lab:target`. A target is one function here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from components.settings import Settings
from components.topology.plan import Plan
from dynamic_providers.hosts.lab_host import FEATURES, LabHost
from dynamic_providers.hosts.sandbox_host import SandboxHost


@dataclass(frozen=True)
class TargetHost:
    """A host that is ready: what on-host resources take, and the resource that made the machine, if this stack did."""

    lab_host: LabHost
    machine: pulumi.Resource | None

    @property
    def host(self) -> pulumi.Output[Mapping[str, object]]:
        return self.lab_host.host


def sandbox(settings: Settings, requires: list[str]) -> TargetHost:
    """A throw-away host on this machine, named after the stack."""
    name = re.sub(r"[^a-z0-9]+", "-", pulumi.get_stack().lower()).strip("-")[:32].strip("-")
    machine = SandboxHost("sandbox", name=name)
    lab_host = LabHost(
        "host",
        address=machine.address,
        port=machine.port,
        user=machine.user,
        private_key_file=machine.private_key_file,
        host_key=machine.host_key,
        requires=requires,
        timeout_s=30.0,
        machine=machine.id,
        boot=machine.boot_id,
        opts=pulumi.ResourceOptions(deleted_with=machine),
    )
    return TargetHost(lab_host, machine)


def ssh(settings: Settings, requires: list[str]) -> TargetHost:
    """A Debian or Ubuntu host that the user has."""
    if not settings.address:
        raise pulumi.RunError("lab:target is ssh, but lab:address is not set: `pulumi config set address HOST`")
    lab_host = LabHost(
        "host",
        address=settings.address,
        port=settings.port,
        user=settings.user,
        private_key_file=settings.private_key_file,
        host_key=settings.host_key,
        requires=requires,
        # It is not made now: it boots again at most, and a wrong address shall not take minutes to be seen.
        timeout_s=60.0,
    )
    return TargetHost(lab_host, None)


TARGETS: dict[str, Callable[[Settings, list[str]], TargetHost]] = {"sandbox": sandbox, "ssh": ssh}


def target_host(settings: Settings, plan: Plan) -> TargetHost:
    """The host that the stack's settings name, with what the plan needs on it. Raises pulumi.RunError for a target that is none."""
    make = TARGETS.get(settings.target)
    if make is None:
        raise pulumi.RunError(f"lab:target {settings.target!r} is not known; known are {', '.join(TARGETS)}")
    emulated = any(router.dynamips for router in plan.routers)
    return make(settings, [*FEATURES, *(["dynamips"] if emulated else [])])
