"""A stack from its settings: topology, host, lab, outputs."""

from __future__ import annotations

import pulumi

from components.lab import Lab
from components.settings import Settings
from components.targets import target_host
from components.topology import TopologyError, read_topology
from dynamic_providers import engine


def build() -> None:
    """Declare everything of this stack. Raises pulumi.RunError with all that is wrong, before anything is made."""
    engine.attach()
    settings = Settings.from_config(pulumi.Config("lab"))
    try:
        plan = read_topology(settings.topology, engine=settings.routers)
    except TopologyError as error:
        raise pulumi.RunError(str(error)) from None
    target = target_host(settings)
    lab = Lab(
        plan.name,
        plan=plan,
        host=target.host,
        host_ifname=target.lab_host.uplink,
        machine=target.machine,
        reset=settings.reset_routers,
    )
    pulumi.export("target", settings.target)
    pulumi.export("topology", str(settings.topology))
    pulumi.export("host", target.host)
    pulumi.export("lease", lab.lease.lease)
    pulumi.export("devices", lab.devices)
    pulumi.export("checks", lab.checks)
