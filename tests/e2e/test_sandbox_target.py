"""Target `sandbox`: the whole life of the ccna_ch8 lab, from nothing to nothing."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.state import read_record
from tests.e2e.stack import PROJECT, Stack

NAME = "e2e-sandbox"
MACHINE = {
    "interfaces": ["ip", "-j", "address"],
    "routes": ["ip", "-j", "route", "show", "table", "all"],
    "namespaces": ["ip", "netns", "list"],
    "mounts": ["findmnt", "--kernel", "--list", "--noheadings", "--output", "TARGET,SOURCE,FSTYPE"],
}


def _machine() -> dict[str, str]:
    """What must be the same on this machine before and after."""
    return {
        subject: subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        for subject, argv in MACHINE.items()
    }


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return _machine()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, before: dict[str, str]) -> Iterator[Stack]:
    stack = Stack(NAME, tmp_path_factory.mktemp("state"), {"target": "sandbox", "topology": "ccna_ch8"})
    try:
        assert "create" in stack.up()
        yield stack
    finally:
        if stack.settings.exists():
            stack.destroy()


def test_checks(lab: Stack) -> None:
    done = lab.run("lab", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert [(result["name"], result["passed"]) for result in results] == [
        ("ping 10.1.1.2 from host", True),
        ("ping 10.1.1.2 from web", True),
        ("ping 192.168.81.1 from web", True),
        ("http://192.168.10.100/hello.html from host", True),
    ]


def test_devices_are_outputs(lab: Stack) -> None:
    devices = lab.outputs()["devices"]
    assert isinstance(devices, dict)
    assert sorted(devices) == ["CORP", "R1", "R2", "R3", "host", "web"]
    assert devices["web"]["addresses"] == ["192.168.10.100/24"]
    assert devices["web"]["console"] == f"lab -s {NAME} console web"
    assert devices["CORP"]["addresses"] == ["10.1.1.2/24", "10.1.2.1/24", "10.1.4.1/24", "10.1.5.1/24"]


def test_second_up_and_preview_change_nothing(lab: Stack) -> None:
    assert lab.up() == {}
    assert lab.preview() == {}


def test_seven_bridges_in_the_lab_s_namespace(lab: Stack) -> None:
    done = lab.run("lab", "exec", "host", "--", "ip", "-j", "link", "show", "type", "bridge")
    assert done.returncode == 0, done.stderr
    assert sorted(link["ifname"] for link in json.loads(done.stdout)) == [f"VMnet{number}" for number in range(2, 9)]


def test_corp_learned_the_other_routers_networks_by_rip(lab: Stack) -> None:
    done = lab.run("lab", "exec", "CORP", "--", "vtysh", "-c", "show ip route rip json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {
        "172.16.10.0/24",
        "192.168.10.0/24",
        "192.168.20.0/24",
        "192.168.30.0/24",
        "192.168.40.0/24",
        "192.168.81.0/24",
    }


def test_corp_s_mac_is_the_declared_one(lab: Stack) -> None:
    done = lab.run("lab", "exec", "CORP", "--", "ip", "-j", "link", "show", "Vlan2")
    assert json.loads(done.stdout)[0]["address"] == "cc:00:79:3b:00:00"


def test_exec_passes_the_status_and_the_output_through(lab: Stack) -> None:
    done = lab.run("lab", "exec", "web", "--", "/bin/busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_no_secret_in_the_state(lab: Stack) -> None:
    private = (PROJECT / ".state" / "keys" / f"sandbox-{NAME}").read_text().splitlines()[1]
    assert private not in json.dumps(lab.resources())


def test_drift_is_shown_and_repaired(lab: Stack) -> None:
    done = lab.run("lab", "exec", "host", "--", "ip", "link", "set", "VMnet2", "mtu", "1400")
    assert done.returncode == 0, done.stderr
    assert lab.preview() == {"update": ["VMnet2"]}
    assert lab.up() == {"update": ["VMnet2"]}
    shown = lab.run("lab", "exec", "host", "--", "ip", "-j", "link", "show", "VMnet2")
    assert json.loads(shown.stdout)[0]["mtu"] == 1500


def test_destroy_leaves_the_machine_as_it_was(lab: Stack, before: dict[str, str]) -> None:
    host = lab.outputs()["host"]
    assert isinstance(host, dict)
    record = read_record(PROJECT / ".state" / "sandboxes" / NAME)
    assert record is not None
    assert list(Path("/sys/fs/cgroup").glob(f"*/*{record.identity}*"))
    lab.destroy()
    assert _machine() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host["address"], host["port"]))
    assert not (PROJECT / ".state" / "sandboxes" / NAME).exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/*{record.identity}*"))
    assert not [process for process in Path("/proc").glob("[0-9]*") if _works_for(NAME, process)]


def _works_for(name: str, process: Path) -> bool:
    """Whether a process is of the sandbox of that name."""
    try:
        return f"sandboxes/{name}".encode() in (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
