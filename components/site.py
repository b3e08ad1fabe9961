"""Where a component builds: the host, the lease that owns what it makes, and the bridges to attach to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.topology.plan import AttachmentPlan
from dynamic_providers.key_pair import KeyPair
from dynamic_providers.lab_lease import BudgetArgs
from dynamic_providers.veth_pair import VethPair


@dataclass(frozen=True)
class Share:
    """A lab's part of a host that other stacks share: the key that opens it alone, what it may take, and what all may."""

    key: KeyPair
    budget: BudgetArgs
    capacity: pulumi.Output[Mapping[str, float]]


@dataclass(frozen=True)
class Site:
    """What all components of one lab share."""

    host: pulumi.Output[Mapping[str, object]]
    lease: pulumi.Output[str]
    namespace: pulumi.Output[str]
    """Id of the lab's host namespace, in which the bridges are."""
    bridges: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    """Ids of the bridges, by ifname."""

    def attach(
        self,
        plan: AttachmentPlan,
        *,
        namespace: pulumi.Input[str],
        addresses: tuple[str, ...],
        owned: tuple[str, ...] = (),
        parent: pulumi.Resource,
    ) -> VethPair:
        """The veth pair that joins a device's interface to its network. `owned` is what the device's user may change at will."""
        return VethPair(
            f"{plan.device}-{plan.ifname}",
            endpoints=(
                {
                    "namespace": namespace,
                    "ifname": plan.ifname,
                    "addresses": addresses,
                    "mac": plan.mac,
                    "mtu": plan.mtu,
                    "default_via": plan.default_via,
                    "owned": owned,
                },
                {
                    "namespace": self.namespace,
                    "ifname": plan.peer,
                    "master": self.bridges[plan.bridge],
                    "mtu": plan.mtu,
                },
            ),
            host=self.host,
            lease=self.lease,
            opts=pulumi.ResourceOptions(parent=parent),
        )
