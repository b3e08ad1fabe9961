"""An FRR router."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row

CONFIG = """\
hostname R1
!
interface Vlan2
 description Core
 ip address 10.1.1.2/24
!
router rip
 version 2
 network 10.0.0.0/8
!
ip route 172.30.0.0/16 10.1.1.9
"""


def needs(lab: Lab) -> Needs:
    router = lab.add("network_namespace", name="R1", forwarding=True, default_ttl=255)
    lab.add("bridge", namespace=router, ifname="Vlan2")
    return {"R1": router, "host": lab.add("network_namespace", name="host")}


def args(needs: Needs, **changes: object) -> Properties:
    return {"name": "R1", "namespace": needs["R1"], "config": CONFIG, **changes}


def seen(lab: Lab, _needs: Needs) -> str:
    """Its files and processes."""
    pathspace = lab.netns("R1")
    files = lab.look("sh", "-c", f"ls -l /etc/frr/{pathspace} /run/frr/{pathspace} 2>/dev/null; true")
    processes = lab.run("ps", "-e", "-o", "pid=,args=").splitlines()
    return files + "".join(line for line in processes if f"-N {pathspace}" in line)


def shell(command: str, *shows: str) -> Drift:
    return Drift(lambda lab, needs: lab.run("sh", "-c", command.replace("RUN", f"/run/frr/{lab.netns('R1')}")), shows)


ROW = Row(
    kind="frr_router",
    needs=needs,
    args=args,
    seen=seen,
    look_alike=lambda lab, needs: lab.run("mkdir", f"/etc/frr/{lab.netns('R1')}"),
    clear_look_alike=lambda lab, needs: lab.run("rmdir", f"/etc/frr/{lab.netns('R1')}"),
    edits={
        "description": lambda needs: args(needs, config=CONFIG.replace("Core", "Core network")),
        "address": lambda needs: args(needs, config=CONFIG.replace("10.1.1.2/24", "10.1.1.3/24")),
        "networks": lambda needs: args(needs, config=CONFIG.replace("10.0.0.0/8", "10.1.0.0/16")),
        "no RIP": lambda needs: args(needs, config=CONFIG.replace("router rip\n version 2\n network 10.0.0.0/8\n", "")),
        "static route": lambda needs: args(needs, config=CONFIG.replace("10.1.1.9", "10.1.1.8")),
        "nothing": lambda needs: args(needs, config=""),
        "daemons": lambda needs: args(needs, daemons=["zebra", "staticd"]),
        "stopped": lambda needs: args(needs, running=False),
    },
    replacing={
        "name": lambda needs: args(needs, name="R2"),
        "namespace": lambda needs: args(needs, namespace=needs["host"]),
    },
    drifts={
        "ripd killed": shell("kill -9 $(cat RUN/ripd.pid)", "running"),
        "zebra killed": shell("kill -9 $(cat RUN/zebra.pid)", "running"),
        "all killed, their files gone": shell("kill -9 $(cat RUN/*.pid); rm -r RUN", "running"),
        "removed by hand": shell("kill -9 $(cat RUN/*.pid); rm -r RUN /etc/frr/$(basename RUN)"),
    },
)
