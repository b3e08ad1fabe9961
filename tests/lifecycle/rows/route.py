"""A route."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row

DST = "10.9.0.0/16"


def needs(lab: Lab) -> Needs:
    host, router = lab.add("network_namespace", name="host"), lab.add("network_namespace", name="R1")
    ends = [
        {"namespace": host, "ifname": "to-r1", "addresses": ["10.1.1.1/24", "10.2.1.1/24"]},
        {"namespace": router, "ifname": "eth0"},
    ]
    return {"host": host, "cable": lab.add("veth_pair", endpoints=ends)}


def args(needs: Needs) -> Properties:
    return {"namespace": needs["host"], "dst": DST, "via": "10.1.1.2"}


def route(*arguments: str) -> Drift:
    return Drift(lambda lab, needs: lab.run("ip", "route", *arguments, netns="host"), ())


def down_and_up(lab: Lab, _needs: Needs) -> None:
    lab.run("ip", "link", "set", "to-r1", "down", netns="host")
    lab.run("ip", "link", "set", "to-r1", "up", netns="host")


ROW = Row(
    kind="route",
    needs=needs,
    args=args,
    seen=lambda lab, needs: lab.run("ip", "route", "show", "table", "all", DST, netns="host"),
    look_alike=lambda lab, needs: lab.run("ip", "route", "add", DST, "via", "10.1.1.77", netns="host"),
    names_owner="protocol number 3",
    edits={
        "via": lambda needs: {**args(needs), "via": "10.2.1.2"},
        "dev beside via": lambda needs: {**args(needs), "dev": "to-r1"},
        "dev alone": lambda needs: {"namespace": needs["host"], "dst": DST, "dev": "to-r1"},
    },
    replacing={
        "dst": lambda needs: {**args(needs), "dst": "10.8.0.0/16"},
        "metric": lambda needs: {**args(needs), "metric": 10},
        "table": lambda needs: {**args(needs), "table": 100},
    },
    drifts={
        "deleted": route("del", DST),
        "interface was down": Drift(down_and_up, ()),
        "another via": Drift(
            lambda lab, needs: lab.run("ip", "route", "replace", DST, "via", "10.1.1.3", "proto", "76", netns="host"),
            ("via",),
        ),
    },
)
