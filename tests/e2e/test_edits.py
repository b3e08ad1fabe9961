"""Edits of a running lab: each changes what it names, in place, and nobody else loses a packet."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from _pytest.mark import ParameterSet

from dynamic_providers import connection
from host_agent import frr_config
from tests.e2e import random_edits
from tests.e2e.livelab import ADDRESSES, Edit, LiveLab, Topology, ccna_ch8, live_lab
from tests.e2e.pings import pinging
from tests.e2e.stack import PROJECT, Changes, Stack, on_host

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


ROWS = {
    "MTU": Row((put("containers.web.interfaces.web-dev.mtu", 1400),), {"update": ["web-web-dev"]}),
    "MAC": Row(
        (put("containers.web.interfaces.web-dev.mac", "02:00:00:00:00:64"),), {"update": ["web-web-dev"]}, ("web",)
    ),
    "address": Row(
        (put("containers.web.interfaces.web-dev.address", "192.168.10.101/24"),),
        {"update": ["web-web-dev"]},
        ("web",),
    ),
    "second address": Row(
        (put("containers.web.interfaces.web-dev.address", ["192.168.10.100/24", "192.168.10.101/24"]),),
        {"update": ["web-web-dev"]},
    ),
    "address of the host": Row(
        (put("host.interfaces.VMnet8-host-dev.address", "192.168.81.2/24"),),
        {"update": ["host-VMnet8-host-dev"]},
        ("host",),
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
    ),
    "container limits": Row(
        (put("containers.web.memory_mib", 48), put("containers.web.cpus", 0.25)), {"update": ["web"]}
    ),
    "container command": Row((put("containers.web.command", ["/bin/busybox", "sleep", "1000"]),), {"update": ["web"]}),
    "router address": Row(
        (put("routers.R2.interfaces.Fa0/1.address", "192.168.30.20/24"),),
        {"update": ["R2"]},
        ("R2",),
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


ALWAYS = frozenset({"MTU", "route", "router address", "NAT", "bridge of web", "router"})
"""Rows of `make test`; the others, which are like one of these, are for `make torture`."""


def rows(names: Iterable[str]) -> list[ParameterSet]:
    """Parameters of a test, those that are not ALWAYS marked `thorough`."""
    return [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.thorough) for name in names]


@pytest.mark.parametrize("name", rows(ROWS))
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


def move_web(topology: Topology) -> None:
    """Everything in Finance gets another bridge."""
    topology["networks"]["Finance"]["bridge"] = "VMnet13"


def rename_host_port(topology: Topology) -> None:
    ports = topology["host"]["interfaces"]
    ports["host-dev"] = {**ports.pop("VMnet8-host-dev"), "peer": "host-br"}


def another_image(folder: Path) -> Edit:
    return lambda topology: topology["images"]["simpleweb"].update(rootfs=str(folder))


CARRIED = {
    "bridge of web": Row(
        (move_web,),
        {"create": ["VMnet13"], "delete": ["VMnet3"], "update": ["R1-Fa0-1", "web-web-dev"]},
        ("web",),
    ),
    "interface of the host": Row(
        (rename_host_port,),
        {
            "create": ["host-host-dev"],
            "delete": ["host-VMnet8-host-dev"],
            "update": ["host-10.1.0.0/21", "host-172.16.10.0/24", "host-192.168.0.0/18"],
        },
        ("host",),
    ),
}


@pytest.mark.parametrize("name", rows(CARRIED))
def test_what_is_made_anew_carries_its_peers_along(lab: LiveLab, name: str) -> None:
    """They answer when the same `up` is done; all others do all the time."""
    row = CARRIED[name]
    others = [device for device in ADDRESSES if device not in row.touched]
    for topology, expected in ((lab.edited(*row.edits), row.changes), (lab.base, None)):
        with pinging(lab.host, lab.pings(others)) as steady, pinging(lab.host, lab.pings(ADDRESSES)) as all_pings:
            lab.write(topology)
            done = lab.stack.up()
        assert steady.lost == {}
        assert all_pings.silent_at_the_end() == []
        assert expected is None or done == expected
    assert lab.stack.preview() == {}


def test_another_image_is_taken_in_place(lab: LiveLab, tmp_path: Path) -> None:
    """The container's namespace, links and addresses stay: not even its own pings are lost."""
    shutil.copytree(PROJECT / "images" / "simpleweb", tmp_path / "root", symlinks=True)
    (tmp_path / "root" / "www" / "hello.html").write_text("Hello again")
    with pinging(lab.host, lab.pings(ADDRESSES)) as pings:
        lab.write(lab.edited(another_image(tmp_path / "root")))
        assert lab.stack.up() == {"update": ["simpleweb", "web"]}
        lab.write(lab.base)
        assert lab.stack.up() == {"update": ["simpleweb", "web"]}
    assert pings.lost == {}


ADDED: dict[str, tuple[Edit, list[str]]] = {
    "network": (put("networks.Extra", {"bridge": "VMnet20", "subnet": "192.168.99.0/24"}), ["Extra", "VMnet20"]),
    "router": (
        put("routers.R4", {"interfaces": {"Fa0/0": {"network": "Sales", "address": "192.168.30.40/24"}}}),
        ["R4", "R4", "R4", "R4-Fa0-0"],
    ),
    "container": (
        put(
            "containers.db",
            {
                "image": "simpleweb",
                "command": ["/bin/busybox", "sleep", "1000000"],
                "interfaces": {"eth0": {"network": "Sales", "address": "192.168.30.100/24"}},
            },
        ),
        ["db", "db", "db-eth0"],
    ),
}


@pytest.mark.parametrize("name", rows(ADDED))
def test_what_is_added_and_removed_touches_nothing_else(lab: LiveLab, name: str) -> None:
    edit, names = ADDED[name]
    with pinging(lab.host, lab.pings(ADDRESSES)) as pings:
        assert lab.change(lab.edited(edit)) == ({"create": names}, {"create": names})
        lab.write(lab.base)
        assert lab.stack.up() == {"delete": names}
    assert pings.lost == {}


def observed(lab: LiveLab, stack: Stack) -> dict[str, object]:
    """What is on the host of a stack's lab, as the agent and the routers tell it, without what is the lease's alone."""
    lease = str(stack.outputs()["lease"])
    agent = connection.agent(lab.host.endpoint)

    def plain(value: object) -> object:
        text = re.sub(r"#[0-9a-f]{6}\b", "", json.dumps(value).replace(lease, "LEASE"))
        # Images have the lease as a label; each lease has four addresses of its own.
        text = re.sub(r"sha256:[0-9a-f]{64}", "IMAGE", text)
        return json.loads(re.sub(r"100\.64\.0\.(\d+)", lambda found: f"uplink+{int(found[1]) % 4}", text))

    objects = cast("list[dict[str, object]]", agent.call("ledger", {"lease": lease})["objects"])
    found = {str(plain(f"{item['kind']} {item['key']}")): plain(item["args"]) for item in objects}
    for item in objects:
        if item["kind"] == "frr_router":
            shown = lab.host.run(f"vtysh -N {lease}-{item['key']} -c 'show running-config'")
            found[f"configuration of {item['key']}"] = sorted(map(repr, frr_config.parse(shown)))
    return found


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_twenty_random_edits_end_as_a_fresh_lab(lab: LiveLab, tmp_path: Path) -> None:
    seed = int(os.environ.get("LAB_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"seed {seed}: LAB_TEST_SEED={seed} repeats it")
    edits = random_edits.sequence(lab.base, seed, 20, tmp_path / "scratch.yaml")
    for number, (name, topology) in enumerate(edits, 1):
        print(f"{number}. {name}")
        lab.write(topology)
        lab.stack.up()
    assert lab.stack.preview() == {}
    with on_host("ed-fresh", tmp_path, lab.host, str(lab.file)) as fresh:
        fresh.up()
        assert observed(lab, lab.stack) == observed(lab, fresh)
    lab.write(lab.base)
    lab.stack.up()
