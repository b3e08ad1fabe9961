"""Runs on the lab host: builds the lab that stdin's first line describes by Mininet's Python API, says `ready`, and ends it at the end of stdin."""

from __future__ import annotations

import json
import sys

from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

# It would set limits of the whole machine (fs.file-max, …), and nothing here is so large.
Mininet.inited = True


def main() -> None:
    lab = json.loads(sys.stdin.readline())
    net = Mininet(controller=None, switch=LinuxBridge, waitConnected=False)
    bridges = {each["ifname"]: net.addSwitch(each["ifname"]) for each in lab["bridges"]}
    nodes = {each["name"]: net.addHost(each["name"], ip=None) for each in [*lab["namespaces"], *lab["containers"]]}
    ends = []
    for pair in lab["pairs"]:
        first, second = pair["ends"]
        # A bridge takes interfaces that are named after it alone.
        there, name = (
            (bridges[second["master"]], None) if second["master"] else (nodes[second["namespace"]], second["ifname"])
        )
        link = net.addLink(nodes[first["namespace"]], there, intfName1=first["ifname"], intfName2=name)
        ends += [(link.intf1, first)] + ([] if second["master"] else [(link.intf2, second)])
    net.build()
    for interface, end in ends:
        if end["mac"]:
            interface.setMAC(end["mac"])
        for address in end["addresses"]:
            interface.setIP(address)
        if end["default_via"]:
            interface.node.cmd(f"ip route replace default via {end['default_via']}")
    net.start()
    for namespace in lab["namespaces"]:
        nodes[namespace["name"]].cmd(
            f"sysctl -qw net.ipv4.ip_forward={int(namespace['forwarding'])} net.ipv4.ip_default_ttl={namespace['default_ttl']}"
        )
    for route in lab["routes"]:
        nodes[route["namespace"]].cmd(f"ip route add {route['dst']} via {route['via']}")
    for router in lab["routers"]:
        # The node's shell is at a prompt and shows others; what counts is the status.
        said = nodes[router["name"]].cmd(f"{router['start']}; echo status=$?")
        if not said.rstrip().endswith("status=0"):
            sys.exit(f"router {router['name']}: {said}")
    print("ready", flush=True)
    sys.stdin.read()
    for router in lab["routers"]:
        nodes[router["name"]].cmd(router["stop"])
    net.stop()


main()
