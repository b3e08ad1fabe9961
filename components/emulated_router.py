"""A router of the lab that Dynamips emulates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi

from components.router_config import config_of
from components.site import Site
from components.topology.plan import NioPlan, RouterPlan
from dynamic_providers.dynamips_hypervisor import DynamipsHypervisor
from dynamic_providers.dynamips_router import DynamipsRouter, NioArgs
from dynamic_providers.router_image import RouterImage
from dynamic_providers.tap import Tap


class EmulatedRouter(pulumi.ComponentResource):
    """A router and the taps that its ports are plugged into. All of it is in the lab's host namespace.

    EmulatedRouter("CORP", plan=plan, site=site, image=free, shared=None, reset=0)
    """

    device: pulumi.Output[Mapping[str, object]]

    def __init__(
        self,
        name: str,
        *,
        plan: RouterPlan,
        site: Site,
        image: RouterImage,
        shared: DynamipsHypervisor | None,
        reset: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`shared` is a daemon that it is in with others; None: it has its own, and a crash takes it alone.

        Another `reset` gives the router its configuration anew, over what the candidate saved.
        """
        super().__init__("lab:components:EmulatedRouter", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        assert plan.dynamips is not None
        self._site = site
        hypervisor = shared or DynamipsHypervisor(
            name,
            name=plan.name,
            namespace=site.namespace,
            cpus=plan.dynamips.cpus,
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        router = DynamipsRouter(
            name,
            name=plan.name,
            hypervisor=hypervisor.id,
            platform=plan.dynamips.platform,
            image=image.image,
            idle_pc=plan.dynamips.idle_pc or image.default_idle_pc.apply(_or_none),
            ram_mib=plan.dynamips.ram_mib,
            nvram_kib=plan.dynamips.nvram_kib,
            chassis=plan.dynamips.chassis,
            npe=plan.dynamips.npe,
            wics={str(bay): card for bay, card in plan.dynamips.wics},
            system_id=plan.dynamips.system_id,
            conf_reg=plan.dynamips.conf_reg,
            sparse=plan.dynamips.sparse,
            ghost=plan.dynamips.ghost,
            mac=plan.dynamips.mac,
            slots={str(slot): card for slot, card in plan.dynamips.slots},
            nios=[self._plugged(nio) for nio in plan.dynamips.nios],
            startup_config=config_of(plan),
            reset=reset,
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        self.device = pulumi.Output.from_input(
            {"kind": "router", "engine": plan.engine, "netns": router.netns, "addresses": list(plan.addresses)}
        )
        self.register_outputs({"device": self.device})

    def _plugged(self, plan: NioPlan) -> NioArgs:
        if plan.udp_local is not None and plan.udp_remote is not None:
            return {"port": plan.port, "udp_local": plan.udp_local, "udp_remote": plan.udp_remote}
        assert plan.tap is not None
        assert plan.bridge is not None
        tap = Tap(
            plan.tap,
            namespace=self._site.namespace,
            ifname=plan.tap,
            master=self._site.bridges[plan.bridge],
            mtu=plan.mtu,
            host=self._site.host,
            lease=self._site.lease,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return {"port": plan.port, "tap": tap.id}


def _or_none(idle_pc: str) -> str:
    # Typed as what it is where it is: the resource takes None for none.
    return cast(str, idle_pc or None)
