"""Several routers: forwarding, RIP among themselves and with FRR."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conditions import until
from tests.firmware.machines import (
    Lab,
    Namespace,
    Router,
    from_base,
    interface,
    rip,
    with_users_of_base,
)


def static(prefix: str, mask: str, via: str) -> str:
    return f"ip route {prefix} {mask} {via}\n"


def test_ping_through_one_and_three_routers(lab: Lab) -> None:
    ports = {
        "R1": ("10.1.0.1/24", "10.1.1.1/24", static("10.1.0.0", "255.255.0.0", "10.1.1.2")),
        "R2": (
            "10.1.1.2/24",
            "10.1.2.2/24",
            static("10.1.0.0", "255.255.255.0", "10.1.1.1") + static("10.1.3.0", "255.255.255.0", "10.1.2.3"),
        ),
        "R3": (
            "10.1.2.3/24",
            None,
            interface("FastEthernet1/0", "10.1.3.3/24") + static("10.1.0.0", "255.255.0.0", "10.1.2.2"),
        ),
    }
    one, two, three = (
        lab.router(name, interface("FastEthernet0/0", first) + interface("FastEthernet0/1", second) + rest, cards=[1])
        for name, (first, second, rest) in ports.items()
    )
    lab.link(one, "0/1", two, "0/0")
    lab.link(two, "0/1", three, "0/0")
    near, far = lab.attach(one, "0/0", "near", "10.1.0.9/24"), lab.attach(three, "1/0", "far", "10.1.3.9/24")
    near.route("10.1.0.0/16", "10.1.0.1")
    far.route("10.1.0.0/16", "10.1.3.3")
    for router in (one, two, three):
        router.start()
    for address, ttl, limit_ms in (
        ("10.1.0.1", 255, 100),
        ("10.1.1.2", 254, 200),
        ("10.1.2.3", 253, 300),
        ("10.1.3.9", 61, 400),
    ):
        near.ping(address)  # ARP on the way
        reply = near.ping(address, count=5)
        assert reply is not None, address
        assert (reply.ttl, reply.count) == (ttl, 5), address
        assert reply.time_ms < limit_ms
    exceeded = re.search(r"From (\S+) icmp_seq=1 Time to live exceeded", _failing_ping(near, "-t", "2", "10.1.3.9"))
    assert exceeded is not None
    assert exceeded[1] == "10.1.1.2"
    assert "Destination Host Unreachable" in _failing_ping(
        near, "10.99.0.1"
    ) or "Network is unreachable" in _failing_ping(near, "10.99.0.1")
    big = near.run("ping", "-n", "-c", "2", "-s", "1472", "-M", "do", "10.1.3.9")
    assert " 0% packet loss" in big


def _failing_ping(host: Namespace, *arguments: str) -> str:
    with pytest.raises(AssertionError) as failure:
        host.run("ping", "-n", "-c", "1", "-W", "2", *arguments)
    return str(failure.value)


@pytest.mark.parametrize("platform", ["c3725", "c2691", "c3745"])
def test_switch_card_switches_within_a_vlan_and_the_router_routes_between(lab: Lab, platform: str) -> None:
    config = "".join(
        interface(f"FastEthernet1/{unit}", None, f"switchport access vlan {vlan}")
        for unit, vlan in ((0, 2), (1, 2), (15, 3))
    )
    config += interface("Vlan2", "10.1.2.1/24") + interface("Vlan3", "10.1.3.1/24")
    router = lab.router("R1", "hostname R1\n" + config + "end\n", platform=platform, switch=1)
    one, two = lab.attach(router, "1/0", "t0", "10.1.2.8/24"), lab.attach(router, "1/1", "t1", "10.1.2.9/24")
    three = lab.attach(router, "1/15", "t15", "10.1.3.9/24")
    for host, via in ((one, "10.1.2.1"), (two, "10.1.2.1"), (three, "10.1.3.1")):
        host.route("default", via)
    console = router.start()
    for source, address, ttl in (
        (one, "10.1.2.1", 255),
        (two, "10.1.2.1", 255),
        (one, "10.1.2.9", 64),
        (three, "10.1.2.8", 63),
        (two, "10.1.3.9", 63),
    ):
        source.ping(address)
        reply = source.ping(address, count=3)
        assert reply is not None, address
        assert (reply.ttl, reply.count) == (ttl, 3), address
    assert "!!!!!" in console.run("ping 10.1.3.9 size 1500")
    assert "Carried by the switch in slot 1" in console.run("show interfaces vlan 2")
    console.configure("interface f1/1", "switchport access vlan 3")
    assert two.ping("10.1.2.1") is None
    console.configure("interface f1/1", "switchport access vlan 2", "interface f1/0", "shutdown")
    assert one.ping("10.1.2.1") is None
    assert two.ping("10.1.2.1") is not None
    assert " 0% packet loss" in two.run("ping", "-n", "-c", "40", "-i", "0.05", "-s", "1400", "10.1.3.9")


def corp_and_three(lab: Lab) -> dict[str, Router]:
    """CORP in the middle with Vlan2 on an NM-16ESW; R1, R2 and R3 around it, two networks each."""
    corp = lab.router(
        "CORP",
        "hostname CORP\n" + interface("FastEthernet0/0", "10.1.2.1/24") + interface("FastEthernet0/1", "10.1.4.1/24")
        + interface("FastEthernet1/0", None, "switchport access vlan 2") + interface("FastEthernet2/0", "10.1.5.1/24")
        + interface("Vlan2", "10.1.1.2/24") + rip("10.0.0.0") + "end\n",
        cards=[2],
        switch=1,
    )  # fmt: skip
    routers = {"CORP": corp}
    for name, link, first, second in (
        ("R1", "10.1.2.2/24", "192.168.10.10/24", "192.168.20.10/24"),
        ("R2", "10.1.4.2/24", "192.168.30.10/24", "192.168.40.10/24"),
        ("R3", "10.1.5.2/24", "172.16.10.10/24", "192.168.81.10/24"),
    ):
        networks = [
            "10.0.0.0",
            "172.16.0.0" if first.startswith("172") else first.rpartition(".")[0] + ".0",
            second.rpartition(".")[0] + ".0",
        ]
        config = (
            interface("FastEthernet0/0", link)
            + interface("FastEthernet0/1", first)
            + interface("FastEthernet1/0", second)
        )
        routers[name] = lab.router(name, f"hostname {name}\n" + config + rip(*networks) + "end\n", cards=[1])
    for name, port in (("R1", "0/0"), ("R2", "0/1"), ("R3", "2/0")):
        lab.link(corp, port, routers[name], "0/0")
    return routers


def test_rip_converges_among_four_routers_and_again_after_a_cut(lab: Lab) -> None:
    routers = corp_and_three(lab)
    web = lab.attach(routers["R1"], "0/1", "web", "192.168.10.100/24")
    web.route("default", "192.168.10.10")
    host = lab.attach(routers["R3"], "1/0", "host", "192.168.81.1/24")
    for destination in ("10.1.0.0/21", "172.16.10.0/24", "192.168.0.0/18"):
        host.route(destination, "192.168.81.10")
    for router in routers.values():
        router.start()
    corp = routers["CORP"].console

    def learned() -> int:
        return len(re.findall(r"^R ", corp.run("show ip route"), re.MULTILINE))

    assert until(lambda: learned() == 6, "CORP knows six networks of others", 20) < 10
    table = corp.run("show ip route")
    assert re.search(
        r"^R    192\.168\.10\.0/24 \[120/1\] via 10\.1\.2\.2, 00:00:0\d, FastEthernet0/0$", table, re.MULTILINE
    )
    assert "     172.16.0.0/24 is subnetted, 1 subnets\nR       172.16.10.0 [120/1] via 10.1.5.2, " in table
    assert "     10.0.0.0/24 is subnetted, 4 subnets\n" in table
    assert "C       10.1.1.0 is directly connected, Vlan2\n" in table
    until(lambda: web.ping("192.168.81.1") is not None, "web reaches the host")
    for source, address, ttl in ((host, "10.1.1.2", 254), (web, "10.1.1.2", 254), (web, "192.168.81.1", 61)):
        reply = source.ping(address)
        assert reply is not None, address
        assert reply.ttl == ttl
    r1 = routers["R1"].console
    assert "R       172.16.10.0 [120/2] via 10.1.2.1" in r1.run("show ip route")

    corp.configure("interface FastEthernet2/0", "shutdown")
    until(
        lambda: (
            "172.16.10.0 is possibly down" in re.sub("/24", "", r1.run("show ip route"))
            or "172.16.10.0" not in r1.run("show ip route")
        ),
        "R1 hears of the cut",
        10,
    )
    assert web.ping("192.168.81.1") is None
    corp.configure("interface FastEthernet2/0", "no shutdown")
    until(lambda: web.ping("192.168.81.1") is not None, "web reaches the host again", 30)


@pytest.fixture
def frr_folder() -> Iterator[Path]:
    """A short path (for sockets) that FRR's own user can reach and write."""
    with tempfile.TemporaryDirectory(prefix="frr-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_rip_with_frr_in_both_directions(frr_folder: Path, lab: Lab) -> None:
    router = lab.router(
        "R1",
        "hostname R1\n"
        + interface("FastEthernet0/0", "10.1.2.2/24")
        + interface("FastEthernet0/1", "192.168.10.10/24")
        + rip("10.0.0.0", "192.168.10.0")
        + "end\n",
    )
    peer = lab.attach(router, "0/0", "frr0", "10.1.2.1/24", host=lab.namespace)
    peer.run("ip", "link", "add", "stub", "type", "veth", "peer", "name", "stub-end")
    peer.run("ip", "link", "set", "stub-end", "up")
    peer.address("stub", "172.16.10.10/24")
    run = frr_folder
    (run / "zebra.conf").write_text("", encoding="ascii")
    (run / "ripd.conf").write_text(
        "router rip\n version 2\n network frr0\n network stub\n timers basic 5 30 20\n", encoding="ascii"
    )
    for name in ("zebra", "ripd"):
        argv = [*from_base(f"usr/lib/frr/{name}"), "-P", "0", "--log", f"file:{run / name}.log"]
        for option, file in (("-f", f"{name}.conf"), ("-i", f"{name}.pid"), ("-z", "zserv"), ("--vty_socket", "")):
            argv += [option, str(run / file)]
        lab.processes.append(peer.start(*with_users_of_base(argv), log=run / f"{name}.out"))
        until((run / f"{name}.vty").exists, f"{name} is up; {run / name}.log", 10)
    console = router.start()

    def frr_routes() -> dict[str, int]:
        shown = json.loads(peer.run("ip", "-json", "route", "show", "proto", "rip"))
        return {route["dst"]: route.get("metric", 0) for route in shown}

    until(lambda: "192.168.10.0/24" in frr_routes(), "FRR learns 192.168.10.0/24", 20)
    until(
        lambda: "172.16.10.0 [120/1] via 10.1.2.1" in console.run("show ip route rip"),
        "the router learns 172.16.10.0/24",
        20,
    )
    assert "10.1.2.1 " in console.run("show ip protocols")

    console.configure("interface FastEthernet0/1", "shutdown")
    until(lambda: "192.168.10.0/24" not in frr_routes(), "FRR hears that 192.168.10.0/24 is gone", 10)
    console.configure("interface FastEthernet0/1", "no shutdown")
    until(lambda: "192.168.10.0/24" in frr_routes(), "FRR learns it again", 10)
    peer.run("ip", "link", "set", "stub", "down")
    until(
        lambda: "172.16.10.0 [120" not in console.run("show ip route rip"),
        "the router hears that 172.16.10.0/24 is gone",
        15,
    )
    peer.address("stub", "172.16.10.11/24")
    until(
        lambda: "172.16.10.0 [120/1] via 10.1.2.1" in console.run("show ip route rip"), "the router learns it again", 20
    )

    console.configure("router rip", "default-information originate")
    until(lambda: "default" in frr_routes(), "FRR learns the default route", 15)
