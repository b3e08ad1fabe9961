"""A router in Dynamips, with the project's free firmware."""

from __future__ import annotations

from pathlib import Path

from dynamic_providers.base import Properties
from dynamic_providers.dynamips_router import DynamipsRouterProvider
from dynamic_providers.image import digest
from dynamic_providers.router_image import FIRMWARE, RouterImageProvider, free_idle_pc
from tests.lifecycle.lab import Drift, Lab, Needs, Row

PROJECT = Path(__file__).parents[3]
CONFIG = """\
hostname R1
!
interface FastEthernet0/0
 ip address 10.1.1.2 255.255.255.0
 no shutdown
!
end
"""


def needs(lab: Lab) -> Needs:
    host = lab.add("network_namespace", name="host")
    bridge = lab.add("bridge", namespace=host, ifname="VMnet2")
    taps = {
        ifname: lab.add("tap", namespace=host, ifname=ifname, master=bridge)
        for ifname in ("R1-Fa0-0", "R1-Fa0-1", "R1-Fa1-0")
    }
    return {
        "host": host,
        "hypervisor": lab.add("dynamips_hypervisor", name="R1", namespace=host),
        "other": lab.add("dynamips_hypervisor", name="other", namespace=host),
        "image": add_image(lab),
        **taps,
    }


def add_image(lab: Lab) -> str:
    sha256 = digest(PROJECT / FIRMWARE)
    return str(lab.create(RouterImageProvider(), {"name": "free", "sha256": sha256})[1]["image"])


def args(needs: Needs, **changes: object) -> Properties:
    return {
        "name": "R1",
        "hypervisor": needs["hypervisor"],
        "platform": "c3725",
        "image": needs["image"],
        "mac": "cc:01:00:00:00:00",
        "idle_pc": free_idle_pc(),
        "slots": {"1": "NM-1FE-TX"},
        "nios": [{"port": "0/0", "tap": needs["R1-Fa0-0"]}, {"port": "0/1", "udp_local": 10001, "udp_remote": 10002}],
        "startup_config": CONFIG,
        **changes,
    }


def ask(lab: Lab, *commands: str, name: str = "R1") -> str:
    """What the hypervisor answers, to a client of three lines; "" where it does not run."""
    program = (
        "import socket, sys, json; "
        f"port = json.load(open('/var/lib/exam-lab/dynamips/{lab.lease}/{name}/hypervisor.json'))['port']; "
        "s = socket.create_connection(('127.0.0.1', port)); "
        "s.sendall('\\n'.join([*sys.argv[1:], 'hypervisor close', '']).encode()); "
        "print(s.makefile().read())"
    )
    return lab.look("python3", "-c", program, *commands, netns="host")


def told(*commands: str, shows: tuple[str, ...]) -> Drift:
    """Something told to the hypervisor by hand."""

    def happen(lab: Lab, needs: Needs) -> None:
        answer = ask(lab, *commands)
        assert answer.count("100-") == len(commands) + 1, answer

    return Drift(happen, shows)


def seen(lab: Lab, _needs: Needs) -> str:
    """In the hypervisor, and among its files."""
    work = f"/var/lib/exam-lab/dynamips/{lab.lease}/R1/work"
    machines = [line for line in ask(lab, "vm list").splitlines() if line.startswith("101 ")]
    files = lab.look("sh", "-c", f"ls {work} | grep _R1_; true")
    return "\n".join([*machines, files]).strip()


def daemon_killed(lab: Lab, _needs: Needs) -> None:
    record = f"/var/lib/exam-lab/dynamips/{lab.lease}/R1/hypervisor.json"
    read = f"import json; print(json.load(open('{record}'))['pid'])"
    pid = lab.run("python3", "-c", read).strip()
    lab.run("sh", "-c", f"kill -9 {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.01; done")
    # As Pulumi would, which repairs the hypervisor before the router.
    lab.add("dynamips_hypervisor", name="R1", namespace=_needs["host"])


def tap_made_anew(lab: Lab, needs: Needs) -> None:
    lab.run("ip", "link", "del", "R1-Fa0-0", netns="host")
    lab.add("tap", namespace=needs["host"], ifname="R1-Fa0-0")


STOPPED = "vm stop R1"

ROW = Row(
    kind="dynamips_router",
    needs=needs,
    args=args,
    provider=DynamipsRouterProvider,
    seen=seen,
    look_alike=lambda lab, needs: ask(lab, "vm create R1 1 c3725"),
    clear_look_alike=lambda lab, needs: ask(lab, "vm clean_delete R1"),
    edits={
        "another NIO": lambda needs: args(needs, nios=[{"port": "0/0", "tap": needs["R1-Fa0-1"]}]),
        "one more NIO": lambda needs: args(
            needs,
            nios=[*args(needs)["nios"], {"port": "1/0", "tap": needs["R1-Fa1-0"]}],  # type: ignore[misc]
        ),
        "no NIO": lambda needs: args(needs, nios=[]),
        "idle-pc": lambda needs: args(needs, idle_pc="0xffffffff80010110"),
        "RAM": lambda needs: args(needs, ram_mib=64),
        "NVRAM": lambda needs: args(needs, nvram_kib=64),
        "cards": lambda needs: args(needs, slots={"1": "NM-16ESW", "2": "NM-1FE-TX"}),
        "WICs": lambda needs: args(needs, wics={"0": "WIC-1T", "2": "WIC-2T"}),
        "MAC": lambda needs: args(needs, mac="cc01.0000.0100"),
        "system id": lambda needs: args(needs, system_id="FTX0945W0MY"),
        "configuration register": lambda needs: args(needs, conf_reg="0x2142"),
        "ports": lambda needs: args(needs, console_port=2500, aux_port=2501),
        "disks": lambda needs: args(needs, disk0_mib=8, disk1_mib=4),
        "I/O memory": lambda needs: args(needs, iomem_percent=10),
        "RAM in a file": lambda needs: args(needs, mmap=True),
        "sparse": lambda needs: args(needs, sparse=True),
        "ghost": lambda needs: args(needs, ghost=True, sparse=True),
        "startup-config": lambda needs: args(needs, startup_config=CONFIG.replace("10.1.1.2", "10.1.1.3")),
        "reset": lambda needs: args(needs, reset=1),
        "stopped": lambda needs: args(needs, running=False),
    },
    replacing={
        "name": lambda needs: args(needs, name="R2"),
        "platform": lambda needs: args(needs, platform="c3745"),
        "hypervisor": lambda needs: args(needs, hypervisor=needs["other"]),
    },
    drifts={
        "stopped by hand": told(STOPPED, shows=("running",)),
        "suspended by hand": told("vm suspend R1", shows=("running",)),
        "deleted by hand": told(
            STOPPED,
            "vm slot_remove_nio_binding R1 0 0",
            "vm slot_remove_nio_binding R1 0 1",
            "vm delete R1",
            shows=("running",),
        ),
        "its daemon killed": Drift(daemon_killed, ("running",)),
        "a NIO removed by hand": told(
            "vm slot_disable_nio R1 0 1", "vm slot_remove_nio_binding R1 0 1", shows=("nios",)
        ),
        "a NIO swapped by hand": told(
            "vm slot_disable_nio R1 0 1",
            "vm slot_remove_nio_binding R1 0 1",
            "nio create_udp mine 11001 127.0.0.1 11002",
            "vm slot_add_nio_binding R1 0 1 mine",
            "vm slot_enable_nio R1 0 1",
            shows=("nios[1].udp_local", "nios[1].udp_remote"),
        ),
        "its tap made anew": Drift(tap_made_anew, ("nios",)),
        "RAM": told(STOPPED, "vm set_ram R1 64", "vm start R1", shows=("ram_mib",)),
        "NVRAM": told(STOPPED, "vm set_nvram R1 64", "vm start R1", shows=("nvram_kib",)),
        "MAC": told("c3725 set_mac_addr R1 cc02.0000.0000", shows=("mac",)),
        "configuration register": told("vm set_conf_reg R1 0x2142", shows=("conf_reg",)),
        "console": told("vm set_con_tcp_port R1 2999", shows=("console_port",)),
        "AUX": told("vm set_aux_tcp_port R1 2998", shows=("aux_port",)),
        "image": told(f"vm set_ios R1 /var/lib/exam-lab/router-images/{'0' * 64}/image", shows=("image",)),
        "RAM in a file": told("vm set_ram_mmap R1 1", shows=("mmap",)),
        "a card taken out": told(STOPPED, "vm slot_remove_binding R1 1 0", shows=("running", "slots.1")),
        "a WIC put in": told(STOPPED, "vm slot_add_binding R1 0 16 WIC-1T", shows=("running", "wics.0")),
    },
)
