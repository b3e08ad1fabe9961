"""A router of the lab."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.router_config import config_of
from components.site import Site
from components.topology.plan import RouterPlan
from dynamic_providers.frr_router import FrrRouter
from dynamic_providers.network_namespace import NetworkNamespace

IOS_TTL = 255
"""The IP TTL that a router's own packets start with, as with IOS; Linux has 64."""


PORT_OWNED = ("addresses", "up")
"""What is configuration of the router, and so its user's to change at its console: addresses, and `shutdown`."""


class Router(pulumi.ComponentResource):
    """A router: a namespace of its own, the ports that are on networks, and FRR. Links between routers are the lab's.

    Router("CORP", plan=plan, site=site)
    """

    namespace: NetworkNamespace
    device: pulumi.Output[Mapping[str, object]]

    def __init__(self, name: str, *, plan: RouterPlan, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("lab:components:Router", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.namespace = NetworkNamespace(
            name,
            name=plan.name,
            forwarding=True,
            default_ttl=IOS_TTL,
            owned=("forwarding",),
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        for port in plan.ports:
            if port.attachment is not None:
                site.attach(port.attachment, namespace=self.namespace.id, addresses=(), owned=PORT_OWNED, parent=self)
        FrrRouter(
            name,
            name=plan.name,
            namespace=self.namespace.id,
            config=config_of(plan),
            host=site.host,
            lease=site.lease,
            opts=own,
        )
        self.device = pulumi.Output.from_input(
            {
                "kind": "router",
                "engine": plan.engine,
                "netns": self.namespace.netns,
                "addresses": list(plan.addresses),
            }
        )
        self.register_outputs({"device": self.device})
