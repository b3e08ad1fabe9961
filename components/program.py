"""A stack from its settings: topology, host, lab, outputs."""

from __future__ import annotations

from pathlib import Path

import pulumi

import engine_watch
from components import sdk
from components.budget import limited
from components.lab import Lab
from components.settings import NONE, Settings
from components.targets import target_host
from components.topology.kept import kept_plan
from components.topology.plan import Engine, Plan, pulling


def build() -> None:
    """Declare everything of this stack. Raises pulumi.RunError with all that is wrong, before anything is made."""
    engine_watch.start()
    sdk.trim()
    settings = Settings.from_config(pulumi.Config("lab"))
    plan = pulling(_plan(settings.topology, settings.routers), settings.pull) if settings.topology else None
    target = target_host(settings, plan)
    if target.share and settings.image_plugin:
        raise pulumi.RunError(
            "lab:imagePlugin is not for a host that others share: a lab's key opens its lease there, not Docker"
        )
    pulumi.export("target", settings.target)
    pulumi.export("topology", str(settings.topology or NONE))
    if plan is None:
        pulumi.export("host", target.host)
        machine = target.lab_host
        pulumi.export("machine", {"id": machine.machine, "region": machine.region, "profile": machine.profile})
        pulumi.export("capacity", target.capacity(settings))
        return
    lab = Lab(
        plan.name,
        plan=limited(plan) if target.share else plan,
        host=target.host,
        host_ifname=target.lab_host.uplink,
        machine=target.machine,
        reset=settings.reset_routers,
        share=target.share,
        image_plugin=settings.image_plugin,
    )
    pulumi.export("host", lab.host)
    pulumi.export("lease", lab.lease.lease)
    pulumi.export("devices", lab.devices)
    pulumi.export("checks", lab.checks)


def _plan(topology: Path, engine: Engine | None) -> Plan:
    try:
        return kept_plan(topology, engine=engine)
    except Exception as error:
        # Whoever raised it has imported what reads files, which takes a quarter of a second.
        from components.topology import TopologyError

        if isinstance(error, TopologyError):
            raise pulumi.RunError(str(error)) from None
        raise
