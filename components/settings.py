"""What a stack asks for: the `lab:` settings of stacks/Pulumi.<stack>.yaml, typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pulumi

from components.topology.plan import Engine

TOPOLOGIES = Path("stacks") / "topologies"
"""In the project's folder, in which Pulumi runs the program."""
NONE = "none"
"""The topology of a stack that makes only a host."""


@dataclass(frozen=True)
class Settings:
    """All settings of a stack. Their descriptions and defaults are in Pulumi.yaml."""

    target: str
    topology: Path | None
    """None: no lab, only a host that other stacks share."""
    address: str
    port: int
    user: str
    private_key_file: str
    host_key: str
    routers: Engine | None
    """The engine of all routers, whatever the topology says; None: as it says."""
    reset_routers: int
    memory_mib: int | None
    """What the lab may take of a shared host, or, of the stack that makes the host, what all labs may take; None: worked out."""
    cpus: float | None
    """The same in processors."""
    pull: bool
    """Whether the lab host can pull images from registries: then those are that the topology names beside a root file system."""
    image_plugin: bool
    """Whether pulumi-docker makes the images that are pulled or built."""

    @property
    def shared(self) -> bool:
        """Whether this stack makes only a host, on which others have their labs."""
        return self.topology is None

    @classmethod
    def from_config(cls, config: pulumi.Config) -> Settings:
        """From the stack's configuration. Raises pulumi.RunError for a topology that is not there, and an engine that is none."""
        topology = config.get("topology") or "ccna_ch8"
        return cls(
            target=config.get("target") or "sandbox",
            topology=None if topology == NONE else topology_file(topology),
            address=config.get("address") or "",
            port=config.get_int("port") or 22,
            user=config.get("user") or "root",
            private_key_file=config.get("privateKeyFile") or "",
            host_key=config.get("hostKey") or "",
            routers=_engine(config.get("routers") or ""),
            reset_routers=config.get_int("resetRouters") or 0,
            memory_mib=config.get_int("memoryMib") or None,
            cpus=_cpus(config.get("cpus") or ""),
            pull=bool(config.get_bool("pull")),
            image_plugin=bool(config.get_bool("imagePlugin")),
        )


def _engine(text: str) -> Engine | None:
    if text in {"", "frr", "dynamips"}:
        return cast(Engine, text) if text else None
    raise pulumi.RunError(f"lab:routers {text!r} is no engine; there are frr and dynamips, or leave it out")


def _cpus(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise pulumi.RunError(f"lab:cpus {text!r} is not a number of processors, such as 1.5") from None


def topology_file(name: str) -> Path:
    """The file of a topology, by its name under stacks/topologies or its path. Raises pulumi.RunError."""
    for path in (TOPOLOGIES / f"{name}.yaml", Path(name).expanduser()):
        if path.is_file():
            return path.absolute()
    known = ", ".join(sorted(path.stem for path in TOPOLOGIES.glob("*.yaml")))
    raise pulumi.RunError(
        f"lab:topology: no topology {name!r}; under stacks/topologies are {known}, or give a path to a file; none makes only a host"
    )
