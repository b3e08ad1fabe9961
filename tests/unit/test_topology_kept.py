"""Plans are kept between runs, and never where they would be another one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.topology import TopologyError, kept, read_topology
from components.topology.kept import kept_plan

PROJECT = Path(__file__).parent.parent.parent
CCNA = PROJECT / "stacks" / "topologies" / "ccna_ch8.yaml"
SMALL = "topology: small\nnetworks: {A: {bridge: br0, subnet: 10.0.0.0/24}}\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "exam-lab" / "plans"


def test_the_second_reading_is_the_first_and_imports_no_reader() -> None:
    assert kept_plan(CCNA) == read_topology(CCNA)
    code = (
        "import sys; from pathlib import Path; from components.topology.kept import kept_plan;"
        f" print(kept_plan(Path({str(CCNA)!r})) is not None, 'pydantic' in sys.modules, 'ruamel.yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "False"]


def test_an_edit_makes_another_plan(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(SMALL)
    assert kept_plan(file).networks[0].mtu == 1500
    file.write_text(SMALL.replace("bridge: br0", "bridge: br0, mtu: 1400"))
    assert kept_plan(file).networks[0].mtu == 1400
    file.write_text("topology: [")
    with pytest.raises(TopologyError):
        kept_plan(file)


def test_new_code_makes_a_new_plan(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(SMALL)
    kept_plan(file)
    before = next(cache.iterdir()).read_bytes()
    (tmp_path / "other.py").write_text("# the code is another one")
    monkeypatch.setattr(kept, "__file__", str(tmp_path / "kept.py"))
    kept_plan(file)
    assert next(cache.iterdir()).read_bytes() != before


def test_what_was_kept_badly_is_read_again(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(SMALL)
    plan = kept_plan(file)
    [kept_file] = cache.iterdir()
    kept_file.write_bytes(b"half a")
    assert kept_plan(file) == plan


@pytest.mark.parametrize("config", ["config_file: r1.conf", "config: enable secret tr0ub4dor"])
def test_a_plan_with_a_whole_configuration_is_not_kept(tmp_path: Path, cache: Path, config: str) -> None:
    """It may depend on another file, and there may be passwords in it."""
    file = tmp_path / "lab.yaml"
    file.write_text(SMALL)
    kept_plan(file)
    assert list(cache.iterdir())
    (tmp_path / "r1.conf").write_text("enable secret tr0ub4dor\n")
    file.write_text(f"{SMALL}routers: {{R1: {{{config}}}}}\n")
    kept_plan(file)
    assert list(cache.iterdir()) == []


def test_each_engine_has_its_plan(tmp_path: Path) -> None:
    assert {router.engine for router in kept_plan(CCNA, engine="dynamips").routers} == {"dynamips"}
    assert {router.engine for router in kept_plan(CCNA).routers} == {"frr"}
