"""Making again what is in the ledger and no longer on the host: after a reboot, or after the end of a container's namespace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import cast

from host_agent import kinds
from host_agent.context import Context, Host
from host_agent.errors import HostError
from host_agent.kinds import container
from host_agent.ledger import Entry
from host_agent.schema import JSON, decode

ORDER = (
    "network_namespace",
    "image",
    "container",
    "bridge",
    "veth_pair",
    "route",
    "masquerade",
    "forwarding",
    "frr_router",
    "tap",
    "router_image",
    "dynamips_hypervisor",
    "dynamips_router",
)
"""A kind needs those before it; within a kind nothing needs another."""
WORKERS = 8


def restore(host: Host, parameters: Mapping[str, object], progress: Callable[[str], None]) -> dict[str, JSON]:
    """`{}` -> `{restored}`: make again what the ledger has and a reboot took, of every lease. Raises HostError naming what can't be."""
    return _restore(host, host.ledger.all_leases(), progress)


def restore_kept(host: Host, progress: Callable[[str], None]) -> None:
    """The same for the leases that are kept."""
    _restore(host, host.ledger.kept_leases(), progress)


def mend(host: Host, lease: str, name: str | None = None) -> int:
    """Start pause containers that ended again (that of container `name`, or all), and make again what ended with their namespaces.

    A pause container that was removed is not made anew. Returns how many there were. Raises HostError.
    """
    with host.ledger.alone(lease):
        context = Context(host=host, lease=lease, adopt=True)
        entries = host.ledger.entries(lease)
        ended = [
            entry
            for entry in entries
            if entry.kind == "container"
            and name in {None, entry.key}
            and container.has_ended(context, decode(container.Args, entry.args))
        ]
        _make(context, ended + _hanging_on(entries, ended) if ended else [])
        return len(ended)


def _restore(host: Host, leases: Collection[str], progress: Callable[[str], None]) -> dict[str, JSON]:
    restored = 0
    failures: list[str] = []
    for lease in leases:
        with host.ledger.alone(lease):
            entries = host.ledger.entries(lease)
            try:
                _make(Context(host=host, lease=lease, adopt=True, progress=progress), entries)
            except HostError as error:
                failures.append(f"{host.ledger.describe(lease)}: {error}")
            restored += len(entries)
    if failures:
        raise HostError(
            f"not everything is back: {'; '.join(failures)}. `pulumi up` makes the rest again, or says why not"
        )
    return {"restored": restored}


def _make(context: Context, entries: Collection[Entry]) -> None:
    """Add them all, those of one kind side by side. Raises HostError naming each that fails, after the others are there."""
    failures: list[str] = []
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for kind, group in groupby(sorted(entries, key=_place), key=lambda entry: entry.kind):
            context.progress(f"bringing back: {kind}")
            failures += filter(None, pool.map(lambda entry: _add(context, entry), group))
    if failures:
        raise HostError("; ".join(failures))


def _add(context: Context, entry: Entry) -> str:
    kind = kinds.load(entry.kind)
    try:
        kind.add(context, decode(kind.Args, entry.args))
    except Exception as error:  # noqa: BLE001 - whatever it is, the others must still come back
        return f"{entry.kind} {entry.key}: {error}"
    return ""


def _place(entry: Entry) -> tuple[int, int]:
    return ORDER.index(entry.kind), entry.recorded_ns


def _hanging_on(entries: Collection[Entry], ended: Collection[Entry]) -> list[Entry]:
    """What refers to one of the containers, and routes wherever such a thing has an end: they went with the link that they used."""
    ids = {entry.id for entry in ended}
    direct = [entry for entry in entries if entry not in ended and not ids.isdisjoint(_texts(entry.args))]
    namespaces = ids.union(*(_texts(entry.args) for entry in direct))
    routes = [
        entry
        for entry in entries
        if entry.kind == "route" and entry not in direct and cast(str, entry.args["namespace"]) in namespaces
    ]
    return direct + routes


def _texts(value: JSON) -> Iterator[str]:
    """Every string in args, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
