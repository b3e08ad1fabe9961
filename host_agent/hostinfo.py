"""Which machine this is, and whether it has what labs need."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from host_agent.errors import HostError
from host_agent.links import find_link
from host_agent.netlink import rtnetlink
from host_agent.routes import DEFAULT, routes

if TYPE_CHECKING:
    from host_agent.context import Host
    from host_agent.schema import JSON

REQUIREMENTS: dict[str, tuple[Path, str]] = {
    "docker": (Path("/var/run/docker.sock"), "docker.io"),
    "frr": (Path("/usr/lib/frr/zebra"), "frr"),
    "nft": (Path("/usr/sbin/nft"), "nftables"),
    "iproute2": (Path("/usr/sbin/ip"), "iproute2"),
    "busybox": (Path("/bin/busybox"), "busybox-static"),
}
"""What a lab can need: what must be there, and the Debian or Ubuntu package that brings it."""


def identity(host: Host) -> str:
    """32 random hex digits that are this machine's for as long as its disk lives, whatever its address."""
    path = host.root / "host-id"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                file.write(secrets.token_hex(16))
        except FileExistsError:
            pass  # another agent was quicker
        return path.read_text().strip()


def describe(host: Host, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{requires: [feature…]}` -> `{identity, kernel, system, uplink, versions, missing: [message…]}`.

    `uplink` is the interface of the default route, "" where there is none.
    """
    missing: list[JSON] = []
    versions: dict[str, JSON] = {}
    for feature in cast(list[str], parameters.get("requires", [])):
        path, package = REQUIREMENTS[feature]
        if not path.exists():
            missing.append(f"{feature}: {path} is not there; `apt-get install {package}` on the host brings it")
    if "docker" in cast(list[str], parameters.get("requires", [])) and not missing:
        try:
            versions["docker"] = str(host.docker.version()["Version"])
        except HostError as error:
            missing.append(f"docker: {error}")
    return {
        "identity": identity(host),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "uplink": _uplink(),
        "versions": versions,
        "missing": missing,
    }


def _uplink() -> str:
    with rtnetlink("") as socket:
        for route in routes(socket):
            if route.dst == DEFAULT and route.ifindex:
                link = find_link(socket, index=route.ifindex)
                return link.ifname if link else ""
    return ""
