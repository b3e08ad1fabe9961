"""Edits of a running lab: each changes what it names, in place, and nobody else loses a packet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.e2e.livelab import ADDRESSES, Edit, LiveLab, Topology, ccna_ch8, live_lab
from tests.e2e.pings import pinging
from tests.e2e.stack import Changes

NAT_HOST = """
set -e
ip link add up0 type veth peer name out0
ip address add 198.51.100.1/24 dev up0
ip link set up0 up
ip link set out0 up
ip route add default via 198.51.100.2
sysctl -q -w net.ipv4.ip_forward=1
"""


def base() -> Topology:
    topology = ccna_ch8()
    # Something to edit: a second gateway, each route for itself, a port without an address, limits, a static route.
    topology["routers"]["R3"]["interfaces"]["Fa1/0"]["address"] = ["192.168.81.10/24", "192.168.81.11/24"]
    topology["host"]["routes"] = [
        {"dst": dst, "via": "192.168.81.10"} for dst in ("10.1.0.0/21", "172.16.10.0/24", "192.168.0.0/18")
    ]
    topology["host"]["interfaces"]["tap"] = {"network": "Sales"}
    topology["containers"]["web"].update(memory_mib=64, cpus=0.5)
    topology["routers"]["R2"]["routes"] = [{"dst": "172.30.0.0/16", "via": "10.1.4.1"}]
    return topology


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveLab]:
    with live_lab("ed-edits", tmp_path_factory.mktemp("edits"), base(), prepare=NAT_HOST) as lab:
        yield lab


def put(path: str, value: object) -> Edit:
    """Sets what is at `a.b.c` of a topology; None takes it away."""

    def edit(topology: Topology) -> None:
        *parents, last = path.split(".")
        for key in parents:
            topology = topology[key]
        if value is None:
            del topology[last]
        else:
            topology[last] = value

    return edit


@dataclass(frozen=True)
class Row:
    """An edit, what preview and up name, and the devices that it is about: they may lose packets, all others none."""

    edits: tuple[Edit, ...]
    changes: Changes
    touched: tuple[str, ...] = ()
    addresses: dict[str, str] = field(default_factory=dict)
    """Where a touched device is to be pinged afterwards."""


ROWS = {
    "MTU": Row((put("containers.web.interfaces.web-dev.mtu", 1400),), {"update": ["web-web-dev"]}),
    "MAC": Row(
        (put("containers.web.interfaces.web-dev.mac", "02:00:00:00:00:64"),), {"update": ["web-web-dev"]}, ("web",)
    ),
    "address": Row(
        (put("containers.web.interfaces.web-dev.address", "192.168.10.101/24"),),
        {"update": ["web-web-dev"]},
        ("web",),
        {"web": "192.168.10.101"},
    ),
    "second address": Row(
        (put("containers.web.interfaces.web-dev.address", ["192.168.10.100/24", "192.168.10.101/24"]),),
        {"update": ["web-web-dev"]},
    ),
    "address of the host": Row(
        (put("host.interfaces.VMnet8-host-dev.address", "192.168.81.2/24"),),
        {"update": ["host-VMnet8-host-dev"]},
        ("host",),
        {"host": "192.168.81.2"},
    ),
    "route": Row(
        (lambda topology: topology["host"]["routes"][1].update(via="192.168.81.11"),),
        {"update": ["host-172.16.10.0/24"]},
    ),
    "master": Row((put("host.interfaces.tap.network", "HR"),), {"update": ["host-tap"]}),
    "master and address": Row(
        (
            lambda topology: topology["containers"]["web"]["interfaces"]["web-dev"].update(
                network="Marketing", address="192.168.20.100/24", default_via="192.168.20.10"
            ),
        ),
        {"update": ["web-web-dev"]},
        ("web",),
        {"web": "192.168.20.100"},
    ),
    "container limits": Row(
        (put("containers.web.memory_mib", 48), put("containers.web.cpus", 0.25)), {"update": ["web"]}
    ),
    "container command": Row((put("containers.web.command", ["/bin/busybox", "sleep", "1000"]),), {"update": ["web"]}),
    "router address": Row(
        (put("routers.R2.interfaces.Fa0/1.address", "192.168.30.20/24"),),
        {"update": ["R2"]},
        ("R2",),
        {"R2": "192.168.30.20"},
    ),
    "RIP timers": Row((put("routers.CORP.rip", {"timers": [6, 20, 15]}),), {"update": ["CORP"]}),
    "description": Row((put("routers.CORP.interfaces.Vlan2.description", "Core"),), {"update": ["CORP"]}),
    "static route": Row((put("routers.R2.routes", [{"dst": "172.31.0.0/16", "via": "10.1.4.1"}]),), {"update": ["R2"]}),
    "no static route": Row((put("routers.R2.routes", None),), {"update": ["R2"]}),
    "NAT": Row(
        (put("host.nat", True),),
        {"create": ["uplink", "uplink", "uplink", "uplink-default", "uplink-host", "uplink-lab"]},
    ),
}


INVERSE = {"create": "delete", "update": "update"}


@pytest.mark.parametrize("name", ROWS)
def test_edit_in_place(lab: LiveLab, name: str) -> None:
    """There and back."""
    row = ROWS[name]
    with pinging(lab.host, lab.pings([device for device in ADDRESSES if device not in row.touched])) as pings:
        previewed, done = lab.change(lab.edited(*row.edits))
        lab.write(lab.base)
        back = lab.stack.up()
    assert (previewed, done) == (row.changes, row.changes)
    assert back == {INVERSE[op]: names for op, names in row.changes.items()}
    assert pings.lost == {}
