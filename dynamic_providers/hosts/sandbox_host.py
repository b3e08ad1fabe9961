"""A throw-away lab host on this machine: see the package `sandbox` for what it is and what it keeps apart."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, ReadResult, Resource, UpdateResult

from dynamic_providers import engine
from dynamic_providers.base import OneLine, Properties, SchemaProvider
from dynamic_providers.ssh_key import make_key, remove_key
from host_agent.errors import HostError
from host_agent.schema import REPLACE, matching
from sandbox import base, control
from sandbox.errors import SandboxError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """A sandbox as declared or observed."""

    name: Annotated[str, matching(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "1 to 32 of a-z, 0-9 and hyphens"), REPLACE]
    directory: Annotated[str, REPLACE] = ".state"
    """Where sandboxes and their keys are kept, relative to the program's folder."""
    running: bool = True


KEPT = ("address", "port", "user", "private_key_file", "host_key")
"""Outputs that stay as they are when it is stopped and started."""


class SandboxHostProvider(SchemaProvider):
    """Starts, watches and destroys a sandbox. A dead one is drift (`running`), a removed one is gone."""

    common = (*KEPT, "boot_id")

    def args_class(self) -> type[Args]:
        return Args

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        result = super().check(_olds, news)
        inputs = cast(Properties, result.inputs)
        # An update, in a preview, gives only what is among the inputs: all that is on it would seem to move to another host.
        if all(_olds.get(name) == inputs.get(name) for name in ("name", "directory")):
            inputs.update({name: _olds[name] for name in KEPT if name in _olds})
        return result

    def create(self, props: Properties) -> CreateResult:
        with OneLine():
            outs = _apply(self.args(props))
            return CreateResult(f"{props['name']}-{secrets.token_hex(3)}", outs)

    def read(self, id_: str, props: Properties) -> ReadResult:
        status = control.status(str(props["name"]), state=_sandboxes(props))
        if not status.exists:
            return ReadResult("", {})
        observed = {**self.args(props), "running": status.running}
        # Not the boot id: labs on a sandbox that was started behind our back have come back by themselves.
        seen = {"port": status.port, "host_key": status.host_key}
        outs = {**props, **observed, **seen}
        return ReadResult(id_, outs, {**observed, **{name: outs[name] for name in KEPT if name in outs}})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        with OneLine():
            return UpdateResult(_apply(self.args(_news)))

    def delete(self, _id: str, _props: Properties) -> None:
        with OneLine():
            try:
                control.destroy(str(_props["name"]), state=_sandboxes(_props))
            except SandboxError as error:
                raise HostError(str(error)) from None
        remove_key(_key(_props))


class SandboxHost(Resource, module="lab", name="SandboxHost"):
    """A lab host on this machine, reached over SSH on 127.0.0.1. Root (sudo) is taken for it alone.

    SandboxHost("sandbox", name="dev")
    """

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    user: pulumi.Output[str]
    private_key_file: pulumi.Output[str]
    host_key: pulumi.Output[str]
    boot_id: pulumi.Output[str]
    """Changes with every start by Pulumi, which then waits until the labs on it are back."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        directory: pulumi.Input[str] = ".state",
        running: pulumi.Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`name`: its host name. `directory`: relative to the program's folder."""
        outputs = dict.fromkeys(("address", "port", "user", "private_key_file", "host_key", "boot_id"))
        args = {"name": name, "directory": directory, "running": running}
        super().__init__(SandboxHostProvider(), resource_name, {**args, **outputs}, opts)


def _apply(properties: Mapping[str, object]) -> Properties:
    """Bring the sandbox into the declared state; returns all properties."""
    name, state, key = str(properties["name"]), _sandboxes(properties), _key(properties)
    make_key(key)
    try:
        if not properties["running"]:
            status = control.stop(name, state=state)
        else:
            engine.log(f"starting sandbox {name}", ephemeral=True)
            status = control.start(name, state=state, base=base.ensure(), public_key=key.with_suffix(".pub"))
    except SandboxError as error:
        raise HostError(str(error)) from None
    return {
        **properties,
        "address": "127.0.0.1",
        "port": status.port,
        "user": "root",
        "private_key_file": str(key),
        "host_key": status.host_key,
        "boot_id": status.boot_id or "",
    }


def _sandboxes(properties: Mapping[str, object]) -> Path:
    # The program's folder is the provider's current directory.
    return Path(str(properties["directory"])) / "sandboxes"


def _key(properties: Mapping[str, object]) -> Path:
    return Path(str(properties["directory"])) / "keys" / f"sandbox-{properties['name']}"
