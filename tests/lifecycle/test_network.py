"""What a lab's network does beyond the life of single objects: what stays, what is seen meanwhile, and what packets find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import paramiko
import pytest

from dynamic_providers import connection
from dynamic_providers.base import HostError, HostProvider, Properties
from host_agent.schema import JSON
from tests.conditions import until
from tests.lifecycle.lab import Lab

VETH = HostProvider("veth_pair")


class Program:
    """A program that runs on the host meanwhile, in a namespace of the lab; `output` is what it has printed so far."""

    def __init__(self, lab: Lab, argv: list[str], netns: str) -> None:
        inside = ["nsenter", f"--net=/run/netns/{lab.netns(netns)}", "--"] if netns else []
        # With a terminal, the end of the channel is the end of the program.
        self.channel: paramiko.Channel = lab.agent.connection.terminal([*inside, *argv], "dumb", 200, 24)
        self._output = b""

    @property
    def output(self) -> str:
        while self.channel.recv_ready():
            self._output += self.channel.recv(65536)
        return self._output.decode()


@contextmanager
def running(lab: Lab, argv: list[str], netns: str = "") -> Iterator[Program]:
    program = Program(lab, argv, netns)
    try:
        yield program
    finally:
        with suppress(OSError):  # it ended by itself
            program.channel.send(b"\x03")
        until(program.channel.exit_status_ready, f"{argv[0]} ends on ^C")
        program.channel.close()


@contextmanager
def watching(lab: Lab, what: str, netns: str = "") -> Iterator[list[str]]:
    """The lines that `ip monitor` prints during the block, but for those of `lo`."""
    seen: list[str] = []
    with running(lab, ["ip", "-oneline", "monitor", "link", "address"], netns) as monitor:

        def changed(mtu: int) -> bool:
            lab.run("ip", "link", "set", "lo", "mtu", str(mtu), netns=netns)
            lab.run("ip", "link", "set", "lo", "mtu", "65536", netns=netns)
            return f"mtu {mtu}" in monitor.output

        until(lambda: changed(65000), "ip monitor shows what happens")
        yield seen
        until(lambda: changed(65001), "ip monitor shows the end")
        wanted = {"link": "mtu", "address": "inet "}[what]
        seen += [line for line in monitor.output.splitlines() if wanted in line and " lo" not in line]


def host_and_router(lab: Lab) -> tuple[str, str]:
    return lab.add("network_namespace", name="host", forwarding=True), lab.add("network_namespace", name="R1")


def cable(one: Mapping[str, object], other: Mapping[str, object]) -> Properties:
    return {"endpoints": [one, other]}


def probe(lab: Lab, **question: JSON) -> dict[str, JSON]:
    return lab.agent.call("probe", question)


def probe_until_ok(lab: Lab, **question: JSON) -> dict[str, JSON]:
    """As `lab check` does: again, until it is answered. A new link drops packets until the kernel has noticed its carrier."""
    answers: list[dict[str, JSON]] = []

    def answered() -> bool:
        answers.append(probe(lab, timeout_s=0.2, **question))
        return bool(answers[-1]["ok"])

    until(answered, f"{question} is answered")
    return answers[-1]


def test_a_bridge_keeps_its_mtu_when_a_port_has_a_smaller_one(lab: Lab) -> None:
    host, _ = host_and_router(lab)
    args = {"namespace": host, "ifname": "VMnet2", "mtu": 1500}
    bridge, _ = lab.create(HostProvider("bridge"), args)
    lab.add(
        "veth_pair",
        **cable(
            {"namespace": host, "ifname": "small", "mtu": 1400, "master": bridge},
            {"namespace": host, "ifname": "other", "mtu": 1400},
        ),
    )
    [link] = lab.ip_json("link", "show", "VMnet2", netns="host")
    assert link["mtu"] == 1500


def test_no_interface_is_ever_seen_in_the_hosts_own_namespace(lab: Lab) -> None:
    host, router = host_and_router(lab)
    with watching(lab, "link") as seen:
        lab.add("veth_pair", **cable({"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth0"}))
    assert seen == []


def test_an_address_that_stays_is_not_away_for_a_moment(lab: Lab) -> None:
    host, router = host_and_router(lab)

    def args(*addresses: str) -> Properties:
        return cable(
            {"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth0", "addresses": addresses}
        )

    olds = args("10.1.1.1/24", "10.1.1.2/24", "10.1.1.3/24", "10.9.0.1/16")
    id_, state = lab.create(VETH, olds)
    lab.run("sysctl", "-w", "net.ipv4.conf.all.promote_secondaries=0", netns="R1")
    with watching(lab, "address", "R1") as seen:
        VETH.update(id_, state, lab.inputs(VETH, args("10.1.1.2/24", "10.1.1.3/24", "10.1.1.4/24")))
    deleted = [line for line in seen if line.startswith("Deleted")]
    assert [line for line in deleted if "10.1.1.1/24" in line]
    assert [line for line in deleted if "10.9.0.1/16" in line]
    assert not [line for line in deleted if "10.1.1.2/24" in line or "10.1.1.3/24" in line]
    [link] = lab.ip_json("-4", "address", "show", "eth0", netns="R1")
    addresses = link["addr_info"]
    assert isinstance(addresses, list)
    assert {address["local"] for address in addresses if isinstance(address, dict)} == {
        "10.1.1.2",
        "10.1.1.3",
        "10.1.1.4",
    }


def test_neighbours_hear_of_another_mac(lab: Lab) -> None:
    """By themselves they would ask again only after half a minute."""
    host, router = host_and_router(lab)

    def args(mac: str) -> Properties:
        end = {"namespace": router, "ifname": "eth0", "addresses": ["10.1.1.2/24"], "mac": mac}
        return cable({"namespace": host, "ifname": "to-r1", "addresses": ["10.1.1.1/24"]}, end)

    def knows(mac: str) -> bool:
        return mac in lab.run("ip", "neigh", "show", "10.1.1.2", netns="host")

    id_, state = lab.create(VETH, args("02:00:00:00:00:01"))
    probe_until_ok(lab, kind="ping", netns=lab.netns("host"), address="10.1.1.2")
    assert knows("02:00:00:00:00:01")
    # Within a second of the last answer the kernel takes no other.
    lab.run("sysctl", "-w", "net.ipv4.neigh.to-r1.locktime=0", netns="host")
    VETH.update(id_, state, lab.inputs(VETH, args("02:00:00:00:00:02")))
    until(lambda: knows("02:00:00:00:00:02"), "the host knows the new MAC")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"master": "{lease}/bridge/R1/VMnet9#000000"}, "its master .*VMnet9.* is not there"),
        ({"default_via": "10.2.2.2"}, "via 10.2.2.2: .*gateway"),
        ({"mtu": 65535, "addresses": ["10.1.1.1/24", "10.1.1.1/24"]}, "add address 10.1.1.1/24"),
    ],
    ids=["no such master", "gateway out of reach", "address twice"],
)
def test_a_failed_add_leaves_nothing(lab: Lab, wrong: Properties, says: str) -> None:
    host, router = host_and_router(lab)
    wrong = {name: value.format(lease=lab.lease) if isinstance(value, str) else value for name, value in wrong.items()}
    end: Properties = {"namespace": router, "ifname": "eth0", "addresses": ["10.1.1.1/24"], **wrong}
    with pytest.raises(HostError, match=says):
        lab.create(VETH, cable({"namespace": host, "ifname": "r1-br"}, end))
    assert "r1-br" not in lab.run("ip", "link", netns="host")
    assert "eth0" not in lab.run("ip", "link", netns="R1")
    objects = lab.agent.call("ledger", {"lease": lab.lease})["objects"]
    assert isinstance(objects, list)
    assert [item["kind"] for item in objects if isinstance(item, dict)] == ["network_namespace", "network_namespace"]


def test_a_pair_of_which_only_one_end_was_marked_is_finished(lab: Lab) -> None:
    """An agent that was killed at the worst moment."""
    host, router = host_and_router(lab)
    args = cable({"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth0", "mtu": 1400})
    id_, _ = lab.create(VETH, args)
    lab.run("ip", "link", "del", "r1-br", netns="host")
    peer = ["peer", "name", "eth0", "netns", lab.netns("R1")]
    lab.run("ip", "link", "add", "r1-br", "type", "veth", *peer, netns="host")
    lab.run("ip", "link", "set", "r1-br", "alias", f"exam-lab {lab.lease}", netns="host")
    [before] = lab.ip_json("link", "show", "r1-br", netns="host")

    again, _ = lab.create(VETH, args)
    assert again == id_
    [link] = lab.ip_json("link", "show", "r1-br", netns="host")
    assert link["ifindex"] == before["ifindex"]
    [other] = lab.ip_json("link", "show", "eth0", netns="R1")
    assert (other["mtu"], other["ifalias"]) == (1400, f"exam-lab {lab.lease}")


def test_two_pairs_cannot_claim_one_interface(lab: Lab) -> None:
    host, router = host_and_router(lab)
    lab.add("veth_pair", **cable({"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth0"}))
    with pytest.raises(
        HostError,
        match=r"interface r1-br in host exists already and belongs to stack .* this lab itself, as part of another object",
    ):
        lab.create(VETH, cable({"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth1"}))
    assert "eth0" in lab.run("ip", "link", netns="R1")


def test_what_a_device_owns_is_neither_drift_nor_repaired(lab: Lab) -> None:
    host, router = host_and_router(lab)

    def args(mtu: int) -> Properties:
        owned: Properties = {"addresses": ["10.1.1.2/24"], "default_via": "10.1.1.1", "owned": ["addresses", "routes"]}
        return cable(
            {"namespace": host, "ifname": "r1-br"}, {"namespace": router, "ifname": "eth0", "mtu": mtu, **owned}
        )

    id_, state = lab.create(VETH, args(1500))
    assert "10.1.1.2/24" in lab.run("ip", "address", netns="R1")
    assert "via 10.1.1.1" in lab.run("ip", "route", netns="R1")

    lab.run("ip", "address", "replace", "10.1.1.77/24", "dev", "eth0", netns="R1")
    lab.run("ip", "address", "del", "10.1.1.2/24", "dev", "eth0", netns="R1")
    lab.run("ip", "route", "replace", "default", "via", "10.1.1.78", netns="R1")
    assert VETH.read(id_, state).inputs == lab.inputs(VETH, args(1500))
    VETH.update(id_, state, lab.inputs(VETH, args(1400)))
    addresses, routes = lab.run("ip", "address", netns="R1"), lab.run("ip", "route", netns="R1")
    assert "mtu 1400" in addresses
    assert "10.1.1.77/24" in addresses
    assert "10.1.1.2/24" not in addresses
    assert "via 10.1.1.78" in routes


def test_a_default_route_that_was_there_is_replaced(lab: Lab) -> None:
    host, router = host_and_router(lab)
    first = cable(
        {"namespace": host, "ifname": "b0"}, {"namespace": router, "ifname": "eth0", "addresses": ["10.1.1.2/24"]}
    )
    lab.create(VETH, first)
    lab.run("ip", "route", "add", "default", "via", "10.1.1.1", netns="R1")
    end = {"namespace": router, "ifname": "eth1", "addresses": ["10.2.1.2/24"], "default_via": "10.2.1.1"}
    lab.create(VETH, cable({"namespace": host, "ifname": "b1"}, end))
    [default] = lab.ip_json("route", "show", "default", netns="R1")
    assert (default["gateway"], default["dev"], default["protocol"]) == ("10.2.1.1", "eth1", "76")


def test_many_pairs_at_once(lab: Lab) -> None:
    host, router = host_and_router(lab)
    bridge = lab.add("bridge", namespace=host, ifname="VMnet2")

    def args(number: int) -> Properties:
        end = {"namespace": router, "ifname": f"eth{number}", "addresses": [f"10.1.{number}.1/24"]}
        return cable({"namespace": host, "ifname": f"port{number}", "master": bridge}, end)

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda number: lab.create(VETH, args(number)), range(50)))
        shown = list(pool.map(lambda one: VETH.read(*one).inputs, made))
    assert shown == [lab.inputs(VETH, args(number)) for number in range(50)]
    ports = lab.ip_json("link", "show", "master", "VMnet2", netns="host")
    assert len(ports) == 50


def test_labs_with_the_same_names_live_side_by_side(lab: Lab, lab_host: connection.Endpoint) -> None:
    other = Lab(lab_host, "another")
    try:
        for each in (lab, other):
            host, router = host_and_router(each)
            bridge = each.add("bridge", namespace=host, ifname="VMnet2")
            end = {"namespace": router, "ifname": "eth0", "addresses": ["10.1.1.2/24"]}
            each.add("veth_pair", **cable({"namespace": host, "ifname": "r1-br", "master": bridge}, end))
    finally:
        other.close()
    assert "10.1.1.2/24" in lab.run("ip", "address", netns="R1")
    assert other.lease not in lab.run("ip", "netns")


def test_labs_masquerade_side_by_side_in_the_hosts_own_namespace(lab: Lab, lab_host: connection.Endpoint) -> None:
    provider = HostProvider("masquerade")
    other = Lab(lab_host, "another")
    try:
        for each, source in ((lab, "100.64.0.0/30"), (other, "100.64.0.4/30")):
            args: Properties = {"namespace": "", "oifname": "eth0", "sources": [source]}
            id_, state = each.create(provider, args)
            assert provider.read(id_, state).inputs == each.inputs(provider, args)
    finally:
        other.close()
    ruleset = lab.run("nft", "list", "ruleset")
    assert "100.64.0.0/30" in ruleset
    assert "100.64.0.4/30" not in ruleset


def test_a_namespace_goes_with_the_processes_left_in_it(lab: Lab) -> None:
    host, _ = host_and_router(lab)
    args: Properties = {"name": "host", "forwarding": True}
    with running(lab, ["sleep", "1000"], "host") as left:
        until(lambda: "sleep" in lab.run("ps", "-e", "-o", "comm="), "sleep runs")
        HostProvider("network_namespace").delete(host, lab.inputs(HostProvider("network_namespace"), args))
        until(left.channel.exit_status_ready, "sleep has ended")


def test_packets_leave_by_masquerading_with_the_outside_address(lab: Lab) -> None:
    host, inner = host_and_router(lab)
    outside = lab.add("network_namespace", name="outside")
    gateway = {"namespace": host, "ifname": "inner", "addresses": ["192.168.10.1/24"]}
    client = {"namespace": inner, "ifname": "eth0", "addresses": ["192.168.10.2/24"], "default_via": "192.168.10.1"}
    lab.add("veth_pair", **cable(gateway, client))
    uplink = {"namespace": host, "ifname": "uplink", "addresses": ["172.16.0.1/24"]}
    lab.add("veth_pair", **cable(uplink, {"namespace": outside, "ifname": "eth0", "addresses": ["172.16.0.2/24"]}))
    question: dict[str, JSON] = {"kind": "ping", "netns": lab.netns("R1"), "address": "172.16.0.2"}
    probe_until_ok(lab, kind="ping", netns=lab.netns("host"), address="172.16.0.2")
    probe_until_ok(lab, kind="ping", netns=lab.netns("R1"), address="192.168.10.1")
    # The outside has no route to the lab: without translation it cannot answer.
    assert not probe(lab, timeout_s=0.3, **question)["ok"]

    lab.add("masquerade", namespace=host, oifname="uplink", sources=["192.168.10.0/24"])
    assert probe_until_ok(lab, **question)["reply_ttl"] == 63
    with running(lab, ["tcpdump", "-n", "-l", "-i", "eth0", "icmp"], "outside") as capture:

        def captured() -> bool:
            probe(lab, timeout_s=0.2, **question)
            return "echo request" in capture.output

        until(captured, "the outside receives")
        assert "172.16.0.1 > 172.16.0.2: ICMP echo request" in capture.output
        assert "192.168.10.2" not in capture.output


def test_probes(lab: Lab) -> None:
    host, router = host_and_router(lab)
    lab.add(
        "veth_pair",
        **cable(
            {"namespace": host, "ifname": "to-r1", "addresses": ["10.1.1.1/24"]},
            {"namespace": router, "ifname": "eth0", "addresses": ["10.1.1.2/24"]},
        ),
    )
    inside = lab.netns("host")
    answer = probe_until_ok(lab, kind="ping", netns=inside, address="10.1.1.2")
    assert answer["reply_ttl"] == 64
    assert answer["error"] == ""
    assert isinstance(answer["rtt_ms"], float)
    silent = probe(lab, kind="ping", netns=inside, address="10.1.1.3", timeout_s=0.2)
    assert (silent["ok"], silent["error"]) == (False, "no reply from 10.1.1.3 within 0.2 s")
    assert probe(lab, kind="ping", netns=inside, address="10.5.5.5")["error"] == "ping 10.5.5.5: Network is unreachable"

    script = "mkdir -p /tmp/www && echo 'Hello world' >/tmp/www/hello.html && exec busybox httpd -f -p 80 -h /tmp/www"
    with running(lab, ["sh", "-c", script], "R1"):
        hello = probe_until_ok(lab, kind="http", netns=inside, url="http://10.1.1.2/hello.html")
        assert (hello["status"], hello["body"]) == (200, "Hello world\n")
        missing = probe(lab, kind="http", netns=inside, url="http://10.1.1.2/nothing")
        assert (missing["ok"], missing["status"]) == (False, 404)
    until(
        lambda: str(probe(lab, kind="http", netns=inside, url="http://10.1.1.2/hello.html")["error"]).endswith(
            "refused"
        ),
        "nobody listens any more",
    )

    route = probe(lab, kind="route", netns=inside, dst="10.1.1.0/24")
    assert route == {"ok": True, "via": "", "dev": "to-r1", "protocol": 2, "metric": 0, "error": ""}
    absent = probe(lab, kind="route", netns=inside, dst="10.1.0.0/21")
    assert (absent["ok"], absent["error"]) == (False, "no route to 10.1.0.0/21 in table 254")
    with pytest.raises(Exception, match=r"network namespace nowhere is not on this host"):
        probe(lab, kind="ping", netns="nowhere", address="10.1.1.2")
