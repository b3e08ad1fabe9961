"""Check and diff of every kind: no host, no engine. Pulumi's unknowns stand where a preview has them."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest
from pulumi.output import Unknown

from dynamic_providers import (
    bridge,
    container,
    forwarding,
    frr_router,
    image,
    lab_lease,
    masquerade,
    network_namespace,
    route,
    veth_pair,
)
from dynamic_providers.base import HostProvider, HostResource
from host_agent import kinds, schema

HOST = {
    "address": "127.0.0.1",
    "port": 2222.0,
    "user": "root",
    "host_key": "",
    "private_key_file": "",
    "identity": "m1",
}
NAMESPACE = "a1b2c3d4/network_namespace/host#000001"
DIGEST = "0" * 64


@dataclasses.dataclass(frozen=True)
class Row:
    """Of one kind: its resource class, args that are right, what each change must do, and args that are wrong, with the paths to be named."""

    resource: type[HostResource]
    args: Mapping[str, object]
    in_place: tuple[Mapping[str, object], ...]
    replacing: tuple[Mapping[str, object], ...]
    wrong: Mapping[str, object]
    paths: frozenset[str]
    provider: Callable[[], HostProvider] | None = None
    """Where it is not the generic one."""


def _pair(**changes: object) -> list[dict[str, object]]:
    return [
        {"namespace": NAMESPACE, "ifname": "web-dev", **changes},
        {"namespace": NAMESPACE, "ifname": "web-br"},
    ]


ROWS: dict[str, Row] = {
    "lease": Row(
        lab_lease.LabLease,
        {"project": "lab", "stack": "dev", "user": "ana@laptop"},
        ({"kept": False},),
        ({"stack": "other"},),
        {"project": 1.0, "stack": "dev"},
        frozenset({"project", "user"}),
    ),
    "network_namespace": Row(
        network_namespace.NetworkNamespace,
        {"name": "host", "forwarding": True, "default_ttl": 255.0},
        ({"default_ttl": 64.0}, {"forwarding": False}, {"bridge_nf": True}, {"owned": ["forwarding"]}),
        ({"name": "R1"},),
        {"name": "a b", "default_ttl": 0.0, "forwarding": "yes", "colour": "red"},
        frozenset({"name", "default_ttl", "forwarding", "colour"}),
    ),
    "bridge": Row(
        bridge.Bridge,
        {"namespace": NAMESPACE, "ifname": "VMnet2", "mtu": 1500.0},
        ({"mtu": 1400.0}, {"mac": "02:00:00:00:00:01"}, {"up": False}),
        ({"ifname": "VMnet3"}, {"namespace": NAMESPACE.replace("000001", "000002")}),
        {"namespace": NAMESPACE, "ifname": "a-name-that-is-too-long", "mtu": 12.0, "mac": "01:00:5e:00:00:01"},
        frozenset({"ifname", "mtu", "mac"}),
    ),
    "veth_pair": Row(
        veth_pair.VethPair,
        {"endpoints": _pair()},
        (
            {"endpoints": _pair(mtu=1400.0)},
            {"endpoints": _pair(addresses=["192.168.10.100/24"])},
            {"endpoints": _pair(mac="cc00.793b.0000")},
            {"endpoints": _pair(master="a1b2c3d4/bridge/host/VMnet3#000003")},
            {"endpoints": _pair(default_via="192.168.10.10")},
            {"endpoints": _pair(up=False)},
        ),
        ({"endpoints": _pair(ifname="other")}, {"endpoints": _pair(namespace=NAMESPACE.replace("000001", "000002"))}),
        {"endpoints": _pair(ifname="a/b", mtu="big", addresses=["192.168.10.100"])},
        frozenset({"endpoints[0].ifname", "endpoints[0].mtu", "endpoints[0].addresses[0]"}),
    ),
    "route": Row(
        route.Route,
        {"namespace": NAMESPACE, "dst": "10.1.0.0/21", "via": "192.168.81.10"},
        ({"via": "192.168.81.11"}, {"links": ["a1b2c3d4/veth_pair/host/eth0--R1/eth0#000002"]}),
        ({"dst": "10.2.0.0/21"},),
        {"namespace": NAMESPACE, "dst": "10.1.1.1/21", "via": "nowhere"},
        frozenset({"dst", "via"}),
    ),
    "masquerade": Row(
        masquerade.Masquerade,
        {"namespace": NAMESPACE, "oifname": "uplink", "sources": ["192.168.0.0/18"]},
        ({"sources": ["192.168.0.0/18", "10.0.0.0/8"]},),
        ({"oifname": "eth0"},),
        {"namespace": NAMESPACE, "oifname": "", "sources": ["192.168.0.1/18"]},
        frozenset({"oifname", "sources[0]"}),
    ),
    "forwarding": Row(
        forwarding.Forwarding,
        {"network": "100.64.0.0/30", "oifname": "eth0"},
        (),
        ({"network": "100.64.0.4/30"}, {"oifname": "eth1"}),
        {"network": "100.64.0.1/30", "oifname": "a b"},
        frozenset({"network", "oifname"}),
    ),
    "image": Row(
        image.Image,
        {"name": "web", "rootfs_sha256": DIGEST, "host_files": {"/bin/busybox": "/bin/busybox"}},
        ({"rootfs_sha256": "1" * 64}, {"host_files": {}}),
        ({"name": "other"},),
        {"name": "Web!", "rootfs_sha256": "abc", "host_files": {"bin/busybox": "/bin/busybox"}},
        frozenset({"name", "rootfs_sha256", "host_files"}),
        image.ImageProvider,
    ),
    "container": Row(
        container.Container,
        {"name": "web", "image": f"sha256:{DIGEST}", "pause_image": f"sha256:{DIGEST}"},
        (
            {"image": f"sha256:{'1' * 64}"},
            {"command": ["/bin/busybox", "sh"]},
            {"env": {"A": "b"}},
            {"mounts": [{"source": "/srv", "target": "/srv", "read_only": True}]},
            {"capabilities": ["NET_RAW"]},
            {"memory_mib": 64.0},
            {"cpus": 0.5},
            {"restart": "always"},
            {"new_privileges": True},
            {"running": False},
        ),
        ({"name": "other"},),
        {
            "name": "web",
            "image": "i",
            "pause_image": "i",
            "capabilities": ["ALL"],
            "memory_mib": 1.0,
            "cpus": 0.0,
            "restart": "sometimes",
            "mounts": [{"source": "srv", "target": "/srv"}],
        },
        frozenset({"capabilities", "memory_mib", "cpus", "restart", "mounts[0].source"}),
    ),
    "frr_router": Row(
        frr_router.FrrRouter,
        {"name": "R1", "namespace": NAMESPACE, "config": "hostname R1\n"},
        ({"config": "hostname R2\n"}, {"daemons": ["zebra"]}, {"running": False}),
        ({"name": "R2"}, {"namespace": NAMESPACE.replace("000001", "000002")}),
        {"name": "R 1", "namespace": NAMESPACE, "config": 1.0, "daemons": ["sh"]},
        frozenset({"name", "config", "daemons"}),
    ),
}


@pytest.fixture(params=kinds.NAMES)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    assert name in ROWS, f"kind {name} has no row in this test: add one"
    return name


def _provider(kind: str) -> HostProvider:
    make = ROWS[kind].provider
    return make() if make else HostProvider(kind)


def _news(kind: str, **changes: object) -> dict[str, object]:
    common = {"host": HOST} if kind == "lease" else {"host": HOST, "lease": "a1b2c3d4"}
    return {**ROWS[kind].args, **changes, **common}


def _checked(kind: str, **changes: object) -> dict[str, object]:
    result = _provider(kind).check({}, _news(kind, **changes))
    assert result.failures == []
    return result.inputs


def test_constructor_has_the_fields_of_args(kind: str) -> None:
    parameters = set(inspect.signature(ROWS[kind].resource.__init__).parameters) - {
        "self", "resource_name", "host", "lease", "opts",
    }  # fmt: skip
    fields = {field.name for field in dataclasses.fields(kinds.load(kind).Args)}
    if kind == "image":
        parameters = (parameters - {"rootfs"}) | {"rootfs_sha256"}  # the program's file or folder becomes its digest
    assert parameters == fields


def test_check_is_idempotent(kind: str) -> None:
    inputs = _checked(kind)
    again = _provider(kind).check(inputs, dict(inputs))
    assert again.failures == []
    assert again.inputs == inputs


def test_check_reports_all_problems_with_their_paths(kind: str) -> None:
    result = _provider(kind).check({}, {**ROWS[kind].wrong, "host": HOST})
    assert {failure.property for failure in result.failures} == ROWS[kind].paths


def test_check_tolerates_unknowns_everywhere(kind: str) -> None:
    unknown = Unknown()
    result = _provider(kind).check({}, {**dict.fromkeys(ROWS[kind].args, unknown), "host": unknown, "lease": unknown})
    assert result.failures == []
    assert all(result.inputs[name] is unknown for name in ROWS[kind].args)


def test_no_difference_to_itself(kind: str) -> None:
    inputs = _checked(kind)
    diff = _provider(kind).diff("id", inputs, dict(inputs))
    assert (diff.changes, diff.replaces) == (False, [])


def test_changes_in_place(kind: str) -> None:
    for change in ROWS[kind].in_place:
        diff = _provider(kind).diff("id", _checked(kind), _checked(kind, **change))
        assert (diff.changes, diff.replaces) == (True, []), change


def test_changes_that_replace(kind: str) -> None:
    for change in ROWS[kind].replacing:
        diff = _provider(kind).diff("id", _checked(kind), _checked(kind, **change))
        assert diff.changes, change
        assert diff.replaces == list(change)
        assert diff.delete_before_replace


def test_another_machine_replaces(kind: str) -> None:
    olds = _checked(kind)
    diff = _provider(kind).diff("id", olds, {**olds, "host": {**HOST, "identity": "m2"}})
    assert diff.replaces == ["host"]


def test_another_address_of_the_same_machine_does_not_replace(kind: str) -> None:
    olds = _checked(kind)
    diff = _provider(kind).diff("id", olds, {**olds, "host": {**HOST, "port": 2223.0}})
    assert (diff.changes, diff.replaces) == (True, [])


def test_an_unknown_replaces_only_where_another_value_would(kind: str) -> None:
    unknown = Unknown()
    olds = _checked(kind)
    identity = schema.marked(kinds.load(kind).Args, schema.REPLACE)
    for name in [name for name in ROWS[kind].args if name != "endpoints"]:
        diff = _provider(kind).diff("id", olds, {**olds, name: unknown})
        assert diff.changes
        assert diff.replaces == ([name] if name in identity else []), name


@pytest.mark.parametrize(("name", "replaces"), [("master", []), ("namespace", ["endpoints"])])
def test_an_unknown_within_an_endpoint(name: str, replaces: list[str]) -> None:
    """A bridge that will be another one is followed; another namespace makes another pair."""
    olds = _checked("veth_pair")
    news = _provider("veth_pair").check({}, {**olds, "endpoints": _pair(**{name: Unknown()})})
    assert news.failures == []
    diff = _provider("veth_pair").diff("id", olds, news.inputs)
    assert (diff.changes, diff.replaces) == (True, replaces)


def test_the_program_imports_neither_ssh_nor_docker() -> None:
    """They cost every preview and up a quarter of a second, in a process that never connects."""
    script = "import sys, components.program; print(*sorted({'paramiko', 'cryptography', 'docker', 'requests'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
