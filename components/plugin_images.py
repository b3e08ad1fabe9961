"""Images by pulumi-docker, on the lab host's Docker over SSH: those that are pulled and built, where `lab:imagePlugin` is set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pulumi
import pulumi_docker as docker

from components.topology.plan import ImagePlan
from dynamic_providers.image import digest


class PluginImages(pulumi.ComponentResource):
    """What a lab pulls and builds.

    PluginImages("images", plans=plan.images, host=lab_host.host, machine=None).ids["web"]

    The host's user must be root or in the group docker; ssh must be there on this machine, of OpenSSH 8.5 or later.
    """

    ids: dict[str, pulumi.Output[str]]
    """`sha256:…` by the image's name."""

    def __init__(
        self,
        name: str,
        *,
        plans: tuple[ImagePlan, ...],
        host: pulumi.Output[Mapping[str, object]],
        machine: pulumi.Resource | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`machine` is what the stack made the host with, if it did: then images go with it, without a call for each."""
        super().__init__("lab:components:PluginImages", name, None, opts)
        provider = docker.Provider(
            "docker", host=host.apply(_url), ssh_opts=host.apply(_ssh_options), opts=pulumi.ResourceOptions(parent=self)
        )
        own = pulumi.ResourceOptions(parent=self, provider=provider, deleted_with=machine)
        pulled = {plan.name: _pulled(plan, own) for plan in plans if plan.pull is not None}
        # What is built may be built on one of them, and Docker removes nothing that something is built on.
        after = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=list(pulled.values())))
        built = {plan.name: _built(plan, plan.build, after) for plan in plans if plan.build is not None}
        self.ids = {name: image.image_id for name, image in {**pulled, **built}.items()}
        self.register_outputs({})


def of_plugin(plans: tuple[ImagePlan, ...]) -> tuple[ImagePlan, ...]:
    """Those that the plugin can make."""
    return tuple(plan for plan in plans if plan.pull is not None or plan.build is not None)


def _pulled(plan: ImagePlan, opts: pulumi.ResourceOptions) -> docker.RemoteImage:
    return docker.RemoteImage(plan.name, name=plan.pull, keep_locally=False, opts=opts)


def _built(plan: ImagePlan, context: str, opts: pulumi.ResourceOptions) -> docker.RemoteImage:
    content = digest(Path(context))
    return docker.RemoteImage(
        plan.name,
        # The plugin removes by name, the old one after the new one is there: another content has another name.
        name=f"exam-lab-{pulumi.get_stack().lower()}/{plan.name}:{content[:12]}",
        build=docker.RemoteImageBuildArgs(context=context),
        triggers={"context": content},
        keep_locally=False,
        opts=opts,
    )


def _url(host: Mapping[str, object]) -> str:
    return f"ssh://{host['user']}@{host['address']}:{_port(host)}"


def _port(host: Mapping[str, object]) -> int:
    return int(cast(float, host["port"]))


def _ssh_options(host: Mapping[str, object]) -> list[str]:
    """For ssh(1): the host's own key alone, and the one key that the host must have."""
    known = f"[{host['address']}]:{_port(host)}" if _port(host) != 22 else f"{host['address']}"
    settings = {
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        # So no file is needed, and a destroy from another machine has it in the state.
        "KnownHostsCommand": f"/bin/echo {known} {host['host_key']}",
    }
    key = str(host.get("private_key_file") or "")
    return [
        *(["-i", str(Path(key).expanduser().absolute())] if key else []),
        *(word for name, value in settings.items() for word in ("-o", f"{name}={value}")),
    ]
