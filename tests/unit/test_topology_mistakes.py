"""Every mistake that a topology file can have: one line each, with file, line and path, all at once."""

from dataclasses import dataclass

import pytest

from components.topology import TopologyError, read_topology

# Line numbers in this file's cases are those of this text; line 1 is `topology:`.
BASE = """\
topology: small
networks:
  Left: {bridge: left, subnet: 10.10.1.0/24}
  Right: {bridge: right, subnet: 10.10.2.0/24}
host:
  interfaces:
    lab0: {peer: lab0-br, network: Left, address: 10.10.1.2/24}
  routes:
    - {dst: 10.10.2.0/24, via: 10.10.1.1}
images:
  page:
    rootfs: page
router_defaults:
  engine: frr
  rip: {networks: connected}
routers:
  R1:
    base_mac: "02:00:00:00:01:00"
    slots: {1: NM-16ESW}
    vlans: {2: Office}
    interfaces:
      Fa1/0: {network: Left, access_vlan: 2}
      Vlan2: {address: 10.10.1.1/24}
  R2:
    interfaces:
      Fa0/1:
        network: Right
        address: 10.10.2.1/24
links:
  r1-r2: {R1: {Fa0/0: 10.10.9.1/30}, R2: {Fa0/0: 10.10.9.2/30}}
containers:
  web:
    image: page
    command: [/bin/busybox, httpd]
    interfaces:
      eth0: {network: Right, address: 10.10.2.9/24, default_via: 10.10.2.1}
checks:
  - {ping: 10.10.2.9, from: host, reply_ttl: 62}
  - {http: "http://10.10.2.9/", from: host}
"""


@dataclass(frozen=True)
class Mistake:
    """A part of BASE, what is written in its place, and the whole error (without the file's name)."""

    name: str
    old: str
    new: str
    errors: tuple[str, ...]
    also: tuple[str, str] = ("", "")
    """Another part, and what is written in its place, that is no mistake by itself."""


def mistake(name: str, old: str, new: str, *errors: str, also: tuple[str, str] = ("", "")) -> Mistake:
    return Mistake(name, old, new, errors, also)


R2_PORT = "      Fa0/1:\n        network: Right\n        address: 10.10.2.1/24\n"
ETH0 = "default_via: 10.10.2.1}"

YAML_MISTAKES = [
    mistake(
        "syntax", "  Left: {", "  Left: [", "3: YAML: while parsing a flow sequence, expected ',' or ']', but got '}'"
    ),
    mistake("tab", "    lab0:", "\tlab0:", "7: YAML: while scanning for the next token, found character '\\t' that"),
    mistake(
        "duplicate key",
        "  R2:\n",
        "  R1:\n",
        "24: routers.R1: duplicate key 'R1': it is on line 17 already",
        "30: links.r1-r2.R2: unknown router 'R2': there are R1",
    ),
    mistake(
        "duplicate keys, all",
        "topology: small",
        "topology: small\ntopology: a\ntopology: b",
        "2: topology: duplicate key 'topology': it is on line 1 already",
        "3: topology: duplicate key 'topology': it is on line 1 already",
    ),
    mistake(
        "merge key", "    image: page", "    <<: {}\n    image: page", "33: containers.web: merge keys ('<<') are not"
    ),
    mistake("tag", "rootfs: page", "rootfs: !x page", "12: images.page.rootfs: the tag '!x' is not understood here"),
    mistake("alias in itself", "[/bin/busybox, httpd]", "&a [*a]", "34: containers.web.command[0]: an alias must not"),
    mistake("list for a key", "topology: small", "[a]: b\ntopology: small", "1: a key must be text, not a list"),
]

VALUE_MISTAKES = [
    mistake(
        "unknown key",
        "address: 10.10.1.2/24",
        "adress: 10.10.1.2/24",
        "7: host.interfaces.lab0.adress: unknown key 'adress': did you mean 'address'?",
    ),
    mistake("unknown section", "checks:", "check:", "37: check: unknown key 'check': did you mean 'checks'?"),
    mistake(
        "unknown key of a check",
        "reply_ttl",
        "ttl",
        "38: checks[0].ttl: unknown key 'ttl': there are ping, from, reply_ttl, timeout_s",
    ),
    mistake(
        "unknown key of a link end", "10.10.9.1/30}", "{adress: 1}}", "30: links.r1-r2.R1.Fa0/0.adress: unknown key"
    ),
    mistake("missing key", "bridge: left, ", "", "3: networks.Left: the key 'bridge' is missing"),
    mistake("no check", "{ping: 10.10.2.9, from", "{from", "38: checks[0]: a check is a mapping with one of the keys"),
    mistake("two checks in one", "{http:", "{ping: 10.10.2.9, http:", "39: checks[1].http: unknown key 'http'"),
    mistake(
        "empty",
        "    lab0: {peer: lab0-br, network: Left, address: 10.10.1.2/24}\n",
        "",
        "6: host.interfaces: must be a mapping of keys to values, not empty",
    ),
    mistake(
        "list for a mapping",
        "networks:\n",
        "networks: []\nrest:\n",
        "2: networks: must be a mapping of keys to values, not a list",
        "3: rest: unknown key 'rest'",
    ),
    mistake(
        "text for a mapping",
        "rip: {networks: connected}",
        "rip: on",
        "15: router_defaults.rip: must be a mapping of keys to values, not the text 'on'",
    ),
    mistake(
        "mapping for a list",
        "    - {dst: 10.10.2.0/24, via: 10.10.1.1}",
        "    dst: 10.10.2.0/24",
        "8: host.routes: must be a list, not a mapping",
    ),
    mistake(
        "text for a number",
        "reply_ttl: 62",
        'reply_ttl: "62"',
        "38: checks[0].reply_ttl: must be a whole number, not the text '62'",
    ),
    mistake(
        "number too large",
        "reply_ttl: 62",
        "reply_ttl: 300",
        "38: checks[0].reply_ttl: must be less than or equal to 255",
    ),
    mistake(
        "no boolean in YAML 1.2",
        "host:\n",
        "host:\n  nat: no\n",
        "6: host.nat: must be true or false, not the text 'no'",
    ),
    mistake(
        "number for a text",
        "rootfs: page",
        "rootfs: 1",
        '12: images.page.rootfs: 1 is no text unless it is in quotes: quote it, "1"',
    ),
    mistake(
        "unquoted word of a command",
        "httpd]",
        "080]",
        '34: containers.web.command[1]: 080 is no text unless it is in quotes: quote it, "080"',
    ),
    mistake(
        "command as text",
        "[/bin/busybox, httpd]",
        "httpd -f",
        "34: containers.web.command: must be a list of words, like",
    ),
    mistake(
        "no command",
        "    command: [/bin/busybox, httpd]\n",
        "",
        "32: containers.web: command is missing, and image page, made from a root file system, says none",
    ),
    mistake(
        "no source",
        "    rootfs: page\n",
        "    host_files: {}\n",
        "11: images.page: neither rootfs, build nor pull is given",
    ),
    mistake(
        "two sources",
        "rootfs: page",
        "build: page\n    pull: web",
        "13: images.page.pull: build and pull are given: an image is made from one of them",
    ),
    mistake(
        "no reference",
        "rootfs: page",
        "pull: http://web",
        "12: images.page.pull: 'http://web' is no image of a registry: write it like larsks/simpleweb",
    ),
    mistake(
        "lent to what is built",
        "rootfs: page",
        "build: page\n    host_files: {/bin/busybox: /bin/busybox}",
        "13: images.page.host_files: only an image made from a root file system is lent files of the lab host",
    ),
    mistake("empty command", "[/bin/busybox, httpd]", "[]", "34: containers.web.command: must not be empty"),
    mistake(
        "capability",
        "image: page",
        "image: page\n    capabilities: [NET_ADMIN, ADMIN]",
        "34: containers.web.capabilities[1]: 'ADMIN' is no capability: write it like NET_ADMIN",
    ),
    mistake(
        "restart",
        "image: page",
        "image: page\n    restart: never",
        "34: containers.web.restart: must be 'no', 'on-failure', 'always' or 'unless-stopped', not the text 'never'",
    ),
    mistake(
        "unquoted variable",
        "image: page",
        "image: page\n    env: {PORT: 8080}",
        '34: containers.web.env.PORT: 8080 is no text unless it is in quotes: quote it, "8080"',
    ),
    mistake(
        "secret",
        "image: page",
        "image: page\n    env: {KEY: {secret: x}}",
        "34: containers.web.env.KEY: the key 'from_secret' is missing",
        "34: containers.web.env.KEY.secret: unknown key 'secret': did you mean 'from_secret'?",
    ),
    mistake(
        "relative mount",
        "image: page",
        "image: page\n    mounts: [{source: www, target: /www}]",
        "34: containers.web.mounts[0].source: 'www' must be an absolute path without '..'",
    ),
    mistake(
        "timers", "{networks: connected}", "{timers: [5, 30]}", "15: router_defaults.rip.timers: the list is too short"
    ),
    mistake(
        "engine",
        "engine: frr",
        "engine: dynamips",
        "14: router_defaults.engine: must be 'frr', not the text 'dynamips'",
    ),
    mistake("card", "NM-16ESW", "NM-17", "19: routers.R1.slots.1: 'NM-17' is no card: there are C7200-IO-FE,"),
    mistake(
        "description",
        "network: Right\n",
        'network: Right\n        description: "a\\nb"\n',
        "28: routers.R2.interfaces.Fa0/1.description: 'a\\nb' must be one line of printable text",
    ),
]

ADDRESS_MISTAKES = [
    mistake(
        "host bits in a subnet",
        "subnet: 10.10.1.0/24",
        "subnet: 10.10.1.1/24",
        "3: networks.Left.subnet: 10.10.1.1/24 has host bits set: the network is 10.10.1.0/24",
    ),
    mistake(
        "host bits in a route",
        "dst: 10.10.2.0/24",
        "dst: [10.10.2.0/24, 10.10.3.1/24]",
        "9: host.routes[0].dst[1]: 10.10.3.1/24 has host bits set: the network is 10.10.3.0/24",
    ),
    mistake(
        "no prefix length",
        "address: 10.10.1.2/24",
        "address: 10.10.1.2",
        "7: host.interfaces.lab0.address: '10.10.1.2' needs a prefix length, like 10.1.1.2/24",
    ),
    mistake(
        "no address",
        "10.10.1.2/24",
        "10.10.1.256/24",
        "7: host.interfaces.lab0.address: '10.10.1.256/24' is no IPv4 address with a prefix length",
    ),
    mistake(
        "gateway in another network, host",
        "via: 10.10.1.1}",
        "via: 10.10.9.2}",
        "9: host.routes[0].via: host cannot reach the gateway 10.10.9.2: it is in another network, links.r1-r2.R2.Fa0/0 (line 30)",
    ),
    mistake(
        "prefix length of a gateway",
        ETH0,
        "default_via: 10.10.2.1/24}",
        "36: containers.web.interfaces.eth0.default_via: '10.10.2.1/24' is no IPv4 address: write it like 10.1.1.2 without",
    ),
    mistake(
        "network address",
        "address: 10.10.1.2/24",
        "address: 10.10.1.0/24",
        "7: host.interfaces.lab0.address: 10.10.1.0/24 is the network address of 10.10.1.0/24: no device can have it",
    ),
    mistake(
        "broadcast address",
        "address: 10.10.1.2/24",
        "address: 10.10.1.255/24",
        "7: host.interfaces.lab0.address: 10.10.1.255/24 is the broadcast address of 10.10.1.0/24: no device",
    ),
    mistake(
        "multicast address",
        "ping: 10.10.2.9",
        "ping: 224.0.0.9",
        "38: checks[0].ping: 224.0.0.9 is a multicast address",
    ),
    mistake(
        "outside of the network",
        "        address: 10.10.2.1/24",
        "        address: [10.10.2.1/24, 10.10.3.1/24]",
        "28: routers.R2.interfaces.Fa0/1.address[1]: 10.10.3.1/24 is outside network Right 10.10.2.0/24",
    ),
    mistake(
        "outside of the VLAN's network",
        "10.10.1.1/24",
        "10.10.3.1/24",
        "9: host.routes[0].via: no device has the gateway 10.10.1.1",
        "23: routers.R1.interfaces.Vlan2.address: 10.10.3.1/24 is outside network Left 10.10.1.0/24",
    ),
    mistake(
        "other prefix length",
        "10.10.2.9/24",
        "10.10.2.9/16",
        "36: containers.web.interfaces.eth0.address: 10.10.2.9/16 must have the prefix length of network Right, 10.10.2.0/24",
    ),
    mistake(
        "duplicate address",
        "10.10.2.9/24",
        "10.10.2.1/24",
        "36: containers.web.interfaces.eth0.address: 10.10.2.1 is used twice: routers.R2.interfaces.Fa0/1.address (line 28) has it already",
        "38: checks[0].ping: no device has the address 10.10.2.9",
        "39: checks[1].http: no device has the address 10.10.2.9",
    ),
    mistake(
        "duplicate address in a link",
        "R2: {Fa0/0: 10.10.9.2/30}",
        "R2: {Fa0/0: 10.10.9.1/30}",
        "30: links.r1-r2.R2.Fa0/0: 10.10.9.1 is used twice: links.r1-r2.R1.Fa0/0 (line 30) has it already",
    ),
    mistake(
        "overlapping networks",
        "subnet: 10.10.2.0/24",
        "subnet: 10.10.0.0/16",
        "4: networks.Right.subnet: 10.10.0.0/16 of network Right overlaps 10.10.1.0/24 of network Left, networks.Left.subnet (line 3)",
        "28: routers.R2.interfaces.Fa0/1.address: 10.10.2.1/24 must have the prefix length of network Right, 10.10.0.0/16",
        "30: links.r1-r2.R1.Fa0/0: 10.10.9.0/30 of link r1-r2 overlaps 10.10.0.0/16 of network Right, networks.Right.subnet (line 4)",
        "36: containers.web.interfaces.eth0.address: 10.10.2.9/24 must have the prefix length of network Right, 10.10.0.0/16",
    ),
    mistake(
        "link within a network",
        "R1: {Fa0/0: 10.10.9.1/30}, R2: {Fa0/0: 10.10.9.2/30}",
        "R1: {Fa0/0: 10.10.1.9/30}, R2: {Fa0/0: 10.10.1.10/30}",
        "30: links.r1-r2.R1.Fa0/0: 10.10.1.8/30 of link r1-r2 overlaps 10.10.1.0/24 of network Left",
    ),
    mistake(
        "link ends in different subnets",
        "R2: {Fa0/0: 10.10.9.2/30}",
        "R2: {Fa0/0: 10.10.9.5/30}",
        "30: links.r1-r2.R2.Fa0/0: link r1-r2 has ends in different subnets: 10.10.9.4/30 here, 10.10.9.0/30 at links.r1-r2.R1.Fa0/0 (line 30)",
    ),
    mistake(
        "gateway that nothing has",
        ETH0,
        "default_via: 10.10.2.77}",
        "36: containers.web.interfaces.eth0.default_via: no device has the gateway 10.10.2.77",
    ),
    mistake(
        "gateway in another network",
        ETH0,
        "default_via: 10.10.1.1}",
        "36: containers.web.interfaces.eth0.default_via: web cannot reach the gateway 10.10.1.1: it is in another network",
    ),
    mistake(
        "own gateway",
        ETH0,
        "default_via: 10.10.2.9}",
        "36: containers.web.interfaces.eth0.default_via: the gateway 10.10.2.9 is web's own address",
    ),
    mistake(
        "gateway without an address",
        ETH0,
        ETH0 + "\n      eth1: {network: Left, default_via: 10.10.1.1}",
        "37: containers.web.interfaces.eth1.default_via: a container has one default route: containers.web.interfaces.eth0",
        "37: containers.web.interfaces.eth1.default_via: a gateway needs an address beside it: eth1 has none",
    ),
    mistake(
        "gateway of a router",
        "  R2:\n",
        "  R2:\n    routes: [{dst: 0.0.0.0/0, via: 10.10.9.3}]\n",
        "25: routers.R2.routes[0].via: no device has the gateway 10.10.9.3",
    ),
    mistake(
        "two routes",
        "via: 10.10.1.1}",
        "via: 10.10.1.1}\n    - {dst: 10.10.2.0/24, via: 10.10.1.1}",
        "10: host.routes[1].dst: host has two routes to 10.10.2.0/24: host.routes[0].dst (line 9) is one already",
    ),
    mistake(
        "page by name",
        "http://10.10.2.9/",
        "http://web/",
        "39: checks[1].http: 'http://web/' must have an IPv4 address for its host",
    ),
    mistake(
        "page with a wrong port",
        "http://10.10.2.9/",
        "http://10.10.2.9:99999/",
        "39: checks[1].http: 'http://10.10.2.9:99999/' is no",
    ),
    mistake(
        "page by https",
        "http://10.10.2.9/",
        "https://10.10.2.9/",
        "39: checks[1].http: 'https://10.10.2.9/' is no address of a page",
    ),
]

NAME_MISTAKES = [
    mistake(
        "unknown network",
        "network: Right\n",
        "network: Rigth\n",
        "27: routers.R2.interfaces.Fa0/1.network: unknown network 'Rigth': did you mean 'Right'?",
    ),
    mistake(
        "unknown network of the host",
        "network: Left, address",
        "network: Lft, address",
        "7: host.interfaces.lab0.network: unknown network 'Lft': did you mean 'Left'?",
    ),
    mistake(
        "unknown image",
        "image: page",
        "image: pages",
        "33: containers.web.image: unknown image 'pages': did you mean 'page'?",
    ),
    mistake(
        "unknown router of a link",
        "R2: {Fa0/0",
        "R9: {Fa0/0",
        "30: links.r1-r2.R9: unknown router 'R9': there are R1, R2",
    ),
    mistake(
        "unknown device of a check",
        "from: host, reply",
        "from: Web, reply",
        "38: checks[0].from: unknown device 'Web': did you mean 'web'?",
    ),
    mistake(
        "unknown passive port",
        "  R2:\n",
        "  R2:\n    rip: {passive: [Fa0/7]}\n",
        "25: routers.R2.rip.passive[0]: R2 has no port FastEthernet0/7 with an address",
    ),
    mistake(
        "unknown passive port of all",
        "networks: connected",
        "passive: [Fa0/7]",
        "15: router_defaults.rip.passive[0]: no router has a port FastEthernet0/7 with an address",
    ),
    mistake(
        "prefix of no port",
        "  R2:\n",
        "  R2:\n    rip: {networks: [10.10.2.0/24, 10.11.0.0/16]}\n",
        "25: routers.R2.rip.networks[1]: no port of R2 is in 10.11.0.0/16",
    ),
    mistake(
        "device name",
        "  web:",
        "  1web:",
        "32: containers.1web: '1web' is not a fit name: a letter, then letters, digits,",
    ),
    mistake("device name with a dot", "  web:", "  w.eb:", "32: containers.w.eb: 'w.eb' is not a fit name"),
    mistake(
        "number for a name",
        "  web:",
        "  80:",
        '32: containers.80: 80 is no text unless it is in quotes: quote it, "80"',
    ),
    mistake(
        "device named host",
        "  web:",
        "  host:",
        "32: containers.host: 'host' is the lab's host: give the device another name",
    ),
    mistake(
        "two devices of one name",
        "  web:",
        "  R1:",
        "32: containers.R1: there is a router of that name, routers.R1 (line 17)",
    ),
    mistake(
        "long ifname",
        "lab0-br",
        "lab0-br-of-Left-1",
        "7: host.interfaces.lab0.peer: 'lab0-br-of-Left-1' has 17 characters, an interface name at most 15",
    ),
    mistake(
        "long key",
        "    lab0:",
        "    sixteen-letters-:",
        "7: host.interfaces.sixteen-letters-: 'sixteen-letters-' has 16 characters",
    ),
    mistake(
        "slash in an ifname",
        "bridge: left",
        "bridge: le/ft",
        "3: networks.Left.bridge: 'le/ft' is no interface name: '/' is not allowed in it",
    ),
    mistake(
        "space in an ifname",
        "bridge: left",
        "bridge: le ft",
        "3: networks.Left.bridge: 'le ft' is no interface name: ' ' is not",
    ),
    mistake(
        "colon in an ifname",
        "bridge: left",
        "bridge: le:ft",
        "3: networks.Left.bridge: 'le:ft' is no interface name: ':' is not",
    ),
    mistake(
        "dots for an ifname", "bridge: left", "bridge: ..", "3: networks.Left.bridge: '..' cannot be an interface name"
    ),
    mistake("lo", "      eth0:", "      lo:", "36: containers.web.interfaces.lo: 'lo' cannot be an interface name"),
    mistake(
        "duplicate bridge",
        "bridge: right",
        "bridge: left",
        "4: networks.Right.bridge: the interface name 'left' is used twice in the lab's host: it is at networks.Left.bridge (line 3) already",
    ),
    mistake(
        "peer like a bridge",
        "peer: lab0-br",
        "peer: right",
        "7: host.interfaces.lab0.peer: the interface name 'right' is used twice in the lab's host: it is at networks.Right.bridge (line 4)",
    ),
    mistake(
        "peer like its interface",
        "peer: lab0-br",
        "peer: lab0",
        "7: host.interfaces.lab0: the interface name 'lab0' is used twice in the lab's host: it is at host.interfaces.lab0.peer (line 7)",
    ),
    mistake(
        "peer like a default one",
        "peer: lab0-br",
        "peer: R2-Fa0-1",
        "26: routers.R2.interfaces.Fa0/1: the interface name 'R2-Fa0-1' is used twice in the lab's host: it is at host.interfaces.lab0.peer",
    ),
]

MAC_MISTAKES = [
    mistake(
        "unquoted numeric MAC",
        '"02:00:00:00:01:00"',
        "001122334455",
        '18: routers.R1.base_mac: 001122334455 is no text unless it is in quotes: quote it, "001122334455"',
    ),
    mistake(
        "unquoted MAC of digits",
        "network: Right, address",
        "mac: 1234.5678, network: Right, address",
        '36: containers.web.interfaces.eth0.mac: 1234.5678 is no text unless it is in quotes: quote it, "1234.5678"',
    ),
    mistake(
        "exponent",
        '"02:00:00:00:01:00"',
        "02000000e100",
        '18: routers.R1.base_mac: 02000000e100 is no text unless it is in quotes: quote it, "02000000e100"',
    ),
    mistake(
        "base 60",
        '"02:00:00:00:01:00"',
        "02:00:00:00:01:00",
        '18: routers.R1.base_mac: 02:00:00:00:01:00 is no text unless it is in quotes: quote it, "02:00:00:00:01:00"',
    ),
    mistake(
        "no MAC", '"02:00:00:00:01:00"', "02:0g", "18: routers.R1.base_mac: '02:0g' is no MAC address: write it like"
    ),
    mistake(
        "multicast MAC",
        '"02:00:00:00:01:00"',
        '"0300.0000.0100"',
        "18: routers.R1.base_mac: 03:00:00:00:01:00 is a multicast MAC address: the first byte must be even",
    ),
    mistake(
        "duplicate MAC",
        "network: Right, address",
        'mac: "0200.0000.0100", network: Right, address',
        "36: containers.web.interfaces.eth0.mac: the MAC address 02:00:00:00:01:00 is used twice: routers.R1.base_mac (line 18) has it already",
    ),
    mistake(
        "duplicate base MAC",
        "  R2:\n",
        "  R2:\n    base_mac: 02-00-00-00-01-00\n",
        "25: routers.R2.base_mac: the MAC address 02:00:00:00:01:00 is used twice: routers.R1.base_mac (line 18) has it already",
    ),
]

PORT_MISTAKES = [
    mistake(
        "no port name",
        "      Fa0/1:",
        "      Fax0/1:",
        "26: routers.R2.interfaces.Fax0/1: 'Fax0/1' is no port name: write it like Fa0/0,",
    ),
    mistake(
        "subinterface",
        "      Fa0/1:",
        "      Fa0/1.10:",
        "26: routers.R2.interfaces.Fa0/1.10: 'Fa0/1.10' is no port name",
    ),
    mistake(
        "VLAN number",
        "      Vlan2:",
        "      Vlan5000:",
        "23: routers.R1.interfaces.Vlan5000: 'Vlan5000' is no port name: VLAN numbers",
    ),
    mistake(
        "port used twice",
        R2_PORT,
        R2_PORT + "      FastEthernet0/1: {network: Left, address: 10.10.1.7/24}\n",
        "29: routers.R2.interfaces.FastEthernet0/1: port FastEthernet0/1 is used twice: routers.R2.interfaces.Fa0/1 (line 26) is the same port as",
    ),
    mistake(
        "port of a link used twice",
        "R2: {Fa0/0:",
        "R2: {fa 0/1:",
        "30: links.r1-r2.R2.fa 0/1: port FastEthernet0/1 is used twice: routers.R2.interfaces.Fa0/1 (line 26) is the same port as fa 0/1",
    ),
    mistake(
        "missing card",
        "R1: {Fa0/0:",
        "R1: {Fa2/0:",
        "30: links.r1-r2.R1.Fa2/0: FastEthernet2/0 is on no card: there is none in slot 2",
    ),
    mistake(
        "port that the card lacks",
        "R1: {Fa0/0:",
        "R1: {Fa1/16:",
        "30: links.r1-r2.R1.Fa1/16: FastEthernet1/16 is on no card: NM-16ESW in slot 1 has FastEthernet1/0 to 1/15",
    ),
    mistake(
        "port in no network",
        "        network: Right\n        address: 10.10.2.1/24\n",
        "        address: 10.10.2.1/24\n",
        "26: routers.R2.interfaces.Fa0/1: FastEthernet0/1 is in no network: give it one, or make it the end of a link",
    ),
    mistake(
        "address of a switch port",
        "access_vlan: 2}",
        "access_vlan: 2, address: 10.10.1.5/24}",
        "22: routers.R1.interfaces.Fa1/0.address: a switch port has no address: give it to Vlan2",
    ),
    mistake(
        "switch port in an unknown network",
        "network: Left, access_vlan",
        "network: Lost, access_vlan",
        "22: routers.R1.interfaces.Fa1/0.network: unknown network 'Lost': there are Left, Right",
    ),
    mistake(
        "VLAN that is not there",
        "access_vlan: 2}",
        "access_vlan: 3}",
        "22: routers.R1.interfaces.Fa1/0.access_vlan: VLAN 3 is not in the router's vlans",
        "22: routers.R1.interfaces.Fa1/0.access_vlan: the router has no interface Vlan3, which would have the address",
        "23: routers.R1.interfaces.Vlan2: Vlan2 is in no network: give it one, or a switch port with access_vlan 2",
    ),
    mistake(
        "VLAN in two networks",
        "access_vlan: 2}",
        "access_vlan: 2}\n      Fa1/1: {network: Right, access_vlan: 2}",
        "23: routers.R1.interfaces.Fa1/1.network: VLAN 2 would join the networks Left (routers.R1.interfaces.Fa1/0.network (line 22)) and Right",
    ),
    mistake(
        "Vlan port in another network",
        "Vlan2: {address",
        "Vlan2: {network: Right, address",
        "23: routers.R1.interfaces.Vlan2.network: Vlan2 is in network Left by its switch port, routers.R1.interfaces.Fa1/0.network (line 22)",
    ),
    mistake(
        "loopback in a network",
        R2_PORT,
        R2_PORT + "      Lo0: {network: Left, address: 10.10.8.1/32}\n",
        "29: routers.R2.interfaces.Lo0.network: Loopback0 can be in no network: it has no socket for a cable",
    ),
    mistake(
        "MAC of a loopback",
        R2_PORT,
        R2_PORT + "      Lo0: {mac: aabb.cc00.0001}\n",
        "29: routers.R2.interfaces.Lo0.mac: Loopback0 has no mac: it has no socket for a cable",
    ),
    mistake(
        "loopback in a link",
        "R2: {Fa0/0:",
        "R2: {Lo0:",
        "30: links.r1-r2.R2.Lo0: Loopback0 cannot be the end of a link",
    ),
    mistake(
        "link with one end",
        ", R2: {Fa0/0: 10.10.9.2/30}}",
        "}",
        "30: links.r1-r2: a link has two ends, in two different routers; here are 1",
    ),
    mistake(
        "link with two ports",
        "Fa0/0: 10.10.9.2/30}",
        "Fa0/0: 10.10.9.2/30, Fa0/2: 10.10.7.1/30}",
        "30: links.r1-r2: a link ends in one port of R2; here are 2",
    ),
    mistake(
        "emulated: no such slot",
        "slots: {1: NM-16ESW}",
        "engine: {dynamips: {}}\n    slots: {1: NM-16ESW, 3: NM-1FE-TX}",
        "20: routers.R1.slots.3: c3725 has no slot 3 for a card; it has 1, 2",
    ),
    mistake(
        "emulated: no such card there",
        "slots: {1: NM-16ESW}",
        "engine: {dynamips: {platform: c7200, image: ios.bin}}\n    slots: {1: NM-16ESW}",
        "20: routers.R1.slots.1: c7200 does not take NM-16ESW in slot 1; it takes PA-FE-TX, PA-4E, PA-8E",
    ),
    mistake(
        "emulated: port on no card",
        "  R2:\n    interfaces:\n      Fa0/1:\n",
        "  R2:\n    engine: {dynamips: {}}\n    interfaces:\n      Fa2/0:\n",
        "27: routers.R2.interfaces.Fa2/0: FastEthernet2/0 is on no card: a c3725 with no card has no such port",
    ),
    mistake(
        "emulated: port of another kind",
        "  R2:\n    interfaces:\n      Fa0/1:\n",
        "  R2:\n    engine: {dynamips: {}}\n    interfaces:\n      Gi0/1:\n",
        "27: routers.R2.interfaces.Gi0/1: GigabitEthernet0/1 is on no card: a c3725 with no card has no such port",
    ),
    mistake(
        "emulated: a link's end on no card",
        "R2: {Fa0/0: 10.10.9.2/30}",
        "R2: {Fa1/0: 10.10.9.2/30}",
        "31: links.r1-r2.R2.Fa1/0: FastEthernet1/0 is on no card: a c3725 with no card has no such port",
        also=("  R2:\n", "  R2:\n    engine: {dynamips: {}}\n"),
    ),
    mistake(
        "emulated: switch port of a routed card",
        "slots: {1: NM-16ESW}",
        "engine: {dynamips: {}}\n    slots: {1: NM-1FE-TX}",
        "23: routers.R1.interfaces.Fa1/0: FastEthernet1/0 cannot be a switch port: only those of an NM-16ESW are",
    ),
    mistake(
        "the free firmware: platform",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {platform: c7200}}\n    slots: {0: C7200-IO-FE}\n",
        "25: routers.R2.engine: the free firmware does not run on a c7200, only on c2691, c3725, c3745",
        "28: routers.R2.interfaces.Fa0/1: FastEthernet0/1 is on no card: a c7200 with C7200-IO-FE in slot 0 has no such port",
    ),
    mistake(
        "emulated: address on a switch port",
        "      Fa1/0: {network: Left, access_vlan: 2}\n",
        "      Fa1/0: {network: Left, access_vlan: 2}\n      Fa1/1: {network: Right}\n",
        "24: routers.R1.interfaces.Fa1/1: FastEthernet1/1 is a switch port: give it an access_vlan, and the address to the Vlan port",
        also=("    slots: {1: NM-16ESW}", "    engine: {dynamips: {}}\n    slots: {1: NM-16ESW}"),
    ),
    mistake(
        "the free firmware: card",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {}}\n    slots: {1: NM-4T}\n",
        "26: routers.R2.slots.1: the free firmware has no driver for NM-4T; it has some for NM-1FE-TX, NM-16ESW",
    ),
    mistake(
        "the free firmware: WIC",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {wics: {0: WIC-1T}}}\n",
        "25: routers.R2.engine.dynamips.wics.0: the free firmware has no driver for WIC-1T",
    ),
    mistake(
        "emulated: a WIC where there is no bay",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {platform: c7200, image: ios.bin, wics: {0: WIC-1T}, chassis: '3640'}}\n    slots: {0: C7200-IO-FE}\n",
        "25: routers.R2.engine.dynamips.chassis: only a c3600 has a choice of chassis, not a c7200",
        "25: routers.R2.engine.dynamips.wics.0: c7200 has no WIC bay 0",
    ),
    mistake(
        "emulated: a processor and a daemon's name",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {npe: npe-400, hypervisor: R1}}\n",
        "25: routers.R2.engine.dynamips.hypervisor: R1 is a router, and has a daemon of that name",
        "25: routers.R2.engine.dynamips.npe: only a c7200 has a choice of processor, not a c3725",
    ),
    mistake(
        "the free firmware: two addresses",
        "        address: 10.10.2.1/24\n",
        "        address: [10.10.2.1/24, 10.10.2.3/24]\n",
        "29: routers.R2.interfaces.Fa0/1.address: the free firmware has one address per port: FastEthernet0/1 has more",
        also=("  R2:\n", "  R2:\n    engine: {dynamips: {}}\n"),
    ),
    mistake(
        "emulated: MAC address and MTU of a port",
        "        address: 10.10.2.1/24\n",
        '        address: 10.10.2.1/24\n        mac: "02:00:00:00:02:00"\n        mtu: 1400\n',
        "30: routers.R2.interfaces.Fa0/1.mac: an emulated port has no mac of its own: give the router a base_mac",
        "31: routers.R2.interfaces.Fa0/1.mtu: an emulated port has no mtu of its own: give it to the network",
        also=("  R2:\n", "  R2:\n    engine: {dynamips: {}}\n"),
    ),
    mistake(
        "emulated: RIP by class",
        "  R2:\n",
        "  R2:\n    engine: {dynamips: {}}\n    rip: {networks: [10.10.9.0/30]}\n",
        "26: routers.R2.rip.networks: IOS takes part in RIP by class: R2's port in 10.10.2.0/24 would be in it too, as all of 10.0.0.0/8",
    ),
    mistake(
        "emulated: a check from it",
        "  - {ping: 10.10.2.9, from: host, reply_ttl: 62}",
        "  - {ping: 10.10.2.9, from: R2, reply_ttl: 62}",
        "39: checks[0].from: R2 is emulated: checks can only start at the host, a container or a router with frr",
        also=("  R2:\n", "  R2:\n    engine: {dynamips: {}}\n"),
    ),
    mistake(
        "summary",
        "networks: connected",
        "auto_summary: true",
        "15: router_defaults.rip.auto_summary: FRR never summarises: auto_summary must be false with it",
    ),
    mistake(
        "two configurations",
        "  R2:\n",
        "  R2:\n    config: x\n    config_file: y\n",
        "26: routers.R2.config_file: config and config_file are both given",
    ),
    mistake(
        "no such configuration",
        "  R2:\n",
        "  R2:\n    config_file: missing.conf\n",
        "25: routers.R2.config_file: 'missing.conf' cannot be read: No such file or directory",
    ),
    mistake(
        "two mounts",
        "image: page",
        "image: page\n    mounts: [{source: /a, target: /x}, {source: /b, target: /x}]",
        "34: containers.web.mounts[1].target: /x is mounted twice: containers.web.mounts[0].target (line 34) does it already",
    ),
]

MISTAKES = [*YAML_MISTAKES, *VALUE_MISTAKES, *ADDRESS_MISTAKES, *NAME_MISTAKES, *MAC_MISTAKES, *PORT_MISTAKES]


def errors_of(text: str) -> list[str]:
    with pytest.raises(TopologyError) as caught:
        read_topology("labs/small.yaml", text)
    errors = [str(problem) for problem in caught.value.problems]
    assert str(caught.value) == "\n".join(errors)
    return errors


def test_the_base_of_all_mistakes_has_none() -> None:
    assert read_topology("labs/small.yaml", BASE).name == "small"


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case.name)
def test_mistake(case: Mistake) -> None:
    assert BASE.count(case.old) >= 1
    errors = errors_of(BASE.replace(case.old, case.new, 1).replace(*case.also, 1))
    # Some messages go on with advice; what is expected is where they are and how they begin.
    expected = [f"labs/small.yaml:{error}" for error in case.errors]
    assert [error[: len(begin)] for error, begin in zip(errors, expected, strict=False)] == expected
    assert len(errors) == len(expected), errors
