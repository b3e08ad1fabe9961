"""The lease: the first object of every lab, owner of all the others.

Its ledger says what the lab has on this host; removing the lease ends all of that, whatever Pulumi's state knows. A lease is found again by
project, stack and user, so that a lost state does not mean a lost lab.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated, cast

from host_agent import blobs, guest, keeper, kinds
from host_agent.context import Context, Shown
from host_agent.errors import HostError
from host_agent.ledger import Entry
from host_agent.schema import JSON, REPLACE, between, decode, encode_args, matching

INSIDE_NAMESPACES = frozenset({"bridge", "veth_pair", "route", "masquerade", "tap"})
"""Kinds that end with the namespace that they are in: removing a lab costs the same at any size."""


SHARED_ADDRESS_SPACE = ipaddress.IPv4Network("100.64.0.0/10")
"""RFC 6598: neither a lab's nor, on a host that is no carrier's, anybody's addresses."""

WHAT_OTHERS_USE = frozenset({"network_namespace", "image", "router_image"})
"""Kinds that are removed after all that may be in them, or made from them."""

HOLDER = ("project", "stack", "user")
"""By what a lease is found again whose id is lost."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Memory and processors."""

    memory_mib: Annotated[int, between(1, 1 << 30, "MiB")]
    cpus: Annotated[float, between(0.01, 65536)]


@dataclass(frozen=True, kw_only=True)
class Args:
    """Who holds the lab."""

    project: Annotated[str, REPLACE]
    stack: Annotated[str, REPLACE]
    user: str
    """`name@machine` of who runs Pulumi."""
    kept: bool = True
    """Whether the host itself brings the lab back after a reboot, and mends the links of containers: see `host_agent.keeper`."""
    public_key: Annotated[str, matching(r"|[a-z0-9@.-]+ [A-Za-z0-9+/=]+", "an SSH public key, `ssh-ed25519 AAAA…`")] = (
        ""
    )
    """What opens this lease, and nothing else on the host: see `host_agent.guest`. \"\" is none."""
    budget: Budget | None = None
    """What the lab may take at most."""
    capacity: Budget | None = None
    """What all labs on the host together may. None: it is not looked at."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What marks everything of this lab."""

    lease: str
    """Eight hex digits, random."""
    uplink: str
    """A network of four addresses for this lab's way out, `100.64.0.4/30`, that no other lab on the host has."""


def key(args: Args) -> str:
    return f"{args.project}/{args.stack}"


def add(context: Context, args: Args) -> Outputs:
    lease = context.host.ledger.lease_of(encode_args(args), HOLDER, lambda others: _refuse_overload(args, others))
    guest.authorize(context.host, lease, args.public_key)
    keeper.ensure(context.host)
    return _outputs(context, lease)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    owner = context.host.ledger.owner(context.lease)
    if owner is None:
        return None
    is_kept = owner.get("kept") is True and keeper.is_there(context.host)
    key = guest.authorized(context.host, context.lease)
    return Shown(replace(decode(Args, owner), kept=is_kept, public_key=key), _outputs(context, context.lease))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    context.host.ledger.open_lease(context.lease, encode_args(news), lambda others: _refuse_overload(news, others))
    guest.authorize(context.host, context.lease, news.public_key)
    keeper.ensure(context.host)
    return _outputs(context, context.lease)


def remove(context: Context, args: Args) -> None:
    """End everything that the ledger has for the lease: processes and links side by side, then what they were in. Raises HostError naming what
    resisted.
    """
    entries = context.host.ledger.entries(context.lease)
    namespaces = frozenset(entry.id for entry in entries if entry.kind in {"network_namespace", "container"})
    ended = [entry for entry in entries if not _ends_with_namespace(entry, namespaces)]
    failures: list[str] = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        for used in (False, True):
            batch = [entry for entry in reversed(ended) if (entry.kind in WHAT_OTHERS_USE) == used]
            failures += [failure for failure in pool.map(lambda entry: _remove_entry(context, entry), batch) if failure]
    if failures:
        raise HostError(
            f"lease {context.lease} is not removed: {'; '.join(failures)}. What is left is still in its ledger: run destroy again"
        )
    guest.withdraw(context.host, context.lease)
    context.host.ledger.close_lease(context.lease)
    blobs.collect(context.host)
    keeper.ensure(context.host)


def _refuse_overload(args: Args, others: Mapping[str, Mapping[str, JSON]]) -> None:
    """Raises HostError where this lab and the others on the host could take more than there is for labs."""
    if args.budget is None or args.capacity is None:
        return
    budgets = {
        lease: decode(Budget, cast("dict[str, JSON]", owner["budget"]))
        for lease, owner in others.items()
        if owner.get("budget")
    }
    memory_mib = args.capacity.memory_mib - sum(budget.memory_mib for budget in budgets.values())
    cpus = args.capacity.cpus - sum(budget.cpus for budget in budgets.values())
    if args.budget.memory_mib <= memory_mib and args.budget.cpus <= cpus + 1e-6:
        return
    held = ", ".join(
        f"{others[lease].get('stack')} {budget.memory_mib} MiB and {budget.cpus:g}" for lease, budget in budgets.items()
    )
    raise HostError(
        f"the host has no room for this lab: it may take {args.budget.memory_mib} MiB and {args.budget.cpus:g} processors, "
        f"{max(memory_mib, 0)} MiB and {max(cpus, 0):g} are left of {args.capacity.memory_mib} MiB and {args.capacity.cpus:g}"
        f"{f' (held: {held})' if held else ''}. End a lab, lower lab:memoryMib or lab:cpus, or raise those of the stack that makes the host"
    )


def _outputs(context: Context, lease: str) -> Outputs:
    first = int(SHARED_ADDRESS_SPACE.network_address) + 4 * context.host.ledger.number(lease)
    return Outputs(lease=lease, uplink=str(ipaddress.IPv4Network((first, 30))))


def _ends_with_namespace(entry: Entry, namespaces: frozenset[str]) -> bool:
    if entry.kind == "dynamips_router":
        return True  # with its hypervisor, which is removed with all that is in it
    # An end in the host's own namespace ("") would be there until the kernel, in its own time, ends the other one.
    if entry.kind not in INSIDE_NAMESPACES or "" in _namespaces(entry.args):
        return False
    return any(namespace in namespaces for namespace in _namespaces(entry.args))


def _namespaces(value: JSON) -> Iterator[str]:
    """Every `namespace` in args, at any depth."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "namespace":
                yield str(item)
            else:
                yield from _namespaces(item)
    elif isinstance(value, list):
        for item in value:
            yield from _namespaces(item)


def _remove_entry(context: Context, entry: Entry) -> str:
    kind = kinds.load(entry.kind)
    try:
        kind.remove(replace(context, adopt=True), decode(kind.Args, entry.args))
    except Exception as error:  # noqa: BLE001 - whatever it is, the others must still be removed, and the user must see it
        return f"{entry.kind} {entry.key}: {error}"
    context.host.ledger.forget(entry.lease, entry.kind, entry.key)
    return ""
