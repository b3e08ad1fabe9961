"""The JSON Schema and the reference page are made from the model and are current."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from components.topology import reference
from components.topology.__main__ import main
from components.topology.model import Topology

TOPOLOGIES = reference.PROJECT / "stacks" / "topologies"


@pytest.mark.parametrize(
    ("path", "text", "command"),
    [(reference.SCHEMA_FILE, reference.json_schema(), "schema"), (reference.PAGE_FILE, reference.page(), "docs")],
    ids=["schema", "docs"],
)
def test_made_file_is_current(path: Path, text: str, command: str) -> None:
    assert path.read_text(encoding="utf-8") == text, f"run: python -m components.topology {command}"


SCHEMA = json.loads(reference.json_schema())
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def mistakes(value: object, schema: Mapping[str, Any], path: str = "") -> list[str]:
    """What an editor would mark: the part of JSON Schema that the topology's schema uses."""
    if reference_to := schema.get("$ref"):
        return mistakes(value, SCHEMA["$defs"][reference_to.removeprefix("#/$defs/")], path)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return min((mistakes(value, alternative, path) for alternative in schema[word]), key=len)
    if "type" in schema and not (
        isinstance(value, TYPES[schema["type"]]) and (schema["type"] == "boolean" or not isinstance(value, bool))
    ):
        return [f"{path}: no {schema['type']}"]
    found: list[str] = []
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        found.append(f"{path}: not one of the values")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{path}: does not match")
    if isinstance(value, list):
        items = [*schema.get("prefixItems", [])] or [schema["items"]] * len(value)
        found += [
            m
            for at, (one, below) in enumerate(zip(value, items, strict=True))
            for m in mistakes(one, below, f"{path}[{at}]")
        ]
    if isinstance(value, dict):
        found += [f"{path}: no {key}" for key in schema.get("required", []) if key not in value]
        for key, one in value.items():
            patterns = [
                below for pattern, below in schema.get("patternProperties", {}).items() if re.search(pattern, key)
            ]
            below = schema.get("properties", {}).get(key) or next(
                iter(patterns), schema.get("additionalProperties", True)
            )
            if below is False:
                found.append(f"{path}.{key}: unknown")
            elif below is not True:
                found += mistakes(one, below, f"{path}.{key}")
    return found


def data_of(path: Path) -> dict[str, Any]:
    # Through JSON, as keys are text there.
    data: dict[str, Any] = json.loads(json.dumps(YAML(typ="safe", pure=True).load(path)))
    return data


def described(schema: object, where: str = "") -> Iterator[tuple[str, bool]]:
    """All keys of all mappings in the schema, and whether each has a description."""
    if isinstance(schema, Mapping):
        for key, entry in schema.get("properties", {}).items():
            yield f"{where}.{key}", bool(entry.get("description"))
        for name, entry in schema.get("$defs", {}).items():
            assert entry.get("description"), name
            yield from described(entry, name)


def test_every_key_is_described() -> None:
    keys = dict(described(json.loads(reference.json_schema())))
    assert len(keys) > 60
    assert [key for key, has_description in keys.items() if not has_description] == []


def test_every_mapping_of_the_model_is_on_the_page() -> None:
    page = reference.page()
    sections = re.findall("^## (.*)$", page, re.MULTILINE)
    assert {f"#{section.lower().replace(' ', '-')}" for section in sections} >= set(re.findall(r"\]\((#[^)]*)\)", page))
    for definition in Topology.model_json_schema()["$defs"].values():
        for key in definition["properties"]:
            assert f"| `{key}` |" in page


@pytest.mark.parametrize("path", sorted(TOPOLOGIES.glob("*.yaml")), ids=lambda path: path.name)
def test_topology_names_the_schema_for_editors_and_has_no_mistakes(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={reference.SCHEMA_FILE.name}"
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: {path.stem}, ")


@pytest.mark.parametrize("path", sorted(TOPOLOGIES.glob("*.yaml")), ids=lambda path: path.name)
def test_schema_accepts_the_topology(path: Path) -> None:
    assert mistakes(data_of(path), SCHEMA) == []


def test_schema_marks_mistakes() -> None:
    data = data_of(TOPOLOGIES / "ccna_ch8.yaml")
    data["networks"]["Core"]["subnt"] = data["networks"]["Core"].pop("subnet")
    data["networks"] = {"two lans": data["networks"]["HR"], **data["networks"]}
    data["routers"]["CORP"]["base_mac"] = 12
    data["routers"]["CORP"]["interfaces"]["Vlan2"]["address"] = "10.1.1.2"
    data["checks"][0]["ttl"] = 3
    data["containers"]["web"]["restart"] = "never"
    assert mistakes(data, SCHEMA) == [
        ".networks.two lans: unknown",
        ".networks.Core: no subnet",
        ".networks.Core.subnt: unknown",
        ".routers.CORP.base_mac: no string",
        ".routers.CORP.interfaces.Vlan2.address: does not match",
        ".containers.web.restart: not one of the values",
        ".checks[0].ttl: unknown",
    ]


def test_check_prints_the_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("topology: x\nrouter: {}\n", encoding="utf-8")
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}:2: router: unknown key 'router': did you mean 'routers'?\n"


def test_wrong_command_line_says_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m components.topology check FILE")
