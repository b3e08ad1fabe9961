"""An FRR router in a namespace of the lab: zebra, ripd and staticd, with vtysh at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class FrrRouter(HostResource, module="lab", name="FrrRouter"):
    r"""FRR's daemons, unprivileged, and their configuration.

    FrrRouter("R1", name="R1", namespace=r1.id, config="router rip\n network 10.0.0.0/8\n", host=host, lease=lease)

    The running configuration is the candidate's to change. A change of `config` is applied as the difference to what was declared before.
    """

    pathspace: pulumi.Output[str]
    netns: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        namespace: pulumi.Input[str],
        config: pulumi.Input[str],
        daemons: pulumi.Input[Sequence[pulumi.Input[str]]] = ("ripd", "staticd", "zebra"),
        running: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`config` is in FRR's form, all daemons' in one. Fields are those of `host_agent.kinds.frr_router.Args`."""
        args = {"name": name, "namespace": namespace, "config": config, "daemons": daemons, "running": running}
        super().__init__(HostProvider("frr_router"), resource_name, args, host=host, lease=lease, opts=opts)
