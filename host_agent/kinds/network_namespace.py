"""`ip netns add NAME`, with the sysctls that make it a host or a router of the lab.

On the host it is called `<lease>-<name>`, so labs with the same names live side by side:

    ip netns exec a1b2c3d4-host ip -br address
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from host_agent.context import Context, Shown
from host_agent.errors import Conflict, Missing
from host_agent.links import change_link
from host_agent.netlink import create, delete, exists, inside, processes, rtnetlink
from host_agent.schema import REPLACE, between, matching

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
DEFAULT_TTL = Path("/proc/sys/net/ipv4/ip_default_ttl")
BRIDGE_NF = [Path(f"/proc/sys/net/bridge/bridge-nf-call-{tables}") for tables in ("iptables", "ip6tables", "arptables")]


@dataclass(frozen=True, kw_only=True)
class Args:
    """A namespace as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a name of letters, digits, '_' and '-'"), REPLACE]
    forwarding: bool = False
    """net.ipv4.ip_forward."""
    default_ttl: Annotated[int, between(1, 255)] = 64
    """net.ipv4.ip_default_ttl: the IP TTL that its own packets start with (IOS: 255)."""
    bridge_nf: bool = False
    """net.bridge.bridge-nf-call-*: whether bridged packets meet iptables. A new namespace has it on, and Docker's FORWARD DROP would cut
    bridged traffic."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where it is."""

    netns: str
    """Its name on the host, under /run/netns."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    netns = _netns(context, args)
    if not exists(netns):
        create(netns)
    elif not context.adopt:
        raise Conflict(f"network namespace {netns}", context.owner_of(""))
    with rtnetlink(netns) as route:
        route.request(change_link(ifname="lo", up=True))
    _write_sysctls(netns, args)
    return Outputs(netns=netns)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    netns = _netns(context, args)
    if not exists(netns):
        return None
    with inside(netns):
        observed = Args(
            name=args.name,
            forwarding=_flag(FORWARDING),
            default_ttl=int(DEFAULT_TTL.read_text()),
            bridge_nf=_bridge_nf(args.bridge_nf),
        )
    return Shown(observed, Outputs(netns=netns))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    netns = _netns(context, news)
    _write_sysctls(netns, news)
    return Outputs(netns=netns)


def remove(context: Context, args: Args) -> None:
    netns = _netns(context, args)
    # A shell or a capture that somebody left running in it would keep the namespace, nameless, with all its interfaces.
    with contextlib.suppress(Missing):
        for pid in processes(netns):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    delete(netns)


def _netns(context: Context, args: Args) -> str:
    return f"{context.lease}-{args.name}"


def _write_sysctls(netns: str, args: Args) -> None:
    with inside(netns):
        FORWARDING.write_text(str(int(args.forwarding)))
        DEFAULT_TTL.write_text(str(args.default_ttl))
        for path in BRIDGE_NF:
            if path.exists():
                path.write_text(str(int(args.bridge_nf)))


def _bridge_nf(declared: bool) -> bool:
    # Absent where the br_netfilter module is not loaded: then nothing calls iptables, and there is nothing to be seen.
    flags = [_flag(path) for path in BRIDGE_NF if path.exists()]
    return declared if not flags or flags == [declared] * len(flags) else not declared


def _flag(path: Path) -> bool:
    return path.read_text().strip() != "0"
