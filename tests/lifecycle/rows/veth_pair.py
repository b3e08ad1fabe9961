"""A veth pair, from a bridge of the host to a router."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def needs(lab: Lab) -> Needs:
    host, router = lab.add("network_namespace", name="host"), lab.add("network_namespace", name="R1")
    return {
        "host": host,
        "R1": router,
        "VMnet2": lab.add("bridge", namespace=host, ifname="VMnet2"),
        "VMnet3": lab.add("bridge", namespace=host, ifname="VMnet3"),
    }


def pair(needs: Needs, first: Properties | None = None, second: Properties | None = None) -> Properties:
    return {
        "endpoints": [
            {"namespace": needs["host"], "ifname": "r1-br", "master": needs["VMnet2"], **(first or {})},
            {
                "namespace": needs["R1"],
                "ifname": "Vlan2",
                "addresses": ["10.1.1.2/24", "10.1.1.3/24", "10.7.0.1/16"],
                "mac": "cc00.793b.0000",
                "default_via": "10.1.1.1",
                **(second or {}),
            },
        ]
    }


def command(netns: str, *argv: str, shows: tuple[str, ...]) -> Drift:
    return Drift(lambda lab, needs: lab.run("ip", *argv, netns=netns), shows)


def seen(lab: Lab, _needs: Needs) -> str:
    return lab.look("ip", "link", "show", "r1-br", netns="host") + lab.look(
        "ip", "address", "show", "Vlan2", netns="R1"
    )


def joined_elsewhere(lab: Lab, _needs: Needs) -> None:
    """Ours lost its other end, and by name alone it looks whole."""
    lab.run("ip", "link", "set", "Vlan2", "name", "moved", netns="R1")


ROW = Row(
    kind="veth_pair",
    needs=needs,
    args=pair,
    seen=seen,
    look_alike=lambda lab, needs: lab.run(
        "ip", "link", "add", "r1-br", "type", "veth", "peer", "name", "other", netns="host"
    ),
    edits={
        "MTU of one end": lambda needs: pair(needs, {"mtu": 1400}),
        "master": lambda needs: pair(needs, {"master": needs["VMnet3"]}),
        "no master": lambda needs: pair(needs, {"master": ""}),
        "MAC": lambda needs: pair(needs, second={"mac": "02:00:00:00:00:01"}),
        "down": lambda needs: pair(needs, {"up": False}),
        "another primary address": lambda needs: pair(needs, second={"addresses": ["10.1.1.3/24", "10.1.1.4/24"]}),
        "prefix length": lambda needs: pair(needs, second={"addresses": ["10.1.1.2/16"]}),
        "gateway": lambda needs: pair(needs, second={"default_via": "10.7.0.9"}),
        "no gateway": lambda needs: pair(needs, second={"default_via": None}),
        "no addresses": lambda needs: pair(needs, second={"addresses": [], "default_via": None}),
    },
    replacing={
        "ifname": lambda needs: pair(needs, second={"ifname": "Vlan3"}),
        "namespace": lambda needs: pair(needs, second={"namespace": needs["host"]}),
    },
    drifts={
        "down": command("host", "link", "set", "r1-br", "down", shows=("endpoints[0].up",)),
        "the routed end down": command(
            "R1", "link", "set", "Vlan2", "down", shows=("endpoints[1].up", "endpoints[1].default_via")
        ),
        "MTU": command("R1", "link", "set", "Vlan2", "mtu", "1300", shows=("endpoints[1].mtu",)),
        "MAC": command("R1", "link", "set", "Vlan2", "address", "02:00:00:00:00:09", shows=("endpoints[1].mac",)),
        "no master": command("host", "link", "set", "r1-br", "nomaster", shows=("endpoints[0].master",)),
        "another master": command("host", "link", "set", "r1-br", "master", "VMnet3", shows=("endpoints[0].master",)),
        "an address too many": command(
            "R1", "address", "add", "10.1.1.9/24", "dev", "Vlan2", shows=("endpoints[1].addresses",)
        ),
        "an address too few": command(
            "R1", "address", "del", "10.1.1.2/24", "dev", "Vlan2", shows=("endpoints[1].addresses",)
        ),
        "another gateway": command(
            "R1", "route", "replace", "default", "via", "10.1.1.77", shows=("endpoints[1].default_via",)
        ),
        "no gateway": command("R1", "route", "del", "default", shows=("endpoints[1].default_via",)),
        "deleted": command("host", "link", "del", "r1-br", shows=()),
        "an end renamed": Drift(joined_elsewhere, ()),
        "an end in another namespace": Drift(
            lambda lab, needs: lab.run("ip", "link", "set", "Vlan2", "netns", lab.netns("host"), netns="R1"), ()
        ),
    },
)
