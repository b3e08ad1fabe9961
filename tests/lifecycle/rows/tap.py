"""A tap for an emulated router."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def needs(lab: Lab) -> Needs:
    host = lab.add("network_namespace", name="host")
    return {
        "host": host,
        "VMnet2": lab.add("bridge", namespace=host, ifname="VMnet2"),
        "VMnet3": lab.add("bridge", namespace=host, ifname="VMnet3"),
    }


def args(needs: Needs, **changes: object) -> Properties:
    return {"namespace": needs["host"], "ifname": "R1-Fa0-0", "master": needs["VMnet2"], **changes}


def in_host(*argv: str, shows: tuple[str, ...]) -> Drift:
    return Drift(lambda lab, needs: lab.run(*argv, netns="host"), shows)


ROW = Row(
    kind="tap",
    needs=needs,
    args=args,
    seen=lambda lab, needs: lab.look("ip", "-details", "link", "show", "R1-Fa0-0", netns="host"),
    look_alike=lambda lab, needs: lab.run("ip", "tuntap", "add", "R1-Fa0-0", "mode", "tap", netns="host"),
    edits={
        "MTU": lambda needs: args(needs, mtu=1400),
        "down": lambda needs: args(needs, up=False),
        "another bridge": lambda needs: args(needs, master=needs["VMnet3"]),
        "no bridge": lambda needs: args(needs, master=""),
    },
    replacing={"ifname": lambda needs: args(needs, ifname="R1-Fa0-1")},
    drifts={
        "MTU": in_host("ip", "link", "set", "R1-Fa0-0", "mtu", "1400", shows=("mtu",)),
        "down": in_host("ip", "link", "set", "R1-Fa0-0", "down", shows=("up",)),
        "out of its bridge": in_host("ip", "link", "set", "R1-Fa0-0", "nomaster", shows=("master",)),
        "in another bridge": in_host("ip", "link", "set", "R1-Fa0-0", "master", "VMnet3", shows=("master",)),
        "deleted": in_host("ip", "link", "del", "R1-Fa0-0", shows=()),
    },
)
