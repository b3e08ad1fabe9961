"""The plan of a lab: a topology with everything resolved, ready to be made into resources.

Values are plain text, numbers and booleans, so that they can be resource inputs as they are: addresses are
`10.1.1.2/24`, gateways `10.1.1.2`, MACs `cc:00:79:3b:00:00`. Where a value is None, nothing is asked for and nothing
is to be changed. Get a plan from `components.topology.read_topology`; all references in it hold.
"""

from dataclasses import dataclass, replace
from typing import Literal

#: MTU of whatever does not say otherwise, in bytes.
DEFAULT_MTU = 1500

#: What runs a router.
Engine = Literal["frr", "dynamips"]
#: The image of emulated routers that is the project's own.
FREE = "free"
#: Before the path of an image on the lab host.
ON_HOST = "host:"

Restart = Literal["no", "on-failure", "always", "unless-stopped"]
Owned = Literal["routes", "addresses", "files"]


@dataclass(frozen=True)
class NetworkPlan:
    """A Linux bridge in the lab's host namespace."""

    name: str
    bridge: str
    subnet: str
    mtu: int


@dataclass(frozen=True)
class AttachmentPlan:
    """A veth pair that joins a device to a network: `ifname` is in the device, `peer` in the host's `bridge`."""

    device: str
    """`host`, or the name of a router or container."""
    ifname: str
    peer: str
    network: str
    bridge: str
    addresses: tuple[str, ...]
    mac: str | None
    mtu: int
    default_via: str | None
    """The gateway that replaces the device's default route; only containers have one."""


@dataclass(frozen=True)
class RoutePlan:
    """One route: the destination prefix, and the address of the next router."""

    dst: str
    via: str


@dataclass(frozen=True)
class HostPlan:
    """The lab's host: the namespace that holds the bridges."""

    interfaces: tuple[AttachmentPlan, ...]
    routes: tuple[RoutePlan, ...]
    nat: bool
    """Whether the lab reaches the world through the host's address."""
    forwarding: bool = True


@dataclass(frozen=True)
class PortPlan:
    """A port of a router. It is attached to a network, is the end of a link, or is neither: then it is a loopback,
    its ifname is `lo`, which the namespace has anyway, and `config` gives it its addresses.
    """

    ios_name: str
    """Canonical: `FastEthernet0/0`."""
    ios_short: str
    ifname: str
    mac: str | None
    mtu: int
    addresses: tuple[str, ...]
    description: str | None
    attachment: AttachmentPlan | None
    link: str | None
    """Name of the link of which the port is an end."""


@dataclass(frozen=True)
class RipPlan:
    """RIP on one router, resolved: `networks` are prefixes, `passive` are ifnames, timers are seconds."""

    version: int
    networks: tuple[str, ...]
    passive: tuple[str, ...]
    timers: tuple[int, int, int] | None
    auto_summary: bool = False


@dataclass(frozen=True)
class NioPlan:
    """What a port of an emulated router is plugged into, in the lab's host namespace: a tap in a bridge, or UDP to another router's port."""

    port: str
    """`slot/port`."""
    tap: str | None
    """The tap's ifname."""
    bridge: str | None
    mtu: int
    udp_local: int | None
    udp_remote: int | None


@dataclass(frozen=True)
class DynamipsPlan:
    """The hardware of an emulated router."""

    platform: str
    chassis: str | None
    npe: str | None
    image: str
    """`free`, the absolute path of an image on the machine that runs Pulumi, or `host:` and a path on the lab host."""
    idle_pc: str | None
    ram_mib: int | None
    cpus: float | None
    nvram_kib: int | None
    wics: tuple[tuple[int, str], ...]
    """(bay, WIC)."""
    system_id: str | None
    conf_reg: str
    sparse: bool
    ghost: bool
    hypervisor: str | None
    """Name of the HypervisorPlan that it is in; None: a daemon of its own."""
    mac: str
    """The base address: its ports' are made of it."""
    slots: tuple[tuple[int, str], ...]
    """(slot, card)."""
    nios: tuple[NioPlan, ...]


@dataclass(frozen=True)
class HypervisorPlan:
    """A Dynamips daemon that several routers share."""

    name: str
    cpus: float | None


@dataclass(frozen=True)
class RouterPlan:
    """A router. `config` is the whole configuration, FRR's or IOS's; the rest of it is what the config was made from."""

    name: str
    engine: Engine
    hostname: str
    ports: tuple[PortPlan, ...]
    """Ports that exist in the router's namespace, links included. A switch port is not one: its Vlan port is."""
    rip: RipPlan | None
    routes: tuple[RoutePlan, ...]
    config: str
    base_mac: str | None
    slots: tuple[tuple[int, str], ...]
    """(slot, card); for engines that emulate the hardware."""
    vlans: tuple[tuple[int, str], ...]
    """(VLAN number, its name); for engines that emulate the hardware."""
    config_is_raw: bool = False
    """Whether `config` is the examiner's own text, in which there may be passwords."""
    enable_secret: str | None = None
    """Name, in the stack's configuration, of the secret whose hash is in the configuration too; of the engine dynamips."""
    dynamips: DynamipsPlan | None = None
    """Of the engine dynamips. Such a router has no namespace: its ports are plugged in by `dynamips.nios`."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses of the router, in the order of its ports."""
        return tuple(address for port in self.ports for address in port.addresses)


@dataclass(frozen=True)
class LinkEnd:
    """One end of a link: the interface `ifname` in the namespace of `router`."""

    router: str
    ifname: str
    mac: str | None
    mtu: int
    addresses: tuple[str, ...]
    peer: str | None = None
    """What is in the link's bridge at this end, if it has one: a tap, or the other end of a veth pair."""


@dataclass(frozen=True)
class LinkPlan:
    """A point-to-point link between two routers: one veth pair; UDP between two emulated ones; a bridge of its own between one and one."""

    name: str
    a: LinkEnd
    b: LinkEnd
    bridge: str | None = None
    """Its ifname in the lab's host namespace."""


@dataclass(frozen=True)
class HostFilePlan:
    """A file that the lab host lends to an image: `source` on the lab host, `target` in the image; both absolute."""

    source: str
    target: str


@dataclass(frozen=True)
class ImagePlan:
    """A container image, from one of three: a root file system, which is a folder or a tar file on the machine that runs Pulumi; a folder
    with a Dockerfile there; a registry. Or from a root file system or a registry, by what the lab host can: see `pulling`.
    """

    name: str
    rootfs: str | None
    """Absolute path."""
    host_files: tuple[HostFilePlan, ...]
    build: str | None = None
    """Absolute path."""
    pull: str | None = None


@dataclass(frozen=True)
class EnvPlan:
    """An environment variable: its value, or else the name of the secret in the stack's configuration."""

    name: str
    value: str | None
    from_secret: str | None


@dataclass(frozen=True)
class MountPlan:
    """A folder or file of the lab host in a container; both paths absolute."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class ContainerPlan:
    """A container, with no network but the lab's. `capabilities` (no CAP_ prefix) are all that it has."""

    name: str
    image: str
    command: tuple[str, ...]
    env: tuple[EnvPlan, ...]
    mounts: tuple[MountPlan, ...]
    capabilities: tuple[str, ...]
    memory_mib: int | None
    cpus: float | None
    restart: Restart
    new_privileges: bool
    interfaces: tuple[AttachmentPlan, ...]
    owns: tuple[Owned, ...]
    """What the candidate may change: neither drift nor repaired."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses of the container, in the order of its interfaces."""
        return tuple(address for interface in self.interfaces for address in interface.addresses)


@dataclass(frozen=True)
class PingCheck:
    """`target` answers a ping from `from_device`, with the IP TTL `reply_ttl` where that is given."""

    name: str
    from_device: str
    target: str
    reply_ttl: int | None
    timeout_s: float


@dataclass(frozen=True)
class HttpCheck:
    """`url` can be fetched from `from_device`, and the body has the text `contains` where that is given."""

    name: str
    from_device: str
    url: str
    contains: str | None
    timeout_s: float


@dataclass(frozen=True)
class RouteCheck:
    """`from_device` has a route to exactly the prefix `dst`, through `via` where that is given."""

    name: str
    from_device: str
    dst: str
    via: str | None
    timeout_s: float


CheckPlan = PingCheck | HttpCheck | RouteCheck


@dataclass(frozen=True)
class Plan:
    """A whole lab. Everything is in the order of the topology file."""

    name: str
    networks: tuple[NetworkPlan, ...]
    host: HostPlan
    hypervisors: tuple[HypervisorPlan, ...]
    routers: tuple[RouterPlan, ...]
    links: tuple[LinkPlan, ...]
    containers: tuple[ContainerPlan, ...]
    images: tuple[ImagePlan, ...]
    checks: tuple[CheckPlan, ...]


def pulling(plan: Plan, can_pull: bool) -> Plan:
    """The plan with one source for every image: of a root file system and a registry, what the lab host can; a pulled image has its own command."""
    both = frozenset(image.name for image in plan.images if image.rootfs is not None and image.pull is not None)
    images = (
        replace(image, rootfs=None, host_files=()) if can_pull else replace(image, pull=None) for image in plan.images
    )
    return replace(
        plan,
        images=tuple(one if one.name in both else image for image, one in zip(plan.images, images, strict=True)),
        containers=tuple(
            replace(container, command=()) if can_pull and container.image in both else container
            for container in plan.containers
        ),
    )
