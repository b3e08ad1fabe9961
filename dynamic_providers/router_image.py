"""An image that emulated routers boot: the project's free firmware, a file of this machine, or a file of the lab host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from dynamic_providers.base import HostProvider, HostResource, Properties
from dynamic_providers.image import digest, upload
from host_agent import router_images

if TYPE_CHECKING:
    from dynamic_providers.connection import Agent

FREE = "free"
FIRMWARE = Path("firmware/exam-router.elf")
"""Relative to the program's folder. Beside it, with suffix .json, is its idle-pc."""


class RouterImageProvider(HostProvider):
    """Uploads what the lab host does not have yet."""

    def __init__(self) -> None:
        super().__init__("router_image")

    def prepare(self, agent: Agent, lease: str, args: Properties) -> None:
        if args.get("sha256"):
            upload(agent, lease, str(args["sha256"]), f"router image {args['name']}")


class RouterImage(HostResource, module="lab", name="RouterImage"):
    """An image for DynamipsRouters, by its SHA-256.

    RouterImage("free", name="free", path="free", host=host, lease=lease)
    """

    image: pulumi.Output[str]
    default_idle_pc: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        path: str | None = None,
        host_path: pulumi.Input[str] | None = None,
        idle_pc: pulumi.Input[str] | None = None,
        keep: pulumi.Input[bool] = False,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`path` is `free` or a file of this machine, compressed or not; `host_path` a file of the lab host. Other fields are those of
        `host_agent.kinds.router_image.Args`. Raises HostError for a file that is no image of a router.
        """
        if path == FREE:
            path, idle_pc = str(FIRMWARE), idle_pc or free_idle_pc()
        args = {
            "name": name,
            "sha256": local_digest(Path(path)) if path else None,
            "host_path": host_path,
            "idle_pc": idle_pc,
            "keep": keep,
        }
        super().__init__(RouterImageProvider(), resource_name, args, host=host, lease=lease, opts=opts)


def free_idle_pc() -> str:
    """Where the firmware's idle loop is, as its build wrote down."""
    return str(json.loads(FIRMWARE.with_suffix(".json").read_text())["idle_pc"])


def local_digest(path: Path) -> str:
    """The SHA-256 of an image of this machine. Raises HostError where it is none: better now than on the lab host."""
    path = path.expanduser()
    if not path.is_file():
        raise router_images.NoImage(f"router image {path} is not there; give `free`, or the path of an image")
    with path.open("rb") as file:
        if file.read(4) == b"\x7fELF":
            router_images.check(file, f"router image {path}")
    return digest(path)
