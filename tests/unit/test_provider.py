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
    dynamips_hypervisor,
    dynamips_router,
    forwarding,
    frr_router,
    image,
    lab_lease,
    masquerade,
    network_namespace,
    route,
    router_image,
    tap,
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


def _emulated(**changes: object) -> dict[str, object]:
    return {
        "name": "R1",
        "hypervisor": "a1b2c3d4/dynamips_hypervisor/R1#000001",
        "platform": "c3725",
        "image": DIGEST,
        "mac": "cc:01:00:00:00:00",
        "slots": {"1": "NM-1FE-TX"},
        "nios": [{"port": "0/0", "tap": "a1b2c3d4/tap/host/R1-Fa0-0#000001"}],
        **changes,
    }


ROWS: dict[str, Row] = {
    "lease": Row(
        lab_lease.LabLease,
        {"project": "lab", "stack": "dev", "user": "ana@laptop"},
        (
            {"kept": False},
            {"public_key": "ssh-ed25519 AAAA"},
            {"budget": {"memory_mib": 512.0, "cpus": 1.5}, "capacity": {"memory_mib": 4096.0, "cpus": 8.0}},
        ),
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
    "tap": Row(
        tap.Tap,
        {"namespace": NAMESPACE, "ifname": "R1-Fa0-0", "master": "a1b2c3d4/bridge/host/VMnet2#000003"},
        ({"master": ""}, {"mtu": 1400.0}, {"up": False}),
        ({"ifname": "R1-Fa0-1"}, {"namespace": NAMESPACE.replace("000001", "000002")}),
        {"namespace": NAMESPACE, "ifname": "a name", "mtu": 1.0},
        frozenset({"ifname", "mtu"}),
    ),
    "dynamips_hypervisor": Row(
        dynamips_hypervisor.DynamipsHypervisor,
        {"name": "R1", "namespace": NAMESPACE},
        ({"niceness": 10.0}, {"memory_mib": 512.0}, {"cpus": 0.5}, {"running": False}),
        ({"name": "R2"}, {"namespace": NAMESPACE.replace("000001", "000002")}),
        {"name": "R.1", "namespace": NAMESPACE, "niceness": -5.0, "memory_mib": 1.0, "cpus": 0.0},
        frozenset({"name", "niceness", "memory_mib", "cpus"}),
    ),
    "router_image": Row(
        router_image.RouterImage,
        {"name": "free", "sha256": DIGEST, "idle_pc": "0x80010108"},
        ({"sha256": "1" * 64}, {"idle_pc": "0x8001010c"}, {"keep": True}),
        ({"name": "ios"},),
        {"name": "a b", "sha256": "abc", "idle_pc": "80010108"},
        frozenset({"name", "sha256", "idle_pc"}),
        router_image.RouterImageProvider,
    ),
    "dynamips_router": Row(
        dynamips_router.DynamipsRouter,
        _emulated(),
        (
            {"image": "1" * 64},
            {"mac": "cc01.0000.0100"},
            {"ram_mib": 64.0},
            {"nvram_kib": 64.0},
            {"slots": {"1": "NM-16ESW"}},
            {"wics": {"0": "WIC-1T"}},
            {"nios": []},
            {"idle_pc": "0x80010108"},
            {"system_id": "FTX0945W0MY"},
            {"conf_reg": "0x2142"},
            {"console_port": 2500.0},
            {"aux_port": 2501.0},
            {"disk0_mib": 8.0},
            {"iomem_percent": 10.0},
            {"mmap": True},
            {"sparse": True},
            {"ghost": True},
            {"startup_config": "hostname R1\nend\n"},
            {"reset": 1.0},
            {"running": False},
        ),
        ({"name": "R2"}, {"platform": "c3745"}, {"hypervisor": "a1b2c3d4/dynamips_hypervisor/R2#000001"}),
        {"name": "R 1", "hypervisor": "h", "platform": "c3725", "image": "x", "mac": "x", "conf_reg": "8450"},
        frozenset({"name", "image", "mac", "conf_reg"}),
        dynamips_router.DynamipsRouterProvider,
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
    if kind == "router_image":
        parameters = (parameters - {"path"}) | {"sha256"}
    if kind == "image":
        # The program's file or folder becomes its digest.
        parameters = (parameters - {"rootfs", "build", "pull"}) | {"rootfs_sha256", "context_sha256", "reference"}
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


def test_an_emulated_router_needs_a_mac_address() -> None:
    """Dynamips would make one of its process id, which is another at each start."""
    news = {name: value for name, value in _news("dynamips_router").items() if name != "mac"}
    result = _provider("dynamips_router").check({}, news)
    assert [(failure.property, failure.reason) for failure in result.failures] == [("mac", "is required")]


def test_the_chassis_of_a_router_replaces_and_its_processor_does_not() -> None:
    provider = _provider("dynamips_router")
    plain = _checked("dynamips_router", platform="c3600", nios=[], chassis="3640")
    other = _checked("dynamips_router", platform="c3600", nios=[], chassis="3660")
    assert provider.diff("id", plain, other).replaces == ["chassis"]
    plain = _checked("dynamips_router", platform="c7200", slots={}, nios=[])
    other = _checked("dynamips_router", platform="c7200", slots={}, nios=[], npe="npe-400")
    diff = provider.diff("id", plain, other)
    assert (diff.changes, diff.replaces) == (True, [])


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


EMULATED_MISTAKES: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "no such slot": ({"slots": {"3": "NM-1FE-TX"}}, {"slots['3']": "c3725 has no slot 3 for a card; it has 1, 2"}),
    "the built-in slot": ({"slots": {"0": "NM-1FE-TX"}}, {"slots['0']": "no slot 0 for a card"}),
    "no such card here": ({"slots": {"1": "PA-FE-TX"}}, {"slots['1']": "c3725 does not take PA-FE-TX in slot 1"}),
    "a card that is none": ({"slots": {"1": "NM-NAM"}}, {"slots['1']": "it takes NM-1FE-TX, NM-16ESW, NM-4T"}),
    "no WIC bay": ({"wics": {"3": "WIC-1T"}}, {"wics['3']": "no WIC bay 3"}),
    "no such WIC": ({"wics": {"0": "WIC-1ENET"}}, {"wics['0']": "WIC-1ENET is no WIC"}),
    "a port without a card": (
        {"nios": [{"port": "2/0", "udp_local": 10001.0, "udp_remote": 10002.0}]},
        {"nios[0].port": "c3725 with these cards has no port 2/0; it has 0/0, 0/1, 1/0"},
    ),
    "a port twice": (
        {"nios": [{"port": "0/0", "tap": "a/tap/b"}, {"port": "0/0", "tap": "a/tap/c"}]},
        {"nios[1].port": "plugged in twice: nios[0] is in it already"},
    ),
    "nothing to plug into": ({"nios": [{"port": "0/0"}]}, {"nios[0]": "must have either tap"}),
    "half a link": ({"nios": [{"port": "0/0", "udp_local": 10001.0}]}, {"nios[0]": "udp_local and udp_remote"}),
    "chassis of another": ({"chassis": "3640"}, {"chassis": "only a c3600"}),
    "a 3620 has two slots": (
        {"platform": "c3600", "chassis": "3620", "slots": {"0": "NM-1FE-TX", "2": "NM-1E"}, "nios": []},
        {"slots['2']": "c3600 (3620) has no slot 2 for a card; it has 0, 1"},
    ),
    "the 3660's own ports": (
        {"platform": "c3600", "chassis": "3660", "slots": {"0": "NM-1FE-TX"}, "nios": []},
        {"slots['0']": "c3600 (3660) has no slot 0"},
    ),
    "a c7200's slot 0": (
        {"platform": "c7200", "slots": {"0": "PA-FE-TX"}, "nios": []},
        {"slots['0']": "it takes C7200-IO-FE"},
    ),
}


@pytest.mark.parametrize("mistake", EMULATED_MISTAKES)
def test_cards_and_ports_that_dynamips_itself_would_accept(mistake: str) -> None:
    changes, expected = EMULATED_MISTAKES[mistake]
    found = _provider("dynamips_router").check({}, _news("dynamips_router", **changes)).failures
    assert {failure.property for failure in found} == set(expected)
    for failure in found:
        assert expected[failure.property] in failure.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": "c2691", "slots": {"1": "NM-16ESW"}, "nios": [{"port": "1/15", "tap": "a/tap/b"}]},
        {"platform": "c3745", "slots": {"4": "NM-4T"}, "wics": {"2": "WIC-2T"}},
        {"platform": "c3600", "slots": {"0": "NM-4E"}, "nios": [{"port": "0/3", "tap": "a/tap/b"}]},
        {"platform": "c3600", "chassis": "3660", "slots": {"6": "NM-1E"}},
        {"platform": "c7200", "slots": {"0": "C7200-IO-FE", "6": "PA-8E"}, "npe": "npe-400", "nios": []},
    ],
)
def test_cards_and_ports_that_fit(changes: dict[str, object]) -> None:
    assert _provider("dynamips_router").check({}, _news("dynamips_router", **changes)).failures == []


def test_an_unknown_tap_does_not_keep_its_port_from_being_checked() -> None:
    news = _news("dynamips_router", nios=[{"port": "2/0", "tap": Unknown()}])
    assert [failure.property for failure in _provider("dynamips_router").check({}, news).failures] == ["nios[0].port"]


@pytest.mark.parametrize("sources", [{}, {"sha256": DIGEST, "host_path": "/srv/ios.bin"}])
def test_a_router_image_has_one_source(sources: dict[str, object]) -> None:
    found = _provider("router_image").check({}, {"name": "ios", **sources, "host": HOST}).failures
    assert [failure.property for failure in found] == ["sha256"]


def test_the_program_imports_neither_ssh_nor_docker() -> None:
    """They cost every preview and up a quarter of a second, in a process that never connects."""
    script = "import sys, components.program; print(*sorted({'paramiko', 'cryptography', 'docker', 'requests'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
