"""A Dynamips daemon, `dynamips -H 127.0.0.1:PORT`, in a namespace of the lab: emulated routers live in it.

It runs as the lab's own unprivileged user (see `host_agent.dynamips`), and what it has listens on 127.0.0.1 of the namespace alone. One router in
each is the rule: a crash takes one router then. Routers that were in a daemon that died are drift of their own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from host_agent import cgroups, dynamips
from host_agent.context import Context, Shown, netns_name
from host_agent.dynamips import Hypervisor
from host_agent.errors import Conflict, Missing
from host_agent.netlink import exists
from host_agent.schema import REPLACE, ObjectId, between, matching


def _hundredths(value: float) -> float:
    return round(value, 2)


@dataclass(frozen=True, kw_only=True)
class Args:
    """A daemon as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}", "a name of letters, digits, '_' and '-'"), REPLACE]
    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace that it is in, where the taps of its routers are."""
    niceness: Annotated[int, between(0, 19)] = 5
    """Its CPU priority against the rest of the host, as of nice(1)."""
    memory_mib: Annotated[int, between(128, 1 << 20, "MiB")] | None = None
    """The most memory that it gets, of each router its RAM and about 20. Where the host has no cgroup controller for it, the most address space: then
    its own 250, and of each router its RAM and about 100. None: no limit."""
    cpus: Annotated[float, between(0.01, 1024), _hundredths] | None = None
    """The most processor time that it gets: 0.5 is half of one processor. None: no limit."""
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where it is."""

    netns: str
    """The name of its namespace, under /run/netns."""
    port: int
    """Its control port on 127.0.0.1 there."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    hypervisor = _hypervisor(context, args)
    if hypervisor.folder.exists() and hypervisor.mark != context.mark and not context.adopt:
        raise Conflict(f"Dynamips hypervisor {args.name} ({hypervisor.folder})", context.owner_of(hypervisor.mark))
    with hypervisor.alone():
        if not exists(hypervisor.netns):
            raise Missing(f"hypervisor {args.name}: network namespace {hypervisor.netns} is not on this host")
        hypervisor.make_folders()
        if hypervisor.mark != context.mark:
            hypervisor.write_record()
        if not args.running or not hypervisor.is_running():
            hypervisor.stop()
        if args.running:
            if not hypervisor.is_running():
                hypervisor.start()
            pid = hypervisor.pid()
            os.setpriority(os.PRIO_PROCESS, pid, args.niceness)
            memory = None if args.memory_mib is None else args.memory_mib << 20
            by_cgroup = cgroups.has("memory")
            hypervisor.set_limit(pid, "as", None if by_cgroup else memory)
            hypervisor.cgroup.limit(pid, cgroups.Limits(memory if by_cgroup else None, args.cpus))
    return _outputs(hypervisor)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    hypervisor = _hypervisor(context, args)
    if hypervisor.mark != context.mark or not hypervisor.work.exists():
        return None
    hypervisor.trim_logs()
    running, niceness, memory_mib, cpus = hypervisor.is_running(), args.niceness, args.memory_mib, args.cpus
    if running:
        pid = hypervisor.pid()
        niceness = os.getpriority(os.PRIO_PROCESS, pid)
        limits = hypervisor.cgroup.limits(pid)
        memory = limits.memory_bytes if cgroups.has("memory") else dynamips.limit_of(pid, "Max address space")
        memory_mib = None if memory is None else memory >> 20
        cpus = None if limits.cpus is None else _hundredths(limits.cpus)
    observed = Args(
        name=args.name,
        namespace=args.namespace,
        niceness=niceness,
        memory_mib=memory_mib,
        cpus=cpus,
        running=running,
    )
    return Shown(observed, _outputs(hypervisor))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    hypervisor = _hypervisor(context, args)
    if hypervisor.mark != context.mark:
        return
    with hypervisor.alone():
        hypervisor.stop(at_once=True)
        hypervisor.cgroup.remove()
        dynamips.release_port(context, f"control {args.name}")
        hypervisor.remove_folders()


def _hypervisor(context: Context, args: Args) -> Hypervisor:
    return Hypervisor(context, args.name, netns_name(args.namespace))


def _outputs(hypervisor: Hypervisor) -> Outputs:
    return Outputs(netns=hypervisor.netns, port=hypervisor.port)
