"""Masquerading."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row


def table(lab: Lab) -> str:
    return f"exam-lab-{lab.lease}-masquerade-uplink"


def needs(lab: Lab) -> Needs:
    return {"host": lab.add("network_namespace", name="host")}


def args(needs: Needs) -> Properties:
    return {"namespace": needs["host"], "oifname": "uplink", "sources": ["192.168.0.0/18", "10.1.0.0/21"]}


def another_rule_first(lab: Lab, _needs: Needs) -> None:
    lab.run("nft", "insert", "rule", "ip", table(lab), "postrouting", "accept", netns="host")


ROW = Row(
    kind="masquerade",
    needs=needs,
    args=args,
    seen=lambda lab, needs: lab.look("nft", "list", "table", "ip", table(lab), netns="host"),
    look_alike=lambda lab, needs: lab.run("nft", "add", "table", "ip", table(lab), netns="host"),
    edits={
        "another source": lambda needs: {**args(needs), "sources": ["192.168.0.0/18", "172.16.0.0/12"]},
        "neighbours, which nft would merge": lambda needs: {**args(needs), "sources": ["10.0.0.0/9", "10.128.0.0/9"]},
        "one address, and all": lambda needs: {**args(needs), "sources": ["10.0.0.1/32", "default"]},
    },
    replacing={"oifname": lambda needs: {**args(needs), "oifname": "eth0"}},
    drifts={
        "flushed rules": Drift(
            lambda lab, needs: lab.run("nft", "flush", "table", "ip", table(lab), netns="host"), ("sources",)
        ),
        "a rule before ours": Drift(another_rule_first, ("sources",)),
        "flushed ruleset": Drift(lambda lab, needs: lab.run("nft", "flush", "ruleset", netns="host"), ()),
    },
)
