"""A container with no network but the lab's: `docker run`, with a pause container that keeps its links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

import pulumi

from dynamic_providers.base import HostProvider, HostResource


class MountArgs(TypedDict):
    """A file or folder of the lab host, seen in the container. Fields are those of `host_agent.kinds.container.Mount`."""

    source: pulumi.Input[str]
    target: pulumi.Input[str]
    read_only: NotRequired[pulumi.Input[bool]]


class Container(HostResource, module="lab", name="Container"):
    """A container, in a network namespace of its own that a VethPair's end can name by this resource's id.

    Container(
        "web",
        name="web",
        image=web.image_id,
        pause_image=pause.image_id,
        command=["/bin/busybox", "httpd", "-f", "-h", "/www"],
        host=host,
        lease=lease,
    )

    Everything but the name changes in place; the links stay.
    """

    container: pulumi.Output[str]
    pause_id: pulumi.Output[str]
    netns: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        image: pulumi.Input[str],
        pause_image: pulumi.Input[str],
        command: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        env: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        mounts: Sequence[MountArgs] = (),
        capabilities: pulumi.Input[Sequence[pulumi.Input[str]]] = (),
        memory_mib: pulumi.Input[int] | None = None,
        cpus: pulumi.Input[float] | None = None,
        restart: pulumi.Input[Literal["no", "on-failure", "always", "unless-stopped"]] = "no",
        new_privileges: pulumi.Input[bool] = False,
        running: pulumi.Input[bool] = True,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`memory_mib` and `cpus` None are no limit. Fields are those of `host_agent.kinds.container.Args`."""
        args: dict[str, pulumi.Input[object] | None] = {
            "name": name,
            "image": image,
            "pause_image": pause_image,
            "command": command,
            "env": env or {},
            "mounts": mounts,
            "capabilities": capabilities,
            "memory_mib": memory_mib,
            "cpus": cpus,
            "restart": restart,
            "new_privileges": new_privileges,
            "running": running,
        }
        super().__init__(HostProvider("container"), resource_name, args, host=host, lease=lease, opts=opts)
