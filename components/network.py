"""A network of the lab."""

from __future__ import annotations

import pulumi

from components.site import Site
from components.topology.plan import NetworkPlan
from dynamic_providers.bridge import Bridge


class Network(pulumi.ComponentResource):
    """A network of the topology: its bridge, in the lab's host namespace.

    Network("Core", plan=plan, site=site, namespace=host_namespace.id)
    """

    bridge: Bridge

    def __init__(
        self,
        name: str,
        *,
        plan: NetworkPlan,
        site: Site,
        namespace: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("lab:components:Network", name, None, opts)
        self.bridge = Bridge(
            plan.bridge,
            namespace=namespace,
            ifname=plan.bridge,
            mtu=plan.mtu,
            host=site.host,
            lease=site.lease,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"bridge": plan.bridge, "subnet": plan.subnet})
