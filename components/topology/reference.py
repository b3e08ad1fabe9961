"""The JSON Schema and the reference page of the topology file, both made from the model."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from components.topology.model import Topology

Schema = Mapping[str, object]

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = PROJECT / "stacks" / "topologies" / "topology.schema.json"
PAGE_FILE = PROJECT / "docs" / "topology.md"

_INTRODUCTION = """\
# The topology file

A topology describes a lab: networks, the lab's host, routers, links, containers, and the checks that must hold. It is YAML 1.2
(`no` is text). What is meant as text but looks like a number must be quoted, `12:34:56:12:34:56` too, which is a number in
YAML 1.1. All mistakes in it are reported at once, one line each, before anything is made:

    stacks/topologies/exam.yaml:31: routers.R2.interfaces.Fa0/1.address: 192.168.10.10/24 is outside network Sales 192.168.30.0/24

`python -m components.topology check FILE` reports them without Pulumi. Editors that understand a `yaml-language-server`
comment complete and check keys by `stacks/topologies/topology.schema.json`. Examples: `stacks/topologies/two_lans.yaml`, the
smallest, and `stacks/topologies/ccna_ch8.yaml`.

This page is made from the model by `python -m components.topology docs`, the schema by `python -m components.topology schema`.

## Names and addresses

- Devices are the lab's host, named `host`, and the routers and containers by their names, each used once.
- Ports of routers have IOS names, in any spelling IOS takes: `FastEthernet0/0`, `Fa0/0` and `fa 0/0` are one port. On
  Linux it is `Fa0-0`, since an interface name cannot have a slash; `Vlan2` stays, and all loopbacks are `lo`.
- MAC addresses may be written `cc:00:79:3b:00:00`, `cc-00-79-3b-00-00` or `cc00.793b.0000`. Quote them: some look like
  numbers.
- Networks and links must not overlap. Every address, MAC address and interface name is used once. All bridges, the host's
  interfaces and the bridge's ends of all veth pairs are interfaces of the lab's host.
- A gateway must be some device's address in a network (or link) that the device which uses it is in.

## Switch ports

A router port with `access_vlan: N` is a switch port: it has no address, `VlanN` has. The VLAN must be in `vlans` (VLAN 1 always
is). With the engine frr the switch port itself is not made: the interface `VlanN` is attached to the switch port's network. What only
an emulated router has use for (`slots`, `vlans`) is kept in the plan, and ports are checked against the cards where
`slots` is given.
"""


def json_schema() -> str:
    """The JSON Schema of the topology file, as text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Topology.model_json_schema()}
    for place in _mappings(schema):
        # A key that does not match is a mistake. (The model says so too, but pydantic leaves it out of the schema.)
        if "patternProperties" in place:
            place["additionalProperties"] = False
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _mappings(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for below in value if isinstance(value, list) else ():
        yield from _mappings(below)


def page() -> str:
    """The reference page, in Markdown."""
    schema = Topology.model_json_schema()
    definitions = cast("Mapping[str, Schema]", schema["$defs"])
    sections = [_INTRODUCTION, _section("Topology", schema)]
    sections += [_section(name, definitions[name]) for name in _in_order_of_use(schema, definitions)]
    return "\n".join(sections)


def _section(name: str, schema: Schema) -> str:
    required = cast("Sequence[str]", schema.get("required", ()))
    rows = [
        f"| `{key}` | {_type(entry)} | {_default(key in required, entry)} | {entry.get('description', '')} |"
        for key, entry in cast("Mapping[str, Schema]", schema["properties"]).items()
    ]
    title = f"## {_title(name)}\n\n{' '.join(str(schema['description']).split())}\n"
    return "\n".join([title, "| key | value | default | meaning |", "|---|---|---|---|", *rows, ""])


def _title(name: str) -> str:
    """`RouterInterfaceSpec` → `Router interface`."""
    words = "".join(
        f" {letter.lower()}" if letter.isupper() else letter for letter in name.removesuffix("Spec")
    ).strip()
    return words.capitalize()


def _default(is_required: bool, schema: Schema) -> str:
    if is_required:
        return "required"
    default = schema.get("default")
    return "" if default in (None, [], {}) else f"`{json.dumps(default).strip(chr(34))}`"


def _type(schema: Schema) -> str:
    if reference := schema.get("$ref"):
        title = _title(str(reference).removeprefix("#/$defs/"))
        return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
    for word in ("anyOf", "oneOf"):
        if alternatives := cast("Sequence[Schema]", schema.get(word, ())):
            types = list(dict.fromkeys(_type(one) for one in alternatives if one.get("type") != "null"))
            return " or ".join("a list of them" if one == f"list of: {types[0]}" else one for one in types)
    if values := cast("Sequence[object]", schema.get("enum", ())):
        return ", ".join(f"`{value}`" for value in values)
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            items = cast("Sequence[Schema]", schema["prefixItems"])
            return f"list of {len(items)}: {_type(items[0])}"
        case "array":
            return f"list of: {_type(cast('Schema', schema['items']))}"
        case "object":
            below = [*cast("Mapping[str, Schema]", schema.get("patternProperties", {})).values()]
            below += [cast("Schema", schema["additionalProperties"])] if schema.get("additionalProperties") else []
            return f"mapping to: {_type(below[0])}"
        case "string":
            examples = cast("Sequence[str]", schema.get("examples", ()))
            return f"text like `{examples[0]}`" if examples else "text"
        case "boolean":
            return "`true` or `false`"
        case other:
            return f"{'whole number' if other == 'integer' else other}{_range(schema)}"


def _range(schema: Schema) -> str:
    parts = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
    return "".join(f" {word} {schema[key]}" for key, word in parts if key in schema)


def _in_order_of_use(schema: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    """Names of all definitions, each after the one that mentions it first."""
    order: dict[str, None] = {}

    def visit(place: Schema) -> None:
        for name in _references(place):
            if name not in order:
                order[name] = None
                visit(definitions[name])

    visit(cast("Schema", schema["properties"]))
    return list(order)


def _references(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix("#/$defs/")
        for below in value.values():
            yield from _references(below)
    elif isinstance(value, list):
        for below in value:
            yield from _references(below)
