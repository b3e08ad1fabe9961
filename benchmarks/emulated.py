"""Routers in Dynamips, with the free firmware: how long their lab takes, what many of them cost, and what goes through them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hosts import BenchHost
from benchmarks.labs import PROJECT
from benchmarks.pulumi_runs import Stack
from benchmarks.timing import BenchError, run, settle

FLEETS = ((4, 1), (20, 20), (100, 20))
"""Routers, and how many of them are in one daemon."""
REPETITIONS = 3
PINGS = 50
PING_EVERY_S = 0.1
IDLE_OVER_S = 10.0
BOOT_LIMIT_S = 60.0
QUIET_CHANGE = 0.9
"""Booted is a fleet whose use of processors has stopped falling: a window's share of that of the one before."""
FLOOD_S = 6.0
FLOOD_PER_S = 4000
"""Frames that are offered: more than any port takes."""
NICS = {"GT96100 (onboard)": "10.2.2.2", "NM-1FE-TX": "10.4.2.2", "NM-16ESW": "10.6.2.2"}
"""By kind of port: the address behind a router that has two of them. See NIC_TOPOLOGY."""


@dataclass(frozen=True)
class Fleet:
    """Idle routers on the host."""

    routers: int
    daemons: int
    up_s: float
    destroy_s: float
    rss_mib: float
    """Resident memory of all daemons."""
    cpu_share: float
    """Of one processor, of all daemons."""


@dataclass
class EmulatedResult:
    """Everything measured of emulated routers. Seconds, milliseconds, frames per second."""

    load: float = 0.0
    up_s: list[float] = field(default_factory=list)
    checked_s: list[float] = field(default_factory=list)
    """From the start of `up` until RIP has converged and all checks of the lab pass."""
    destroy_s: list[float] = field(default_factory=list)
    fleets: list[Fleet] = field(default_factory=list)
    round_trip_ms: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    """Percent of the pings."""
    frames_per_s: dict[str, float] = field(default_factory=dict)


class Runner:
    """Measures on a host; files of its own are in `folder`."""

    def __init__(self, host: BenchHost, folder: Path, say: Callable[[str], None], repetitions: int | None) -> None:
        self._host = host
        self._folder = folder
        self._say = say
        self._repetitions = repetitions or REPETITIONS

    def run(self) -> EmulatedResult:
        result = EmulatedResult(os.getloadavg()[0])
        self._ccna_ch8(result)
        self._nics(result)
        for routers, per_daemon in FLEETS:
            result.fleets.append(self._fleet(routers, per_daemon))
        return result

    def _stack(self, name: str, topology: str, routers: str = "dynamips") -> Stack:
        endpoint = self._host.endpoint
        config = {
            "lab:target": "ssh",
            "lab:topology": topology,
            **({"lab:routers": routers} if routers else {}),
            "lab:address": endpoint.address,
            "lab:port": f"{endpoint.port}",
            "lab:privateKeyFile": endpoint.private_key_file,
            "lab:hostKey": endpoint.host_key,
        }
        return Stack(f"bench-dynamips-{name}", PROJECT, self._folder / f"dynamips-{name}", config)

    def _written(self, name: str, topology: str) -> str:
        file = self._folder / f"{name}.yaml"
        file.write_text(topology)
        return f"{file}"

    def _ccna_ch8(self, result: EmulatedResult) -> None:
        stack = self._stack("ccna-ch8", "ccna_ch8")
        try:
            for repetition in range(self._repetitions):
                settle()
                began = time.perf_counter()
                result.up_s.append(stack.up())
                run(["lab", "-s", stack.name, "check"], cwd=PROJECT, environment=stack.environment)
                result.checked_s.append(time.perf_counter() - began)
                if repetition == 0:
                    self._round_trips(stack, result)
                settle()
                result.destroy_s.append(stack.destroy("--refresh=false"))
                self._say(
                    f"up {result.up_s[-1]:.2f} s, checked {result.checked_s[-1]:.2f} s, {result.destroy_s[-1]:.2f} s"
                )
        finally:
            stack.close()

    def _round_trips(self, stack: Stack, result: EmulatedResult) -> None:
        for name, device, address in (
            ("to the next router", "host", "192.168.81.10"),
            ("through one router", "host", "10.1.1.2"),
            ("through three routers", "web", "192.168.81.1"),
        ):
            settle()
            printed = self._host.run(
                f"nsenter --net=/run/netns/{self._lease(stack)}-{device} -- ping -q -c {PINGS} -i {PING_EVERY_S} {address}"
            )
            times, lost = re.search(r"= [\d.]+/([\d.]+)/", printed), re.search(r"([\d.]+)% packet loss", printed)
            if times is None or lost is None:
                raise BenchError(f"ping to {address} says: {printed}")
            result.round_trip_ms[name], result.lost[name] = float(times[1]), float(lost[1])
            self._say(f"round trip {name}: {times[1]} ms")

    def _nics(self, result: EmulatedResult) -> None:
        stack = self._stack("nics", self._written("nics", NIC_TOPOLOGY), routers="")
        try:
            stack.up()
            lease = self._lease(stack)
            for nic, address in NICS.items():
                settle()
                # The first frames wait for ARP, twice.
                self._host.run(f"nsenter --net=/run/netns/{lease}-source -- ping -q -c 20 -i 0.2 -w 30 {address}; true")
                result.frames_per_s[nic] = self._flood(lease, address)
                self._say(f"{nic}: {result.frames_per_s[nic]:.0f} frames per second")
            stack.destroy("--refresh=false")
        finally:
            stack.close()

    def _flood(self, lease: str, address: str) -> float:
        """Frames per second that arrive behind the router."""
        inside = "nsenter --net=/run/netns/{}-{} -- python3 -c {}"
        counted = inside.format(lease, "sink", f'"{_COUNT}" {FLOOD_S + 2}')
        sent = inside.format(lease, "source", f'"{_SEND}" {address} {FLOOD_PER_S} {FLOOD_S}')
        printed = self._host.run(f"{counted} & {sent}; wait")
        frames, seconds = printed.split()
        return int(frames) / float(seconds) if float(seconds) else 0.0

    def _fleet(self, routers: int, per_daemon: int) -> Fleet:
        stack = self._stack(f"fleet-{routers}", self._written(f"fleet-{routers}", fleet_topology(routers, per_daemon)))
        try:
            settle()
            up_s = stack.up()
            self._booted()
            daemons, rss_mib, before = self._daemons()
            began = time.monotonic()
            time.sleep(IDLE_OVER_S)
            _, _, after = self._daemons()
            share = (after - before) / (time.monotonic() - began)
            settle()
            fleet = Fleet(routers, daemons, up_s, stack.destroy("--refresh=false"), rss_mib, share)
            self._say(f"{fleet}")
            return fleet
        finally:
            stack.close()

    def _booted(self) -> None:
        """Wait until the routers have nothing more to do."""
        deadline, last = time.monotonic() + BOOT_LIMIT_S, float("inf")
        while time.monotonic() < deadline:
            before = self._daemons()[2]
            time.sleep(2)
            used = self._daemons()[2] - before
            if used >= last * QUIET_CHANGE:
                return
            last = used

    def _daemons(self) -> tuple[int, float, float]:
        """Of all daemons on the host: their number, resident memory in MiB, and processor seconds so far."""
        number, kib, ticks, hertz = self._host.run(f"python3 -c '{_SUM}'").split()
        return int(number), int(kib) / 1024, int(ticks) / int(hertz)

    def _lease(self, stack: Stack) -> str:
        return str(json.loads(stack.pulumi("stack", "output", "--json", "-s", stack.name)[1])["lease"])


_SUM = """
import os, pathlib, re
number = kib = ticks = 0
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        if (process / "comm").read_text() != "dynamips\\n":
            continue
        kib += int(re.search(r"VmRSS:\\s+(\\d+)", (process / "status").read_text())[1])
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except (OSError, TypeError):
        continue
    number, ticks = number + 1, ticks + int(fields[11]) + int(fields[12])
print(number, kib, ticks, os.sysconf("SC_CLK_TCK"))
"""
_COUNT = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 9000))
s.settimeout(float(sys.argv[1]))
frames, first, last = 0, 0.0, 0.0
try:
    while True:
        s.recv(2048)
        last = time.monotonic()
        frames, first = frames + 1, first or last
        s.settimeout(2.0)
except TimeoutError:
    print(frames, last - first)
"""
_SEND = """
import socket, sys, time
address, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
began, sent = time.monotonic(), 0
while (passed := time.monotonic() - began) < seconds:
    for _ in range(int(passed * rate) - sent):
        sent += 1
        try:
            s.sendto(bytes(100), (address, 9000))
        except OSError:
            pass
    time.sleep(0.002)
"""
"""Without a double quote in them: they are quoted by it in a shell's command."""


NIC_TOPOLOGY = """
topology: nics
networks:
  G1: {bridge: G1, subnet: 10.1.2.0/24}
  G2: {bridge: G2, subnet: 10.2.2.0/24}
  N1: {bridge: N1, subnet: 10.3.2.0/24}
  N2: {bridge: N2, subnet: 10.4.2.0/24}
  S1: {bridge: S1, subnet: 10.5.2.0/24}
  S2: {bridge: S2, subnet: 10.6.2.0/24}
routers:
  onboard:
    engine: {dynamips: {}}
    interfaces: {Fa0/0: {network: G1, address: 10.1.2.1/24}, Fa0/1: {network: G2, address: 10.2.2.1/24}}
  modules:
    engine: {dynamips: {}}
    slots: {1: NM-1FE-TX, 2: NM-1FE-TX}
    interfaces: {Fa1/0: {network: N1, address: 10.3.2.1/24}, Fa2/0: {network: N2, address: 10.4.2.1/24}}
  switch:
    engine: {dynamips: {}}
    slots: {1: NM-16ESW}
    vlans: {2: near, 3: far}
    interfaces:
      Fa1/0: {network: S1, access_vlan: 2}
      Fa1/1: {network: S2, access_vlan: 3}
      Vlan2: {address: 10.5.2.1/24}
      Vlan3: {address: 10.6.2.1/24}
  source:
    interfaces:
      Fa0/0: {network: G1, address: 10.1.2.2/24}
      Fa0/1: {network: N1, address: 10.3.2.2/24}
      Fa0/2: {network: S1, address: 10.5.2.2/24}
    routes: [{dst: 10.2.2.0/24, via: 10.1.2.1}, {dst: 10.4.2.0/24, via: 10.3.2.1}, {dst: 10.6.2.0/24, via: 10.5.2.1}]
  sink:
    interfaces:
      Fa0/0: {network: G2, address: 10.2.2.2/24}
      Fa0/1: {network: N2, address: 10.4.2.2/24}
      Fa0/2: {network: S2, address: 10.6.2.2/24}
    routes: [{dst: 10.1.2.0/24, via: 10.2.2.1}, {dst: 10.3.2.0/24, via: 10.4.2.1}, {dst: 10.5.2.0/24, via: 10.6.2.1}]
"""
"""A source and a sink, which are namespaces, and between them, for each kind of port, a router with two of them."""


def fleet_topology(routers: int, per_daemon: int) -> str:
    """Routers with little memory and nothing to do; several in a daemon share what they have in common."""
    hardware: dict[str, object] = {"ram_mib": 16, "sparse": True}

    def engine(number: int) -> dict[str, object]:
        shared = {"hypervisor": f"daemon{number // per_daemon}", "ghost": True} if per_daemon > 1 else {}
        return {"dynamips": {**hardware, **shared}}

    topology = {"topology": "fleet", "routers": {f"r{number}": {"engine": engine(number)} for number in range(routers)}}
    return json.dumps(topology)  # JSON is YAML


def table(result: EmulatedResult, machine: str) -> str:
    """The section's text."""

    def median(samples: list[float]) -> str:
        return f"{statistics.median(samples):.1f} s"

    lines = [
        f"{machine} Load in the minute before: {result.load:.1f}.",
        "",
        "| `ccna_ch8`, four emulated routers | median |",
        "|---|---|",
        f"| up | {median(result.up_s)} |",
        f"| up, and all checks passed (RIP has converged) | {median(result.checked_s)} |",
        f"| destroy | {median(result.destroy_s)} |",
        *(
            f"| round trip {name} | {ms:.1f} ms, {result.lost[name]:.0f} % lost |"
            for name, ms in result.round_trip_ms.items()
        ),
        "",
        "| idle routers | daemons | up | destroy | memory | processor |",
        "|---|---|---|---|---|---|",
        *(
            f"| {fleet.routers} | {fleet.daemons} | {fleet.up_s:.1f} s | {fleet.destroy_s:.1f} s"
            f" | {fleet.rss_mib:.0f} MiB | {fleet.cpu_share:.0%} of one |"
            for fleet in result.fleets
        ),
        "",
        "| port | frames per second, routed from one to another, 142 bytes |",
        "|---|---|",
        *(f"| {nic} | {rate:.0f} |" for nic, rate in result.frames_per_s.items()),
    ]
    return "\n".join(lines) + "\n"


def write(file: Path, result: EmulatedResult) -> None:
    """Keep a result."""
    file.write_text(json.dumps(dataclasses.asdict(result), indent=1))
