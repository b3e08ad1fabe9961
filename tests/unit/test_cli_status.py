from __future__ import annotations

from cli import status
from cli.stack import Deployment, Device
from dynamic_providers.connection import Endpoint
from host_agent.schema import JSON

R1 = Device("R1", "router", "a1b2-R1", ("192.168.10.10/24", "10.1.2.2/24"), "frr")
LAB = Deployment("dev", Endpoint("127.0.0.1", 40022), "a1b2", {"R1": R1}, ())


def entry(kind: str, key: str, declared: JSON, seen: JSON) -> dict[str, JSON]:
    return {"kind": kind, "key": key, "present": seen is not None, "declared": declared, "args": seen, "outputs": {}}


def objects(*entries: dict[str, JSON]) -> list[status.Object]:
    return status.objects_from(entries)


NAMESPACE = entry("network_namespace", "R1", {"name": "R1", "default_ttl": 255}, {"name": "R1", "default_ttl": 255})


def test_as_declared() -> None:
    found = objects(NAMESPACE)
    assert status.device_state(R1, found) == "as declared"
    assert status.report(LAB, found).splitlines() == [
        "Stack dev on root@127.0.0.1:40022, lease a1b2",
        "",
        "device  kind          namespace on the host  addresses                      state",
        "R1      router (frr)  a1b2-R1                192.168.10.10/24, 10.1.2.2/24  as declared",
        "",
        "1 object: 1 as declared",
    ]


def test_differences_are_told_property_by_property() -> None:
    declared: JSON = {"endpoints": [{"ifname": "eth0", "mtu": 1500, "addresses": []}, {"ifname": "p", "mtu": 1500}]}
    seen: JSON = {
        "endpoints": [{"ifname": "eth0", "mtu": 1400, "addresses": ["10.0.0.1/8"]}, {"ifname": "p", "mtu": 1500}]
    }
    found = objects(
        NAMESPACE, entry("veth_pair", "R1 eth0", declared, seen), entry("bridge", "VMnet2", {"ifname": "VMnet2"}, None)
    )
    assert found[1].differences == (
        status.Difference("endpoints[0].mtu", "1500", "1400"),
        status.Difference("endpoints[0].addresses", "nothing", "10.0.0.1/8"),
    )
    assert status.report(LAB, found).splitlines()[-6:] == [
        "differs  veth_pair R1 eth0: endpoints[0].mtu is 1400, declared 1500",
        "differs  veth_pair R1 eth0: endpoints[0].addresses is 10.0.0.1/8, declared nothing",
        "absent   bridge VMnet2",
        "",
        "`pulumi up -s dev` repairs it.",
        "3 objects: 1 as declared, 1 differs, 1 absent",
    ]


def test_a_device_is_as_bad_as_its_worst_part() -> None:
    router = entry("frr_router", "R1", {"name": "R1"}, None)
    changed = entry("frr_router", "R1", {"running": True}, {"running": False})
    assert status.device_state(R1, objects(NAMESPACE, router)) == "absent"
    assert status.device_state(R1, objects(NAMESPACE, changed)) == "differs"
    assert status.device_state(R1, []) == "absent"


def test_json_has_devices_with_state_and_objects() -> None:
    found = status.as_json(LAB, objects(NAMESPACE))
    assert found["devices"] == [
        {
            "name": "R1",
            "kind": "router",
            "netns": "a1b2-R1",
            "addresses": ("192.168.10.10/24", "10.1.2.2/24"),
            "engine": "frr",
            "state": "as declared",
        }
    ]
