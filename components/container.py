"""A container of the lab."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.site import Site
from components.topology.plan import ContainerPlan, EnvPlan
from dynamic_providers.container import Container


class LabContainer(pulumi.ComponentResource):
    """A container with its interfaces on the lab's networks, and no other.

    LabContainer("web", plan=plan, site=site, image=image.image_id, pause_image=pause.image_id)
    """

    container: Container
    device: pulumi.Output[Mapping[str, object]]

    def __init__(
        self,
        name: str,
        *,
        plan: ContainerPlan,
        site: Site,
        image: pulumi.Input[str],
        pause_image: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("lab:components:LabContainer", name, None, opts)
        self.container = Container(
            name,
            name=plan.name,
            image=image,
            pause_image=pause_image,
            command=list(plan.command),
            env={variable.name: _value(variable) for variable in plan.env},
            mounts=[{"source": m.source, "target": m.target, "read_only": m.read_only} for m in plan.mounts],
            capabilities=list(plan.capabilities),
            memory_mib=plan.memory_mib,
            cpus=plan.cpus,
            restart=plan.restart,
            new_privileges=plan.new_privileges,
            host=site.host,
            lease=site.lease,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for interface in plan.interfaces:
            site.attach(
                interface,
                namespace=self.container.id,
                addresses=interface.addresses,
                owned=tuple(owned for owned in plan.owns if owned != "files"),
                parent=self,
            )
        self.device = pulumi.Output.from_input(
            {"kind": "container", "netns": self.container.netns, "addresses": list(plan.addresses)}
        )
        self.register_outputs({"device": self.device})


def _value(variable: EnvPlan) -> pulumi.Input[str]:
    if variable.from_secret is not None:
        return pulumi.Config("lab").require_secret(variable.from_secret)
    return variable.value or ""
