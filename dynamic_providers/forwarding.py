"""What lets a lab's packets through the lab host where Docker drops all that it does not know: rules in `DOCKER-USER`."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class Forwarding(HostResource, module="lab", name="Forwarding"):
    """Packets of `network` may leave the lab host by `oifname`, and answers may come back.

    Forwarding("uplink", network="100.64.0.0/30", oifname="eth0", host=host, lease=lease)
    """

    chain: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        network: pulumi.Input[str],
        oifname: pulumi.Input[str],
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Fields are those of `host_agent.kinds.forwarding.Args`."""
        args = {"network": network, "oifname": oifname}
        super().__init__(HostProvider("forwarding"), resource_name, args, host=host, lease=lease, opts=opts)
