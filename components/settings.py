"""What a stack asks for: the `lab:` settings of stacks/Pulumi.<stack>.yaml, typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pulumi

from components.topology.plan import Engine

TOPOLOGIES = Path(__file__).parent.parent / "stacks" / "topologies"


@dataclass(frozen=True)
class Settings:
    """All settings of a stack. Their descriptions and defaults are in Pulumi.yaml."""

    target: str
    topology: Path
    address: str
    port: int
    user: str
    private_key_file: str
    host_key: str
    routers: Engine | None
    """The engine of all routers, whatever the topology says; None: as it says."""
    reset_routers: int

    @classmethod
    def from_config(cls, config: pulumi.Config) -> Settings:
        """From the stack's configuration. Raises pulumi.RunError for a topology that is not there, and an engine that is none."""
        return cls(
            target=config.get("target") or "sandbox",
            topology=topology_file(config.get("topology") or "ccna_ch8"),
            address=config.get("address") or "",
            port=config.get_int("port") or 22,
            user=config.get("user") or "root",
            private_key_file=config.get("privateKeyFile") or "",
            host_key=config.get("hostKey") or "",
            routers=_engine(config.get("routers") or ""),
            reset_routers=config.get_int("resetRouters") or 0,
        )


def _engine(text: str) -> Engine | None:
    if text in {"", "frr", "dynamips"}:
        return cast(Engine, text) if text else None
    raise pulumi.RunError(f"lab:routers {text!r} is no engine; there are frr and dynamips, or leave it out")


def topology_file(name: str) -> Path:
    """The file of a topology, by its name under stacks/topologies or its path. Raises pulumi.RunError."""
    for path in (TOPOLOGIES / f"{name}.yaml", Path(name).expanduser()):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in TOPOLOGIES.glob("*.yaml")))
    raise pulumi.RunError(
        f"lab:topology: no topology {name!r}; under stacks/topologies are {known}, or give a path to a file"
    )
