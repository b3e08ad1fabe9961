"""What a stack asks for: the `lab:` settings of stacks/Pulumi.<stack>.yaml, typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

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

    @classmethod
    def from_config(cls, config: pulumi.Config) -> Settings:
        """From the stack's configuration. Raises pulumi.RunError for a topology that is not there."""
        return cls(
            target=config.get("target") or "sandbox",
            topology=topology_file(config.get("topology") or "ccna_ch8"),
            address=config.get("address") or "",
            port=config.get_int("port") or 22,
            user=config.get("user") or "root",
            private_key_file=config.get("privateKeyFile") or "",
            host_key=config.get("hostKey") or "",
        )


def topology_file(name: str) -> Path:
    """The file of a topology, by its name under stacks/topologies or its path. Raises pulumi.RunError."""
    for path in (TOPOLOGIES / f"{name}.yaml", Path(name).expanduser()):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in TOPOLOGIES.glob("*.yaml")))
    raise pulumi.RunError(
        f"lab:topology: no topology {name!r}; under stacks/topologies are {known}, or give a path to a file"
    )
