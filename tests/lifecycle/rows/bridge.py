"""A bridge."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def needs(lab: Lab) -> Needs:
    return {"host": lab.add("network_namespace", name="host")}


def args(needs: Needs) -> Properties:
    return {"namespace": needs["host"], "ifname": "VMnet2"}


def link_set(*change: str) -> Drift:
    shows = {"address": "mac"}.get(change[0], change[0])
    return Drift(
        lambda lab, needs: lab.run("ip", "link", "set", "VMnet2", *change, netns="host"),
        ("up" if shows == "down" else shows,),
    )


def small_port(lab: Lab, _needs: Needs) -> None:
    # A bridge whose MTU nobody set takes the smallest of its ports'.
    lab.run("ip", "link", "add", "small", "mtu", "1400", "type", "veth", "peer", "name", "other", netns="host")
    lab.run("ip", "link", "set", "small", "master", "VMnet2", netns="host")
    lab.run("ip", "link", "set", "VMnet2", "down", netns="host")


ROW = Row(
    kind="bridge",
    needs=needs,
    args=args,
    seen=lambda lab, needs: lab.look("ip", "link", "show", "VMnet2", netns="host"),
    look_alike=lambda lab, needs: lab.run("ip", "link", "add", "VMnet2", "type", "bridge", netns="host"),
    edits={
        "MTU": lambda needs: {**args(needs), "mtu": 1400},
        "down": lambda needs: {**args(needs), "up": False},
        "MAC": lambda needs: {**args(needs), "mac": "02-00-00-00-00-07"},
    },
    replacing={"ifname": lambda needs: {**args(needs), "ifname": "VMnet3"}},
    drifts={
        "MTU": link_set("mtu", "1400"),
        "down": link_set("down"),
        "a port of a smaller MTU": Drift(small_port, ("up",)),
        "deleted": Drift(lambda lab, needs: lab.run("ip", "link", "del", "VMnet2", netns="host"), ()),
    },
)
