"""A network namespace."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row

NAME = "R1"


def args(_needs: Needs) -> Properties:
    return {"name": NAME, "forwarding": True, "default_ttl": 255}


def seen(lab: Lab, _needs: Needs) -> str:
    return "\n".join(line for line in lab.run("ip", "netns", "list").splitlines() if line.split()[0] == lab.netns(NAME))


ROW = Row(
    kind="network_namespace",
    # So that it is not `ip netns` that makes /run/netns, and leaves it.
    needs=lambda lab: {"other": lab.add("network_namespace", name="other")},
    args=args,
    seen=seen,
    look_alike=lambda lab, needs: lab.run("ip", "netns", "add", lab.netns(NAME)),
    clear_look_alike=lambda lab, needs: lab.run("ip", "netns", "del", lab.netns(NAME)),
    edits={
        "no forwarding": lambda needs: {"name": NAME, "default_ttl": 255},
        "default TTL": lambda needs: {"name": NAME, "forwarding": True, "default_ttl": 64},
    },
    replacing={"name": lambda needs: {**args(needs), "name": "R2"}},
    drifts={
        "forwarding off": Drift(
            lambda lab, needs: lab.run("sysctl", "-w", "net.ipv4.ip_forward=0", netns=NAME), ("forwarding",)
        ),
        "default TTL": Drift(
            lambda lab, needs: lab.run("sysctl", "-w", "net.ipv4.ip_default_ttl=1", netns=NAME), ("default_ttl",)
        ),
        "a route that nobody declared": Drift(
            lambda lab, needs: lab.run("ip", "route", "add", "10.9.0.0/16", "dev", "lo", "proto", "76", netns=NAME),
            ("stray_routes",),
        ),
        "deleted": Drift(lambda lab, needs: lab.run("ip", "netns", "del", lab.netns(NAME)), ()),
    },
)
