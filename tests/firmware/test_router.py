"""One router, by its consoles, under a real Dynamips."""

from __future__ import annotations

import time

import pytest

from tests.conditions import until
from tests.firmware.machines import Lab, interface

TWO_NETWORKS = (
    "hostname R1\n"
    + interface("FastEthernet0/0", "10.1.1.1/24", "description to the core")
    + interface("FastEthernet0/1", "10.1.2.1/24")
    + "end\n"
)


def test_boots_to_a_prompt_and_says_what_its_interfaces_are(lab: Lab) -> None:
    console = lab.router("R1", TWO_NETWORKS, cards=[1]).start()
    assert console.run("sh ip int br").splitlines() == [
        "Interface                  IP-Address      OK? Method Status                Protocol",
        "FastEthernet0/0            10.1.1.1        YES NVRAM  up                    up      ",
        "FastEthernet0/1            10.1.2.1        YES NVRAM  up                    up      ",
        "FastEthernet1/0            unassigned      YES unset  administratively down down    ",
    ]
    assert "It is not Cisco IOS" in console.run("show version")
    assert "address is cc01.793b.0010" in console.run("show interfaces f1/0")


def test_write_memory_survives_stop_and_start(lab: Lab) -> None:
    router = lab.router("R1", TWO_NETWORKS)
    console = router.start()
    assert router.extract_config() == TWO_NETWORKS
    console.configure("hostname Changed", "interface Loopback0", "ip address 1.1.1.1 255.255.255.255")
    assert "[OK]" in console.run("write memory")
    saved = console.run("show startup-config")
    router.stop()
    assert "hostname Changed" in router.extract_config()
    console = router.start()
    assert console.run("show startup-config") == saved
    assert "Loopback0                  1.1.1.1         YES NVRAM  up" in console.run("show ip interface brief")
    running = console.run("show running-config").partition("!\n")[2]
    assert running.rstrip() == router.extract_config().partition("!\n")[2].rstrip()
    console.send("write erase\r")
    console.expect(r"\[confirm\]")
    console.send("\r")
    console.expect("Erase of nvram: complete")
    assert router.extract_config() == ""
    router.stop()
    console = router.start()
    assert "unassigned" in console.run("show ip interface brief | include 0/0")


def test_reload_starts_again_from_nvram(lab: Lab) -> None:
    switched = interface("FastEthernet2/7", None, "switchport access vlan 9") + interface("Vlan9", "10.1.9.1/24")
    router = lab.router("R1", TWO_NETWORKS.replace("end\n", switched + "end\n"), cards=[1], switch=2)
    host = lab.attach(router, "0/0", "t0", "10.1.1.9/24")
    behind_switch = lab.attach(router, "2/7", "t7", "10.1.9.9/24")
    other = lab.attach(router, "1/0", "t1", "10.1.3.9/24")
    console = router.start()
    console.configure("hostname Lost", "interface f1/0", "ip address 10.1.3.1 255.255.255.0", "no shutdown")
    assert other.ping("10.1.3.1") is not None
    assert behind_switch.ping("10.1.9.1") is not None
    console.send("reload\r")
    console.expect(r"Save\? \[yes/no\]: ")
    console.send("no\r")
    console.expect(r"\[confirm\]")
    console.send("\r")
    console.login()
    assert "10.1.3.1" not in console.run("show ip interface brief")
    assert host.ping("10.1.1.1") is not None
    assert behind_switch.ping("10.1.9.1") is not None
    console.configure("interface f1/0", "ip address 10.1.3.1 255.255.255.0", "no shutdown")
    assert other.ping("10.1.3.1") is not None


def test_configuration_register_that_ignores_startup_config(lab: Lab) -> None:
    router = lab.router("R1", TWO_NETWORKS)
    lab.vm("set_conf_reg", "R1", "0x2142")
    lab.vm("start", "R1")
    console = router.open(router.console_port)
    console.expect("startup-config is not read")
    console.expect("Press RETURN")
    console.send("\r")
    console.expect("Router>")
    console.close()


def test_passwords_and_aux(lab: Lab) -> None:
    router = lab.router(
        "R1",
        "hostname R1\nenable secret cisco\nline con 0\n password letmein\n login\nline aux 0\n privilege level 15\nend\n",
    )
    lab.vm("start", "R1")
    console, aux = router.open(router.console_port), router.open(router.aux_port)
    console.expect("Press RETURN")
    console.send("\rwrong\r")
    console.expect("Password: ")
    console.expect("Password: ")
    console.send("letmein\r")
    console.expect("R1>")
    console.send("enable\rcisco\r")
    console.expect("R1#")
    aux.send("\r")
    aux.expect("R1#")
    assert "aux 0" in aux.run("show users")
    aux.run("terminal length 0")
    assert "enable secret 8 $8$" in aux.run("show running-config | include secret")
    console.close()
    aux.close()


@pytest.mark.parametrize(("platform", "slots"), [("c2691", [1]), ("c3725", [1, 2]), ("c3745", [1, 2, 3, 4])])
def test_one_image_knows_its_platform(lab: Lab, platform: str, slots: list[int]) -> None:
    config = interface("FastEthernet0/0", "10.1.0.1/24") + interface("FastEthernet0/1", "10.1.10.1/24")
    config += "".join(interface(f"FastEthernet{slot}/0", f"10.1.{slot}.1/24") for slot in slots)
    router = lab.router("R1", config + "end\n", platform=platform, cards=slots)
    hosts = {f"10.1.{slot}.1": lab.attach(router, f"{slot}/0", f"t{slot}", f"10.1.{slot}.9/24") for slot in [0, *slots]}
    hosts["10.1.10.1"] = lab.attach(router, "0/1", "t10", "10.1.10.9/24")
    console = router.start()
    assert f"Emulated {platform[1:]} (R7000)" in console.run("show version")
    for address, host in hosts.items():
        reply = host.ping(address)
        assert reply is not None, address
        assert reply.ttl == 255
    assert "address is cc01.793b.0000" in console.run("show interfaces f0/0")
    console.run("write memory")
    assert "10.1.10.1" in router.extract_config()


def test_vlan_interface_is_carried_by_its_access_port(lab: Lab) -> None:
    config = interface("FastEthernet1/0", None, "switchport access vlan 2") + interface(
        "Vlan2", "10.1.1.2/24", "description Switch Card to Core Network"
    )
    router = lab.router("CORP", config + "end\n", cards=[1])
    host = lab.attach(router, "1/0", "core", "10.1.1.9/24")
    console = router.start()
    assert host.ping("10.1.1.2") is not None
    shown = console.run("show interfaces vlan 2")
    assert "Carried by FastEthernet1/0, as a routed port of this name" in shown
    assert "address is cc01.793b.0000" in shown
    assert "cc:01:79:3b:00:00" in host.run("ip", "neighbour", "show", "10.1.1.2")


def test_idle_router_leaves_the_host_alone(lab: Lab) -> None:
    router = lab.router("R1", TWO_NETWORKS, cards=[1, 2])
    router.start()
    time.sleep(1)  # the translation of code that ran at boot is not idling
    before, start = lab.cpu_seconds(), time.monotonic()
    time.sleep(10)
    percent = 100 * (lab.cpu_seconds() - before) / (time.monotonic() - start)
    assert percent <= 2.5, f"{percent:.2f} % of a core"
    assert lab.rss_kib() < 16 * 1024


def test_clock_keeps_time_and_keys_are_answered_soon(lab: Lab) -> None:
    router = lab.router("R1", TWO_NETWORKS)
    console = router.start()

    def uptime() -> float:
        hours, minutes, seconds = console.run("show clock").lstrip("*").split()[0].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    first, start = uptime(), time.monotonic()
    time.sleep(5)
    assert uptime() - first == pytest.approx(time.monotonic() - start, abs=0.5)
    answered = []
    for _ in range(5):
        begin = time.monotonic()
        console.run("show clock")
        answered.append(time.monotonic() - begin)
    assert sorted(answered)[2] < 0.5


def test_a_long_paste_is_taken_whole(lab: Lab) -> None:
    console = lab.router("R1", TWO_NETWORKS).start()
    lines = [f"ip route 172.16.{n % 60}.0 255.255.255.0 10.1.1.2" for n in range(300)]
    console.send("\r".join(["configure terminal", *lines, "interface f0/1", "description the last line", "end"]) + "\r")
    console.expect("SYS-5-CONFIG_I.*\n")
    console.send("\r")
    console.expect(r"R1#\n?R1#$")
    assert len(console.run("show running-config | include ^ip route").splitlines()) == 60
    assert "description the last line" in console.run("show running-config interface f0/1")


def test_ping_and_traceroute_from_the_router(lab: Lab) -> None:
    one = lab.router(
        "R1", "hostname R1\n" + interface("FastEthernet0/0", "10.1.1.1/24") + "ip route 0.0.0.0 0.0.0.0 10.1.1.2\nend\n"
    )
    two = lab.router(
        "R2",
        "hostname R2\n"
        + interface("FastEthernet0/0", "10.1.1.2/24")
        + interface("FastEthernet0/1", "10.1.2.2/24")
        + "end\n",
    )
    lab.link(one, "0/0", two, "0/0")
    lab.attach(two, "0/1", "t1", "10.1.2.9/24").route("10.1.1.0/24", "10.1.2.2")
    console = one.start()
    two.start()
    until(lambda: "!!!!!" in console.run("ping 10.1.2.9"), "five replies")
    assert "Success rate is 100 percent (5/5), round-trip min/avg/max = " in console.run("ping 10.1.2.9")
    trace = console.run("traceroute 10.1.2.9")
    assert "  1 10.1.1.2 " in trace
    assert "  2 10.1.2.9 " in trace
    assert "UUUUU" in console.run("ping 99.9.9.9")
    console.send("ping 10.1.1.77 repeat 1000\r")
    console.expect("seconds:\n")
    console.send("\x1e")
    console.expect("Success rate is 0 percent")
