"""What a kind's functions are given beside their args."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from host_agent.errors import Unavailable
from host_agent.ledger import ROOT, Ledger, split_id

if TYPE_CHECKING:
    from docker import DockerClient

DOCKER_SOCKET = Path("/var/run/docker.sock")
NO_DOCKER = "Docker does not answer on the lab host (start it there with `systemctl start docker`, or restart the host)"

A = TypeVar("A")
O = TypeVar("O")  # noqa: E741 - Args and Outputs


@dataclass(frozen=True)
class Shown(Generic[A, O]):
    """What is on the host: args as observed (an undeclared field is shown as declared) and outputs."""

    args: A
    outputs: O


class Host:
    """What all requests to one agent process share."""

    def __init__(self, root: Path = ROOT, guest: str = "") -> None:
        """`guest` is the lease whose key this came by: see `host_agent.guest`. "" is who may do everything."""
        self.root = root
        self.guest = guest
        self.ledger = Ledger(root)
        self._docker_lock = threading.Lock()

    @property
    def docker(self) -> DockerClient:
        """The host's Docker, connected on first use.

        Raises Unavailable where nobody listens.
        """
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(DOCKER_SOCKET))
            except OSError as error:
                raise Unavailable(f"{NO_DOCKER}: {error.strerror}") from None
        with self._docker_lock:
            return self._docker

    @functools.cached_property
    def _docker(self) -> DockerClient:
        import docker

        try:
            return docker.DockerClient(
                base_url="unix:///var/run/docker.sock", version="auto", timeout=60, max_pool_size=16
            )
        except docker.errors.DockerException as error:
            raise Unavailable(f"{NO_DOCKER}: {error}") from None


def netns_name(object_id: str) -> str:
    """The name under /run/netns of a NetworkNamespace or Container, given by its id; "" stays "", the host's own."""
    if not object_id:
        return ""
    lease, _, key = split_id(object_id)
    return f"{lease}-{key}"


def namespace_key(object_id: str) -> str:
    """The short name of a namespace for keys of what is in it: `host`, `R1`, `web`; `-` is the host's own."""
    return split_id(object_id)[2] if object_id else "-"


@dataclass(frozen=True)
class Context:
    """One request: on which host, for which lease."""

    host: Host
    lease: str
    adopt: bool = False
    """Whether the ledger knew the object before this request: what is found then is our own earlier work."""
    progress: Callable[[str], None] = field(default=lambda text: None)

    @property
    def mark(self) -> str:
        """What objects that can carry a text (interface alias, nftables comment, file header) carry: whose they are."""
        return f"exam-lab {self.lease}"

    def owner_of(self, mark: str) -> str:
        """Who holds an object that carries `mark`, for messages."""
        program, _, lease = mark.partition(" ")
        if program != "exam-lab" or not lease:
            return "nobody that we know (made by hand or by another program)"
        owner = self.host.ledger.describe(lease)
        if lease == self.lease:
            # Pulumi makes the new object before it deletes the one whose name is no longer declared.
            return f"{owner}, this lab itself, as part of another object (one that is renamed needs an `up` between that takes it out)"
        return owner
