"""Leave to pass through the lab host, where Docker drops."""

from __future__ import annotations

from dynamic_providers.base import Properties
from tests.lifecycle.lab import Drift, Lab, Needs, Row

NETWORK = "100.64.0.0/30"
FOREIGN = ("-s", NETWORK, "-o", "eth9", "-m", "comment", "--comment", "somebody else's", "-j", "ACCEPT")


def needs(lab: Lab) -> Needs:
    """A host as Docker leaves it: forwarding, FORWARD drops, and the chain for exceptions is there. Undone by `undo`."""
    lab.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    lab.run("iptables", "-N", "DOCKER-USER")
    return {}


def undo(lab: Lab, _needs: Needs) -> None:
    lab.run("iptables", "-F", "DOCKER-USER")
    lab.run("iptables", "-X", "DOCKER-USER")
    # iptables leaves its empty tables behind.
    lab.run("nft", "delete", "table", "ip", "filter")
    lab.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")


def args(_needs: Needs) -> Properties:
    return {"network": NETWORK, "oifname": "eth9"}


def flush(lab: Lab, _needs: Needs) -> None:
    lab.run("iptables", "-F", "DOCKER-USER")


def delete_one(lab: Lab, _needs: Needs) -> None:
    lab.run("iptables", "-D", "DOCKER-USER", "2")


def seen(lab: Lab, _needs: Needs) -> str:
    """The chain's rules, without the line that declares it."""
    return "\n".join(lab.look("iptables", "-S", "DOCKER-USER").splitlines()[1:])


ROW = Row(
    kind="forwarding",
    needs=needs,
    undo=undo,
    args=args,
    seen=seen,
    look_alike=lambda lab, needs: lab.run("iptables", "-A", "DOCKER-USER", *FOREIGN),
    coexists=True,
    replacing={
        "network": lambda needs: {**args(needs), "network": "100.64.0.4/30"},
        "oifname": lambda needs: {**args(needs), "oifname": "eth8"},
    },
    drifts={"flushed chain": Drift(flush, ()), "one rule deleted": Drift(delete_one, ())},
)
