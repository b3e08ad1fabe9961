"""How to reach a lab host, and the ways in which that fails: what is known without a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from host_agent.errors import HostError


class Unreachable(HostError):
    """No connection to the host: what is on it is not known. Never the same as gone."""


class Refused(HostError):
    """The host answered and will not let us work: wrong key, wrong host key, no sudo, no Python. Waiting does not help."""


class OtherHost(HostError):
    """Another machine answers at the address: what was on the recorded one is gone."""


class Lost(Unreachable):
    """The connection broke during a request: it may or may not have been carried out."""


@dataclass(frozen=True)
class Endpoint:
    """How to reach a lab host, and which machine it must be."""

    address: str
    port: int = 22
    user: str = "root"
    private_key_file: str = ""
    """Path on this machine; \"\" is the SSH agent and the user's default keys."""
    host_key: str = ""
    """`ssh-ed25519 AAAA…`; \"\" is the user's known_hosts, else the first one seen."""
    identity: str = ""
    """The machine's own random id, from the agent; \"\" is not checked."""

    @classmethod
    def from_properties(cls, properties: Mapping[str, object]) -> Endpoint:
        """From the `host` property of a resource."""
        return cls(
            address=str(properties["address"]),
            port=int(cast(float, properties.get("port") or 22)),
            user=str(properties.get("user") or "root"),
            private_key_file=str(properties.get("private_key_file") or ""),
            host_key=str(properties.get("host_key") or ""),
            identity=str(properties.get("identity") or ""),
        )

    def __str__(self) -> str:
        return f"{self.user}@{self.address}:{self.port}"
