"""Edits of the topology ccna_ch8 as a person in a hurry might make them, drawn by a seed."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

from components.topology import TopologyError, read_topology
from tests.e2e.livelab import Edit, Topology


def sequence(base: Topology, seed: int, count: int, scratch: Path) -> list[tuple[str, Topology]]:
    """So many topologies, each an edit of the one before, and what each edit was. `scratch` is a file to write."""
    rng = random.Random(seed)
    current, made = base, list[tuple[str, Topology]]()
    while len(made) < count:
        name = rng.choice(sorted(EDITS))
        edited = copy.deepcopy(current)
        if name == "network of the host's port" and "tap" not in edited["host"]["interfaces"]:
            continue
        EDITS[name](rng)(edited)
        scratch.write_text(json.dumps(edited))
        # What contradicts itself the examiner would be told: another edit then.
        try:
            read_topology(scratch)
        except TopologyError:
            continue
        if edited != current:
            made.append((name, edited))
            current = edited
    return made


def _toggle(mapping: Topology, key: str, value: object) -> None:
    if key in mapping:
        del mapping[key]
    else:
        mapping[key] = value


def _port(rng: random.Random, topology: Topology) -> Topology:
    router = topology["routers"][rng.choice(sorted(set(topology["routers"]) - {"CORP"}))]
    port: Topology = router["interfaces"][rng.choice(sorted(router["interfaces"]))]
    return port


def _router_mtu(rng: random.Random) -> Edit:
    return lambda topology: _port(rng, topology).update(mtu=rng.choice([1280, 1400, 1500]))


def _router_mac(rng: random.Random) -> Edit:
    return lambda topology: _port(rng, topology).update(mac=f"02:00:00:00:00:{rng.randrange(256):02x}")


def _description(rng: random.Random) -> Edit:
    return lambda topology: _port(rng, topology).update(description=f"Port number {rng.randrange(100)}")


def _router_address(rng: random.Random) -> Edit:
    return lambda topology: topology["routers"]["R2"]["interfaces"]["Fa0/1"].update(
        address=[f"192.168.30.{number}/24" for number in rng.sample(range(10, 20), rng.choice([1, 2]))]
    )


def _link_address(rng: random.Random) -> Edit:
    return lambda topology: topology["links"]["corp-r2"]["CORP"].update({"Fa0/1": f"10.1.4.{rng.randrange(3, 200)}/24"})


def _timers(rng: random.Random) -> Edit:
    return lambda topology: topology["routers"][rng.choice(sorted(topology["routers"]))].update(
        rip={"timers": [rng.randrange(5, 9), 30, 20]}
    )


def _static_route(rng: random.Random) -> Edit:
    return lambda topology: topology["routers"]["R1"].update(
        routes=[
            {"dst": f"172.{number}.0.0/16", "via": "10.1.2.1"} for number in rng.sample(range(20, 30), rng.randrange(3))
        ]
    )


def _web_address(rng: random.Random) -> Edit:
    return lambda topology: topology["containers"]["web"]["interfaces"]["web-dev"].update(
        address=f"192.168.10.{rng.randrange(100, 200)}/24"
    )


def _web_network(rng: random.Random) -> Edit:
    def edit(topology: Topology) -> None:
        network, third = rng.choice([("Finance", 10), ("Marketing", 20)])
        topology["containers"]["web"]["interfaces"]["web-dev"].update(
            network=network, address=f"192.168.{third}.100/24", default_via=f"192.168.{third}.10"
        )

    return edit


def _web_limits(rng: random.Random) -> Edit:
    return lambda topology: topology["containers"]["web"].update(
        memory_mib=rng.choice([32, 64, None]), cpus=rng.choice([0.25, 0.5, None])
    )


def _web_environment(rng: random.Random) -> Edit:
    return lambda topology: topology["containers"]["web"].update(env={"NUMBER": str(rng.randrange(100))})


def _another_container(rng: random.Random) -> Edit:
    container = {
        "image": "simpleweb",
        "command": ["/bin/busybox", "sleep", "1000000"],
        "interfaces": {"eth0": {"network": "Sales", "address": "192.168.30.100/24"}},
    }
    return lambda topology: _toggle(topology["containers"], "db", container)


def _another_network(rng: random.Random) -> Edit:
    return lambda topology: _toggle(topology["networks"], "Extra", {"bridge": "VMnet20", "subnet": "192.168.99.0/24"})


def _another_router(rng: random.Random) -> Edit:
    router = {"interfaces": {"Fa0/0": {"network": "HR", "address": "192.168.40.40/24"}}}
    return lambda topology: _toggle(topology["routers"], "R4", router)


def _another_name(rng: random.Random) -> Edit:
    return lambda topology: topology["networks"][rng.choice(sorted(topology["networks"]))].update(
        bridge=f"VMnet{rng.randrange(30, 60)}"
    )


def _host_route(rng: random.Random) -> Edit:
    def edit(topology: Topology) -> None:
        routes = topology["host"]["routes"]
        dst = f"172.{rng.randrange(20, 23)}.0.0/16"
        kept = [route for route in routes if route["dst"] != dst]
        topology["host"]["routes"] = (
            kept if len(kept) < len(routes) else [*routes, {"dst": dst, "via": "192.168.81.10"}]
        )

    return edit


def _host_port(rng: random.Random) -> Edit:
    return lambda topology: _toggle(
        topology["host"]["interfaces"], "tap", {"network": rng.choice(["Sales", "HR"]), "address": []}
    )


def _host_port_moves(rng: random.Random) -> Edit:
    return lambda topology: topology["host"]["interfaces"]["tap"].update(network=rng.choice(["Sales", "HR", "Mobile"]))


def _nat(rng: random.Random) -> Edit:
    return lambda topology: topology["host"].update(nat=not topology["host"]["nat"])


EDITS = {
    "MTU of a router's port": _router_mtu,
    "MAC of a router's port": _router_mac,
    "description of a router's port": _description,
    "addresses of a router": _router_address,
    "address of a link": _link_address,
    "RIP timers": _timers,
    "static routes of a router": _static_route,
    "address of web": _web_address,
    "network of web": _web_network,
    "limits of web": _web_limits,
    "environment of web": _web_environment,
    "a container": _another_container,
    "a network": _another_network,
    "a router": _another_router,
    "name of a bridge": _another_name,
    "a port of the host": _host_port,
    "network of the host's port": _host_port_moves,
    "a route of the host": _host_route,
    "NAT": _nat,
}
