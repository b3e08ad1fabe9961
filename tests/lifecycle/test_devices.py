"""What a candidate and an examiner do with devices: routers keep what was typed, containers keep their links, consoles lead where they say."""

from __future__ import annotations

from typing import cast

import pytest

from dynamic_providers.base import HostError, HostProvider, Properties
from tests.lifecycle.lab import Lab
from tests.lifecycle.rows import container, frr_router

ROUTER = HostProvider("frr_router")
CONTAINER = HostProvider("container")


class Router:
    """A router and its state."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.needs = frr_router.needs(lab)
        self.id, self.state = lab.create(ROUTER, frr_router.args(self.needs))

    def vtysh(self, *commands: str) -> str:
        return self.lab.run(
            "vtysh", "-N", self.lab.netns("R1"), *(word for command in commands for word in ("-c", command))
        )

    def running(self) -> list[str]:
        return [line.strip() for line in self.vtysh("show running-config").splitlines()]

    def set(self, **changes: object) -> None:
        news = self.lab.inputs(ROUTER, frr_router.args(self.needs, **changes))
        self.state = cast(Properties, ROUTER.update(self.id, self.state, news).outs)

    def show(self) -> Properties:
        return cast(Properties, ROUTER.read(self.id, self.state).inputs)


@pytest.fixture
def router(lab: Lab) -> Router:
    return Router(lab)


def test_what_a_candidate_types_is_no_drift_and_stays(router: Router) -> None:
    router.vtysh(
        "configure terminal", "router rip", "network 172.16.0.0/12", "exit", "no ip route 172.30.0.0/16 10.1.1.9"
    )
    assert router.show() == router.lab.inputs(ROUTER, frr_router.args(router.needs))

    router.set(config=frr_router.CONFIG.replace("10.0.0.0/8", "10.1.0.0/16"))
    running = router.running()
    assert "network 172.16.0.0/12" in running
    assert "network 10.1.0.0/16" in running
    assert "network 10.0.0.0/8" not in running
    assert "ip route 172.30.0.0/16 10.1.1.9" not in running


def test_a_declared_line_that_the_candidate_took_away_can_be_taken_away(router: Router) -> None:
    router.vtysh("configure terminal", "interface Vlan2", "no ip address 10.1.1.2/24")
    router.set(config=frr_router.CONFIG.replace("10.1.1.2/24", "10.1.1.3/24").replace("10.1.1.9", "10.1.1.8"))
    assert "ip address 10.1.1.3/24" in router.running()
    assert "ip route 172.30.0.0/16 10.1.1.8" in router.running()


def test_a_saved_configuration_survives_a_restart_and_a_change(router: Router) -> None:
    router.vtysh("configure terminal", "router rip", "network 172.16.0.0/12", "end", "write memory")
    router.set(config=frr_router.CONFIG.replace("Core", "Backbone"))
    router.set(config=frr_router.CONFIG.replace("Core", "Backbone"), running=False)
    router.set(config=frr_router.CONFIG.replace("Core", "Backbone"))
    running = router.running()
    assert "network 172.16.0.0/12" in running
    assert "description Backbone" in running


def test_rejected_lines_are_named_and_nothing_of_the_change_stays(router: Router) -> None:
    before = router.running()
    with pytest.raises(HostError, match=r"router R1: FRR rejects its configuration: .*bogus") as rejection:
        router.set(config=frr_router.CONFIG + "router rip\n network 172.20.0.0/16\n bogus\n")
    assert "\n" not in str(rejection.value)
    assert router.running() == before
    assert router.show() == router.lab.inputs(ROUTER, frr_router.args(router.needs))


def test_a_new_router_with_a_rejected_line_leaves_nothing(lab: Lab) -> None:
    needs = frr_router.needs(lab)
    with pytest.raises(HostError, match=r"Unknown command: bogus \(line 2\); .*enabel … \(line 3\)") as rejection:
        lab.create(ROUTER, frr_router.args(needs, config="router rip\n bogus\nenabel  password tr0ub4dor\n"))
    assert "tr0ub4dor" not in str(rejection.value)
    assert frr_router.seen(lab, needs) == ""


def test_routers_are_unprivileged_and_listen_nowhere(router: Router) -> None:
    users = {line.split()[0] for line in router.lab.run("ps", "-e", "-o", "user=,args=").splitlines() if "-N " in line}
    assert users == {"frr"}
    assert router.lab.run("ss", "--listening", "--tcp", "--no-header", netns="R1") == ""


def test_links_survive_every_change_of_a_container(lab: Lab) -> None:
    needs = container.needs(lab)
    object_id, state = lab.create(CONTAINER, container.args(needs))
    host = lab.add("network_namespace", name="host")
    lab.add("veth_pair", endpoints=ends(object_id, host))

    def links() -> list[tuple[object, ...]]:
        # Not the carrier, which the kernel reports when it comes round to it.
        found = lab.ip_json("-4", "address", netns="web")
        return [(link["ifname"], link["ifindex"], link["addr_info"]) for link in found]

    before = links()
    assert [link[0] for link in before] == ["lo", "web-dev"]
    for changes in (
        {"image": needs["other image"]},
        {"command": ["/bin/busybox", "sleep", "1000"]},
        {"running": False},
        {},
    ):
        news = lab.inputs(CONTAINER, container.args(needs, **changes))
        state = cast(Properties, CONTAINER.update(object_id, state, news).outs)
        assert links() == before, changes


def test_a_dead_pause_container_takes_its_links_along_and_all_comes_back(lab: Lab) -> None:
    needs = container.needs(lab)
    object_id, state = lab.create(CONTAINER, container.args(needs))
    host = lab.add("network_namespace", name="host")
    pair = HostProvider("veth_pair")
    pair_id, pair_state = lab.create(pair, {"endpoints": ends(object_id, host)})
    lab.run("docker", "kill", container.docker_name(lab, "-pause"))
    assert not CONTAINER.read(object_id, state).id
    assert not pair.read(pair_id, pair_state).id

    lab.create(CONTAINER, container.args(needs))
    lab.create(pair, {"endpoints": ends(object_id, host)})
    assert "Hello" in lab.run("busybox", "wget", "-q", "-O", "-", "http://192.168.10.100/hello.html", netns="host")


@pytest.mark.parametrize("dying", [("",), ("-pause",), ("", "-pause"), ("-pause", "")])
def test_files_of_a_container_survive_restarts(lab: Lab, dying: tuple[str, ...]) -> None:
    needs = container.needs(lab)
    lab.create(CONTAINER, container.args(needs))
    name = container.docker_name(lab)
    lab.run("docker", "exec", name, "/bin/busybox", "touch", "/www/mine")
    for suffix in dying:
        lab.run("docker", "kill", name + suffix)
    lab.create(CONTAINER, container.args(needs))
    assert "mine" in lab.run("docker", "exec", name, "/bin/busybox", "ls", "/www")
    namespaces = [lab.run("stat", "--dereference", "--format=%i", path) for path in network_namespaces(lab, name)]
    assert len(set(namespaces)) == 1


def network_namespaces(lab: Lab, name: str) -> list[str]:
    """Of a container, of its pause container, and the one that has its name."""
    pids = [
        lab.run("docker", "inspect", "--format", "{{.State.Pid}}", each).strip() for each in (name, f"{name}-pause")
    ]
    return [*(f"/proc/{pid}/ns/net" for pid in pids), f"/run/netns/{lab.netns('web')}"]


def test_a_container_that_does_not_start_says_why_and_leaves_nothing(lab: Lab) -> None:
    needs = container.needs(lab)
    with pytest.raises(HostError, match=r'container web does not start: "/nope": .*no such file') as failure:
        lab.create(CONTAINER, container.args(needs, command=["/nope"]))
    assert "\n" not in str(failure.value)
    assert container.seen(lab, needs) == ""


def test_a_container_is_confined(lab: Lab) -> None:
    lab.create(CONTAINER, container.args(container.needs(lab)))
    status = lab.run("docker", "exec", container.docker_name(lab), "/bin/busybox", "cat", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapBnd"], 16) == 1 << 13  # NET_RAW
    assert fields["NoNewPrivs"] == "1"
    assert [link["ifname"] for link in lab.ip_json("link", netns="web")] == ["lo"]


@pytest.mark.parametrize("which", ["", "-pause"])
def test_docker_s_own_networks_have_no_part_in_a_container(lab: Lab, which: str) -> None:
    """Docker 20.10 can lock up for good where containers that are in one, even in `none`, end at once (moby/moby#42545)."""
    lab.create(CONTAINER, container.args(container.needs(lab)))
    settings = "{{.NetworkSettings.SandboxID}}{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}"
    assert lab.run("docker", "inspect", "--format", settings, container.docker_name(lab, which)).strip() == ""


def ends(container_id: str, host: str) -> list[Properties]:
    return [
        {"namespace": container_id, "ifname": "web-dev", "addresses": ["192.168.10.100/24"]},
        {"namespace": host, "ifname": "web-br", "addresses": ["192.168.10.1/24"]},
    ]


class TestAttach:
    """`run.py attach`, over SSH without and with a terminal."""

    @pytest.fixture
    def devices(self, lab: Lab) -> Lab:
        lab.add("network_namespace", name="host")
        Router(lab)
        lab.create(CONTAINER, container.args(container.needs(lab)))
        return lab

    @staticmethod
    def attach(lab: Lab, device: str, *command: str) -> tuple[int, str, str]:
        connection = lab.agent.connection
        words = ("--", *command) if command else ()
        status, output, errors = connection.run(connection.agent_command("attach", lab.lease, device, *words))
        return status, output.decode(), errors.decode()

    def test_commands_run_in_the_device(self, devices: Lab) -> None:
        assert "Vlan2" in self.attach(devices, "R1", "ip", "link")[1]
        assert "network 10.0.0.0/8" in self.attach(devices, "R1", "vtysh", "-c", "show running-config")[1]
        assert "Hello world" in self.attach(devices, "web", "cat", "/www/hello.html")[1]
        assert "Vlan2" not in self.attach(devices, "host", "ip", "link")[1]

    def test_words_stay_words(self, devices: Lab) -> None:
        for device in ("host", "web"):
            assert self.attach(devices, device, "echo", "a  b", "$HOME;", "'c'")[1] == "a  b $HOME; 'c'\n"

    @pytest.mark.parametrize("device", ["host", "R1"])
    def test_the_status_is_the_commands(self, devices: Lab, device: str) -> None:
        assert self.attach(devices, device, "sh", "-c", "exit 7")[0] == 7
        assert self.attach(devices, "web", "sh", "-c", "exit 8")[0] == 8

    def test_an_unknown_device_is_told_which_there_are(self, devices: Lab) -> None:
        status, _output, errors = self.attach(devices, "R9")
        assert status == 1
        assert errors == "no device 'R9' in this lab; there are R1, host, web\n"

    @pytest.mark.parametrize(
        ("device", "typed", "answer"),
        [
            ("R1", "show running-config | include network\nexit\n", "network 10.0.0.0/8"),
            ("web", "cat /www/hello.html\nexit\n", "Hello"),
            ("host", "echo a-$((40+2))\nexit\n", "a-42"),
        ],
    )
    def test_a_terminal_leads_to_the_console(self, devices: Lab, device: str, typed: str, answer: str) -> None:
        connection = devices.agent.connection
        channel = connection.terminal(connection.agent_command("attach", devices.lease, device), "xterm", 120, 40)
        channel.settimeout(20)
        channel.sendall(typed.encode())
        output = b""
        while received := channel.recv(4096):
            output += received
        assert answer in output.decode()
        assert channel.recv_exit_status() == 0
