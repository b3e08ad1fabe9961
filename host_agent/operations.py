"""What a request does: one function per method, over all kinds alike.

This is the only place that writes the ledger for an object, before it is made; and the only one that undoes half-done work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from host_agent import blobs, bootstrap, guest, hostinfo, keeper, kinds, lifetime, restore
from host_agent.context import Context, Host
from host_agent.errors import Conflict, HostError, ProtocolError, Unavailable
from host_agent.schema import JSON, decode, encode, encode_args

Parameters = Mapping[str, object]
Result = dict[str, JSON]
Progress = Callable[[str], None]


def add(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{kind, lease, args}` -> `{id, outputs}`. The object is in the ledger before it is made; a failure leaves neither."""
    name, kind, context, args = _object(host, parameters, progress)
    if name == "lease":
        outputs = encode_args(kind.add(context, args))
        return {"id": f"{outputs['lease']}/lease/{kind.key(args)}", "outputs": outputs}
    key = kind.key(args)
    entry, known = host.ledger.record(context.lease, name, key, encode_args(args))
    context = replace(context, adopt=known)
    try:
        outputs = encode_args(kind.add(context, args))
    except Conflict:
        if not known:
            host.ledger.forget(context.lease, name, key)
        raise
    except Exception as error:
        if not known:
            try:
                kind.remove(context, args)
            except HostError as left:
                # It stays in the ledger, so that removing the lease tries again.
                raise HostError(f"{error}; and what was half made could not be taken away: {left}") from error
            host.ledger.forget(context.lease, name, key)
        raise
    return {"id": entry.id, "outputs": outputs}


def show(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{kind, lease, args}` -> `{args, outputs}` as observed, `{}` where the object is gone, `{unknown: why}` where that can't be told."""
    name, kind, context, args = _object(host, parameters, progress)
    if name != "lease" and host.ledger.find(context.lease, name, kind.key(args)) is None:
        return {}
    try:
        shown = kind.show(replace(context, adopt=True), args)
    except Unavailable as error:
        return {"unknown": str(error)}
    return {} if shown is None else {"args": encode(shown.args), "outputs": encode(shown.outputs)}


def set(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{kind, lease, olds, args}` -> `{outputs}`."""
    name, kind, context, args = _object(host, parameters, progress)
    olds = decode(kind.Args, cast(Mapping[str, object], parameters["olds"]))
    if name != "lease":
        host.ledger.record(context.lease, name, kind.key(args), encode_args(args))
    return {"outputs": encode(kind.set(replace(context, adopt=True), olds, args))}


def remove(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{kind, lease, args}` -> `{}`. A no-op where it is gone, or where it is not ours."""
    name, kind, context, args = _object(host, parameters, progress)
    if name == "lease":
        kind.remove(context, args)
    elif host.ledger.find(context.lease, name, kind.key(args)) is not None:
        kind.remove(replace(context, adopt=True), args)
        host.ledger.forget(context.lease, name, kind.key(args))
    return {}


def ledger(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{lease}` -> `{owner, objects: [{id, kind, key, present, args, outputs}]}`: everything of a lease, as observed now."""
    lease = str(parameters["lease"])
    context = Context(host=host, lease=lease, adopt=True, progress=progress)
    objects: list[JSON] = []
    for entry in host.ledger.entries(lease):
        kind = kinds.load(entry.kind)
        shown = kind.show(context, decode(kind.Args, entry.args))
        objects.append(
            {
                "id": entry.id,
                "kind": entry.kind,
                "key": entry.key,
                "present": shown is not None,
                "declared": entry.args,
                "args": encode(shown.args) if shown else None,
                "outputs": encode(shown.outputs) if shown else None,
            }
        )
    return {"owner": host.ledger.owner(lease), "objects": objects}


def leases(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """`{}` -> `{lease: owner}`: all leases on this host, and who holds them."""
    return {lease: owner for lease in host.ledger.all_leases() if (owner := host.ledger.owner(lease)) is not None}


def probe(host: Host, parameters: Parameters, progress: Progress) -> Result:
    """See `probes`. What speaks HTTP is imported when somebody asks: every agent of an `up` would wait for it."""
    from host_agent import probes

    return probes.probe(host, parameters, progress)


METHODS: dict[str, Callable[[Host, Parameters, Progress], Result]] = {
    "add": add,
    "show": show,
    "set": set,
    "remove": remove,
    "ledger": ledger,
    "leases": leases,
    "restore": restore.restore,
    "host": hostinfo.describe,
    "services": hostinfo.services,
    "bootstrap": bootstrap.wait,
    "lifetime": lifetime.lifetime,
    "probe": probe,
    "missing_blobs": blobs.missing,
}


def run(host: Host, method: str, parameters: Parameters, blob: bytes, progress: Progress) -> Result:
    """Carry one request out."""
    if host.guest:
        guest.check(host.guest, method, parameters)
    if method == "put_blob":
        return blobs.put(host, parameters, blob)
    if method not in METHODS:
        raise ProtocolError(f"no such method: {method!r}; known are {', '.join(METHODS)}")
    # A probe tells what is there now, and is tried again by who asks; all others want to see a lab that is back.
    if method != "probe":
        keeper.wait(host)
    # The end of a lease waits for what an agent that was cut off still does to it.
    ends = method == "remove" and parameters.get("kind") == "lease"
    with (host.ledger.alone if ends else host.ledger.shared)(str(parameters.get("lease", ""))):
        return METHODS[method](host, parameters, progress)


def _object(host: Host, parameters: Parameters, progress: Progress) -> tuple[str, kinds.Kind, Context, kinds.Dataclass]:
    name = str(parameters["kind"])
    kind = kinds.load(name)
    args = decode(kind.Args, cast(Mapping[str, object], parameters["args"]))
    return name, kind, Context(host=host, lease=str(parameters["lease"]), progress=progress), args
