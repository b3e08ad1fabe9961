"""`nft add rule … ip saddr SOURCE oifname IFNAME masquerade`: source NAT for what leaves a namespace of the lab by an interface.

    table ip exam-lab-a1b2c3d4-masquerade-uplink {
        chain postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            ip saddr 192.168.0.0/18 oifname "uplink" masquerade comment "exam-lab a1b2c3d4"
        }
    }

The table's name says whose it is: a comment would go with flushed rules, and nft's JSON does not show those of tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from host_agent import commands
from host_agent.context import Context, Shown, namespace_key, netns_name
from host_agent.errors import Conflict
from host_agent.netlink import exists
from host_agent.schema import JSON, REPLACE, Ifname, ObjectId, Prefix

_NFT = ["nft", "-j"]
_CHAIN: dict[str, JSON] = {"type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}


@dataclass(frozen=True, kw_only=True)
class Args:
    """Masquerading as declared or observed. Where the table is not as it was made, it is shown with the sources that still work."""

    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace or Container whose packets are translated."""
    oifname: Annotated[Ifname, REPLACE]
    """The interface by which they leave; its address is what they get. It need not be there yet."""
    sources: tuple[Prefix, ...]
    """Where the packets come from."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What it is called on the host."""

    table: str
    """`nft list table ip TABLE`."""


def key(args: Args) -> str:
    return f"{namespace_key(args.namespace)}/{args.oifname}"


def add(context: Context, args: Args) -> Outputs:
    netns, table = netns_name(args.namespace), _table(context, args)
    if not context.adopt and _list(netns, table) is not None:
        raise Conflict(f"nftables table {table} in {namespace_key(args.namespace)}", context.owner_of(""))
    where: dict[str, JSON] = {"family": "ip", "table": table}
    objects: list[JSON] = [
        # One transaction: the table is never there by halves, nor for a moment away.
        {"add": {"table": {"family": "ip", "name": table}}},
        {"delete": {"table": {"family": "ip", "name": table}}},
        {"add": {"table": {"family": "ip", "name": table}}},
        {"add": {"chain": {**where, "name": "postrouting", **_CHAIN}}},
    ]
    # A rule for each source: nft merges the neighbours in a set, and they would not be found again.
    for source in args.sources:
        rule: dict[str, JSON] = {
            "chain": "postrouting",
            "comment": context.mark,
            "expr": _expression(source, args.oifname),
        }
        objects.append({"add": {"rule": {**where, **rule}}})
    commands.run([*_NFT, "-f", "-"], stdin=json.dumps({"nftables": objects}), netns=netns)
    return Outputs(table=table)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    table = _table(context, args)
    present = _list(netns_name(args.namespace), table)
    if present is None:
        return None
    found = _sources(present, args.oifname)
    observed = Args(
        namespace=args.namespace,
        oifname=args.oifname,
        # In the declared order, which makes no difference to the packets.
        sources=(
            *(source for source in args.sources if source in found),
            *(source for source in found if source not in args.sources),
        ),
    )
    return Shown(observed, Outputs(table=table))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    netns, table = netns_name(args.namespace), _table(context, args)
    if _list(netns, table) is not None:
        commands.run([*_NFT, "delete", "table", "ip", table], netns=netns)


Object = Mapping[str, Mapping[str, JSON]]


def _table(context: Context, args: Args) -> str:
    # With the lease, as labs that share a host all leave it by the same interface of its own namespace.
    return f"exam-lab-{context.lease}-masquerade-" + re.sub(r"[^A-Za-z0-9_.-]", "_", args.oifname)


def _list(netns: str, table: str) -> list[Object] | None:
    """What is in a table, as nft shows it; None where there is no such table, or no such namespace."""
    if not exists(netns):
        return None
    # Asking for a table that is not there is an error in words alone.
    tables = _objects(commands.run([*_NFT, "list", "tables", "ip"], netns=netns))
    if not any(item.get("table", {}).get("name") == table for item in tables):
        return None
    return _objects(commands.run([*_NFT, "list", "table", "ip", table], netns=netns))


def _objects(output: str) -> list[Object]:
    return cast(list[Object], json.loads(output)["nftables"])


def _expression(source: str, oifname: str) -> list[JSON]:
    address, _, length = source.partition("/")
    sources: JSON = {"prefix": {"addr": address, "len": int(length)}} if length != "32" else address
    return [
        {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": sources}},
        {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": oifname}},
        {"masquerade": None},
    ]


def _sources(objects: Sequence[Object], oifname: str) -> list[str]:
    """The sources that are masqueraded: none where something else than our rules is in the table."""
    chains = [item["chain"] for item in objects if "chain" in item]
    if len(chains) != 1 or any(chains[0].get(name) != value for name, value in _CHAIN.items()):
        return []
    found: list[str] = []
    for rule in (item["rule"] for item in objects if "rule" in item):
        source = _source(cast(list[JSON], rule["expr"]))
        if source is None or rule["expr"] != _expression(source, oifname):
            return []
        found.append(source)
    return found


def _source(expression: list[JSON]) -> str | None:
    match expression[:1]:
        case [{"match": {"right": {"prefix": {"addr": str(address), "len": int(length)}}}}]:
            return f"{address}/{length}"
        case [{"match": {"right": str(address)}}]:
            return f"{address}/32"
    return None
