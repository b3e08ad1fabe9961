"""Check and diff of the hosts themselves."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from pulumi.output import Unknown

from dynamic_providers.base import SchemaProvider
from dynamic_providers.hosts import host_seed, lab_host, sandbox_host

LAB_HOST = lab_host.LabHostProvider()
SANDBOX = sandbox_host.SandboxHostProvider()
SEED = host_seed.HostSeedProvider()
SEED_ARGS: dict[str, object] = {
    "region": "eu-central-1",
    "image": "debian-12",
    "instance_type": "m7i-flex.large",
    "authorized_key": "ssh-ed25519 AAAA",
}
CASES = [
    pytest.param(LAB_HOST, {"address": "192.0.2.10", "port": 22.0}, id="lab_host"),
    pytest.param(SANDBOX, {"name": "dev"}, id="sandbox_host"),
    pytest.param(SEED, SEED_ARGS, id="host_seed"),
]


@pytest.mark.parametrize(
    ("provider", "resource"),
    [(LAB_HOST, lab_host.LabHost), (SANDBOX, sandbox_host.SandboxHost), (SEED, host_seed.HostSeed)],
)
def test_constructors_have_the_fields_of_args(provider: SchemaProvider, resource: type) -> None:
    parameters = set(inspect.signature(resource.__init__).parameters) - {"self", "resource_name", "opts"}  # type: ignore[misc]
    assert parameters == {field.name for field in dataclasses.fields(provider.args_class())}


@pytest.mark.parametrize(("provider", "args"), CASES)
def test_check_is_idempotent_and_a_difference_to_itself_is_none(
    provider: SchemaProvider, args: dict[str, object]
) -> None:
    checked = provider.check({}, args)
    assert checked.failures == []
    assert provider.check({}, checked.inputs).inputs == checked.inputs
    assert provider.diff("id", checked.inputs, dict(checked.inputs)).changes is False


@pytest.mark.parametrize(("provider", "args"), CASES)
def test_unknowns_are_tolerated(provider: SchemaProvider, args: dict[str, object]) -> None:
    assert provider.check({}, {name: Unknown() for name in args}).failures == []


def test_a_machine_that_is_stopped_is_named() -> None:
    result = LAB_HOST.check({}, {"address": "", "machine": "i-0123456789abcdef0"})
    [failure] = result.failures
    assert failure.property == "address"
    assert "start-instances --instance-ids i-0123456789abcdef0" in failure.reason


def test_all_problems_at_once() -> None:
    result = LAB_HOST.check({}, {"port": 0.0, "user": 5.0, "requires": "docker", "colour": "red"})
    assert {failure.property for failure in result.failures} == {"address", "port", "user", "requires", "colour"}
    result = SANDBOX.check({}, {"name": "Dev!", "running": "yes"})
    assert {failure.property for failure in result.failures} == {"name", "running"}


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"port": 2222.0}, []),
        ({"host_key": "ssh-ed25519 AAAA"}, []),
        ({"boot": "another"}, []),
        ({"machine": "another"}, ["machine"]),
    ],
)
def test_what_makes_another_lab_host(change: dict[str, object], replaces: list[str]) -> None:
    olds = LAB_HOST.check({}, {"address": "192.0.2.10"}).inputs
    diff = LAB_HOST.diff("id", olds, {**olds, **change})
    assert (diff.changes, diff.replaces) == (True, replaces)


@pytest.mark.parametrize(
    ("change", "replaces"),
    [({"running": False}, []), ({"name": "other"}, ["name"]), ({"directory": "elsewhere"}, ["directory"])],
)
def test_what_makes_another_sandbox(change: dict[str, object], replaces: list[str]) -> None:
    olds = SANDBOX.check({}, {"name": "dev"}).inputs
    diff = SANDBOX.diff("id", olds, {**olds, **change})
    assert (diff.changes, diff.replaces) == (True, replaces)


HOST = {"address": "192.0.2.10", "port": 22.0, "user": "root", "private_key_file": "", "host_key": "ssh-ed25519 AAAA"}


def test_a_preview_knows_what_an_update_of_a_lab_host_leaves() -> None:
    """It has no more than the inputs; what is on the host would seem to be replaced."""
    olds = {
        **LAB_HOST.check({}, {"address": "192.0.2.10"}).inputs,
        "host": {**HOST, "identity": "m1"},
        "uplink": "eth0",
    }
    news = LAB_HOST.check(olds, {"address": "192.0.2.11", "boot": Unknown(), "host": None}).inputs
    assert news["host"] == {**HOST, "identity": "m1", "address": "192.0.2.11"}
    assert news["uplink"] == "eth0"
    assert "host" not in LAB_HOST.check(olds, {"address": "192.0.2.11", "machine": Unknown()}).inputs


def test_a_preview_knows_what_a_start_of_a_sandbox_leaves() -> None:
    olds = {**SANDBOX.check({}, {"name": "dev"}).inputs, "address": "127.0.0.1", "port": 40000.0, "boot_id": "1"}
    news = SANDBOX.check(olds, {"name": "dev", "running": True}).inputs
    assert (news["address"], news["port"]) == ("127.0.0.1", 40000.0)
    assert "boot_id" not in news
    assert "port" not in SANDBOX.check(olds, {"name": "other"}).inputs


CHOSEN = {
    "ami": "ami-0123456789abcdef0",
    "host_key": "ssh-ed25519 BBBB",
    "user_data": "#cloud-config",
    "since": "2030-06-28T08:00:00+00:00",
    "availability_zone": "eu-central-1b",
    "account": "123456789012",
}


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({}, set()),
        ({"instance_type": "m7i-flex.xlarge", "profile": "other"}, set()),
        ({"zone": "eu-central-1b"}, set()),
        ({"zone": "eu-central-1c"}, {"availability_zone"}),
        ({"number": 1}, {"ami", "host_key", "user_data", "since"}),
        ({"image": "ubuntu-24.04"}, {"ami", "host_key", "user_data", "since"}),
        ({"authorized_key": "ssh-ed25519 CCCC"}, {"ami", "host_key", "user_data", "since"}),
        ({"port": 2222}, {"ami", "host_key", "user_data", "since"}),
        ({"region": "eu-west-1"}, set(CHOSEN)),
    ],
)
def test_what_of_a_seed_is_chosen_anew(change: dict[str, object], anew: set[str]) -> None:
    """Nothing else may replace a host with a lab on it: no newer image, and no newer bootstrap."""
    olds = {**SEED.check({}, SEED_ARGS).inputs, **CHOSEN}
    news = SEED.check(olds, {**SEED_ARGS, **change, "user_data": ""}).inputs
    assert {name for name in CHOSEN if news.get(name) != CHOSEN[name]} == anew
    # Pulumi knows by an input of the program's that it is a secret, so it is one always.
    assert "user_data" in news


def test_a_read_gives_the_next_check_what_was_chosen() -> None:
    olds = {**SEED.check({}, SEED_ARGS).inputs, **CHOSEN}
    read = SEED.read("id", dict(olds))
    assert (read.id, read.outs, read.inputs) == ("id", olds, olds)


@pytest.mark.parametrize(
    "change",
    [{"number": 1}, {"image": "ubuntu-24.04"}, {"instance_type": "m7i-flex.xlarge"}, {"zone": "eu-central-1c"}],
)
@pytest.mark.parametrize(("before", "after"), [(True, True), (True, False), (False, True)])
def test_nothing_ends_a_host_while_an_exam_runs(change: dict[str, object], before: bool, after: bool) -> None:
    """EC2 still protects it in the update that lifts the protection, so that this takes one of its own."""
    olds = {**SEED.check({}, {**SEED_ARGS, "protected": before}).inputs, **CHOSEN}
    unchanged = SEED.check(olds, {**SEED_ARGS, "protected": after})
    assert unchanged.failures == []
    refused = SEED.check(olds, {**SEED_ARGS, **change, "protected": after})
    assert [failure.property for failure in refused.failures] == list(change)
    assert "lab:running" in refused.failures[0].reason
