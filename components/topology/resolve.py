"""Resolves a typed topology to a plan, and checks what its names, addresses and ports mean together.

Nothing is raised at the first mistake: each is noted with the path of its key, and the checks go on.
"""

import hashlib
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from components.topology import frr, ios, port_names
from components.topology.load import KeyPath, Problem, Source, TopologyError, did_you_mean, read, validate
from components.topology.model import (
    CARDS,
    CheckSpec,
    ContainerInterfaceSpec,
    ContainerSpec,
    DynamipsEngineSpec,
    DynamipsSpec,
    HostInterfaceSpec,
    HttpCheckSpec,
    ImageSpec,
    LinkEndSpec,
    NetworkSpec,
    PingCheckSpec,
    RipSpec,
    RouterInterfaceSpec,
    RouterSpec,
    RouteSpec,
    SecretSpec,
    Topology,
)
from components.topology.plan import (
    DEFAULT_MTU,
    FREE,
    ON_HOST,
    AttachmentPlan,
    CheckPlan,
    ContainerPlan,
    DynamipsPlan,
    Engine,
    EnvPlan,
    HostFilePlan,
    HostPlan,
    HttpCheck,
    HypervisorPlan,
    ImagePlan,
    LinkEnd,
    LinkPlan,
    MountPlan,
    NetworkPlan,
    NioPlan,
    PingCheck,
    Plan,
    PortPlan,
    RipPlan,
    RouteCheck,
    RoutePlan,
    RouterPlan,
)
from components.topology.port_names import Port
from host_agent import dynamips_hardware

V = TypeVar("V")

HOST = "host"
#: Where a port is whose network is not known: a mistake that is reported once, and not as unreachable gateways again.
NOWHERE: KeyPath = ("nowhere",)
IFNAME_MAX = 15
#: What the free firmware boots on.
FREE_PLATFORMS = ("c2691", "c3725", "c3745")
FREE_CARDS = ("NM-1FE-TX", "NM-16ESW")
FIRST_UDP_PORT, UDP_PAIRS = 10000, 5000
#: Ports of slot 0 that a router has without a card.
BUILT_IN = frozenset({Port("FastEthernet", (0, 0)), Port("FastEthernet", (0, 1))})


def read_topology(path: Path | str, text: str | None = None, *, engine: Engine | None = None) -> Plan:
    """The plan of the lab in the topology file at `path`, or in `text` in its place; `engine` is for all routers, whatever the file says.

    Raises TopologyError with all problems of the file: of its YAML, of its keys and values, and of what they mean
    together. Reads the file, and files that a `config_file` in it names; nothing else is touched.
    """
    source = read(path, text)
    topology, problems = validate(source)
    if topology is None:
        raise TopologyError(problems)
    return _resolve(topology, source, problems, engine)


def plan_of(topology: Topology, folder: Path | str = ".") -> Plan:
    """The plan of a topology that is not in a file. Paths in it are relative to `folder`. Raises TopologyError."""
    return _resolve(topology, Source(str(Path(folder) / topology.topology)), [])


def tap_name(router: str, ifname: str) -> str:
    """The name of an emulated port's tap, `R1_Fa0-0`: another one than a veth pair's, so that a router can change its engine in one `up`."""
    return peer_name(router, ifname, "_")


def peer_name(device: str, ifname: str, joint: str = "-") -> str:
    """The default name of a veth pair's end in the bridge: `web-eth0`; if that is too long, its beginning and a hash."""
    name = f"{device}{joint}{ifname}"
    if len(name) <= IFNAME_MAX:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[:8]}{joint}{digest[:6]}"


def link_bridge(link: str) -> str:
    """The name of the bridge of a link that has one."""
    return peer_name("link", link)


def _socket(port: Port) -> str:
    """The port as Dynamips counts it: `0/1`."""
    return "/".join(map(str, port.numbers))


def _resolve(topology: Topology, source: Source, problems: list[Problem], engine: Engine | None = None) -> Plan:
    resolver = _Resolver(topology, source, problems, engine)
    result = resolver.plan()
    if resolver.problems:
        raise TopologyError(resolver.problems)
    return result


@dataclass
class _Holder:
    """Who has an address, and where: `segment` is the network or link, None for a loopback."""

    device: str
    segment: KeyPath | None
    path: KeyPath


@dataclass
class _RouterPort:
    """A port of a router while the plan is made: from its `interfaces`, or from a link."""

    port: Port
    path: KeyPath
    spec: RouterInterfaceSpec | LinkEndSpec
    segment: KeyPath | None = None
    link: str | None = None


@dataclass
class _SwitchPort:
    """A switch port of a router: its VLAN, and the network that it is in."""

    path: KeyPath
    vlan: int
    network: str | None


@dataclass
class _Resolver:
    topology: Topology
    source: Source
    problems: list[Problem]
    engine: Engine | None = None
    """Of all routers, whatever the file says."""
    complete: bool = field(init=False)
    """Whether `topology` is all of the file. If faulty parts were left out, nothing can be said to be missing."""
    holders: dict[IPv4Address, _Holder] = field(default_factory=dict)
    macs: dict[str, KeyPath] = field(default_factory=dict)
    host_ifnames: dict[str, KeyPath] = field(default_factory=dict)
    router_ports: dict[str, dict[Port, _RouterPort]] = field(default_factory=dict)
    switch_ports: dict[str, dict[Port, _SwitchPort]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.complete = not self.problems

    # Every check reports through one of these two.

    def conflict(self, path: KeyPath, message: str) -> None:
        """What the file has does not fit together; true whatever else is wrong in it."""
        self.problems.append(self.source.problem(path, message))

    def lacks(self, path: KeyPath, message: str) -> None:
        """Something is missing that the file may well have in one of its faulty parts."""
        if self.complete:
            self.problems.append(self.source.problem(path, message))

    def line(self, path: KeyPath) -> str:
        """Where else: for messages that name two places."""
        line = self.source.line(path)
        known = self.source.spell(self.source.known(path))
        return f"{known} (line {line})" if line else known

    # --- The whole ---

    def plan(self) -> Plan:
        topology = self.topology
        self.check_subnets()
        self.check_device_names()
        # Addresses of all devices are noted first: gateways and checks refer to devices that come later in the file.
        networks = tuple(
            NetworkPlan(name, network.bridge, str(network.subnet), network.mtu)
            for name, network in topology.networks.items()
        )
        for name, network in topology.networks.items():
            self.claim_ifname(network.bridge, ("networks", name, "bridge"))
        host_interfaces = tuple(
            attachment
            for ifname, interface in topology.host.interfaces.items()
            if (attachment := self.attachment(HOST, ifname, interface, ("host", "interfaces", ifname)))
        )
        for ifname in topology.host.interfaces:
            self.claim_ifname(ifname, ("host", "interfaces", ifname))
        for name, router in topology.routers.items():
            self.router_ports[name] = self.ports_of(name, router)
        self.check_link_ends()
        routers = [self.router(name, router) for name, router in topology.routers.items()]
        containers = tuple(self.container(name, container) for name, container in topology.containers.items())
        self.check_passive_defaults()
        self.check_gateways()
        ends = {
            (port.link, router.name): LinkEnd(router.name, port.ifname, port.mac, port.mtu, port.addresses)
            for router in routers
            for port in router.ports
            if port.link
        }
        links = tuple(
            self.link(name, *(ends[name, router] for router in link))
            for name, link in topology.links.items()
            if all((name, router) in ends for router in link)
        )
        return Plan(
            name=topology.topology,
            networks=networks,
            hypervisors=self.hypervisors(),
            host=HostPlan(
                host_interfaces, self.routes(HOST, topology.host.routes, ("host", "routes")), topology.host.nat
            ),
            routers=tuple(routers),
            links=links,
            containers=containers,
            images=tuple(self.image(name, image) for name, image in topology.images.items()),
            checks=tuple(self.check(check, ("checks", at)) for at, check in enumerate(topology.checks)),
        )

    def check_subnets(self) -> None:
        """No two networks or links overlap: a router would have two ways to one address."""
        known: list[tuple[IPv4Network, str, KeyPath]] = [
            (network.subnet, f"network {name}", ("networks", name, "subnet"))
            for name, network in self.topology.networks.items()
        ]
        for name, link in self.topology.links.items():
            subnets: dict[IPv4Network, KeyPath] = {}
            for router, ports in link.items():
                for port, end in ports.items():
                    for at, address in enumerate(end.address):
                        subnets.setdefault(address.network, ("links", name, router, port, "address", at))
            known += [(subnet, f"link {name}", path) for subnet, path in subnets.items()]
        # In the order of addresses, a prefix that overlaps any before it overlaps the widest of them.
        widest: tuple[IPv4Network, str, KeyPath] | None = None
        for entry in sorted(known, key=lambda entry: (int(entry[0].network_address), entry[0].prefixlen)):
            if widest and entry[0].overlaps(widest[0]):
                # Two subnets in one link are reported as its ends' mistake.
                if entry[1] != widest[1]:
                    later, earlier = sorted(
                        (entry, widest), key=lambda one: (self.source.line(one[2]), known.index(one)), reverse=True
                    )
                    self.conflict(
                        later[2],
                        f"{later[0]} of {later[1]} overlaps {earlier[0]} of {earlier[1]}, {self.line(earlier[2])}",
                    )
            else:
                widest = entry

    def check_device_names(self) -> None:
        for section, names in (("routers", self.topology.routers), ("containers", self.topology.containers)):
            for name in names:
                if name == HOST:
                    self.conflict((section, name), "'host' is the lab's host: give the device another name")
                elif section == "containers" and name in self.topology.routers:
                    self.conflict((section, name), f"there is a router of that name, {self.line(('routers', name))}")

    # --- Names, addresses, MACs: each once ---

    def find(self, what: str, name: str, known: Mapping[str, V], path: KeyPath) -> V | None:
        """What `name` refers to."""
        if name in known:
            return known[name]
        # What is faulty is not among the known, but it is not unknown either.
        written = self.source.data.get(f"{what}s") if isinstance(self.source.data, dict) else None
        if self.complete or (isinstance(written, dict) and name not in written):
            self.conflict(path, f"unknown {what} {name!r}{did_you_mean(name, known)}")
        return None

    def device(self, name: str, path: KeyPath) -> None:
        """Checks that `name` is a device."""
        known = [HOST, *self.topology.routers, *self.topology.containers]
        if name not in known:
            self.lacks(path, f"unknown device {name!r}{did_you_mean(name, known)}")

    def segment(self, network: str) -> KeyPath:
        """Where an interface is that is in `network`."""
        return ("networks", network) if network in self.topology.networks else NOWHERE

    def claim_ifname(self, ifname: str, path: KeyPath) -> None:
        """Takes the name of an interface in the host's namespace."""
        if ifname in self.host_ifnames:
            first = self.line(self.host_ifnames[ifname])
            self.conflict(
                path, f"the interface name {ifname!r} is used twice in the lab's host: it is at {first} already"
            )
        else:
            self.host_ifnames[ifname] = path

    def claim_address(self, address: IPv4Interface, device: str, segment: KeyPath | None, path: KeyPath) -> None:
        holder = self.holders.get(address.ip)
        if holder:
            self.conflict(path, f"{address.ip} is used twice: {self.line(holder.path)} has it already")
        else:
            self.holders[address.ip] = _Holder(device, segment, path)

    def claim_mac(self, mac: str, path: KeyPath) -> None:
        """Takes a MAC address. (The ports that have their router's `base_mac` share it: they take none.)"""
        first = self.macs.setdefault(mac, path)
        if first != path:
            self.conflict(path, f"the MAC address {mac} is used twice: {self.line(first)} has it already")

    def addresses(
        self, device: str, addresses: Sequence[IPv4Interface], network: tuple[str, NetworkSpec] | None, path: KeyPath
    ) -> tuple[str, ...]:
        """Notes the addresses of an interface, and checks that they are in its network."""
        for at, address in enumerate(addresses):
            here = (*path, "address", at)
            if network:
                name, spec = network
                if address.ip not in spec.subnet:
                    self.conflict(here, f"{address} is outside network {name} {spec.subnet}")
                elif address.network != spec.subnet:
                    self.conflict(here, f"{address} must have the prefix length of network {name}, {spec.subnet}")
            self.claim_address(address, device, ("networks", network[0]) if network else NOWHERE, here)
        return tuple(map(str, addresses))

    def attachment(
        self, device: str, ifname: str, spec: HostInterfaceSpec | ContainerInterfaceSpec, path: KeyPath
    ) -> AttachmentPlan | None:
        """The interface of the host or of a container in a network."""
        peer = spec.peer or peer_name(device, ifname)
        self.claim_ifname(peer, (*path, "peer"))
        if spec.mac:
            self.claim_mac(spec.mac, (*path, "mac"))
        network = self.find("network", spec.network, self.topology.networks, (*path, "network"))
        addresses = self.addresses(device, spec.address, (spec.network, network) if network else None, path)
        if not network:
            return None
        via = spec.default_via if isinstance(spec, ContainerInterfaceSpec) else None
        return AttachmentPlan(
            device=device,
            ifname=ifname,
            peer=peer,
            network=spec.network,
            bridge=network.bridge,
            addresses=addresses,
            mac=spec.mac,
            mtu=spec.mtu or network.mtu,
            default_via=str(via) if via else None,
        )

    # --- Routers ---

    def ports_of(self, name: str, router: RouterSpec) -> dict[Port, _RouterPort]:
        """All ports of a router that carry addresses, those of links included; checks that none is used twice."""
        ports: dict[Port, _RouterPort] = {}
        switch_ports: dict[Port, KeyPath] = {}
        self.switch_ports[name] = {}
        vlan_networks: dict[int, tuple[str, KeyPath]] = {}
        for key, spec in router.interfaces.items():
            path = ("routers", name, "interfaces", key)
            port = port_names.parse(key)
            if self.is_new(port, key, path, ports, switch_ports):
                if not self.dynamips(router):
                    self.check_card(router, port, path)
                if spec.access_vlan is None:
                    ports[port] = _RouterPort(port, path, spec)
                else:
                    switch_ports[port] = path
                    self.switch_ports[name][port] = _SwitchPort(path, spec.access_vlan, spec.network)
                    self.check_switch_port(router, port, spec, path, vlan_networks)
        for link_name, link in self.topology.links.items():
            for key, end in link.get(name, {}).items():
                path = ("links", link_name, name, key)
                port = port_names.parse(key)
                if self.is_new(port, key, path, ports, switch_ports):
                    if not self.dynamips(router):
                        self.check_card(router, port, path)
                    if port.is_virtual:
                        self.conflict(path, f"{port.long} cannot be the end of a link: it has no socket for a cable")
                    ports[port] = _RouterPort(port, path, end, segment=("links", link_name), link=link_name)
        self.join_vlans(router, ports, vlan_networks)
        return ports

    def is_new(
        self,
        port: Port,
        key: str,
        path: KeyPath,
        ports: Mapping[Port, _RouterPort],
        switch_ports: Mapping[Port, KeyPath],
    ) -> bool:
        first = ports[port].path if port in ports else switch_ports.get(port)
        if first is None:
            return True
        self.conflict(path, f"port {port.long} is used twice: {self.line(first)} is the same port as {key}")
        return False

    def check_card(self, router: RouterSpec, port: Port, path: KeyPath) -> None:
        """Where the cards are known, the port must be on one."""
        if port.is_virtual or not router.slots or (port in BUILT_IN and 0 not in router.slots):
            return
        slot, number = port.numbers[0], port.numbers[-1]
        card = router.slots.get(slot)
        if card is None:
            self.lacks(path, f"{port.long} is on no card: there is none in slot {slot}")
            return
        kind, count = CARDS[card]
        if len(port.numbers) != 2 or port.kind != kind or number >= count:
            has = f"{kind}{slot}/0" + (f" to {slot}/{count - 1}" if count > 1 else "")
            self.conflict(path, f"{port.long} is on no card: {card} in slot {slot} has {has}")

    def check_switch_port(
        self,
        router: RouterSpec,
        port: Port,
        spec: RouterInterfaceSpec,
        path: KeyPath,
        vlan_networks: dict[int, tuple[str, KeyPath]],
    ) -> None:
        vlan = spec.access_vlan
        assert vlan is not None
        if port.is_virtual:
            self.conflict((*path, "access_vlan"), f"{port.long} cannot be a switch port")
        if spec.address:
            self.conflict((*path, "address"), f"a switch port has no address: give it to Vlan{vlan}")
        if vlan != 1 and vlan not in router.vlans:
            self.lacks((*path, "access_vlan"), f"VLAN {vlan} is not in the router's vlans")
        if Port("Vlan", (vlan,)) not in {port_names.parse(key) for key in router.interfaces}:
            self.lacks((*path, "access_vlan"), f"the router has no interface Vlan{vlan}, which would have the address")
        if spec.network is None:
            self.lacks(path, "the port is in no network: give it one")
            return
        self.find("network", spec.network, self.topology.networks, (*path, "network"))
        if vlan in vlan_networks and vlan_networks[vlan][0] != spec.network:
            other, first = vlan_networks[vlan]
            self.conflict(
                (*path, "network"),
                f"VLAN {vlan} would join the networks {other} ({self.line(first)}) and {spec.network}",
            )
        else:
            vlan_networks[vlan] = (spec.network, (*path, "network"))

    def join_vlans(
        self, router: RouterSpec, ports: Mapping[Port, _RouterPort], vlan_networks: Mapping[int, tuple[str, KeyPath]]
    ) -> None:
        """Finds the network of each port; that of a Vlan port is the one of its switch ports."""
        for port, entry in ports.items():
            if not isinstance(entry.spec, RouterInterfaceSpec):
                continue
            network, path = entry.spec.network, (*entry.path, "network")
            if port.kind == "Vlan" and port.numbers[0] in vlan_networks:
                switched, first = vlan_networks[port.numbers[0]]
                if network not in (None, switched):
                    self.conflict(path, f"{port.long} is in network {switched} by its switch port, {self.line(first)}")
                network, path = switched, first
            if port.kind == "Loopback":
                if network is not None:
                    self.conflict(path, f"{port.long} can be in no network: it has no socket for a cable")
                for key in ("mac", "mtu"):
                    if getattr(entry.spec, key) is not None:
                        self.conflict((*entry.path, key), f"{port.long} has no {key}: it has no socket for a cable")
                continue
            if network is None:
                is_vlan = port.kind == "Vlan"
                other = f"a switch port with access_vlan {port.numbers[0]}" if is_vlan else "make it the end of a link"
                self.lacks(entry.path, f"{port.long} is in no network: give it one, or {other}")
                entry.segment = NOWHERE
            else:
                self.find("network", network, self.topology.networks, path)
                entry.segment = self.segment(network)

    def check_link_ends(self) -> None:
        for name, link in self.topology.links.items():
            subnets: dict[IPv4Network, KeyPath] = {}
            for router, ports in link.items():
                self.find("router", router, self.topology.routers, ("links", name, router))
                for key, end in ports.items():
                    path: KeyPath = ("links", name, router, key, "address", 0)
                    if end.address:
                        subnets[end.address[0].network] = path
            if len(subnets) > 1:
                (first, first_path), (second, second_path) = subnets.items()
                self.conflict(
                    second_path,
                    f"link {name} has ends in different subnets: {second} here, {first} at {self.line(first_path)}",
                )

    def dynamips(self, router: RouterSpec | None) -> DynamipsSpec | None:
        """The hardware of a router that is emulated; None for one that is not."""
        spec = (router and router.engine) or self.topology.router_defaults.engine
        if router is None or self.engine == "frr" or (self.engine is None and not isinstance(spec, DynamipsEngineSpec)):
            return None
        return spec.dynamips if isinstance(spec, DynamipsEngineSpec) else DynamipsSpec()

    def router(self, name: str, router: RouterSpec) -> RouterPlan:
        entries = self.router_ports[name]
        spec = self.dynamips(router)
        if router.base_mac:
            self.claim_mac(router.base_mac, ("routers", name, "base_mac"))
        ports = tuple(self.port(name, router, entry) for entry in entries.values())
        rip = self.rip(name, router, ports)
        routes = self.routes(name, router.routes, ("routers", name, "routes"))
        hostname = router.hostname or name
        raw = config = self.config(name, router)
        secret = router.enable_secret or self.topology.router_defaults.enable_secret
        if raw is not None and router.enable_secret:
            self.conflict(
                ("routers", name, "enable_secret"), "a whole configuration has its own `enable secret`: write it there"
            )
        if config is None and spec:
            access_vlans = {port.long: switched.vlan for port, switched in self.switch_ports[name].items()}
            config = ios.render(hostname, ports, access_vlans, rip, routes)
        return RouterPlan(
            name=name,
            engine="dynamips" if spec else "frr",
            hostname=hostname,
            ports=ports,
            rip=rip,
            routes=routes,
            config=frr.render(hostname, ports, rip, routes) if config is None else config,
            base_mac=router.base_mac,
            slots=tuple(router.slots.items()),
            vlans=tuple(router.vlans.items()),
            config_is_raw=raw is not None,
            enable_secret=secret.from_secret if secret and spec and raw is None else None,
            dynamips=self.hardware(name, router, spec) if spec else None,
        )

    # --- Emulated routers ---

    def hypervisors(self) -> tuple[HypervisorPlan, ...]:
        """The daemons that are shared, each once, with what its routers may use together."""
        cpus: dict[str, list[float | None]] = {}
        for router in self.topology.routers.values():
            spec = self.dynamips(router)
            if spec and spec.hypervisor:
                cpus.setdefault(spec.hypervisor, []).append(spec.cpus)
        return tuple(
            HypervisorPlan(name, None if None in shares else sum(share or 0 for share in shares))
            for name, shares in cpus.items()
        )

    def hardware(self, name: str, router: RouterSpec, spec: DynamipsSpec) -> DynamipsPlan:
        """What Dynamips is told; checks all that it would accept and that could not work."""
        slots = {str(slot): card for slot, card in router.slots.items()}
        wics = {str(bay): card for bay, card in spec.wics.items()}
        chassis = spec.chassis or dynamips_hardware.DEFAULT_CHASSIS
        engine: KeyPath = (*(("routers", name) if router.engine else ("router_defaults",)), "engine", "dynamips")
        wrong = list(dynamips_hardware.card_problems(spec.platform, chassis, slots, wics))
        for place, message in wrong:
            number = int("".join(filter(str.isdigit, place)))
            self.conflict(
                (*engine, "wics", number) if place.startswith("wics") else ("routers", name, "slots", number), message
            )
        if spec.chassis and spec.platform != "c3600":
            self.conflict((*engine, "chassis"), f"only a c3600 has a choice of chassis, not a {spec.platform}")
        if spec.npe and spec.platform != "c7200":
            self.conflict((*engine, "npe"), f"only a c7200 has a choice of processor, not a {spec.platform}")
        if spec.hypervisor in self.topology.routers:
            self.conflict(
                (*engine, "hypervisor"),
                f"{spec.hypervisor} is a router, and has a daemon of that name: name this one otherwise",
            )
        if not wrong:
            self.check_sockets(name, spec, slots)
        if spec.image == FREE:
            self.check_drivers(name, router, spec, slots)
        nios = [nio for entry in self.router_ports[name].values() if (nio := self.nio(name, router, entry))]
        for port, switched in self.switch_ports[name].items():
            network = self.topology.networks.get(switched.network or "")
            if network:
                tap = tap_name(name, port.ifname)
                self.claim_ifname(tap, switched.path)
                nios.append(NioPlan(_socket(port), tap, network.bridge, network.mtu, None, None))
        # Always the same for the same lab: Dynamips' own choice follows its process id.
        digest = hashlib.sha256(f"{self.topology.topology}/{name}".encode()).hexdigest()
        mac = router.base_mac or f"cc:{digest[:2]}:{digest[2:4]}:{digest[4:6]}:00:00"
        image = spec.image
        if image != FREE and not image.startswith(ON_HOST):
            image = os.path.abspath(self.source.folder / Path(image).expanduser())  # noqa: PTH100 - resolve() would read links
        return DynamipsPlan(
            platform=spec.platform,
            chassis=spec.chassis,
            npe=spec.npe,
            image=image,
            idle_pc=spec.idle_pc,
            ram_mib=spec.ram_mib,
            cpus=spec.cpus,
            nvram_kib=spec.nvram_kib,
            wics=tuple(spec.wics.items()),
            system_id=spec.system_id,
            conf_reg=spec.conf_reg.lower(),
            sparse=spec.sparse,
            ghost=spec.ghost,
            hypervisor=spec.hypervisor,
            mac=mac,
            slots=tuple((int(slot), card) for slot, card in slots.items()),
            nios=tuple(nios),
        )

    def check_sockets(self, name: str, spec: DynamipsSpec, slots: Mapping[str, str]) -> None:
        """Every port is on a card, or built in."""
        platform = spec.platform
        there = dynamips_hardware.ports(platform, spec.chassis or dynamips_hardware.DEFAULT_CHASSIS, slots, {})
        kinds = {slot: CARDS[card][0] for slot, card in slots.items()}
        paths = {port: entry.path for port, entry in self.router_ports[name].items() if not port.is_virtual}
        for port, path in {
            **paths,
            **{port: switched.path for port, switched in self.switch_ports[name].items()},
        }.items():
            if _socket(port) not in there or port.kind != kinds.get(str(port.numbers[0]), "FastEthernet"):
                cards = ", ".join(f"{card} in slot {slot}" for slot, card in slots.items()) or "no card"
                self.lacks(path, f"{port.long} is on no card: a {platform} with {cards} has no such port")
            elif slots.get(str(port.numbers[0])) == "NM-16ESW" and port in paths:
                self.conflict(
                    path, f"{port.long} is a switch port: give it an access_vlan, and the address to the Vlan port"
                )
            elif port.kind == "Serial" and port in paths and not self.router_ports[name][port].link:
                self.conflict(path, f"{port.long} can be in no network: a serial port only takes a link")
        for port, switched in self.switch_ports[name].items():
            card = slots.get(str(port.numbers[0]))
            if _socket(port) in there and card != "NM-16ESW":
                self.conflict(switched.path, f"{port.long} cannot be a switch port: only those of an NM-16ESW are")

    def check_drivers(self, name: str, router: RouterSpec, spec: DynamipsSpec, slots: Mapping[str, str]) -> None:
        """What the free firmware can't do."""
        engine: KeyPath = ("routers", name, "engine") if router.engine else ("router_defaults", "engine")
        if spec.platform not in FREE_PLATFORMS:
            self.conflict(
                engine, f"the free firmware does not run on a {spec.platform}, only on {', '.join(FREE_PLATFORMS)}"
            )
            return
        for entry in self.router_ports[name].values():
            if len(entry.spec.address) > 1:
                self.conflict(
                    (*entry.path, "address"), f"the free firmware has one address per port: {entry.port.long} has more"
                )
        for bay, wic in spec.wics.items():
            self.conflict((*engine, "dynamips", "wics", bay), f"the free firmware has no driver for {wic}")
        for slot, card in slots.items():
            if card not in FREE_CARDS:
                self.conflict(
                    ("routers", name, "slots", int(slot)),
                    f"the free firmware has no driver for {card}; it has some for {', '.join(FREE_CARDS)}",
                )

    def nio(self, name: str, router: RouterSpec, entry: _RouterPort) -> NioPlan | None:
        """What a port is plugged into; None for one without a socket, or whose network is not known."""
        port, spec = entry.port, entry.spec
        for key in ("mac", "mtu"):
            if getattr(spec, key, None) is not None:
                other = "the router a base_mac" if key == "mac" else "it to the network"
                self.conflict((*entry.path, key), f"an emulated port has no {key} of its own: give {other}")
        if port.is_virtual:
            return None
        if entry.link:
            (other,) = [end for end in self.topology.links[entry.link] if end != name] or [name]
            if self.dynamips(self.topology.routers.get(other)):
                pair = self.udp_pair(entry.link)
                local, remote = (pair, pair + 1) if name < other else (pair + 1, pair)
                return NioPlan(_socket(port), None, None, DEFAULT_MTU, local, remote)
            return NioPlan(_socket(port), tap_name(name, port.ifname), link_bridge(entry.link), DEFAULT_MTU, None, None)
        network = (
            self.topology.networks.get(str(entry.segment[1]))
            if entry.segment and entry.segment[0] == "networks"
            else None
        )
        if network is None:
            return None
        return NioPlan(_socket(port), tap_name(name, port.ifname), network.bridge, network.mtu, None, None)

    def udp_pair(self, link: str) -> int:
        """The first of a link's two UDP ports; by its name, so that other links that come and go leave it alone."""
        taken: dict[str, int] = {}
        for name in sorted(self.topology.links):
            pair = int(hashlib.sha256(name.encode()).hexdigest(), 16) % UDP_PAIRS
            while pair in taken.values():
                pair = (pair + 1) % UDP_PAIRS
            taken[name] = pair
        return FIRST_UDP_PORT + 2 * taken[link]

    def link(self, name: str, a: LinkEnd, b: LinkEnd) -> LinkPlan:
        """A link; one between an emulated router and another has a bridge."""
        emulated = [self.dynamips(self.topology.routers[end.router]) is not None for end in (a, b)]
        if emulated[0] == emulated[1]:
            return LinkPlan(name, a, b)
        bridge = link_bridge(name)
        self.claim_ifname(bridge, ("links", name))
        first, second = (
            replace(end, peer=(tap_name if is_emulated else peer_name)(end.router, end.ifname))
            for end, is_emulated in zip((a, b), emulated, strict=True)
        )
        for end in (first, second):
            self.claim_ifname(str(end.peer), ("links", name, end.router))
        return LinkPlan(name, first, second, bridge)

    def port(self, router_name: str, router: RouterSpec, entry: _RouterPort) -> PortPlan:
        port, spec = entry.port, entry.spec
        network_name = str(entry.segment[1]) if entry.segment and entry.segment[0] == "networks" else None
        network = self.topology.networks.get(network_name) if network_name else None
        if network_name and network:
            addresses = self.addresses(router_name, spec.address, (network_name, network), entry.path)
        else:
            for at, address in enumerate(spec.address):
                self.claim_address(address, router_name, entry.segment, (*entry.path, "address", at))
            addresses = tuple(map(str, spec.address))
        mac = self.port_mac(router_name, router, entry)
        mtu = (spec.mtu if isinstance(spec, RouterInterfaceSpec) else None) or (network.mtu if network else DEFAULT_MTU)
        attachment = None
        # With Dynamips, the switch ports of a Vlan port are what is plugged in.
        if network_name and network and not (port.is_virtual and self.dynamips(router)):
            peer = (tap_name if self.dynamips(router) else peer_name)(router_name, port.ifname)
            self.claim_ifname(peer, entry.path)
            attachment = AttachmentPlan(
                router_name, port.ifname, peer, network_name, network.bridge, addresses, mac, mtu, default_via=None
            )
        return PortPlan(
            port.long,
            port.short,
            port.ifname,
            mac,
            mtu,
            addresses,
            spec.description,
            attachment=attachment,
            link=entry.link,
        )

    def port_mac(self, router_name: str, router: RouterSpec, entry: _RouterPort) -> str | None:
        port, spec = entry.port, entry.spec
        if self.dynamips(router):
            return None
        if spec.mac:
            self.claim_mac(spec.mac, (*entry.path, "mac"))
            return spec.mac
        built_in = not port.is_virtual and len(port.numbers) > 1 and port.numbers[0] == 0
        if not router.base_mac or not (built_in or port.kind == "Vlan"):
            return None
        number = int(router.base_mac.replace(":", ""), 16) + (port.numbers[-1] if built_in else 0)
        digits = f"{number % 2**48:012x}"
        mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
        if mac != router.base_mac:
            self.claim_mac(mac, entry.path)
        return mac

    def rip(self, name: str, router: RouterSpec, ports: Sequence[PortPlan]) -> RipPlan | None:
        """RIP of a router: its own keys over those of the defaults."""
        defaults = self.topology.router_defaults.rip
        if not router.rip and not defaults:
            return None
        own = router.rip or RipSpec()
        rip = (defaults or RipSpec()).model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
        if not rip.enabled:
            return None

        def origin(key: str) -> KeyPath:
            return ("routers", name, "rip", key) if key in own.model_fields_set else ("router_defaults", "rip", key)

        spec = self.dynamips(router)
        if rip.auto_summary and (spec is None or spec.image == FREE):
            who = "the free firmware" if spec else "FRR"
            self.conflict(origin("auto_summary"), f"{who} never summarises: auto_summary must be false with it")
        if rip.version == 1 and spec and spec.image == FREE:
            self.conflict(origin("version"), "the free firmware has RIP version 2 alone")
        connected = dict.fromkeys(IPv4Interface(address).network for port in ports for address in port.addresses)
        if rip.networks == "connected":
            networks: Iterable[IPv4Network] = connected
        else:
            networks = rip.networks
            for at, prefix in enumerate(rip.networks if "networks" in own.model_fields_set else ()):
                if not any(subnet.overlaps(prefix) for subnet in connected):
                    self.lacks((*origin("networks"), at), f"no port of {name} is in {prefix}")
        if spec and router.config is None and router.config_file is None:
            self.check_classes(name, networks, connected, origin("networks"))
        passive = []
        for at, key in enumerate(rip.passive):
            port = port_names.parse(key)
            if port in self.router_ports[name]:
                passive.append(port.ifname)
            elif "passive" in own.model_fields_set:
                self.lacks((*origin("passive"), at), f"{name} has no port {port.long} with an address")
        return RipPlan(
            rip.version, tuple(map(str, networks)), tuple(dict.fromkeys(passive)), rip.timers, rip.auto_summary
        )

    def check_classes(
        self, name: str, networks: Iterable[IPv4Network], connected: Iterable[IPv4Network], path: KeyPath
    ) -> None:
        """IOS takes part by class: `network 10.0.0.0` is every port in 10."""
        networks = tuple(networks)
        for subnet in connected:
            classes = [ios.classful(network.network_address) for network in networks]
            if ios.classful(subnet.network_address) in classes and not any(subnet.overlaps(one) for one in networks):
                whole = ios.classful(subnet.network_address)
                self.conflict(
                    path,
                    f"IOS takes part in RIP by class: {name}'s port in {subnet} would be in it too, as all of {whole}",
                )

    def check_passive_defaults(self) -> None:
        """A default passive port need not be in every router, but in one."""
        rip = self.topology.router_defaults.rip
        for at, key in enumerate(rip.passive if rip else ()):
            port = port_names.parse(key)
            if not any(port in ports for ports in self.router_ports.values()):
                self.lacks(
                    ("router_defaults", "rip", "passive", at), f"no router has a port {port.long} with an address"
                )

    def config(self, name: str, router: RouterSpec) -> str | None:
        """The raw configuration, if there is one."""
        if router.config_file is None:
            return router.config
        path: KeyPath = ("routers", name, "config_file")
        if router.config is not None:
            self.conflict(path, "config and config_file are both given: leave one out")
            return router.config
        try:
            return (self.source.folder / router.config_file).read_text(encoding="utf-8")
        except OSError as error:
            self.conflict(path, f"{router.config_file!r} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.conflict(path, f"{router.config_file!r} is not UTF-8 text")
        return None

    # --- Containers ---

    def image(self, name: str, image: ImageSpec) -> ImagePlan:
        path: KeyPath = ("images", name)
        # What is faulty is given all the same.
        given = [key for key in ("rootfs", "build", "pull") if getattr(image, key) or key in self.keys(path)]
        if len(given) != 1 and given != ["rootfs", "pull"]:
            what = f"{' and '.join(given)} are" if given else "neither rootfs, build nor pull is"
            self.conflict(
                (*path, *given[1:2]), f"{what} given: an image is made from one of them, or from rootfs or pull"
            )
        elif image.host_files and "rootfs" not in given:
            self.conflict(
                (*path, "host_files"), "only an image made from a root file system is lent files of the lab host"
            )
        return ImagePlan(
            name,
            self.absolute(image.rootfs),
            tuple(HostFilePlan(source, target) for target, source in image.host_files.items()),
            self.absolute(image.build),
            image.pull,
        )

    def keys(self, path: KeyPath) -> frozenset[str]:
        """The keys of a mapping, as it was written."""
        written: object = self.source.data
        for key in path:
            written = written.get(key) if isinstance(written, dict) else None
        return frozenset(written) if isinstance(written, dict) else frozenset()

    def absolute(self, path: str | None) -> str | None:
        return None if path is None else os.path.abspath(self.source.folder / path)  # noqa: PTH100 - resolve() would read links

    def container(self, name: str, container: ContainerSpec) -> ContainerPlan:
        path: KeyPath = ("containers", name)
        image = self.find("image", container.image, self.topology.images, (*path, "image"))
        if image and image.rootfs and not container.command and "command" not in self.keys(path):
            self.conflict(
                path, f"command is missing, and image {container.image}, made from a root file system, says none"
            )
        defaults = [ifname for ifname, interface in container.interfaces.items() if interface.default_via]
        for ifname in defaults[1:]:
            first = self.line((*path, "interfaces", defaults[0], "default_via"))
            self.conflict(
                (*path, "interfaces", ifname, "default_via"),
                f"a container has one default route: {first} has it already",
            )
        targets: dict[str, KeyPath] = {}
        for at, mount in enumerate(container.mounts):
            here: KeyPath = (*path, "mounts", at, "target")
            if targets.setdefault(mount.target, here) != here:
                self.conflict(
                    here, f"{mount.target} is mounted twice: {self.line(targets[mount.target])} does it already"
                )
        return ContainerPlan(
            name=name,
            image=container.image,
            command=container.command,
            env=tuple(
                EnvPlan(key, None, value.from_secret) if isinstance(value, SecretSpec) else EnvPlan(key, value, None)
                for key, value in container.env.items()
            ),
            mounts=tuple(MountPlan(mount.source, mount.target, mount.read_only) for mount in container.mounts),
            capabilities=tuple(dict.fromkeys(container.capabilities)),
            memory_mib=container.memory_mib,
            cpus=container.cpus,
            restart=container.restart,
            new_privileges=container.new_privileges,
            interfaces=tuple(
                attachment
                for ifname, interface in container.interfaces.items()
                if (attachment := self.attachment(name, ifname, interface, (*path, "interfaces", ifname)))
            ),
            owns=tuple(dict.fromkeys(container.owns)),
        )

    # --- Routes ---

    def routes(self, device: str, routes: Sequence[RouteSpec], path: KeyPath) -> tuple[RoutePlan, ...]:
        first: dict[IPv4Network, KeyPath] = {}
        for at, route in enumerate(routes):
            for position, dst in enumerate(route.dst):
                here: KeyPath = (*path, at, "dst", position)
                if first.setdefault(dst, here) != here:
                    self.conflict(here, f"{device} has two routes to {dst}: {self.line(first[dst])} is one already")
        return tuple(RoutePlan(str(dst), str(route.via)) for route in routes for dst in route.dst)

    def check_gateways(self) -> None:
        """Every gateway is the address of some device beside the one that uses it."""
        topology = self.topology
        for at, route in enumerate(topology.host.routes):
            segments: list[KeyPath] = [
                self.segment(interface.network) for interface in topology.host.interfaces.values()
            ]
            self.gateway(HOST, route.via, segments, ("host", "routes", at, "via"))
        for name, router in topology.routers.items():
            segments = [port.segment for port in self.router_ports[name].values() if port.segment]
            for at, route in enumerate(router.routes):
                self.gateway(name, route.via, segments, ("routers", name, "routes", at, "via"))
        for name, container in topology.containers.items():
            for ifname, interface in container.interfaces.items():
                path: KeyPath = ("containers", name, "interfaces", ifname, "default_via")
                if interface.default_via and not interface.address:
                    self.lacks(path, f"a gateway needs an address beside it: {ifname} has none")
                elif interface.default_via:
                    self.gateway(name, interface.default_via, [self.segment(interface.network)], path)

    def gateway(self, device: str, via: IPv4Address, segments: Sequence[KeyPath], path: KeyPath) -> None:
        """Checks that `device`, which is in the networks and links `segments`, can reach the gateway."""
        holder = self.holders.get(via)
        if holder is None:
            self.lacks(path, f"no device has the gateway {via}")
        elif holder.device == device:
            self.conflict(path, f"the gateway {via} is {device}'s own address")
        elif NOWHERE not in (holder.segment, *segments) and holder.segment not in segments:
            where = self.line(holder.path)
            self.lacks(path, f"{device} cannot reach the gateway {via}: it is in another network, {where}")

    # --- Checks ---

    def check(self, check: CheckSpec, path: KeyPath) -> CheckPlan:
        device = check.from_device
        self.device(device, (*path, "from"))
        if self.dynamips(self.topology.routers.get(device)):
            self.conflict(
                (*path, "from"),
                f"{device} is emulated: checks can only start at the host, a container or a router with frr",
            )
        if isinstance(check, PingCheckSpec):
            self.target(check.ping, (*path, "ping"))
            name = f"ping {check.ping} from {device}"
            return PingCheck(name, device, str(check.ping), check.reply_ttl, check.timeout_s)
        if isinstance(check, HttpCheckSpec):
            self.page(check.http, (*path, "http"))
            return HttpCheck(f"{check.http} from {device}", device, check.http, check.contains, check.timeout_s)
        via = f" via {check.via}" if check.via else ""
        if check.via:
            self.target(check.via, (*path, "via"))
        name = f"route {check.route}{via} on {device}"
        return RouteCheck(name, device, str(check.route), str(check.via) if check.via else None, check.timeout_s)

    def page(self, url: str, path: KeyPath) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
            address = IPv4Address(parts.hostname or "")
        except AddressValueError:
            self.conflict(path, f"{url!r} must have an IPv4 address for its host: a lab has no name server")
        except ValueError:
            self.conflict(path, f"{url!r} is no address of a page: write it like http://10.1.1.2/")
        else:
            del port
            self.target(address, path)

    def target(self, address: IPv4Address, path: KeyPath) -> None:
        """An address within the lab must be some device's."""
        subnets = itertools.chain(
            (network.subnet for network in self.topology.networks.values()),
            (
                address.network
                for link in self.topology.links.values()
                for ports in link.values()
                for end in ports.values()
                for address in end.address
            ),
        )
        if address not in self.holders and (not self.topology.host.nat or any(address in subnet for subnet in subnets)):
            self.lacks(path, f"no device has the address {address}")
