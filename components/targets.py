"""The host that a lab is built on, by the setting `lab:target`. A target is one function here."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components import budget
from components.settings import NONE, Settings
from components.site import Share
from components.topology.plan import Plan
from dynamic_providers.hosts.lab_host import FEATURES, LabHost
from dynamic_providers.key_pair import KeyPair
from dynamic_providers.lab_lease import BudgetArgs

STACK = "stack:"


@dataclass(frozen=True)
class TargetHost:
    """A host that is ready: what on-host resources take, and the resource that made the machine, if this stack did."""

    lab_host: LabHost
    machine: pulumi.Resource | None
    share: Share | None = None
    """The lab's part of the host, where others share it."""

    @property
    def host(self) -> pulumi.Output[Mapping[str, object]]:
        return self.lab_host.host

    def capacity(self, settings: Settings) -> pulumi.Output[BudgetArgs]:
        """What labs on it may take together."""
        machine = pulumi.Output.all(self.lab_host.memory_mib, self.lab_host.processors)
        return machine.apply(
            lambda about: budget.of_host(
                settings.memory_mib, settings.cpus, machine_mib=float(about[0]), processors=float(about[1])
            )
        )


def sandbox(settings: Settings, requires: list[str]) -> TargetHost:
    """A throw-away host on this machine, named after the stack. Raises pulumi.RunError on what is no Linux."""
    if sys.platform != "linux":
        raise pulumi.RunError(
            f"a sandbox host needs Linux, and this is {sys.platform}: set lab:target to aws, ssh or stack:NAME"
        )
    from dynamic_providers.hosts.sandbox_host import SandboxHost

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
        shared=settings.shared,
        # What goes with the machine is not asked whether it may.
        opts=pulumi.ResourceOptions(deleted_with=None if settings.shared else machine),
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
        shared=settings.shared,
    )
    return TargetHost(lab_host, None)


def aws(settings: Settings, requires: list[str]) -> TargetHost:
    """A host on EC2, made with the stack. See docs/aws.md."""
    try:
        from components import aws_target
    except ModuleNotFoundError as error:
        if error.name not in {"pulumi_aws", "boto3"}:
            raise
        raise pulumi.RunError(
            f"lab:target is aws, but {error.name} is not installed: `pip install 'exam-lab[aws]'`, or in a checkout `pip install -e '.[aws]'`"
        ) from None
    return TargetHost(*aws_target.make(requires, shared=settings.shared))


def shared(settings: Settings, requires: list[str], plan: Plan) -> TargetHost:
    """The host that another stack makes, `stack:NAME`. This stack's lab has a key of its own there, and a budget."""
    name = settings.target.removeprefix(STACK)
    reference = pulumi.StackReference(name)

    def output(key: str) -> pulumi.Output[Any]:
        return pulumi.Output.all(reference.get_output("topology"), reference.get_output(key)).apply(
            lambda values: _of_host_stack(name, *values)
        )

    host, machine = output("host"), output("machine")
    lab_host = LabHost(
        "host",
        address=host["address"],
        port=host["port"],
        user=host["user"],
        private_key_file=host["private_key_file"],
        host_key=host["host_key"],
        requires=requires,
        timeout_s=60.0,
        # One that nobody makes is told by what is on its disk.
        machine=pulumi.Output.all(machine["id"], host["identity"]).apply(lambda ids: ids[0] or ids[1]),
        region=machine["region"],
        profile=machine["profile"],
    )
    share = Share(
        key=KeyPair("key", name=f"lease-{pulumi.get_stack()}"),
        budget=budget.of_lab(plan, settings.memory_mib, settings.cpus),
        capacity=output("capacity"),
    )
    return TargetHost(lab_host, None, share)


def _of_host_stack(name: str, topology: object, value: object) -> object:
    if topology != NONE:
        what = "has a lab of its own" if topology else "is not up"
        raise pulumi.RunError(
            f"lab:target is {STACK}{name}, but stack {name} {what}; it must make only a host: "
            f"`pulumi config set topology {NONE} -s {name}`, then `pulumi up -s {name}`"
        )
    return value


TARGETS: dict[str, Callable[[Settings, list[str]], TargetHost]] = {"sandbox": sandbox, "ssh": ssh, "aws": aws}


def target_host(settings: Settings, plan: Plan | None) -> TargetHost:
    """The host that the stack's settings name, with what the plan needs on it; None: it is for other stacks' labs.

    Raises pulumi.RunError for a target that is none.
    """
    emulated = plan is not None and any(router.dynamips for router in plan.routers)
    requires = [*FEATURES, *(["dynamips"] if emulated else [])]
    if settings.target.startswith(STACK):
        if plan is None:
            raise pulumi.RunError(
                f"lab:topology is {NONE}, which makes a host, but lab:target {settings.target} has one already"
            )
        return shared(settings, requires, plan)
    make = TARGETS.get(settings.target)
    if make is None:
        raise pulumi.RunError(
            f"lab:target {settings.target!r} is not known; known are {', '.join(TARGETS)}, {STACK}NAME"
        )
    return make(settings, requires)
