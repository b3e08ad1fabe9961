"""Routers in a real Dynamips: what it does that nobody would expect, and what of a router outlives what."""

from __future__ import annotations

import base64
import json
import shlex
import time
from pathlib import Path
from typing import cast

import pytest

from dynamic_providers import connection
from dynamic_providers.base import HostError, Properties
from dynamic_providers.dynamips_router import DynamipsRouterProvider
from dynamic_providers.router_image import RouterImageProvider, free_idle_pc
from sandbox import control
from tests import machines
from tests.conditions import until
from tests.lifecycle.lab import Lab, Needs, differences
from tests.lifecycle.rows.dynamips_hypervisor import pid as daemon_of
from tests.lifecycle.rows.dynamips_router import CONFIG, ROW, args, ask, needs
from tests.lifecycle.test_kinds import Object

IDLE_SHARE = 0.2
"""Of a processor, at most, with an idle-pc; it is 0.02 on a quiet machine, and 1 without."""


@pytest.fixture
def there(lab: Lab) -> Needs:
    return needs(lab)


def router(lab: Lab, there: Needs, **changes: object) -> Object:
    return Object(lab, DynamipsRouterProvider(), args(there, **changes))


def typed(lab: Lab, *lines: str, router_name: str = "R1") -> str:
    """Typed at the console, by a pipe: what it shows."""
    attach = lab.agent.connection.agent_command("attach", lab.lease, router_name)
    return lab.run("sh", "-c", f"printf '%s\\n' {shlex.join(lines)} | {shlex.join(attach)}")


def saved(lab: Lab) -> str:
    """The startup-config in NVRAM, by the hypervisor's own word; "" where there is none."""
    parts = ask(lab, "vm extract_config R1").split("'")
    return base64.b64decode(parts[3]).decode() if len(parts) > 3 else ""


def change_and_save(lab: Lab, hostname: str) -> None:
    until(lambda: "#" in typed(lab, "", "enable", ""), "the console has a prompt")
    typed(lab, "", "enable", "configure terminal", f"hostname {hostname}", "end", "write memory", "")
    until(lambda: f"hostname {hostname}" in saved(lab), "the configuration is saved")


def console_answers(lab: Lab, thing: Object) -> bool:
    probe = f"import socket; socket.create_connection(('127.0.0.1', {int(str(thing.state['console']))}), 1)"
    return lab.try_run("python3", "-c", probe, netns="host")[0] == 0


def test_a_router_that_runs_is_not_started_again(lab: Lab, there: Needs) -> None:
    """A second `vm start` is accepted, and kills the daemon at the next one."""
    thing = router(lab, there)
    daemon = daemon_of(lab)
    thing.create_again()
    for running in (False, True, True):
        thing.update(args(there, running=running))
    assert daemon_of(lab) == daemon
    thing.assert_as_declared("starts and stops")


def test_stop_and_start_keep_the_console(lab: Lab, there: Needs) -> None:
    """A start right after a stop leaves a router without its console, now and then, and says nothing."""
    thing = router(lab, there)
    for ram_mib in (32, 64) * 5:
        thing.update(args(there, ram_mib=ram_mib))
        assert console_answers(lab, thing)


def test_a_port_in_use_is_said(lab: Lab, there: Needs) -> None:
    """Dynamips says nothing, and starts the router without its console."""
    listen = "import socket; s = socket.create_server(('127.0.0.1', 2100)); print('listening', flush=True); s.accept()"
    lab.run("sh", "-c", f'setsid python3 -c "{listen}" > /tmp/listening 2>&1 & echo $! > /tmp/listener', netns="host")
    until(lambda: "listening" in lab.run("cat", "/tmp/listening"), "somebody listens")
    with pytest.raises(HostError, match=r"router R1: its ports 2100 and \d+ in the lab are in use"):
        router(lab, there, console_port=2100)
    assert not ask(lab, "vm list").startswith("101 ")
    lab.run("sh", "-c", "kill $(cat /tmp/listener); rm /tmp/listener /tmp/listening")
    until(lambda: "127.0.0.1:2100 " not in lab.run("ss", "-tln", netns="host"), "nobody listens any more")
    assert console_answers(lab, router(lab, there, console_port=2100))


def test_another_name_is_another_router(lab: Lab, there: Needs) -> None:
    """`vm rename` of a router that runs would leave one that can't be deleted."""
    thing = router(lab, there)
    daemon = daemon_of(lab)
    news = lab.inputs(thing.provider, args(there, name="R2"))
    assert thing.provider.diff(thing.id, thing.state, news).replaces == ["name"]
    thing.provider.delete(thing.id, thing.state)
    other = router(lab, there, name="R2")
    assert [line for line in ask(lab, "vm list").splitlines() if line.startswith("101")] == ["101 R2 (c3725)"]
    other.provider.delete(other.id, other.state)
    assert not ask(lab, "vm list").startswith("101 ")
    assert daemon_of(lab) == daemon


def test_a_daemon_is_stopped_in_good_order(lab: Lab, there: Needs) -> None:
    """By a signal it would leave its lock and the memory of its routers behind."""
    router(lab, there, mmap=True)
    work = f"/var/lib/exam-lab/dynamips/{lab.lease}/R1/work"
    assert "c3725_R1_lock" in lab.run("ls", work)
    lab.add("dynamips_hypervisor", name="R1", namespace=there["host"], running=False)
    assert not daemon_of(lab)
    left = lab.run("ls", work).split()
    assert "c3725_R1_rom" in left, "where a c3725 has its NVRAM"
    assert not [name for name in left if name.endswith(("_lock", "_ram"))]


def test_a_tap_in_use_is_refused(lab: Lab, there: Needs) -> None:
    """One tap is one cable: two routers in it would each get half of the frames."""
    one = router(lab, there)
    with pytest.raises(HostError, match="router R2: port 0/0 can't be plugged into tap R1-Fa0-0"):
        router(lab, there, name="R2", mac="cc:02:00:00:00:00", hypervisor=there["other"])
    one.assert_as_declared("the refusal")


def test_an_image_that_is_not_there_costs_nothing(lab: Lab, there: Needs) -> None:
    """A start that fails keeps the console's port busy until the daemon ends."""
    image = f"/var/lib/exam-lab/router-images/{there['image']}/image"
    for damage, repair in (
        (f"mv {image} {image}.away", f"mv {image}.away {image}"),
        (f"cp -p {image} {image}.away && truncate --size=1000 {image}", f"mv {image}.away {image}"),
    ):
        lab.run("sh", "-c", damage)
        with pytest.raises(HostError, match=r"router R1: its image [0-9a-f]{12} is not on the lab host"):
            router(lab, there)
        assert "127.0.0.1:2001 " not in lab.run("ss", "-tln", netns="host")
        lab.run("sh", "-c", repair)


def test_an_image_for_another_machine_is_refused(lab: Lab, there: Needs) -> None:
    """On the lab host, before a router is made of it; and nothing of it stays."""
    images = "/var/lib/exam-lab/router-images"
    before = lab.run("ls", "-R", images)
    lab.run("sh", "-c", f"head -c 40000 {images}/{there['image']}/image > /tmp/cut-off.elf")
    for path, message in (
        ("/bin/busybox", r"router image ios is for another machine: 64-bit little-endian"),
        ("/tmp/cut-off.elf", r"router image ios is truncated: it has 40000 bytes of at least \d+"),
        ("/etc/passwd", r"router image ios is no image of a router: it is not an ELF file"),
        ("/srv/none", r"router image ios: /srv/none is not a file on the lab host"),
    ):
        with pytest.raises(HostError, match=message):
            lab.create(RouterImageProvider(), {"name": "ios", "host_path": path})
        assert lab.run("ls", "-R", images) == before


def test_connections_are_closed_in_good_order(lab: Lab, there: Needs) -> None:
    """Else each leaks a descriptor of the daemon."""
    thing = router(lab, there)

    def descriptors() -> int:
        return len(lab.run("ls", f"/proc/{daemon_of(lab)}/fd").splitlines())

    thing.read()
    before = descriptors()
    for _ in range(20):
        thing.read()
    until(lambda: descriptors() <= before, "the daemon's descriptors are as before")


def test_a_delete_is_clean(lab: Lab, there: Needs) -> None:
    """NVRAM survives a `vm delete`: the next router of that name would have the candidate's configuration."""
    thing = router(lab, there)
    change_and_save(lab, "mine")
    thing.provider.delete(thing.id, thing.state)
    again = router(lab, there, startup_config=CONFIG.replace("hostname R1", "hostname fresh"))
    assert "hostname fresh" in saved(lab)
    lab.run("kill", "-9", daemon_of(lab))
    until(lambda: not daemon_of(lab), "the daemon is gone")
    again.provider.delete(again.id, again.state)
    assert not lab.look("sh", "-c", f"ls /var/lib/exam-lab/dynamips/{lab.lease}/R1/work | grep _R1_"), (
        "without a daemon too"
    )


def test_write_memory_is_the_candidate_s(lab: Lab, there: Needs) -> None:
    """`set_config` would write ours over it at every start."""
    thing = router(lab, there)
    change_and_save(lab, "mine")
    thing.assert_as_declared("write memory")
    changed = CONFIG.replace("10.1.1.2", "10.1.1.3")
    for what, changes in (
        ("another startup-config", {}),
        ("other hardware", {"ram_mib": 64}),
        ("a stop", {"ram_mib": 64, "running": False}),
        ("a start", {"ram_mib": 64}),
    ):
        thing.update(args(there, startup_config=changed, **changes))
        thing.assert_as_declared(what)
        assert "hostname mine" in saved(lab), what
    for what in (
        "stopped by hand",
        "deleted by hand",
        "its daemon killed",
        "a NIO removed by hand",
        "its tap made anew",
        "NVRAM",
    ):
        drift = ROW.drifts[what]
        drift.happen(lab, there)
        observed = thing.read()
        assert sorted(differences(observed, thing.declared)) == sorted(drift.shows), what
        thing.update(args(there, startup_config=changed, ram_mib=64))
        thing.assert_as_declared(what)
        assert "hostname mine" in saved(lab), what
    until(lambda: "mine>" in typed(lab, "", ""), "the router boots what was saved")
    thing.update(args(there, startup_config=changed, ram_mib=64, reset=1))
    assert "hostname R1" in saved(lab)
    assert "10.1.1.3" in saved(lab)


def test_a_tap_that_is_not_there_is_refused(lab: Lab, there: Needs) -> None:
    """Dynamips as root would make one by itself, outside of everything."""
    gone = there["R1-Fa0-1"].replace("R1-Fa0-1", "R1-Fa9-9")
    with pytest.raises(
        HostError, match="router R1: port 0/1 can't be plugged into tap R1-Fa9-9, which is not there or in use"
    ):
        router(lab, there, nios=[{"port": "0/1", "tap": gone}])
    assert "R1-Fa9-9" not in lab.run("ip", "link", netns="host")
    assert not ask(lab, "vm list").startswith("101 ")


def test_a_log_does_not_grow_without_end(lab: Lab, there: Needs) -> None:
    """A router that crashes logs megabytes in seconds."""
    thing = router(lab, there)
    log = f"/var/lib/exam-lab/dynamips/{lab.lease}/R1/work/c3725_R1_log.txt"
    lab.run("sh", "-c", f"head -c 5000000 /dev/zero >> {log}")
    hypervisor = {"name": "R1", "namespace": there["host"]}
    lab.agent.call("show", {"kind": "dynamips_hypervisor", "lease": lab.lease, "args": hypervisor})
    assert int(lab.run("stat", "--format=%s", log)) < 1000
    limit = [line for line in lab.run("cat", f"/proc/{daemon_of(lab)}/limits").splitlines() if "file size" in line]
    assert limit[0].split()[3] == str(64 << 20)
    thing.assert_as_declared("a long log")


def share_of_a_processor(lab: Lab) -> float:
    """What the daemon uses, over two seconds."""

    def ticks() -> int:
        fields = lab.run("cat", f"/proc/{daemon_of(lab)}/stat").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    hertz = int(lab.run("getconf", "CLK_TCK"))
    before, began = ticks(), time.monotonic()
    time.sleep(2)  # the time over which it is measured
    return (ticks() - before) / hertz / (time.monotonic() - began)


def test_no_log_has_the_configuration(lab: Lab, there: Needs) -> None:
    """Dynamips logs its commands, with what is pushed into a router."""
    thing = router(lab, there)
    thing.update(args(there, reset=1))
    log = lab.run("sh", "-c", f"cat /var/lib/exam-lab/dynamips/{lab.lease}/R1/work/*log*")
    assert log.count("exec_cmd: vm push_config R1 ***") == 2
    assert base64.b64encode(CONFIG.encode()).decode()[:30] not in log
    assert "exec_cmd: vm create R1 1 c3725" in log, "all else is there"


def test_a_router_is_idle(lab: Lab, there: Needs) -> None:
    router(lab, there)
    until(lambda: "R1>" in typed(lab, "", ""), "the router has booted")
    assert share_of_a_processor(lab) < IDLE_SHARE


def test_a_daemon_gets_no_more_than_its_limit(lab: Lab, there: Needs) -> None:
    """A router that is never idle, as one without idle-pc, or one that a candidate keeps busy."""
    router(lab, there, idle_pc=None)
    lab.add("dynamips_hypervisor", name="R1", namespace=there["host"], cpus=0.1)
    until(lambda: share_of_a_processor(lab) < 0.2, "it is held to a tenth of a processor")


@pytest.mark.quiet
def test_the_idle_pc_of_an_image_is_found_and_kept(lab: Lab, there: Needs) -> None:
    thing = router(lab, there, idle_pc=None)
    until(lambda: "R1>" in typed(lab, "", ""), "the router has booted")
    status, output, errors = lab.agent.connection.run(
        lab.agent.connection.agent_command("idle-pc", lab.lease, "R1"), timeout_s=180
    )
    assert status == 0, output.decode() + errors.decode()
    assert f"{free_idle_pc()} is kept with the image" in output.decode()
    image = {"name": "free", "sha256": there["image"]}
    shown = lab.agent.call("show", {"kind": "router_image", "lease": lab.lease, "args": image})
    assert cast("dict[str, object]", shown["outputs"])["default_idle_pc"] == free_idle_pc()
    thing.update(args(there, idle_pc=free_idle_pc()))
    thing.assert_as_declared("the idle-pc that was found")


def test_it_is_nobody_and_nobody_reaches_it(lab: Lab, there: Needs) -> None:
    router(lab, there)
    status = lab.run("cat", f"/proc/{daemon_of(lab)}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["Uid"].split()[0]) >= 1879048192
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0000000000000000"}
    assert fields["NoNewPrivs"] == "1"
    # Connected sockets, such as those of UDP links, take nothing but their peer's, which is 127.0.0.1 too.
    listening = {line.split()[4] for line in lab.run("ss", "-H", "-tuln", netns="host").splitlines()}
    assert {"127.0.0.1:7200", "127.0.0.1:2001", "127.0.0.1:3001"} <= listening
    assert all(address.startswith("127.0.0.1:") for address in listening), listening


def test_two_labs_with_routers_of_one_name(lab: Lab, there: Needs, lab_host: connection.Endpoint) -> None:
    one = router(lab, there)
    other_lab = Lab(lab_host, "the other")
    try:
        other_needs = needs(other_lab)
        other = router(other_lab, other_needs)
        assert one.state["console"] == other.state["console"]
        other.provider.delete(other.id, other.state)
        one.assert_as_declared("the end of another lab's router")
    finally:
        other_lab.close()
    one.assert_as_declared("the end of another lab")
    assert lab.run("ls", f"/var/lib/exam-lab/router-images/{there['image']}/users").split() == [f"{lab.lease}.free"]


def test_routers_share_a_daemon(lab: Lab, there: Needs) -> None:
    first = router(lab, there)
    second = router(
        lab, there, name="R2", mac="cc:02:00:00:00:00", nios=[{"port": "0/0", "udp_local": 10002, "udp_remote": 10001}]
    )
    assert first.state["console"] != second.state["console"]
    second.provider.delete(second.id, second.state)
    first.assert_as_declared("the end of the other router")


def test_routers_that_share_memory_outlive_their_daemon(lab: Lab, there: Needs) -> None:
    """What they share is in a file, which a new daemon takes up; the candidate's configuration is not among it."""
    shared = {"ram_mib": 32, "ghost": True, "sparse": True}
    first = router(lab, there, **shared)
    second = router(lab, there, name="R2", mac="cc:02:00:00:00:00", nios=[], **shared)
    work = f"/var/lib/exam-lab/dynamips/{lab.lease}/R1/work"
    assert len(lab.run("sh", "-c", f"ls {work}/*.ghost").split()) == 1
    change_and_save(lab, "mine")
    lab.run("kill", "-9", daemon_of(lab))
    until(lambda: not daemon_of(lab), "the daemon is gone")
    lab.add("dynamips_hypervisor", name="R1", namespace=there["host"])
    for thing in (first, second):
        thing.create_again()
        thing.assert_as_declared("the daemon's end")
    until(lambda: "mine>" in typed(lab, "", ""), "the first boots what was saved")
    until(lambda: "R1>" in typed(lab, "", "", router_name="R2"), "the second boots what it was given")


OTHER_PLATFORMS: dict[str, dict[str, object]] = {
    "c2691": {"platform": "c2691", "slots": {"1": "NM-16ESW"}, "wics": {"0": "WIC-2T", "1": "WIC-1T"}},
    "c3745": {"platform": "c3745", "slots": {"1": "NM-1FE-TX", "4": "NM-16ESW"}},
    "c3620": {"platform": "c3600", "chassis": "3620", "slots": {"0": "NM-4E", "1": "NM-1FE-TX"}},
    "c3640": {"platform": "c3600", "slots": {"0": "NM-1FE-TX", "1": "NM-1E", "2": "NM-4T", "3": "NM-16ESW"}},
    "c3660": {"platform": "c3600", "chassis": "3660", "slots": {"1": "NM-4E", "6": "NM-1FE-TX"}},
    "c7200": {"platform": "c7200", "slots": {"0": "C7200-IO-FE", "1": "PA-FE-TX", "2": "PA-4E", "6": "PA-8E"}},
    "c7200 with another processor": {"platform": "c7200", "npe": "npe-200", "slots": {"0": "C7200-IO-FE"}},
}
PLUGS = {"c7200": ("0/0", "1/0"), "c7200 with another processor": ("0/0",), "c3660": ("0/1", "6/0")}
"""Ports that are plugged in; of the others 0/0 and 1/0."""


@pytest.mark.parametrize(
    "name",
    [
        name if name in {"c3640", "c7200"} else pytest.param(name, marks=pytest.mark.thorough)
        for name in OTHER_PLATFORMS
    ],
)
def test_other_platforms(lab: Lab, there: Needs, name: str) -> None:
    """Made, halted, of all that Dynamips is told of them; then changed, started, and taken away.

    c3600 and c7200 take the free firmware for an image, but it can't run there: that their processor runs is all that is seen.
    """
    ports = PLUGS.get(name, ("0/0", "1/0"))
    taps = [{"port": port, "tap": there[tap]} for port, tap in zip(ports, ("R1-Fa0-0", "R1-Fa1-0"), strict=False)]
    hardware = {"wics": {}, **OTHER_PLATFORMS[name], "nios": taps, "running": False}
    thing = router(lab, there, **hardware)
    thing.assert_as_declared("add")
    listed = ask(lab, "vm list", "vm slot_bindings R1", f"vm slot_nio_bindings R1 {ports[0][0]}")
    assert f"101 R1 ({hardware['platform']})" in listed
    for slot, card in cast("dict[str, str]", hardware["slots"]).items():
        assert f"101 {slot}/0: {card}" in listed
    assert f"R1:{ports[0]}" in listed
    thing.update(args(there, **{**hardware, "nios": taps[:1], "ram_mib": 64, "system_id": "FTX0945W0MY"}))
    thing.assert_as_declared("other hardware")
    thing.update(args(there, **{**hardware, "running": True}))
    thing.assert_as_declared("a start")
    assert ask(lab, "vm get_status R1").startswith("100-2")
    assert console_answers(lab, thing)
    thing.update(args(there, **{**hardware, "nios": taps[:1]}))
    if "npe" in hardware:
        ask(lab, "c7200 set_npe R1 npe-400")
        assert differences(thing.read(), thing.declared) == ["npe"]
        thing.update(args(there, **hardware))
        thing.assert_as_declared("the processor repaired")
    thing.update(args(there, **{**hardware, "slots": {}, "nios": [], "wics": {}}))
    thing.assert_as_declared("no cards")
    thing.provider.delete(thing.id, thing.state)
    assert "R1" not in ask(lab, "vm list", "nio list")


@pytest.mark.parametrize("name", ["c2691", pytest.param("c3745", marks=pytest.mark.thorough)])
def test_other_platforms_boot(lab: Lab, there: Needs, name: str) -> None:
    """What the free firmware runs on."""
    thing = router(lab, there, **{**OTHER_PLATFORMS[name], "wics": {}})
    until(lambda: "R1>" in typed(lab, "", ""), "the router has booted")
    change_and_save(lab, "mine")
    thing.update(args(there, **{**OTHER_PLATFORMS[name], "wics": {}, "slots": {}}))
    thing.assert_as_declared("no cards")
    until(lambda: "mine>" in typed(lab, "", ""), "the router boots what was saved")
    lab.run("ip", "address", "add", "10.1.1.9/24", "dev", "VMnet2", netns="host")
    until(lambda: lab.try_run("ping", "-c", "1", "-W", "1", "10.1.1.2", netns="host")[0] == 0, "the router answers")


def test_frames_go_through(lab: Lab, there: Needs) -> None:
    """From the bridge to the router and back, and on by UDP to another router, which has a daemon of its own."""
    router(lab, there)
    lab.run("ip", "address", "add", "10.1.1.9/24", "dev", "VMnet2", netns="host")
    until(lambda: lab.try_run("ping", "-c", "1", "-W", "1", "10.1.1.2", netns="host")[0] == 0, "the router answers")


def test_a_host_that_was_booted_has_its_routers_again(tmp_path: Path) -> None:
    name = "dy-reboot"
    with machines.machine(name, tmp_path) as machine:
        lab = Lab(machine.endpoint, "reboot", kept=True)
        there = needs(lab)
        thing = router(lab, there)
        change_and_save(lab, "mine")
        connection.close(machine.endpoint)
        control.stop(name, state=machines.STATE)
        status = machines.start(name, machine.public_key_file)
        assert status.port is not None
        endpoint = connection.Endpoint(
            "127.0.0.1", status.port, private_key_file=machine.endpoint.private_key_file, host_key=status.host_key or ""
        )
        lab.endpoint, lab.agent = endpoint, connection.agent(endpoint)
        restored: Properties = {
            **thing.state,
            "host": {**json.loads(json.dumps(thing.state["host"])), "port": status.port},
        }
        thing.state, thing.declared = restored, {**thing.declared, "host": restored["host"]}
        thing.assert_as_declared("a boot")
        assert "hostname mine" in saved(lab)
        connection.close(endpoint)
