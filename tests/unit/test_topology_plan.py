"""What comes out of a topology: the plan of ccna_ch8, and what a router's keys become."""

import dataclasses
import json
from pathlib import Path

import pytest

from components.topology import TopologyError, enable_secret, plan_of, port_names, read_topology
from components.topology.load import load
from components.topology.plan import (
    AttachmentPlan,
    HypervisorPlan,
    LinkEnd,
    LinkPlan,
    NioPlan,
    Plan,
    PortPlan,
    RouterPlan,
    pulling,
)
from components.topology.port_names import Port
from components.topology.resolve import peer_name

PROJECT = Path(__file__).resolve().parents[2]
TOPOLOGIES = PROJECT / "stacks" / "topologies"
GOLDEN = Path(__file__).with_name("golden")


def ccna_ch8() -> Plan:
    return read_topology(TOPOLOGIES / "ccna_ch8.yaml")


def router(text: str, name: str = "R1", folder: str = "labs") -> RouterPlan:
    """The router `name` of a topology with two networks; `text` is the section `routers` and what follows it."""
    networks = "topology: t\nnetworks:\n  A: {bridge: a, subnet: 10.1.0.0/24, mtu: 1400}\n  B: {bridge: b, subnet: 10.2.0.0/24}\n"
    plan = read_topology(f"{folder}/t.yaml", networks + text)
    return next(router for router in plan.routers if router.name == name)


def test_plan_of_ccna_ch8_is_the_golden_one() -> None:
    plan = dataclasses.asdict(ccna_ch8())
    for image in plan["images"]:
        image["rootfs"] = Path(image["rootfs"]).relative_to(PROJECT).as_posix()
    for each in plan["routers"]:
        del each["config"]
    # Through JSON, as tuples are lists there.
    assert json.loads(json.dumps(plan)) == json.loads((GOLDEN / "ccna_ch8.plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["CORP", "R1", "R2", "R3"])
def test_configuration_of_ccna_ch8_is_the_golden_one(name: str) -> None:
    (config,) = (router.config for router in ccna_ch8().routers if router.name == name)
    assert config == (GOLDEN / f"ccna_ch8.{name}.conf").read_text(encoding="utf-8")


def test_ccna_ch8_is_the_designed_lab() -> None:
    plan = ccna_ch8()
    assert [(network.bridge, network.subnet) for network in plan.networks] == [
        ("VMnet2", "10.1.1.0/24"),
        ("VMnet3", "192.168.10.0/24"),
        ("VMnet4", "192.168.20.0/24"),
        ("VMnet5", "192.168.30.0/24"),
        ("VMnet6", "192.168.40.0/24"),
        ("VMnet7", "172.16.10.0/24"),
        ("VMnet8", "192.168.81.0/24"),
    ]
    (host,) = plan.host.interfaces
    assert (host.ifname, host.peer, host.bridge, host.addresses) == (
        "VMnet8-host-dev", "VMnet8-host-br", "VMnet8", ("192.168.81.1/24",)
    )  # fmt: skip
    assert [(route.dst, route.via) for route in plan.host.routes] == [
        ("10.1.0.0/21", "192.168.81.10"),
        ("172.16.10.0/24", "192.168.81.10"),
        ("192.168.0.0/18", "192.168.81.10"),
    ]
    assert plan.host.forwarding
    assert not plan.host.nat
    assert {router.name: router.addresses for router in plan.routers} == {
        "CORP": ("10.1.1.2/24", "10.1.2.1/24", "10.1.4.1/24", "10.1.5.1/24"),
        "R1": ("192.168.10.10/24", "192.168.20.10/24", "10.1.2.2/24"),
        "R2": ("192.168.30.10/24", "192.168.40.10/24", "10.1.4.2/24"),
        "R3": ("172.16.10.10/24", "192.168.81.10/24", "10.1.5.2/24"),
    }
    (web,) = plan.containers
    assert web.addresses == ("192.168.10.100/24",)


def test_vlan_port_is_attached_in_place_of_its_switch_port() -> None:
    corp = ccna_ch8().routers[0]
    mac = "cc:00:79:3b:00:00"
    addresses = ("10.1.1.2/24",)
    assert corp.ports[0] == PortPlan(
        ios_name="Vlan2",
        ios_short="Vlan2",
        ifname="Vlan2",
        mac=mac,
        mtu=1500,
        addresses=addresses,
        description="Switch Card to Core Network",
        attachment=AttachmentPlan("CORP", "Vlan2", "CORP-Vlan2", "Core", "VMnet2", addresses, mac, 1500, None),
        link=None,
    )
    assert [port.ifname for port in corp.ports] == ["Vlan2", "Fa0-0", "Fa0-1", "Fa2-0"]
    assert corp.slots == ((1, "NM-16ESW"), (2, "NM-1FE-TX"))
    assert corp.vlans == ((2, "Core"),)


def test_link() -> None:
    assert ccna_ch8().links[1] == LinkPlan(
        "corp-r2",
        LinkEnd("CORP", "Fa0-1", "cc:00:79:3b:00:01", 1500, ("10.1.4.1/24",)),
        LinkEnd("R2", "Fa0-0", None, 1500, ("10.1.4.2/24",)),
    )


def test_two_lans_has_a_plan() -> None:
    plan = read_topology(TOPOLOGIES / "two_lans.yaml")
    assert [container.name for container in plan.containers] == ["client", "web"]
    assert plan.routers[0].rip is None
    assert "router rip" not in plan.routers[0].config


def test_typed_topology_without_a_file_has_the_same_plan() -> None:
    topology = load(TOPOLOGIES / "ccna_ch8.yaml")
    assert plan_of(topology, TOPOLOGIES) == ccna_ch8()


def test_mtu_is_that_of_the_interface_or_else_of_the_network() -> None:
    ports = router(
        "routers: {R1: {interfaces: {Fa0/0: {network: A}, Fa0/1: {network: A, mtu: 1300}, Fa0/2: {network: B}}}}"
    ).ports
    assert [port.mtu for port in ports] == [1400, 1300, 1500]
    assert [port.attachment.mtu for port in ports if port.attachment] == [1400, 1300, 1500]


@pytest.mark.parametrize("mac", ['"aa:bb:cc:00:11:22"', "AA-BB-CC-00-11-22", "aabb.cc00.1122", '"aabbcc001122"'])
def test_mac_may_be_written_as_people_write_it(mac: str) -> None:
    (port,) = router(f"routers: {{R1: {{interfaces: {{Fa0/0: {{network: A, mac: {mac}}}}}}}}}").ports
    assert port.mac == "aa:bb:cc:00:11:22"


def test_rip_of_a_router_is_its_own_over_the_defaults() -> None:
    text = """
router_defaults: {rip: {timers: [5, 30, 20], passive: [Fa0/1]}}
routers:
  R1:
    interfaces: {Fa0/0: {network: A, address: 10.1.0.1/24}, FastEthernet0/1: {network: B, address: 10.2.0.1/24}}
    rip: {version: 1, networks: [10.0.0.0/8]}
  R2: {rip: {enabled: false}}
"""
    rip = router(text).rip
    assert rip is not None
    assert (rip.version, rip.networks, rip.passive, rip.timers) == (1, ("10.0.0.0/8",), ("Fa0-1",), (5, 30, 20))
    assert router(text, "R2").rip is None


def test_rendered_configuration() -> None:
    text = """
routers:
  R1:
    hostname: edge
    interfaces:
      Fa0/0: {network: A, address: [10.1.0.1/24, 10.1.0.2/24], description: To the left}
      Lo0: {address: 10.9.9.9/32}
    rip: {passive: [Lo0]}
    routes: [{dst: [0.0.0.0/0, 10.2.0.0/24], via: 10.1.0.9}]
  R2: {interfaces: {Fa0/0: {network: A, address: 10.1.0.9/24}}}
"""
    assert router(text).config == (
        "frr version 8.4\nfrr defaults traditional\nhostname edge\nservice integrated-vtysh-config\n!\n"
        "interface Fa0-0\n description To the left\n ip address 10.1.0.1/24\n ip address 10.1.0.2/24\nexit\n!\n"
        "interface lo\n ip address 10.9.9.9/32\nexit\n!\n"
        "router rip\n version 2\n network 10.1.0.0/24\n network 10.9.9.9/32\n passive-interface lo\nexit\n!\n"
        "ip route 0.0.0.0/0 10.1.0.9\nip route 10.2.0.0/24 10.1.0.9\n!\nline vty\n!\nend\n"
    )


def test_raw_configuration_replaces_the_rendered_one() -> None:
    assert router('routers: {R1: {config: "hostname x\\n"}}').config == "hostname x\n"
    assert router('routers: {R1: {config: ""}}').config == ""


def test_configuration_file_is_beside_the_topology(tmp_path: Path) -> None:
    (tmp_path / "r1.conf").write_text("hostname é\n", encoding="utf-8")
    assert router("routers: {R1: {config_file: r1.conf}}", folder=str(tmp_path)).config == "hostname é\n"


def test_an_image_of_a_registry_and_one_that_is_built_say_their_own_command() -> None:
    text = """
topology: t
images: {p: {pull: "ghcr.io/ana/web:1"}, b: {build: web}}
containers: {one: {image: p}, two: {image: b}}
"""
    plan = read_topology("labs/t.yaml", text)
    assert [(image.rootfs, image.build, image.pull) for image in plan.images] == [
        (None, None, "ghcr.io/ana/web:1"),
        (None, str(Path.cwd() / "labs" / "web"), None),
    ]
    assert [container.command for container in plan.containers] == [(), ()]


def test_where_the_host_can_pull_what_is_pulled_takes_a_root_file_systems_place() -> None:
    plan = ccna_ch8()
    [here], [pulled] = pulling(plan, False).images, pulling(plan, True).images
    assert (here.pull, here.host_files) == (None, plan.images[0].host_files)
    assert (pulled.rootfs, pulled.pull, pulled.host_files) == (None, "larsks/simpleweb", ())
    assert pulling(plan, False).containers == plan.containers
    # Ours is for busybox.
    assert pulling(plan, True).containers == (dataclasses.replace(plan.containers[0], command=()),)


def test_secret_in_the_environment_stays_a_name() -> None:
    text = """
topology: t
images: {i: {rootfs: i}}
containers: {c: {image: i, command: [x], env: {A: "1", B: {from_secret: key}}, capabilities: [cap_net_raw, NET_RAW]}}
"""
    (container,) = read_topology("t.yaml", text).containers
    assert [(env.name, env.value, env.from_secret) for env in container.env] == [("A", "1", None), ("B", None, "key")]
    assert container.capabilities == ("NET_RAW",)


@pytest.mark.parametrize(
    ("spelling", "port", "long", "short", "ifname"),
    [
        ("FastEthernet0/0", Port("FastEthernet", (0, 0)), "FastEthernet0/0", "Fa0/0", "Fa0-0"),
        ("fa 0/0", Port("FastEthernet", (0, 0)), "FastEthernet0/0", "Fa0/0", "Fa0-0"),
        ("F00/00", Port("FastEthernet", (0, 0)), "FastEthernet0/0", "Fa0/0", "Fa0-0"),
        ("gig1/0/3", Port("GigabitEthernet", (1, 0, 3)), "GigabitEthernet1/0/3", "Gi1/0/3", "Gi1-0-3"),
        ("e0", Port("Ethernet", (0,)), "Ethernet0", "Et0", "Et0"),
        ("Se0/16", Port("Serial", (0, 16)), "Serial0/16", "Se0/16", "Se0-16"),
        ("vl2", Port("Vlan", (2,)), "Vlan2", "Vlan2", "Vlan2"),
        ("Lo0", Port("Loopback", (0,)), "Loopback0", "Lo0", "lo"),
    ],
)
def test_spellings_of_a_port(spelling: str, port: Port, long: str, short: str, ifname: str) -> None:
    parsed = port_names.parse(spelling)
    assert parsed == port
    assert (parsed.long, parsed.short, parsed.ifname) == (long, short, ifname)


@pytest.mark.parametrize(
    "text", ["", "0/0", "Fa", "Fa0/0.1", "Te0/0", "FastEthernetx0/0", "Fa-1", "Fa0/", "Lo0/0", "Vlan0", "Fa٣/0"]
)
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(port_names.PortNameError):
        port_names.parse(text)


def test_longest_ifname_of_a_port_fits() -> None:
    for kind in port_names.KINDS:
        numbers = (99999,) if kind == "Loopback" else (4094,) if kind == "Vlan" else (99999, 999, 999)
        assert len(Port(kind, numbers).ifname) <= 15


def test_default_peer_names_fit_and_differ() -> None:
    assert peer_name("web", "eth0") == "web-eth0"
    names = [peer_name("a-long-device-name", f"interface{number}") for number in range(100)]
    assert len(set(names)) == 100
    assert {len(name) for name in names} == {15}


def test_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    with pytest.raises(TopologyError, match=f"^{path}: cannot be read: No such file or directory$"):
        read_topology(path)


def test_file_that_is_not_text_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"topology: x\nnetworks: \xff\n")
    with pytest.raises(TopologyError, match=f"^{path}:2: is not UTF-8 text$"):
        read_topology(path)


def test_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbftopology: x\n")
    assert read_topology(path).name == "x"


def test_large_topology_is_read_in_seconds() -> None:
    networks = "".join(f"  N{n}: {{bridge: b{n}, subnet: 10.{n // 250}.{n % 250}.0/24}}\n" for n in range(500))
    routers = "".join(
        f"  R{n}: {{interfaces: {{Fa0/0: {{network: N{n}, address: 10.{n // 250}.{n % 250}.1/24}}}}}}\n"
        for n in range(500)
    )
    assert len(read_topology("t.yaml", f"topology: t\nnetworks:\n{networks}routers:\n{routers}").routers) == 500


def emulated(name: str) -> RouterPlan:
    plan = read_topology(TOPOLOGIES / "ccna_ch8.yaml", engine="dynamips")
    return next(router for router in plan.routers if router.name == name)


@pytest.mark.parametrize("name", ["CORP", "R1"])
def test_configuration_for_ios_is_the_golden_one(name: str) -> None:
    assert emulated(name).config == (GOLDEN / f"ccna_ch8.{name}.ios.conf").read_text(encoding="utf-8")


def test_hardware_of_an_emulated_router() -> None:
    hardware = emulated("CORP").dynamips
    assert hardware is not None
    assert (hardware.platform, hardware.image, hardware.mac) == ("c3725", "free", "cc:00:79:3b:00:00")
    assert hardware.slots == ((1, "NM-16ESW"), (2, "NM-1FE-TX"))
    # The switch port is plugged into the network of its VLAN; what leads to other emulated routers needs no tap.
    assert hardware.nios[-1] == NioPlan("1/0", "CORP_Fa1-0", "VMnet2", 1500, None, None)
    assert [nio.port for nio in hardware.nios if nio.tap is None] == ["0/0", "0/1", "2/0"]


def test_the_two_ends_of_a_link_between_emulated_routers() -> None:
    corp, r1 = emulated("CORP").dynamips, emulated("R1").dynamips
    assert corp is not None
    assert r1 is not None
    (one,) = [nio for nio in corp.nios if nio.port == "0/0"]
    (other,) = [nio for nio in r1.nios if nio.port == "0/0"]
    assert (one.udp_local, one.udp_remote) == (other.udp_remote, other.udp_local)
    assert one.udp_local != one.udp_remote


def test_base_macs_of_emulated_routers_differ_and_stay() -> None:
    macs = [emulated(name).dynamips.mac for name in ("CORP", "R1", "R2", "R3")]  # type: ignore[union-attr]
    assert len(set(macs)) == 4
    assert macs == [emulated(name).dynamips.mac for name in ("CORP", "R1", "R2", "R3")]  # type: ignore[union-attr]


def test_the_engine_can_be_chosen_for_all_routers() -> None:
    assert {router.engine for router in read_topology(TOPOLOGIES / "ccna_ch8.yaml", engine="frr").routers} == {"frr"}
    assert emulated("R1").engine == "dynamips"
    assert ccna_ch8() == read_topology(TOPOLOGIES / "ccna_ch8.yaml", engine="frr")


MIXED = """
topology: mixed
routers:
  R1: {rip: {timers: [5, 30, 20], passive: [Fa0/0]}, routes: [{dst: 10.9.0.0/16, via: 10.1.0.2}]}
  R2: {engine: {dynamips: {}}, interfaces: {Lo0: {address: 172.16.1.1/32}}, rip: {}}
links:
  between: {R1: {Fa0/0: 10.1.0.1/24}, R2: {Fa0/1: 10.1.0.2/24}}
"""


def test_a_link_between_an_emulated_router_and_another_has_a_bridge() -> None:
    plan = read_topology("labs/t.yaml", MIXED)
    (link,) = plan.links
    assert (link.bridge, link.a.peer, link.b.peer) == ("link-between", "R1-Fa0-0", "R2_Fa0-1")
    hardware = plan.routers[1].dynamips
    assert hardware is not None
    assert hardware.nios == (NioPlan("0/1", "R2_Fa0-1", "link-between", 1500, None, None),)
    assert plan.routers[0].dynamips is None


def test_all_of_the_hardware_and_a_shared_daemon() -> None:
    plan = read_topology(
        "labs/t.yaml",
        """
topology: shared
router_defaults: {engine: {dynamips: {hypervisor: all, cpus: 0.5}}}
routers:
  R1: {}
  R2: {}
  R3:
    engine:
      dynamips: {platform: c3600, chassis: "3660", image: ios.bin, nvram_kib: 64, system_id: FTX1, conf_reg: "0x2142", sparse: true, ghost: true}
    slots: {6: NM-4E}
  R4:
    engine: {dynamips: {platform: c3725, image: ios.bin, wics: {0: WIC-1T, 2: WIC-2T}}}
""",
    )
    assert plan.hypervisors == (HypervisorPlan("all", 1.0),)
    hardware = {router.name: router.dynamips for router in plan.routers}
    assert [made and made.hypervisor for made in hardware.values()] == ["all", "all", None, None]
    third, fourth = hardware["R3"], hardware["R4"]
    assert third is not None
    assert (third.platform, third.chassis, third.nvram_kib, third.system_id) == ("c3600", "3660", 64, "FTX1")
    assert (third.conf_reg, third.sparse, third.ghost, third.slots) == ("0x2142", True, True, ((6, "NM-4E"),))
    assert fourth is not None
    assert fourth.wics == ((0, "WIC-1T"), (2, "WIC-2T"))


def test_what_ios_calls_things() -> None:
    one, other = read_topology("labs/t.yaml", MIXED, engine="dynamips").routers
    assert (
        " timers basic 5 30 0 50\n passive-interface FastEthernet0/0\n network 10.0.0.0\n no auto-summary" in one.config
    )
    assert "ip route 10.9.0.0 255.255.0.0 10.1.0.2" in one.config
    assert "interface Loopback0\n ip address 172.16.1.1 255.255.255.255\n!" in other.config
    assert " network 172.16.0.0\n network 10.0.0.0\n" in other.config


def test_an_enable_secret_is_a_name_and_a_raw_configuration_is_marked() -> None:
    defaults = "router_defaults: {engine: {dynamips: {}}, enable_secret: {from_secret: enable}}\n"
    one = router(defaults + "routers: {R1: {}}")
    assert (one.enable_secret, one.config_is_raw) == ("enable", False)
    own = router(defaults + "routers: {R1: {enable_secret: {from_secret: mine}}}")
    assert own.enable_secret == "mine"
    raw = router(defaults + "routers: {R1: {config: 'hostname x'}}")
    assert (raw.enable_secret, raw.config_is_raw) == (None, True)
    assert router(defaults + "routers: {R1: {engine: frr}}").enable_secret is None
    with pytest.raises(TopologyError, match="a whole configuration has its own `enable secret`: write it there"):
        router("routers: {R1: {engine: {dynamips: {}}, config: x, enable_secret: {from_secret: mine}}}")


def test_hashed_passwords() -> None:
    # By `openssl passwd -1 -salt aB.9 cisco`, and the example of Cisco's type 8 that password crackers are tested with.
    assert enable_secret.type_5("cisco", "aB.9-and-more") == "$1$aB.9$JfEQ5XPMbDSKcq8uVFiLH0"
    assert (
        enable_secret.type_8("cisco", "dsYGNam3K1SIJO")
        == "$8$dsYGNam3K1SIJO$7nv/35M/qr6t.dVc7UY9zrJDWRVqncHub1PE9UlMQFs"
    )
    salts = [enable_secret.salt("lab", "dev", name) for name in ("R1", "R2", "R1")]
    assert salts[0] == salts[2] != salts[1]
    assert {len(salt) for salt in salts} == {14}
    for password in ("", "x" * 26, " leading", "what?", "schön", "two\nlines"):
        with pytest.raises(ValueError, match="an enable secret must have 1 to 25 characters") as refused:
            enable_secret.type_8(password, salts[0])
        assert not password or password not in str(refused.value)


def test_a_raw_configuration_is_the_emulated_routers_startup_config() -> None:
    made = router(
        "routers: {R1: {engine: {dynamips: {image: ../c3725.bin, idle_pc: '0x60008f4c'}}, config: 'hostname x'}}"
    )
    assert made.config == "hostname x"
    assert made.dynamips is not None
    assert Path(made.dynamips.image) == Path("c3725.bin").resolve()
    on_host = router("routers: {R1: {engine: {dynamips: {image: 'host:/srv/c3725.bin'}}}}")
    assert on_host.dynamips is not None
    assert on_host.dynamips.image == "host:/srv/c3725.bin"
