"""The JSON Schema and the reference page are made from the model and are current."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

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


def test_check_prints_the_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("topology: x\nrouter: {}\n", encoding="utf-8")
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}:2: router: unknown key 'router': did you mean 'routers'?\n"


def test_wrong_command_line_says_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m components.topology check FILE")
