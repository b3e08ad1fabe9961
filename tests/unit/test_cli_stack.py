from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import stack
from cli.errors import UsageError

OUTPUTS: dict[str, object] = {
    "target": "sandbox",
    "topology": "ccna_ch8.yaml",
    "host": {
        "address": "127.0.0.1",
        "port": 40022.0,
        "user": "root",
        "private_key_file": ".state/keys/sandbox-dev",
        "host_key": "ssh-ed25519 AAAA",
        "identity": "0f3c",
    },
    "lease": "a1b2c3d4",
    "devices": {
        "CORP": {
            "kind": "router",
            "engine": "frr",
            "netns": "a1b2c3d4-CORP",
            "addresses": ["10.1.1.2/24"],
            "ready": True,
        },
        "host": {"kind": "host", "netns": "a1b2c3d4-host", "addresses": ["192.168.81.1/24"]},
        "aaa": {"kind": "container", "netns": "a1b2c3d4-aaa", "addresses": []},
    },
    "checks": [
        {"name": "ping", "kind": "ping", "from": "host", "target": "10.1.1.2", "reply_ttl": 254.0, "timeout_s": 60.0},
        {
            "name": "page",
            "kind": "http",
            "from": "host",
            "url": "http://192.168.10.100/",
            "contains": None,
            "timeout_s": 60,
        },
        {
            "name": "route",
            "kind": "route",
            "from": "CORP",
            "dst": "192.168.10.0/24",
            "via": "10.1.2.2",
            "timeout_s": 60,
        },
    ],
}


def test_outputs_become_a_deployment() -> None:
    deployment = stack.deployment_from("dev", OUTPUTS)
    assert deployment.endpoint.port == 40022
    assert deployment.endpoint.identity == "0f3c"
    assert list(deployment.devices) == ["host", "CORP", "aaa"]
    assert deployment.devices["CORP"].engine == "frr"
    assert [check.kind for check in deployment.checks] == ["ping", "http", "route"]
    assert deployment.checks[0].reply_ttl == 254
    assert deployment.checks[1].contains is None


def test_a_stack_without_a_lab_says_how_to_bring_it_up() -> None:
    with pytest.raises(UsageError, match=r"stack dev has no lab: bring it up with `pulumi up -s dev`"):
        stack.deployment_from("dev", {})
    with pytest.raises(UsageError, match="no output devices"):
        stack.deployment_from("dev", {name: value for name, value in OUTPUTS.items() if name != "devices"})


def test_a_device_is_found_in_any_case_and_a_wrong_name_lists_the_right_ones() -> None:
    deployment = stack.deployment_from("dev", OUTPUTS)
    assert deployment.device("corp").name == "CORP"
    with pytest.raises(UsageError, match="no device 'R9' in stack dev; there are host, CORP, aaa"):
        deployment.device("R9")


@pytest.mark.parametrize(
    ("stacks", "name"),
    [
        ([{"name": "a", "current": False}, {"name": "b", "current": True}], "b"),
        ([{"name": "only", "current": False}], "only"),
    ],
)
def test_the_selected_stack_else_the_only_one(stacks: list[dict[str, object]], name: str) -> None:
    assert stack.select_from(stacks) == name


@pytest.mark.parametrize(
    ("stacks", "message"),
    [([], "there is no stack yet"), ([{"name": "a"}, {"name": "b"}], "There are a, b: give --stack NAME")],
)
def test_no_stack_to_choose(stacks: list[dict[str, object]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stack.select_from(stacks)


def test_option_before_environment_before_pulumi(monkeypatch: pytest.MonkeyPatch, fake_pulumi: Path) -> None:
    fake_pulumi.write_text(f"#!/bin/sh\necho '{json.dumps([{'name': 'picked', 'current': True}])}'\n")
    monkeypatch.setenv("PULUMI_STACK", "from-environment")
    assert stack.select("from-option") == "from-option"
    assert stack.select(None) == "from-environment"
    monkeypatch.delenv("PULUMI_STACK")
    assert stack.select(None) == "picked"


def test_pulumis_own_message_is_passed_on(fake_pulumi: Path) -> None:
    fake_pulumi.write_text("#!/bin/sh\necho \"error: no stack named 'x' found\" >&2\nexit 6\n")
    with pytest.raises(UsageError, match=r"`pulumi stack output --json -s x` failed: no stack named 'x' found"):
        stack.read_deployment("x")


def test_no_pulumi_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"make setup"):
        stack.pulumi("version")


@pytest.fixture
def fake_pulumi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    program = tmp_path / "pulumi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program
