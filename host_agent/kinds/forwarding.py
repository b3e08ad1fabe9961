"""`iptables -I DOCKER-USER … -j ACCEPT`: the lab's packets may pass through the lab host.

Docker sets the host's FORWARD policy to DROP, which is for all that the host forwards, and has the chain DOCKER-USER for exceptions:

    iptables -I DOCKER-USER -s 100.64.0.0/30 -o eth0 -m comment --comment "exam-lab a1b2c3d4" -j ACCEPT
    iptables -I DOCKER-USER -d 100.64.0.0/30 -i eth0 -m conntrack --ctstate RELATED,ESTABLISHED … -j ACCEPT

Where there is no such chain nothing drops, and nothing is added. The rules are iptables' and not nft's: iptables, which Docker uses, refuses
tables with rules that it can't show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from host_agent import commands
from host_agent.context import Context, Shown
from host_agent.errors import CommandFailed, Missing
from host_agent.schema import REPLACE, Ifname, Prefix

_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_CHAIN = "DOCKER-USER"


@dataclass(frozen=True, kw_only=True)
class Args:
    """Who may pass."""

    network: Annotated[Prefix, REPLACE]
    """The addresses with which the lab's packets reach the lab host."""
    oifname: Annotated[Ifname, REPLACE]
    """The interface by which they leave it, and by which answers come."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was found on the host."""

    chain: str
    """`DOCKER-USER`; \"\" where there is none."""


def key(args: Args) -> str:
    return f"{args.network} {args.oifname}"


def add(context: Context, args: Args) -> Outputs:
    if _IP_FORWARD.read_text().strip() != "1":
        raise Missing(
            f"forwarding of {args.network}: the lab host does not forward (net.ipv4.ip_forward is 0); "
            "`sysctl -w net.ipv4.ip_forward=1` on the host, or a topology with `nat: false`"
        )
    if not _has_chain():
        return Outputs(chain="")
    for rule in _rules(context, args):
        if not _succeeds(["-C", _CHAIN, *rule]):
            commands.run([*_IPTABLES, "-I", _CHAIN, *rule])
    return Outputs(chain=_CHAIN)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    if not _has_chain():
        return Shown(args, Outputs(chain=""))
    if not all(_succeeds(["-C", _CHAIN, *rule]) for rule in _rules(context, args)):
        return None
    return Shown(args, Outputs(chain=_CHAIN))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    if _has_chain():
        for rule in _rules(context, args):
            if _succeeds(["-C", _CHAIN, *rule]):
                commands.run([*_IPTABLES, "-D", _CHAIN, *rule])


_IPTABLES = ["iptables", "--wait"]


def _rules(context: Context, args: Args) -> list[list[str]]:
    mark = ["-m", "comment", "--comment", context.mark, "-j", "ACCEPT"]
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [
        ["-s", args.network, "-o", args.oifname, *mark],
        ["-d", args.network, "-i", args.oifname, *answers, *mark],
    ]


def _has_chain() -> bool:
    return _succeeds(["-n", "-L", _CHAIN])


def _succeeds(arguments: list[str]) -> bool:
    """Whether iptables says yes: a status is its only answer that is not text for people."""
    try:
        commands.run([*_IPTABLES, *arguments])
    except CommandFailed:
        return False
    return True
