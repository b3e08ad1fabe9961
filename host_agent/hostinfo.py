"""Which machine this is, and whether it has what labs need."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from host_agent import commands
from host_agent.context import DOCKER_SOCKET, NO_DOCKER
from host_agent.errors import CommandFailed, HostError
from host_agent.links import VethEnd, add_bridge, add_veth_pair, find_link
from host_agent.netlink import rtnetlink, scratch
from host_agent.routes import DEFAULT, routes

if TYPE_CHECKING:
    from host_agent.context import Host
    from host_agent.schema import JSON

REQUIREMENTS: dict[str, tuple[Path, str]] = {
    "docker": (DOCKER_SOCKET, "docker.io"),
    "frr": (Path("/usr/lib/frr/zebra"), "frr"),
    "nft": (Path("/usr/sbin/nft"), "nftables"),
    "iproute2": (Path("/usr/sbin/ip"), "iproute2"),
    "busybox": (Path("/bin/busybox"), "busybox-static"),
    "dynamips": (Path("/usr/bin/dynamips"), "dynamips"),
}
"""What a lab can need: what must be there, and the Debian or Ubuntu package that brings it. `kernel` can be asked for, too."""
DOCKER_TIMEOUT_S = 60


def identity(host: Host) -> str:
    """32 random hex digits that are this machine's for as long as its disk lives, whatever its address."""
    path = host.root / "host-id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_suffix(f".{secrets.token_hex(4)}")
        mine.write_text(secrets.token_hex(16))
        # Linked, so that it is there whole or not at all, and the first agent's stays.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(mine)
        mine.unlink()
    return path.read_text().strip()


def describe(host: Host, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{requires: [feature…]}` -> `{identity, kernel, system, uplink, memory_mib, processors, missing: [message…]}`.

    `uplink` is the interface of the default route, "" where there is none; `missing` says what is not there and what brings it.
    """
    missing = [problem for feature in cast(list[str], parameters.get("requires", [])) if (problem := _problem(feature))]
    return {
        "identity": identity(host),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "uplink": _uplink(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "processors": len(os.sched_getaffinity(0)),
        "missing": cast("list[JSON]", missing),
    }


def services(host: Host, parameters: Mapping[str, object], progress: object) -> dict[str, JSON]:
    """`{requires: [feature…], start?}` -> `{stopped: [message…]}`: which services that labs need do not run, told at once.

    With `start` they are started first, where the host has systemd.
    """
    if "docker" not in cast(list[str], parameters.get("requires", [])):
        return {"stopped": []}
    problem = _docker_problem()
    if problem and parameters.get("start") and commands.has_systemd():
        with contextlib.suppress(CommandFailed):
            commands.run(["systemctl", "start", "docker"], timeout_s=60)
        problem = _docker_problem()
    return {"stopped": [problem] if problem else []}


def _docker_problem() -> str:
    """What is wrong with Docker, "" if it answers. Asked without its SDK, whose import takes longer than all else that is asked of a new host."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DOCKER_TIMEOUT_S)
            client.connect(str(DOCKER_SOCKET))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            with client.makefile("rb") as answer:
                status = answer.readline().decode(errors="replace").strip()
    except OSError as error:
        return f"docker: {NO_DOCKER}: {error.strerror or error}"
    return "" if status.split()[1:2] == ["200"] else f"docker: {NO_DOCKER}: it answers {status!r}"


def _problem(feature: str) -> str:
    """What is wrong with a feature, and what to do; "" if nothing is."""
    if feature == "kernel":
        return _kernel_problem()
    path, package = REQUIREMENTS[feature]
    if not path.exists():
        return f"{feature}: {path} is not there; `apt-get install {package}` on the host brings it"
    if feature == "busybox" and not _is_static(path):
        return f"busybox: {path} needs libraries that an image has not; `apt-get install {package}` on the host"
    return _docker_problem() if feature == "docker" else ""


def _kernel_problem() -> str:
    """Whether the kernel makes what labs are made of, tried in a namespace that ends at once."""
    pair = add_veth_pair(VethEnd("probe0", 1500, None), VethEnd("probe1", 1500, None))
    try:
        with scratch(), rtnetlink("") as socket:
            socket.request(add_bridge("probe"), pair)
    except (HostError, OSError) as error:
        return f"kernel {platform.release()}: {error}; a stock Debian or Ubuntu kernel has what labs need"
    return ""


def _is_static(path: Path) -> bool:
    """Whether a program runs without a dynamic loader: it has no PT_INTERP among its program headers. See elf(5)."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:4] != b"\x7fELF":
        return False
    order = "<" if start[5] == 1 else ">"
    is_64 = start[4] == 2
    offset = struct.unpack_from(order + ("Q" if is_64 else "I"), start, 32 if is_64 else 28)[0]
    size, count = struct.unpack_from(order + "HH", start, 54 if is_64 else 42)
    interpreter = 3
    return all(
        struct.unpack_from(order + "I", start, offset + size * index)[0] != interpreter
        for index in range(count)
        if offset + size * index + 4 <= len(start)
    )


def _uplink() -> str:
    with rtnetlink("") as socket:
        for route in routes(socket):
            if route.dst == DEFAULT and route.ifindex:
                link = find_link(socket, index=route.ifindex)
                return link.ifname if link else ""
    return ""
