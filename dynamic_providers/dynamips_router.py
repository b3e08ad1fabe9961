"""A router that Dynamips emulates, of its platform, cards, image and what its ports are plugged into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi.dynamic import DiffResult

from dynamic_providers import engine
from dynamic_providers.base import HostProvider, HostResource, Properties
from host_agent.kinds.dynamips_router import LIVE
from host_agent.schema import changed


class NioArgs(TypedDict):
    """What a port is plugged into. Fields are those of `host_agent.kinds.dynamips_router.Nio`."""

    port: str
    tap: NotRequired[pulumi.Input[str]]
    udp_local: NotRequired[int]
    udp_remote: NotRequired[int]


class DynamipsRouterProvider(HostProvider):
    """Says in the preview that a change restarts the router."""

    def __init__(self) -> None:
        super().__init__("dynamips_router")

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        result = super().diff(_id, _olds, _news)
        if result.changes and not result.replaces:
            fields = sorted(changed(self.args(_olds), self.args(_news)))
            restarting = [name for name in fields if name not in LIVE]
            if "reset" in fields:
                engine.log(
                    f"router {_news['name']} gets its startup-config anew and restarts: what was saved in it is lost",
                    warning=True,
                )
            elif restarting:
                engine.log(f"router {_news['name']} restarts for its new {', '.join(restarting)}", warning=True)
            elif "startup_config" in fields:
                engine.log(
                    f"router {_news['name']} keeps the configuration that it has: another `reset` gives it the new one"
                )
        return result


class DynamipsRouter(HostResource, module="lab", name="DynamipsRouter"):
    """An emulated router. Its console and AUX port are on 127.0.0.1 of the lab's namespace: `lab console`, `lab aux`.

    DynamipsRouter(
        "R1",
        name="R1",
        hypervisor=hypervisor.id,
        platform="c3725",
        image=free.image,
        idle_pc=free.default_idle_pc,
        mac="cc:01:00:00:00:00",
        slots={"1": "NM-1FE-TX"},
        nios=[{"port": "0/0", "tap": tap.id}, {"port": "0/1", "udp_local": 10001, "udp_remote": 10002}],
        startup_config=config,
        host=host,
        lease=lease,
    )
    """

    netns: pulumi.Output[str]
    console: pulumi.Output[int]
    aux: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        hypervisor: pulumi.Input[str],
        platform: pulumi.Input[str],
        image: pulumi.Input[str],
        mac: pulumi.Input[str],
        chassis: pulumi.Input[str] | None = None,
        ram_mib: pulumi.Input[int] | None = None,
        nvram_kib: pulumi.Input[int] | None = None,
        slots: Mapping[str, str] | None = None,
        wics: Mapping[str, str] | None = None,
        nios: Sequence[NioArgs] = (),
        idle_pc: pulumi.Input[str] | None = None,
        system_id: pulumi.Input[str] | None = None,
        conf_reg: pulumi.Input[str] = "0x2102",
        console_port: pulumi.Input[int] | None = None,
        aux_port: pulumi.Input[int] | None = None,
        disk0_mib: pulumi.Input[int] = 0,
        disk1_mib: pulumi.Input[int] = 0,
        iomem_percent: pulumi.Input[int] | None = None,
        npe: pulumi.Input[str] | None = None,
        mmap: pulumi.Input[bool] = False,
        sparse: pulumi.Input[bool] = False,
        ghost: pulumi.Input[bool] = False,
        startup_config: pulumi.Input[str] = "",
        reset: pulumi.Input[int] = 0,
        running: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Fields are those of `host_agent.kinds.dynamips_router.Args`, which has their meanings and defaults."""
        args = {
            "name": name,
            "hypervisor": hypervisor,
            "platform": platform,
            "chassis": chassis,
            "image": image,
            "mac": mac,
            "ram_mib": ram_mib,
            "nvram_kib": nvram_kib,
            "slots": dict(slots or {}),
            "wics": dict(wics or {}),
            "nios": list(nios),
            "idle_pc": idle_pc,
            "system_id": system_id,
            "conf_reg": conf_reg,
            "console_port": console_port,
            "aux_port": aux_port,
            "disk0_mib": disk0_mib,
            "disk1_mib": disk1_mib,
            "iomem_percent": iomem_percent,
            "npe": npe,
            "mmap": mmap,
            "sparse": sparse,
            "ghost": ghost,
            "startup_config": startup_config,
            "reset": reset,
            "running": running,
        }
        super().__init__(DynamipsRouterProvider(), resource_name, args, host=host, lease=lease, opts=opts)
