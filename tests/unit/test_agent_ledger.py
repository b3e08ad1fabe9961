"""What each lease has on a host, in files."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host_agent.errors import Missing
from host_agent.ledger import Ledger, make_id, split_id

OWNER = {"project": "lab", "stack": "ana", "user": "teacher@desk"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    ledger.open_lease("a1b2c3d4", OWNER)
    return ledger


def test_an_object_keeps_its_id_and_its_age(ledger: Ledger) -> None:
    first, known = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {"mtu": 1500})
    assert not known
    again, known = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {"mtu": 1400})
    assert known
    assert (again.id, again.recorded_ns) == (first.id, first.recorded_ns)
    assert again.args == {"mtu": 1400}
    assert ledger.find("a1b2c3d4", "bridge", "host/VMnet2") == again
    assert ledger.resolve(first.id) == again


def test_an_object_made_anew_has_another_id(ledger: Ledger) -> None:
    first, _ = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {})
    ledger.forget("a1b2c3d4", "bridge", "host/VMnet2")
    ledger.forget("a1b2c3d4", "bridge", "host/VMnet2")
    second, known = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {})
    assert not known
    assert first.id != second.id
    assert first.id.split("#")[0] == second.id.split("#")[0]


@pytest.mark.parametrize("left", [b"", b'{"id": "a1b2c3d4/bri'])
def test_what_a_power_cut_spoiled_is_not_there_and_the_others_are(ledger: Ledger, left: bytes) -> None:
    spoiled, _ = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {})
    other, _ = ledger.record("a1b2c3d4", "bridge", "host/VMnet3", {})
    [file] = ledger.leases.rglob("*VMnet2.json")
    file.write_bytes(left)
    assert ledger.entries("a1b2c3d4") == [other]
    assert ledger.find("a1b2c3d4", "bridge", "host/VMnet2") is None
    again, known = ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {})
    assert not known
    assert again.id != spoiled.id
    assert ledger.entries("a1b2c3d4") == [other, again]


def test_a_lease_is_on_the_disk_before_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing of the lab would be found after a power cut."""
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    Ledger(tmp_path).open_lease("a1b2c3d4", OWNER)
    file, folder = synced
    assert file.parent == folder == tmp_path / "leases" / "a1b2c3d4"
    assert file.name.startswith(".lease.json.")


@pytest.mark.parametrize(
    "key", ["host/VMnet2", "a#b", "host/a#b", "..", "ümläut", "a b", "x" * 63 + "/" + "y" * 15, "%2F"]
)
def test_keys_of_all_sorts(ledger: Ledger, key: str) -> None:
    entry, _ = ledger.record("a1b2c3d4", "bridge", key, {"key": key})
    assert split_id(entry.id) == ("a1b2c3d4", "bridge", key)
    assert ledger.entries("a1b2c3d4") == [entry]
    assert ledger.resolve(entry.id) == entry


def test_the_longest_name_of_a_veth_pair_fits_into_a_file_name(ledger: Ledger) -> None:
    end = "n" * 63 + "/" + "é" * 7 + "i"
    entry, _ = ledger.record("a1b2c3d4", "veth_pair", f"{end}--{end}", {})
    assert ledger.entries("a1b2c3d4") == [entry]


def test_ids_without_a_token_and_without_sense() -> None:
    assert split_id("a1b2c3d4/lease/lab/ana") == ("a1b2c3d4", "lease", "lab/ana")
    assert split_id(make_id("l", "route", "R1/10.0.0.0/8 metric 5")) == ("l", "route", "R1/10.0.0.0/8 metric 5")
    with pytest.raises(Missing, match="'VMnet2' is not the id"):
        split_id("VMnet2")


def test_entries_are_in_the_order_of_their_making(ledger: Ledger) -> None:
    keys = [f"host/{number}" for number in (3, 1, 2)]
    for key in keys:
        ledger.record("a1b2c3d4", "bridge", key, {})
    ledger.record("a1b2c3d4", "bridge", "host/3", {"changed": True})
    assert [entry.key for entry in ledger.entries("a1b2c3d4")] == keys


def test_nothing_is_recorded_for_a_lease_that_is_not_open(ledger: Ledger) -> None:
    with pytest.raises(Missing, match="ffffffff is not open on this host"):
        ledger.record("ffffffff", "bridge", "host/VMnet2", {})
    ledger.close_lease("a1b2c3d4")
    with pytest.raises(Missing, match="a1b2c3d4 is not open"):
        ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {})
    assert ledger.all_leases() == []
    assert ledger.entries("a1b2c3d4") == []


def test_who_holds_a_lease(ledger: Ledger) -> None:
    assert ledger.owner("a1b2c3d4") == OWNER
    assert ledger.describe("a1b2c3d4") == "stack ana of project lab (user teacher@desk, lease a1b2c3d4)"
    assert "not known on this host" in ledger.describe("ffffffff")
    assert ledger.all_leases() == ["a1b2c3d4"]


def test_numbers_of_leases_differ_stay_and_are_used_again(ledger: Ledger) -> None:
    ledger.open_lease("b", OWNER)
    ledger.open_lease("c", OWNER)
    numbers = {lease: ledger.number(lease) for lease in ("a1b2c3d4", "b", "c")}
    assert len({*numbers.values()}) == 3
    ledger.open_lease("c", {**OWNER, "user": "another"})
    assert ledger.number("c") == numbers["c"]
    ledger.close_lease("b")
    ledger.open_lease("d", OWNER)
    assert ledger.number("d") == numbers["b"]


def test_leases_opened_at_once_have_numbers_of_their_own(tmp_path: Path) -> None:
    names = [f"lease{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: Ledger(tmp_path).open_lease(name, OWNER), names))
    assert sorted(Ledger(tmp_path).number(name) for name in names) == list(range(20))


def test_only_root_reads_it_and_a_record_is_never_half(ledger: Ledger) -> None:
    ledger.record("a1b2c3d4", "bridge", "host/VMnet2", {"password": "x"})
    folder = ledger.leases / "a1b2c3d4"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        json.loads(path.read_text())
    # What a crash may have left beside a record is none.
    (folder / ".bridge host%2FVMnet3.json.0000abcd").write_text("{")
    assert len(ledger.entries("a1b2c3d4")) == 1
