"""`lab status`: the devices of a lab, and what of it is not as declared."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from cli.stack import Deployment, Device
from cli.table import GREEN, RED, coloured, count, render
from dynamic_providers import connection
from host_agent import kinds
from host_agent.schema import JSON, SECRET, marked

DEVICE_KINDS = frozenset({"network_namespace", "frr_router", "container", "dynamips_hypervisor", "dynamips_router"})
"""Kinds of which an object that is called like a device is that device, or a part of it."""

State = Literal["as declared", "differs", "absent"]


@dataclass(frozen=True)
class Difference:
    """A property (`endpoints[0].mtu`) that is not as declared; values as people read them, `(secret)` where they are."""

    path: str
    declared: str
    seen: str


@dataclass(frozen=True)
class Object:
    """An object of the host's ledger."""

    kind: str
    key: str
    state: State
    differences: tuple[Difference, ...]


def read(deployment: Deployment) -> list[Object]:
    """All objects of the lab, oldest first, as the host has them now. Raises HostError."""
    answer = connection.agent(deployment.endpoint).call("ledger", {"lease": deployment.lease})
    return objects_from(cast(list[dict[str, JSON]], answer["objects"]))


def objects_from(answer: Sequence[Mapping[str, JSON]]) -> list[Object]:
    """From the agent's `ledger`."""
    return [_object(item) for item in answer]


def device_state(device: Device, objects: Sequence[Object]) -> State:
    """The worst state of the objects that make a device: its namespace or container, and a router's FRR."""
    states = [item.state for item in objects if item.kind in DEVICE_KINDS and item.key == device.name]
    if not states or "absent" in states:
        return "absent"
    return "differs" if "differs" in states else "as declared"


def report(deployment: Deployment, objects: Sequence[Object]) -> str:
    """For people: the devices, each object that is not as declared, and counts."""
    lines = [f"Stack {deployment.stack} on {deployment.endpoint}, lease {deployment.lease}", ""]
    rows = [
        (
            device.name,
            f"{device.kind} ({device.engine})" if device.engine else device.kind,
            device.netns,
            ", ".join(device.addresses),
            coloured(state, GREEN if state == "as declared" else RED),
        )
        for device in deployment.devices.values()
        for state in [device_state(device, objects)]
    ]
    lines += [render(("device", "kind", "namespace on the host", "addresses", "state"), rows), ""]
    for item in objects:
        if item.state == "absent":
            lines.append(f"{coloured('absent', RED)}   {item.kind} {item.key}")
        lines += [
            f"{coloured('differs', RED)}  {item.kind} {item.key}: {difference.path} is {difference.seen}, declared {difference.declared}"
            for difference in item.differences
        ]
    if any(item.state != "as declared" for item in objects):
        lines += ["", f"`pulumi up -s {deployment.stack}` repairs it."]
    lines.append(summary(objects))
    return "\n".join(lines)


def summary(objects: Sequence[Object]) -> str:
    """`41 objects: 39 as declared, 1 differs, 1 absent`."""
    number: dict[State, int] = {"as declared": 0, "differs": 0, "absent": 0}
    for item in objects:
        number[item.state] += 1
    words = {**{state: str(state) for state in number}, "differs": "differs" if number["differs"] == 1 else "differ"}
    parts = [f"{value} {words[state]}" for state, value in number.items() if value or state == "as declared"]
    return f"{count(len(objects), 'object')}: {', '.join(parts)}"


def as_json(deployment: Deployment, objects: Sequence[Object]) -> dict[str, object]:
    """For programs."""
    return {
        "stack": deployment.stack,
        "host": str(deployment.endpoint),
        "lease": deployment.lease,
        "devices": [
            {**dataclasses.asdict(device), "state": device_state(device, objects)}
            for device in deployment.devices.values()
        ],
        "objects": [dataclasses.asdict(item) for item in objects],
    }


def _object(item: Mapping[str, JSON]) -> Object:
    kind, key = str(item["kind"]), str(item["key"])
    if not item["present"]:
        return Object(kind, key, "absent", ())
    declared, seen = cast(dict[str, JSON], item["declared"]), cast(dict[str, JSON], item["args"])
    found = tuple(
        Difference(path, *(("(secret)", "(secret)") if _is_secret(kind, path) else (_text(old), _text(new))))
        for path, old, new in _differences(declared, seen, "")
    )
    return Object(kind, key, "differs" if found else "as declared", found)


def _differences(declared: JSON, seen: JSON, path: str) -> Iterator[tuple[str, JSON, JSON]]:
    """The smallest parts that differ."""
    if isinstance(declared, dict) and isinstance(seen, dict):
        for name in [*declared, *(name for name in seen if name not in declared)]:
            yield from _differences(declared.get(name), seen.get(name), f"{path}.{name}" if path else name)
    elif isinstance(declared, list) and isinstance(seen, list) and len(declared) == len(seen):
        for index, (old, new) in enumerate(zip(declared, seen, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    elif declared != seen:
        yield path, declared, seen


def _is_secret(kind: str, path: str) -> bool:
    return re.split(r"[.\[]", path, maxsplit=1)[0] in marked(kinds.load(kind).Args, SECRET)


def _text(value: JSON) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "nothing"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
