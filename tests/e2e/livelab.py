"""A lab that is up on a host of the test's own, while its topology is edited and its host is meddled with."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from ruamel.yaml import YAML

from tests.e2e.pings import Ping
from tests.e2e.stack import PROJECT, Changes, Stack, on_host
from tests.machines import Machine, machine

Topology: TypeAlias = dict[str, Any]
"""A topology file's content: mappings of mappings, as `docs/topology.md` has them."""
Edit: TypeAlias = Callable[[Topology], object]

ADDRESSES = {
    "host": "192.168.81.1",
    "CORP": "10.1.1.2",
    "R1": "192.168.10.10",
    "R2": "192.168.30.10",
    "R3": "192.168.81.10",
    "web": "192.168.10.100",
}
"""Of each device of ccna_ch8 the address that the others ping."""


def ccna_ch8() -> Topology:
    """The topology, to be edited. Its checks name addresses that edits change, so there are none."""
    source = PROJECT / "stacks" / "topologies" / "ccna_ch8.yaml"
    topology = cast(Topology, YAML(typ="safe").load(source))
    del topology["checks"]
    topology["images"]["simpleweb"]["rootfs"] = str(PROJECT / "images" / "simpleweb")
    return topology


class LiveLab:
    """A stack, its host, and its topology file."""

    def __init__(self, host: Machine, stack: Stack, file: Path, base: Topology) -> None:
        self.host = host
        self.stack = stack
        self.file = file
        self.base = base

    def write(self, topology: Topology) -> None:
        # JSON is YAML.
        self.file.write_text(json.dumps(topology))

    def edited(self, *edits: Edit) -> Topology:
        """The base with these edits."""
        topology = copy.deepcopy(self.base)
        for edit in edits:
            edit(topology)
        return topology

    @functools.cached_property
    def lease(self) -> str:
        return str(self.stack.outputs()["lease"])

    def pings(self, devices: Iterable[str], addresses: Mapping[str, str] = ADDRESSES) -> list[Ping]:
        """Each of these devices to each other."""
        return [
            Ping(source, target, f"{self.lease}-{source}", addresses[target])
            for source, target in itertools.combinations(devices, 2)
        ]

    def run(self, device: str, command: str) -> str:
        """Output of a shell command on the host, in a device's network namespace."""
        return self.host.run(f"nsenter --net=/run/netns/{self.lease}-{device} -- {command}")

    def change(self, topology: Topology) -> tuple[Changes, Changes]:
        """What a preview says of a changed topology, and what an up then does."""
        self.write(topology)
        return self.stack.previewed_up()


@contextlib.contextmanager
def live_lab(
    name: str, folder: Path, base: Topology, *, prepare: str = "true", secrets: Mapping[str, str] | None = None
) -> Iterator[LiveLab]:
    """A host of its own on which `prepare` has run, and on it a lab that is up, as `base` says."""
    file = folder / "topology.yaml"
    file.write_text(json.dumps(base))
    with machine(f"{name}-host", folder) as host:
        host.run(prepare)
        with on_host(name, folder, host, str(file)) as stack:
            lab = LiveLab(host, stack, file, base)
            for key, value in (secrets or {}).items():
                stack.pulumi("config", "set", "--secret", key, value, "-s", name)
            stack.up()
            yield lab
