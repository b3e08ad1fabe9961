"""A Dynamips daemon in a namespace of the lab: `dynamips -H 127.0.0.1:PORT`."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class DynamipsHypervisor(HostResource, module="lab", name="DynamipsHypervisor"):
    """A daemon, unprivileged, that nobody reaches from outside the namespace. One router in each is the rule.

    DynamipsHypervisor("R1", name="R1", namespace=lab.namespace.id, host=host, lease=lease)
    """

    netns: pulumi.Output[str]
    port: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        namespace: pulumi.Input[str],
        niceness: pulumi.Input[int] = 5,
        memory_mib: pulumi.Input[int] | None = None,
        cpus: pulumi.Input[float] | None = None,
        running: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Fields are those of `host_agent.kinds.dynamips_hypervisor.Args`."""
        args = {
            "name": name,
            "namespace": namespace,
            "niceness": niceness,
            "memory_mib": memory_mib,
            "cpus": cpus,
            "running": running,
        }
        super().__init__(HostProvider("dynamips_hypervisor"), resource_name, args, host=host, lease=lease, opts=opts)
