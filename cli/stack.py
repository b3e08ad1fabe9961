"""The stack that a command is about: which one it is, and what its outputs say of the lab.

Pulumi is asked through its command line, so that its back end, passphrase and selected stack are those that the user has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from cli.errors import UsageError
from dynamic_providers.connection import Endpoint


@dataclass(frozen=True)
class Device:
    """A device of the lab. `netns` is its network namespace on the lab host; `engine` (frr) is a router's."""

    name: str
    kind: str
    netns: str
    addresses: tuple[str, ...]
    engine: str = ""


@dataclass(frozen=True)
class Check:
    """Something that holds when nothing in the lab is broken; see components/topology/plan.py for the kinds."""

    name: str
    kind: Literal["ping", "http", "route"]
    from_device: str
    timeout_s: float
    target: str = ""
    reply_ttl: int | None = None
    url: str = ""
    contains: str | None = None
    dst: str = ""
    via: str | None = None


@dataclass(frozen=True)
class Deployment:
    """What a stack's outputs say: where the lab is, and what is in it."""

    stack: str
    endpoint: Endpoint
    lease: str
    devices: dict[str, Device]
    checks: tuple[Check, ...]

    def device(self, name: str) -> Device:
        """A device by its name, in any case. Raises UsageError."""
        if name in self.devices:
            return self.devices[name]
        alike = [device for device in self.devices.values() if device.name.lower() == name.lower()]
        if len(alike) == 1:
            return alike[0]
        raise UsageError(f"no device {name!r} in stack {self.stack}; there are {', '.join(self.devices)}")


def project_folder() -> Path:
    """The project's folder: the checkout in which this package lies, else the nearest one above the current folder. Raises UsageError."""
    for folder in (Path(__file__).resolve().parent.parent, Path.cwd(), *Path.cwd().parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "stacks").is_dir():
            return folder
    raise UsageError(
        "this is not in the project's folder (there is no Pulumi.yaml here or above): change to it, or make one by `lab new`"
    )


def pulumi_program() -> str:
    """Path of the engine's command. Raises UsageError."""
    program = shutil.which("pulumi")
    if program is None:
        raise UsageError("pulumi is not on PATH: run `make setup` once, then `. .venv/bin/activate`")
    return program


def pulumi(*arguments: str) -> str:
    """What a `pulumi` command prints on stdout. Raises UsageError with Pulumi's own message."""
    done = subprocess.run(
        [pulumi_program(), *arguments, "--non-interactive", "--color", "never"],
        cwd=project_folder(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UsageError(f"`pulumi {' '.join(arguments)}` failed: {_first_error(done.stderr)}")
    return done.stdout


def select(wanted: str | None) -> str:
    """The stack to use: `wanted`, else PULUMI_STACK, else the selected one, else the only one. Raises UsageError."""
    name = wanted or os.environ.get("PULUMI_STACK")
    return name or select_from(cast(list[dict[str, object]], json.loads(pulumi("stack", "ls", "--json"))))


def select_from(stacks: Sequence[Mapping[str, object]]) -> str:
    """The selected stack of a `pulumi stack ls --json`, else the only one. Raises UsageError."""
    names = [str(stack["name"]) for stack in stacks]
    selected = [str(stack["name"]) for stack in stacks if stack.get("current")]
    if selected:
        return selected[0]
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(
            "there is no stack yet: `make demo` makes one with a lab, `pulumi stack init NAME` an empty one"
        )
    raise UsageError(
        f"which stack? There are {', '.join(names)}: give --stack NAME, or `pulumi stack select NAME` once"
    )


def read_deployment(stack: str) -> Deployment:
    """What is deployed as `stack`. Raises UsageError where nothing is."""
    return deployment_from(stack, read_outputs(stack))


def read_outputs(stack: str) -> dict[str, object]:
    """The stack's outputs. Raises UsageError."""
    return cast(dict[str, object], json.loads(pulumi("stack", "output", "--json", "-s", stack)))


def deployment_from(stack: str, outputs: Mapping[str, object]) -> Deployment:
    """From the stack's outputs, as `components.program` exports them. Raises UsageError where the lab's are missing."""
    if outputs.get("topology") == "none":
        raise UsageError(
            f"stack {stack} makes only a host; the labs on it are those of stacks with target stack:{stack}"
        )
    missing = [name for name in ("host", "lease", "devices", "checks") if name not in outputs]
    if missing:
        raise UsageError(
            f"stack {stack} has no lab: bring it up with `pulumi up -s {stack}` (no output {', '.join(missing)})"
        )
    devices = cast(dict[str, dict[str, object]], outputs["devices"])
    return Deployment(
        stack=stack,
        endpoint=Endpoint.from_properties(cast(Mapping[str, object], outputs["host"])),
        lease=str(outputs["lease"]),
        devices={name: _device(name, properties) for name, properties in _host_first(devices)},
        checks=tuple(_check(properties) for properties in cast(list[dict[str, object]], outputs["checks"])),
    )


def _host_first(devices: Mapping[str, dict[str, object]]) -> list[tuple[str, dict[str, object]]]:
    # Pulumi keeps outputs sorted by name; people look for the host first, then routers, then the rest.
    order = {"host": 0, "router": 1}
    return sorted(devices.items(), key=lambda item: (order.get(str(item[1]["kind"]), 2), item[0]))


def _device(name: str, properties: Mapping[str, object]) -> Device:
    return Device(
        name=name,
        kind=str(properties["kind"]),
        netns=str(properties["netns"]),
        addresses=tuple(cast(list[str], properties.get("addresses") or [])),
        engine=str(properties.get("engine") or ""),
    )


def _check(properties: Mapping[str, object]) -> Check:
    ttl = cast("float | None", properties.get("reply_ttl"))
    return Check(
        name=str(properties["name"]),
        kind=cast(Literal["ping", "http", "route"], properties["kind"]),
        from_device=str(properties["from"]),
        timeout_s=float(cast(float, properties["timeout_s"])),
        target=str(properties.get("target") or ""),
        reply_ttl=None if ttl is None else int(ttl),
        url=str(properties.get("url") or ""),
        contains=cast("str | None", properties.get("contains")),
        dst=str(properties.get("dst") or ""),
        via=cast("str | None", properties.get("via")),
    )


def _first_error(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["no message"])[0]
