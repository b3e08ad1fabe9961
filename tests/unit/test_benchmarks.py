"""What `make bench` builds and says, without building it."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from benchmarks import emulated, labs, measure, report, script, timing
from benchmarks.measure import DESTROY, EDIT, SAME, SAME_WITH_REFRESH, UP, Counted, LabResult
from benchmarks.peers import Script
from benchmarks.pulumi_runs import topologies
from components.topology import read_topology

LABS = ("ccna_ch8", "containers-10", "namespaces-200", "pairs-1000")


@pytest.mark.parametrize("name", LABS)
def test_no_two_ends_are_alike(name: str) -> None:
    ends = [end for pair in labs.lab(name).pairs for end in pair.ends]
    assert len({(end.namespace, end.ifname) for end in ends}) == len(ends)
    addresses = [address for end in ends for address in end.addresses]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("name", LABS)
def test_an_edit_is_one_pair_s_mtu(name: str) -> None:
    lab = labs.lab(name)
    changed = [pair for pair, other in zip(lab.pairs, lab.with_edit().pairs, strict=True) if pair != other]
    assert [pair.name for pair in changed] == [lab.edited]


def test_the_edited_topology_is_the_lab_with_the_edit(tmp_path: Path) -> None:
    lab = labs.lab("ccna_ch8")
    file = tmp_path / "wanted.yaml"
    for text, expected in zip(topologies(), (lab, lab.with_edit()), strict=True):
        file.write_text(text)
        assert labs.of_plan(read_topology(file), edited=lab.edited) == expected


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("steps", [script.up, script.edit, script.destroy])
def test_scripts_are_shell(name: str, steps: object) -> None:
    assert callable(steps)
    subprocess.run(["sh", "-n"], input=script.text(steps(labs.lab(name))), text=True, check=True)


def results() -> LabResult:
    result = LabResult("`ccna_ch8`", 0.1, resources=36)
    result.seconds = {
        "this project": {UP: [2.0, 9.0, 1.5], SAME: [1.5], EDIT: [1.7], DESTROY: [1.0]},
        "engine alone": {UP: [1.0], SAME: [0.9], SAME_WITH_REFRESH: [1.1], EDIT: [0.9], DESTROY: [0.7]},
        Script.name: {UP: [0.6], EDIT: [0.1], DESTROY: [0.2]},
    }
    result.distant = {UP: [4.0], SAME: [2.5], EDIT: [3.0], DESTROY: [2.0]}
    result.missing = {"pyinfra": "no such package"}
    result.counted = {SAME: Counted(1, 1, 35, {"show bridge": 35}, 70.0, 30.0)}
    return result


def test_tables_have_medians_ratios_and_verdicts() -> None:
    text = report.tables([results()], "a machine")
    assert "| this project | 2.00 | 1.50 | 1.70 | 1.00 | 3 |" in text
    assert "| engine alone | 1.00 (0.50×) | 0.90 (0.60×) | 0.90 (0.53×) | 0.70 (0.70×) | 1 |" in text
    assert "| `ccna_ch8`: up ≤ 1.6 × engine alone | 2.00 s | 1.60 s | **missed** |" in text
    assert "| `ccna_ch8`: no change ≤ engine alone with refresh + 0.5 s | 1.50 s | 1.60 s | ok |" in text
    assert "| pyinfra | not installed: no such package |" in text


def test_a_second_round_trip_or_connection_is_told() -> None:
    result = results()
    assert report.broken_promises([result]) == []
    result.counted[SAME] = dataclasses.replace(result.counted[SAME], calls={"show bridge": 36}, connections=2)
    assert len(report.broken_promises([result])) == 2


def test_emulated_routers(tmp_path: Path) -> None:
    nics = read_topology("nics.yaml", emulated.NIC_TOPOLOGY)
    behind = {
        address.partition("/")[0] for router in nics.routers if router.name == "sink" for address in router.addresses
    }
    assert set(emulated.NICS.values()) == behind
    fleet = read_topology("fleet.yaml", emulated.fleet_topology(100, 20))
    assert (len(fleet.routers), len(fleet.hypervisors)) == (100, 5)
    result = emulated.EmulatedResult(0.5, [9.0, 8.0, 12.0], [15.0], [3.0])
    result.fleets = [emulated.Fleet(20, 1, 10.0, 2.0, 44.4, 0.08)]
    result.round_trip_ms, result.lost = {"through one router": 31.2}, {"through one router": 0.0}
    result.frames_per_s = {"NM-1FE-TX": 1523.4}
    text = emulated.table(result, "A machine.")
    assert "| up | 9.0 s |" in text
    assert "| round trip through one router | 31.2 ms, 0 % lost |" in text
    assert "| 20 | 1 | 10.0 s | 2.0 s | 44 MiB | 8% of one |" in text
    assert "| NM-1FE-TX | 1523 |" in text


def test_results_are_kept_as_they_are(tmp_path: Path) -> None:
    measure.write(tmp_path / "results.json", {"ccna_ch8": results()})
    assert measure.read(tmp_path / "results.json") == {"ccna_ch8": results()}


def test_a_command_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TIMEOUT_S", 0.2)
    with pytest.raises(timing.BenchError, match=r"`sh -c echo begun; sleep 60` did not end within 0.2 s:\nbegun"):
        timing.run(["sh", "-c", "echo begun; sleep 60"])
