"""Target `ssh` on a stock Debian 12 with systemd, cgroup v2, AppArmor and its own Docker, as a user who has sudo: the whole life of a lab, a reboot
in the middle of it. A virtual machine is slow: a test here is a story, and tells where it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynamic_providers import connection, shipment
from host_agent import bootstrap, lifetime
from tests import outside
from tests.e2e.stack import Stack
from tests.hostsnapshot import differences, snapshot
from tests.vm.virtual_machine import VirtualMachine, virtual_machine


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMachine]:
    tell("starting a virtual machine: about a minute and a half")
    with virtual_machine(tmp_path_factory.mktemp("vm")) as made:
        yield made


@pytest.fixture
def stack(vm: VirtualMachine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    endpoint = vm.endpoint
    made = Stack(
        f"vm-{request.node.name[5:25].strip('_').replace('_', '-')}",
        tmp_path,
        {
            "target": "ssh",
            "topology": request.param,
            "address": endpoint.address,
            "port": str(endpoint.port),
            "user": endpoint.user,
            "privateKeyFile": endpoint.private_key_file,
        },
    )
    yield made
    if made.settings.exists():
        made.destroy()


def tell(what: str) -> None:
    """A line for whoever waits: `make test-vm` has pytest show it at once."""
    print(f"vm {time.strftime('%H:%M:%S')}  {what}", flush=True)


def check(stack: Stack) -> None:
    done = stack.run("lab", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [result["passed"] for result in json.loads(done.stdout)] == [True] * 4


def test_it_is_a_stock_debian(vm: VirtualMachine) -> None:
    assert vm.run("stat --file-system --format=%T /sys/fs/cgroup") == "cgroup2fs\n"
    assert vm.run("cat /sys/module/apparmor/parameters/enabled") == "Y\n"
    assert "Debian GNU/Linux 12" in vm.run("cat /etc/os-release")
    assert "-P FORWARD DROP\n" in vm.run("iptables -S FORWARD")
    assert vm.run("systemctl is-system-running") == "running\n"


LIMITS = """
import json, pathlib, subprocess
from host_agent.cgroups import Group, Limits
process, group, said = subprocess.Popen(["sleep", "1000"], start_new_session=True), Group("exam-lab-0123abcd-R1"), []
def note():
    limits = group.limits(process.pid)
    said.append([limits.memory_bytes, limits.cpus])
for limits in (Limits(), Limits(64 << 20, 0.25), Limits(32 << 20), Limits(None, 0.5), Limits()):
    group.limit(process.pid, limits)
    note()
    if limits.cpus:
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        note()
(unit,) = [line for line in pathlib.Path(f"/proc/{process.pid}/cgroup").read_text().split("/") if ".scope" in line]
process.kill()
process.wait()
group.remove()
print(json.dumps([unit.strip(), said]))
"""


def test_limits_of_daemons_are_systemd_s(vm: VirtualMachine) -> None:
    """As Dynamips has them, which a stock Debian does not: a scope that systemd keeps, and that goes with its process."""
    connection.agent(vm.endpoint)
    folder = shipment.folder()
    unit, said = json.loads(vm.run(f"cd {folder} && python3 -B -c '{LIMITS.replace(chr(39), chr(34))}'"))
    assert unit == "exam-lab-0123abcd-R1.scope"
    mib = 1 << 20
    assert said == [
        [None, None],
        *[[64 * mib, 0.25]] * 2,
        [32 * mib, None],
        *[[None, 0.5]] * 2,
        [None, None],
    ]
    assert vm.run("systemctl list-units --all --no-legend 'exam-lab-0123abcd*'") == ""
    connection.close(vm.endpoint)


@pytest.mark.timeout(1200)  # minutes, on quiet cores
@pytest.mark.parametrize("stack", ["ccna_ch8"], indirect=True)
def test_a_lab_comes_back_after_a_reboot_and_goes_without_a_trace(vm: VirtualMachine, stack: Stack) -> None:
    before = snapshot(vm.run)
    tell("up")
    stack.up()
    check(stack)
    tell("checked; a second up")
    assert stack.up() == {}
    assert vm.run("systemctl is-active exam-lab.service; systemctl is-enabled exam-lab.service") == "active\nenabled\n"
    vm.run("docker exec $(docker ps --quiet --filter name=-web$) /bin/busybox touch /answer")

    tell("reboot")
    vm.reboot()
    check(stack)
    tell("checked; preview")
    assert vm.run("docker exec $(docker ps --quiet --filter name=-web$) /bin/busybox ls /answer") == "/answer\n"
    assert stack.preview() == {}

    tell("end of a pause container")
    vm.run("docker kill $(docker ps --quiet --filter name=-web-pause$)")
    check(stack)
    assert stack.preview() == {}

    tell("destroy")
    stack.destroy()
    assert differences(before, snapshot(vm.run)) == ""
    assert vm.run("systemctl --failed --no-legend") == ""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stack", [str(Path(__file__).parents[1] / "e2e/topologies/nat.yaml")], indirect=True)
def test_nat_through_docker_s_forward_drop(vm: VirtualMachine, stack: Stack) -> None:
    vm.run(outside.SET_UP)
    before = snapshot(vm.run)
    tell("up with NAT")
    stack.up()
    ping = ("lab", "exec", "client", "--", "/bin/busybox", "ping", "-c", "1", "-W", "3", outside.ADDRESS)
    done = stack.run(*ping)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.preview() == {}
    tell("destroy")
    stack.destroy()
    assert differences(before, snapshot(vm.run)) == ""


@pytest.mark.timeout(1200)
def test_the_first_boot_and_the_end_of_a_host_that_a_stack_made(vm: VirtualMachine) -> None:
    """What user data brings (target `aws`), under systemd. The last one: the machine is off afterwards."""
    for script in (bootstrap.SCRIPT, lifetime.SCRIPT):
        source = (Path(str(bootstrap.__file__)).parent / script.name).read_text()
        vm.run(f"install -D /dev/stdin {script} <<'END'\n{source}\nEND")
    # There is no way to a mirror, and all but dynamips is there.
    vm.run("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
    tell("first boot")
    agent = connection.agent(vm.endpoint)
    vm.run(f"systemd-run --quiet python3 -I {bootstrap.SCRIPT}")
    assert agent.call("bootstrap", {"timeout_s": 400}, timeout_s=420)["failure"] == ""
    tell("and again")
    vm.run(f"python3 -I {bootstrap.SCRIPT}")
    assert agent.call("bootstrap", {"timeout_s": 1})["failure"] == ""
    connection.close(vm.endpoint)
    assert vm.run("systemctl is-enabled frr || true") == "disabled\n"
    tell("reboot")
    vm.reboot()
    assert vm.run("systemctl is-active docker exam-lab-lifetime exam-lab-metadata").split() == ["active"] * 3
    assert "table inet exam_lab_metadata" in vm.run("nft list tables")
    tell("expiry")
    agent = connection.agent(vm.endpoint)
    never = {"deadline": "", "expiry": "2099-01-01T00:00:00Z"}
    assert agent.call("lifetime", never) == never
    vm.run("systemctl kill --signal KILL exam-lab-lifetime")
    deadline = time.monotonic() + 60
    while agent.call("lifetime", {}) != never:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    agent.call("lifetime", {"deadline": "", "expiry": "2020-01-01T00:00:00Z"})
    assert vm.process.wait(timeout=300) == 0
    connection.close(vm.endpoint)
