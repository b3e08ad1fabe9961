"""The topology file, typed: what an examiner may write.

Every class is one mapping of the file, every field one of its keys. What a single value must look like is checked here;
what values mean together (names, subnets, duplicates) is checked in `components.topology.resolve`. The JSON Schema
that editors use and the reference page are made from these classes.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Strict,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from components.topology import port_names
from components.topology.plan import Owned, Restart
from host_agent.schema import IMAGE_REFERENCE

CAPABILITIES = frozenset(
    {
        "AUDIT_CONTROL",
        "AUDIT_READ",
        "AUDIT_WRITE",
        "BLOCK_SUSPEND",
        "BPF",
        "CHECKPOINT_RESTORE",
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "IPC_LOCK",
        "IPC_OWNER",
        "KILL",
        "LEASE",
        "LINUX_IMMUTABLE",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
        "PERFMON",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYSLOG",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_CHROOT",
        "SYS_MODULE",
        "SYS_NICE",
        "SYS_PACCT",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "WAKE_ALARM",
    }
)

#: Network modules that Dynamips emulates: the kind and the number of the ports that they bring.
CARDS = {
    "NM-1E": ("Ethernet", 1),
    "NM-4E": ("Ethernet", 4),
    "NM-1FE-TX": ("FastEthernet", 1),
    "NM-16ESW": ("FastEthernet", 16),
    "NM-4T": ("Serial", 4),
    "C7200-IO-FE": ("FastEthernet", 1),
    "PA-FE-TX": ("FastEthernet", 1),
    "PA-4E": ("Ethernet", 4),
    "PA-8E": ("Ethernet", 8),
}


def wrong(message: str) -> PydanticCustomError:
    """The error that a validator raises: `message` reaches the user as it is."""
    return PydanticCustomError("topology", "{message}", {"message": message})


def _text(value: object, example: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        # The loader knows how it was written, and says it.
        raise PydanticCustomError("unquoted", "must be text: quote it")
    raise wrong(f"must be text, like {example}")


# --- Scalars ---------------------------------------------------------------------------------------------------------


def _matches(pattern: str, complaint: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def validate(text: str) -> str:
        if not compiled.fullmatch(text):
            raise wrong(f"{text!r} {complaint}")
        return text

    return validate


def _prefix(value: object) -> IPv4Network:
    text = _text(value, "10.1.1.0/24")
    address, slash, length = text.partition("/")
    if not slash:
        raise wrong(f"{text!r} needs a prefix length, like 10.1.1.0/24")
    try:
        interface = IPv4Interface((str(IPv4Address(address)), _prefix_length(length)))
    except ValueError:
        raise wrong(f"{text!r} is no IPv4 prefix: write it like 10.1.1.0/24") from None
    if interface.ip != interface.network.network_address:
        raise wrong(f"{text} has host bits set: the network is {interface.network}")
    return interface.network


def _interface(value: object) -> IPv4Interface:
    text = _text(value, "10.1.1.2/24")
    address, slash, length = text.partition("/")
    if not slash:
        raise wrong(f"{text!r} needs a prefix length, like 10.1.1.2/24")
    try:
        interface = IPv4Interface((str(IPv4Address(address)), _prefix_length(length)))
    except ValueError:
        raise wrong(f"{text!r} is no IPv4 address with a prefix length: write it like 10.1.1.2/24") from None
    if interface.network.prefixlen < 31:
        if interface.ip == interface.network.network_address:
            raise wrong(f"{text} is the network address of {interface.network}: no device can have it")
        if interface.ip == interface.network.broadcast_address:
            raise wrong(f"{text} is the broadcast address of {interface.network}: no device can have it")
    _refuse_special(interface.ip)
    return interface


def _prefix_length(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text):
        raise ValueError(text)
    return int(text)


def _address(value: object) -> IPv4Address:
    text = _text(value, "10.1.1.2")
    try:
        address = IPv4Address(text)
    except ipaddress.AddressValueError:
        hint = " without a prefix length" if "/" in text else ""
        raise wrong(f"{text!r} is no IPv4 address: write it like 10.1.1.2{hint}") from None
    _refuse_special(address)
    return address


def _refuse_special(address: IPv4Address) -> None:
    for name in ("multicast", "loopback", "unspecified", "reserved"):
        if getattr(address, f"is_{name}"):
            raise wrong(
                f"{address} is a{'n' if name == 'unspecified' else ''} {name} address: no device of a lab can have it"
            )


_MAC = re.compile(
    r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{12}",
    re.IGNORECASE,
)


def _mac(value: object) -> str:
    text = _text(value, '"cc00.793b.0000"')
    if not _MAC.fullmatch(text):
        raise wrong(f'{text!r} is no MAC address: write it like "cc:00:79:3b:00:00" or "cc00.793b.0000"')
    digits = re.sub("[:.-]", "", text).lower()
    mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    if int(digits[:2], 16) & 1:
        raise wrong(f"{mac} is a multicast MAC address: the first byte must be even")
    if not int(digits, 16):
        raise wrong(f"{mac} is no MAC address that an interface can have")
    return mac


def _ifname(value: object) -> str:
    name = _text(value, "web-dev")
    if len(name) > 15:
        raise wrong(f"{name!r} has {len(name)} characters, an interface name at most 15")
    if name in ("", ".", "..", "lo", "all", "default"):
        raise wrong(f"{name!r} cannot be an interface name")
    bad = sorted({character for character in name if character in "/:" or not "!" <= character <= "~"})
    if bad:
        raise wrong(f"{name!r} is no interface name: {bad[0]!r} is not allowed in it")
    return name


def _port_name(value: object) -> str:
    text = _text(value, "Fa0/0")
    try:
        port_names.parse(text)
    except port_names.PortNameError as error:
        raise wrong(str(error)) from None
    return text


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip() or not text:
        raise wrong(f"{text!r} must be one line of printable text, without spaces around it")
    return text


def _no_nul(text: str) -> str:
    # Half a surrogate pair can be written in YAML, but not in a file or a command.
    if bad := re.search("[\0\ud800-\udfff]", text):
        raise wrong(f"must not have the character {bad[0]!r} in it")
    return text


def _absolute(text: str) -> str:
    _no_nul(text)
    if not text.startswith("/") or ".." in text.split("/"):
        raise wrong(f"{text!r} must be an absolute path without '..'")
    return text


def _capability(text: str) -> str:
    name = text.upper().removeprefix("CAP_")
    if name not in CAPABILITIES:
        raise wrong(f"{text!r} is no capability: write it like NET_ADMIN")
    return name


def _card(text: str) -> str:
    if text not in CARDS:
        raise wrong(f"{text!r} is no card: there are {', '.join(sorted(CARDS))}")
    return text


def _words(value: object) -> object:
    if isinstance(value, str):
        raise wrong('must be a list of words, like [/bin/busybox, httpd, -f, -p, "80"]: no shell splits it')
    return value


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _text_schema(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,30}"
_NAME_RULE = "is not a fit name: a letter, then letters, digits, '_' or '-', at most 31 in all"
_DECIMAL = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"

Name = Annotated[str, AfterValidator(_matches(_NAME, _NAME_RULE)), _text_schema(f"^{_NAME}$", "web")]
Hostname = Annotated[
    str,
    AfterValidator(_matches(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", "is not a fit host name")),
    _text_schema(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", "CORP"),
]
EnvName = Annotated[
    str,
    AfterValidator(_matches(r"[A-Za-z_][A-Za-z0-9_]*", "is not a fit name for an environment variable")),
    _text_schema(r"^[A-Za-z_][A-Za-z0-9_]*$", "LANG"),
]
Prefix = Annotated[IPv4Network, PlainValidator(_prefix), _text_schema(f"^{_DECIMAL}/[0-9]{{1,2}}$", "10.1.1.0/24")]
InterfaceAddress = Annotated[
    IPv4Interface, PlainValidator(_interface), _text_schema(f"^{_DECIMAL}/[0-9]{{1,2}}$", "10.1.1.2/24")
]
Address = Annotated[IPv4Address, PlainValidator(_address), _text_schema(f"^{_DECIMAL}$", "10.1.1.2")]
_MAC_SCHEMA = (
    r"^([0-9A-Fa-f]{2}([:-]?)([0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})$"
)
Mac = Annotated[str, PlainValidator(_mac), _text_schema(_MAC_SCHEMA, "cc:00:79:3b:00:00", "cc00.793b.0000")]
Ifname = Annotated[str, PlainValidator(_ifname), _text_schema(r"^[!-.0-9;-~]{1,15}$", "web-dev")]
PortName = Annotated[
    str,
    PlainValidator(_port_name),
    _text_schema(r"^[A-Za-z]+ ?[0-9]+(/[0-9]+){0,2}$", "Fa0/0", "FastEthernet0/0", "Vlan2"),
]
OneLine = Annotated[str, AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_no_nul)]
AbsolutePath = Annotated[str, AfterValidator(_absolute), _text_schema("^/", "/bin/busybox")]
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_no_nul)]
Capability = Annotated[
    str, AfterValidator(_capability), WithJsonSchema({"type": "string", "examples": ["NET_ADMIN", "NET_RAW"]})
]
Boolean = Annotated[bool, Strict()]
Mtu = Annotated[int, Strict(), Field(ge=68, le=65535)]
VlanNumber = Annotated[int, Strict(), Field(ge=1, le=4094)]
# Keys may be text, as they are in JSON.
VlanKey = Annotated[int, Field(ge=1, le=4094)]
Seconds = Annotated[float, Field(gt=0, le=3600, strict=True)]
Addresses = Annotated[
    tuple[InterfaceAddress, ...],
    BeforeValidator(_one_or_many, json_schema_input_type=InterfaceAddress | list[InterfaceAddress]),
]
Prefixes = Annotated[
    tuple[Prefix, ...], Field(min_length=1), BeforeValidator(_one_or_many, json_schema_input_type=Prefix | list[Prefix])
]

RipTimer = Annotated[int, Strict(), Field(ge=5, le=2147483647)]
SlotKey = Annotated[int, Field(ge=0, le=6)]
Card = Annotated[str, AfterValidator(_card), WithJsonSchema({"type": "string", "enum": sorted(CARDS)})]

# Tags of alternatives are in angle brackets: in the location of an error they must not be taken for keys of the file.

# --- Mappings --------------------------------------------------------------------------------------------------------


class Spec(BaseModel):
    """A mapping of the file: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class NetworkSpec(Spec):
    """A network: a Linux bridge on the lab's host, and the subnet of the devices in it."""

    bridge: Ifname = Field(description="Name of the Linux bridge, at most 15 characters.")
    subnet: Prefix = Field(description="The IPv4 prefix of the network. Networks and links must not overlap.")
    mtu: Mtu = Field(default=1500, description="MTU of the bridge and of what is attached to it, in bytes.")


class RouteSpec(Spec):
    """Static routes through one gateway."""

    dst: Prefixes = Field(description="Destination prefix, or a list of them; `0.0.0.0/0` is the default route.")
    via: Address = Field(
        description="Address of the next router: some device in a network or link of this device must have it."
    )


class HostInterfaceSpec(Spec):
    """An interface of the lab's host in a network: a veth pair, its other end in the network's bridge."""

    peer: Ifname | None = Field(
        default=None,
        description="Name of the end in the bridge. Default: `host-` and the interface's name, shortened to fit.",
    )
    network: Name = Field(description="The network that it is in, a key of `networks`.")
    address: Addresses = Field(default=(), description="Address with prefix length, or a list of them.")
    mac: Mac | None = Field(default=None, description="MAC address, quoted. Default: the kernel chooses.")
    mtu: Mtu | None = Field(default=None, description="MTU in bytes. Default: that of the network.")


class HostSpec(Spec):
    """The lab's host: the network namespace with all bridges in it. As a device it is named `host`."""

    interfaces: dict[Ifname, HostInterfaceSpec] = Field(
        default_factory=dict, description="Interfaces of the host, by name (at most 15 characters)."
    )
    routes: tuple[RouteSpec, ...] = Field(default=(), description="Static routes of the host.")
    nat: Boolean = Field(default=False, description="Whether the lab reaches the world through the host's own address.")


class ImageSpec(Spec):
    """A container image: made from a root file system, which needs no registry, or built, or pulled."""

    rootfs: LocalPath | None = Field(
        default=None,
        description="Folder or tar file with the root file system, relative to the topology file. Either this, `build` or `pull`;"
        " or this and `pull`, which then is for lab hosts that can pull (the setting `lab:pull`).",
    )
    build: LocalPath | None = Field(
        default=None,
        description="Folder with a Dockerfile, or its tar, relative to the topology file; the lab host builds it.",
    )
    pull: (
        Annotated[
            str,
            AfterValidator(
                _matches(
                    IMAGE_REFERENCE,
                    "is no image of a registry: write it like larsks/simpleweb or ghcr.io/ana/web@sha256:…",
                )
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="An image of a registry, which the lab host pulls. With a digest (`@sha256:…`) it is the same on every host; with a"
        " tag, what that is when the host pulls it. Where there is a `rootfs` too, the containers' `command` is for that one.",
    )
    host_files: dict[AbsolutePath, AbsolutePath] = Field(
        default_factory=dict,
        description="Files that the lab host lends to the image, so that their architecture is the lab host's: path"
        " in the"
        " image → path on the lab host. Only static programs run there, such as Debian's busybox-static.",
    )


class DynamipsSpec(Spec):
    """A router emulated by Dynamips."""

    platform: Literal["c2691", "c3725", "c3745", "c3600", "c7200"] = Field(
        default="c3725", description="The router model. `free` runs on c2691, c3725 and c3745."
    )
    chassis: Literal["3620", "3640", "3660"] | None = Field(
        default=None, description="Of a c3600, quoted. Default: `3640`."
    )
    npe: Annotated[str, AfterValidator(_matches(r"npe-[a-z0-9]+", "is no processor: write it like npe-400"))] | None = (
        Field(default=None, description="Processor of a c7200. Default: Dynamips' choice.")
    )
    image: OneLine = Field(
        default="free",
        description="`free` (this project's firmware), the path of an IOS image relative to the topology file, or `host:`"
        " and a path on the lab host.",
    )
    idle_pc: (
        Annotated[str, AfterValidator(_matches(r"0x[0-9a-fA-F]{8,16}", "is no idle-pc: write it like 0x60008f4c"))]
        | None
    ) = Field(default=None, description="Of an IOS image, quoted: without it each router keeps a processor busy.")
    ram_mib: Annotated[int, Strict(), Field(ge=4, le=4096)] | None = Field(
        default=None, description="RAM in MiB. Default: the platform's."
    )
    nvram_kib: Annotated[int, Strict(), Field(ge=4, le=4096)] | None = Field(
        default=None, description="NVRAM in KiB. Default: the platform's."
    )
    wics: dict[Annotated[int, Field(ge=0, le=2)], Literal["WIC-1T", "WIC-2T"]] = Field(
        default_factory=dict,
        description="WIC bay → WIC, on c2691, c3725 and c3745. The router has them; a topology has no links for their serial ports.",
    )
    system_id: (
        Annotated[str, AfterValidator(_matches(r"[A-Za-z0-9]{1,20}", "is no serial number: write it like FTX0945W0MY"))]
        | None
    ) = Field(default=None, description="Serial number.")
    conf_reg: Annotated[
        str, AfterValidator(_matches(r"0x[0-9a-fA-F]{1,4}", "is no configuration register: write it like 0x2102"))
    ] = Field(default="0x2102", description="Configuration register, quoted; with 0x2142 startup-config is not read.")
    sparse: Boolean = Field(default=False, description="Whether RAM is taken on the lab host only as it is used.")
    ghost: Boolean = Field(
        default=False,
        description="Whether the routers of one `hypervisor` that have the same image and RAM share what they leave of it as it is.",
    )
    hypervisor: Name | None = Field(
        default=None,
        description="Routers that name the same one share a daemon, for many routers on a host; a crash then takes them all. Default: one each.",
    )
    cpus: Annotated[float, Strict(), Field(ge=0.01, le=1024)] | None = Field(
        default=None,
        description="Limit of processor time on the lab host, in processors; routers of one `hypervisor` share the sum. Default: none.",
    )


class DynamipsEngineSpec(Spec):
    """Choice of the engine dynamips."""

    dynamips: DynamipsSpec = Field(description="Model and image.")


def _engine_kind(value: object) -> str:
    return "<dynamips>" if isinstance(value, (Mapping, DynamipsEngineSpec)) else "<frr>"


EngineSpec = Annotated[
    Annotated[Literal["frr"], Tag("<frr>")] | Annotated[DynamipsEngineSpec, Tag("<dynamips>")],
    Discriminator(_engine_kind),
]


def _rip_networks_kind(value: object) -> str:
    return "<connected>" if isinstance(value, str) else "<prefixes>"


class RipSpec(Spec):
    """RIP on a router. In a router, each key that is given replaces that of `router_defaults`."""

    enabled: Boolean = Field(
        default=True, description="`false` takes RIP from one router where `router_defaults` gives it to all."
    )
    version: Literal[1, 2] = Field(default=2, description="RIP version.")
    auto_summary: Boolean = Field(
        default=False,
        description="IOS's `auto-summary`. Neither FRR nor the free firmware summarises: `true` is an error with them.",
    )
    networks: Annotated[
        Annotated[Literal["connected"], Tag("<connected>")] | Annotated[tuple[Prefix, ...], Tag("<prefixes>")],
        Discriminator(_rip_networks_kind),
    ] = Field(
        default="connected",
        description="Prefixes whose ports take part and are announced; `connected`: those of all ports of the router.",
    )
    passive: tuple[PortName, ...] = Field(default=(), description="Ports that listen but do not announce.")
    timers: tuple[RipTimer, RipTimer, RipTimer] | None = Field(
        default=None, description="Update, timeout and garbage collection, in seconds. Default: 30, 180, 120."
    )


class SecretSpec(Spec):
    """A value that stands in the stack's configuration, encrypted."""

    from_secret: Name = Field(description="Name of the secret in the stack's configuration.")


class RouterDefaultsSpec(Spec):
    """What all routers have, unless they say otherwise."""

    engine: EngineSpec = Field(
        default="frr", description="What runs the routers: `frr`, or `{dynamips: {platform: c3725, image: free}}`."
    )
    rip: RipSpec | None = Field(default=None, description="RIP on all routers. Default: none.")
    enable_secret: SecretSpec | None = Field(
        default=None, description="What `enable` asks for, on all routers. Default: nothing."
    )


class RouterInterfaceSpec(Spec):
    """A port of a router. It is attached to a network, or is a switch port of a VLAN, or is a Loopback."""

    network: Name | None = Field(
        default=None,
        description="The network that the port is in, a key of `networks`. A Vlan port takes it from the switch"
        " ports of its VLAN.",
    )
    address: Addresses = Field(
        default=(), description="Address with prefix length, or a list of them (the first is the primary)."
    )
    description: OneLine | None = Field(default=None, description="The port's description, one line.")
    mac: Mac | None = Field(
        default=None, description="MAC address, quoted. Default: from `base_mac`, else the kernel chooses."
    )
    mtu: Mtu | None = Field(default=None, description="MTU in bytes. Default: that of the network.")
    access_vlan: VlanNumber | None = Field(
        default=None,
        description="Makes the port a switch port in this VLAN. It has no address itself: the port `Vlan<number>`"
        " has. With frr"
        " it is that port which is attached to the network.",
    )


class RouterSpec(Spec):
    """A router."""

    engine: EngineSpec | None = Field(default=None, description="Default: that of `router_defaults`.")
    hostname: Hostname | None = Field(default=None, description="Default: the router's name.")
    base_mac: Mac | None = Field(
        default=None,
        description="The router's MAC address, quoted: that of its Vlan ports, and of port N of slot 0 with N added.",
    )
    slots: dict[SlotKey, Card] = Field(
        default_factory=dict,
        description="Slot number → card. Where it is given, ports must be on a card, or be FastEthernet0/0 or 0/1.",
    )
    vlans: dict[VlanKey, OneLine] = Field(
        default_factory=dict, description="VLAN number → name, as in IOS's VLAN database."
    )
    interfaces: dict[PortName, RouterInterfaceSpec] = Field(
        default_factory=dict,
        description="Ports by IOS name, long or short (`FastEthernet0/0`, `Fa0/0`), but those that are ends of"
        " `links`.",
    )
    rip: RipSpec | None = Field(
        default=None, description="RIP on this router; keys that are not given are those of `router_defaults`."
    )
    enable_secret: SecretSpec | None = Field(
        default=None,
        description="What `enable` asks for, `{from_secret: name}`: its salted hash is in the configuration. With frr, whose vtysh asks nobody,"
        " it has no effect. Default: that of `router_defaults`.",
    )
    routes: tuple[RouteSpec, ...] = Field(default=(), description="Static routes.")
    config: Text | None = Field(
        default=None,
        description="The whole configuration (FRR's, or IOS's with dynamips), in place of the one that is rendered from the other keys. Ports have"
        " the addresses that it gives them: let it agree with `interfaces`. `{from_secret: name}` in it stands for a secret of the"
        " stack's configuration.",
    )
    config_file: LocalPath | None = Field(
        default=None, description="The same from a file, relative to the topology file. Not together with `config`."
    )


class LinkEndSpec(Spec):
    """One end of a link. An address alone stands for `{address: …}`."""

    address: Addresses = Field(default=(), description="Address with prefix length, or a list of them.")
    description: OneLine | None = Field(default=None, description="The port's description, one line.")
    mac: Mac | None = Field(
        default=None, description="MAC address, quoted. Default: from `base_mac`, else the kernel chooses."
    )


def _link_end(value: object) -> object:
    return value if isinstance(value, (Mapping, LinkEndSpec)) else {"address": value}


def _two_ends(link: dict[str, dict[str, LinkEndSpec]]) -> dict[str, dict[str, LinkEndSpec]]:
    if len(link) != 2:
        raise wrong(f"a link has two ends, in two different routers; here are {len(link)}")
    for router, ports in link.items():
        if len(ports) != 1:
            raise wrong(f"a link ends in one port of {router}; here are {len(ports)}")
    return link


LinkSpec = Annotated[
    dict[
        Name,
        dict[
            PortName,
            Annotated[
                LinkEndSpec,
                BeforeValidator(
                    _link_end, json_schema_input_type=InterfaceAddress | list[InterfaceAddress] | LinkEndSpec
                ),
            ],
        ],
    ],
    AfterValidator(_two_ends),
]


def _env_kind(value: object) -> str:
    return "<secret>" if isinstance(value, (Mapping, SecretSpec)) else "<value>"


class MountSpec(Spec):
    """A folder or file of the lab host in a container."""

    source: AbsolutePath = Field(description="Path on the lab host.")
    target: AbsolutePath = Field(description="Path in the container.")
    read_only: Boolean = Field(default=True, description="Whether the container can only read it.")


class ContainerInterfaceSpec(Spec):
    """An interface of a container in a network: a veth pair, its other end in the network's bridge."""

    peer: Ifname | None = Field(
        default=None,
        description="Name of the end in the bridge. Default: the container's and the interface's name, shortened to"
        " fit.",
    )
    network: Name = Field(description="The network that it is in, a key of `networks`.")
    address: Addresses = Field(default=(), description="Address with prefix length, or a list of them.")
    mac: Mac | None = Field(default=None, description="MAC address, quoted. Default: the kernel chooses.")
    mtu: Mtu | None = Field(default=None, description="MTU in bytes. Default: that of the network.")
    default_via: Address | None = Field(
        default=None, description="Gateway of the container's default route: a device in this network must have it."
    )


class ContainerSpec(Spec):
    """A container. It has no network but the lab's, and no capability but those that are named."""

    image: Name = Field(description="Its image, a key of `images`.")
    command: Annotated[
        tuple[Text, ...], Field(min_length=1), BeforeValidator(_words, json_schema_input_type=list[str])
    ] = Field(
        default=(),
        description="The program and its arguments, as a list. No shell is involved. Default: what the image says, which one made from a"
        " root file system does not.",
    )
    env: dict[
        EnvName,
        Annotated[Annotated[Text, Tag("<value>")] | Annotated[SecretSpec, Tag("<secret>")], Discriminator(_env_kind)],
    ] = Field(default_factory=dict, description="Environment variables: text, or `{from_secret: name}`.")
    mounts: tuple[MountSpec, ...] = Field(default=(), description="Folders and files of the lab host in the container.")
    capabilities: tuple[Capability, ...] = Field(
        default=(), description="All capabilities that the container has, with or without `CAP_`. Default: none at all."
    )
    memory_mib: Annotated[int, Strict(), Field(ge=6)] | None = Field(
        default=None, description="Memory limit in MiB. Default: none."
    )
    cpus: Annotated[float, Strict(), Field(gt=0, le=1024)] | None = Field(
        default=None, description="Limit of processor time, in processors (0.5 is half of one). Default: none."
    )
    restart: Restart = Field(default="no", description="When Docker starts it again after it ended.")
    new_privileges: Boolean = Field(default=False, description="Whether programs in it can gain privileges (setuid).")
    interfaces: dict[Ifname, ContainerInterfaceSpec] = Field(
        default_factory=dict, description="Interfaces by name (at most 15 characters)."
    )
    owns: tuple[Owned, ...] = Field(
        default=(), description="What the candidate is meant to change: it is neither drift nor repaired."
    )


class PingCheckSpec(Spec):
    """A check: a device answers a ping."""

    ping: Address = Field(description="Address that must answer.")
    from_device: Name = Field(alias="from", description="Where the ping starts: `host`, or a router or container.")
    reply_ttl: Annotated[int, Strict(), Field(ge=1, le=255)] | None = Field(
        default=None,
        description="IP TTL that the reply must have: 255 of a router (64 of the rest) less one per router passed.",
    )
    timeout_s: Seconds = Field(default=60, description="How long to try, in seconds.")


class HttpCheckSpec(Spec):
    """A check: a page can be fetched."""

    http: Annotated[
        str, AfterValidator(_matches(r"http://[!-~]+", "is no address of a page: write it like http://10.1.1.2/"))
    ] = Field(description="The page's address; its host must be an IPv4 address.")
    from_device: Name = Field(alias="from", description="Where it is fetched from: `host`, or a router or container.")
    contains: Text | None = Field(default=None, description="Text that the page must have in it.")
    timeout_s: Seconds = Field(default=60, description="How long to try, in seconds.")


class RouteCheckSpec(Spec):
    """A check: a device has a route."""

    route: Prefix = Field(description="The destination of the route, exactly.")
    from_device: Name = Field(
        alias="from", description="The device that must have it: `host`, or a router or container."
    )
    via: Address | None = Field(default=None, description="The next router that it must have. Default: any.")
    timeout_s: Seconds = Field(default=60, description="How long to try, in seconds.")


CHECK_KINDS = ("ping", "http", "route")


def _check_kind(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    kinds = [kind for kind in CHECK_KINDS if kind in value]
    return f"<{kinds[0]}>" if kinds else None


CheckSpec = Annotated[
    Annotated[PingCheckSpec, Tag("<ping>")]
    | Annotated[HttpCheckSpec, Tag("<http>")]
    | Annotated[RouteCheckSpec, Tag("<route>")],
    Discriminator(
        _check_kind,
        custom_error_type="topology",
        custom_error_message="{message}",
        custom_error_context={"message": "a check is a mapping with one of the keys ping, http and route"},
    ),
]


class Topology(Spec):
    """A lab as its examiner writes it."""

    topology: Name = Field(description="Name of the topology.")
    networks: dict[Name, NetworkSpec] = Field(default_factory=dict, description="Networks by name.")
    host: HostSpec = Field(default_factory=HostSpec, description="The lab's host.")
    images: dict[Name, ImageSpec] = Field(default_factory=dict, description="Container images by name.")
    router_defaults: RouterDefaultsSpec = Field(
        default_factory=RouterDefaultsSpec, description="What all routers have."
    )
    routers: dict[Name, RouterSpec] = Field(default_factory=dict, description="Routers by name.")
    links: dict[Name, LinkSpec] = Field(
        default_factory=dict,
        description="Point-to-point links between two routers, by name: `{CORP: {Fa0/0: 10.1.2.1/24}, R1: {Fa0/0:"
        " 10.1.2.2/24}}`.",
    )
    containers: dict[Name, ContainerSpec] = Field(default_factory=dict, description="Containers by name.")
    checks: tuple[CheckSpec, ...] = Field(
        default=(), description="What must hold in the lab once it is up; each is tried until its time-out."
    )
