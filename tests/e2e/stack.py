"""A stack under test: the project's own program, driven by the real `pulumi` and `lab` commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dynamic_providers.connection import Connection, Endpoint
from tests.machines import Machine

PROJECT = Path(__file__).parent.parent.parent


Changes = dict[str, list[str]]
"""Names of resources by what was done to them: create, update, replace, delete, …; {} is nothing."""


@dataclass(frozen=True)
class Finished:
    """A command that ended with status 0: what it printed."""

    output: str
    errors: str


class Stack:
    """A stack with a state backend of its own in `folder`."""

    def __init__(self, name: str, folder: Path, config: Mapping[str, str]) -> None:
        self.name = name
        self.backend = folder / "backend"
        self.backend.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": "for tests",
            "PULUMI_STACK": name,
            "NO_COLOR": "1",
            # The engine starts the program with the first python on PATH; `lab` and `pulumi` are found there too.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        # The stack's settings are beside the examples, under a name that is not committed.
        self.settings = PROJECT / "stacks" / f"Pulumi.{name}.yaml"
        self.settings.unlink(missing_ok=True)
        self.pulumi("stack", "init", name, "--no-select")
        for key, value in config.items():
            self.configure(key, value)

    def configure(self, key: str, value: str) -> None:
        self.pulumi("config", "set", key, value, "-s", self.name)

    def configured(self, key: str) -> str:
        return self.pulumi("config", "get", key, "-s", self.name).output.strip()

    def run(self, *argv: str, timeout_s: float = 180, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command in the project's folder, with this stack's environment."""
        return subprocess.run(
            argv,
            cwd=PROJECT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def pulumi(self, *arguments: str) -> Finished:
        """A pulumi command that must succeed."""
        done = self.run("pulumi", *arguments, "--non-interactive")
        assert done.returncode == 0, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return Finished(done.stdout, done.stderr)

    def up(self) -> Changes:
        """`pulumi up`: what it did."""
        [done] = _phases(self.pulumi("up", "--yes", "--skip-preview", "-s", self.name, "--json").output)
        return done

    def previewed_up(self) -> tuple[Changes, Changes]:
        """`pulumi up` with its preview: what that says, and what is done then."""
        previewed, done = _phases(self.pulumi("up", "--yes", "-s", self.name, "--json").output)
        return previewed, done

    def preview(self) -> Changes:
        """`pulumi preview`: what an up would do."""
        return _changes(json.loads(self.pulumi("preview", "-s", self.name, "--json").output)["steps"])

    def preview_diff(self) -> tuple[str, Changes]:
        """`pulumi preview --diff`: what it prints, and what an up would do."""
        output = self.pulumi("preview", "--diff", "-s", self.name).output
        steps: list[dict[str, object]] = [
            {"op": op, "urn": urn} for op, urn in re.findall(r": \((\w+)\)\n(?: +\[id=.*\]\n)? +\[urn=(.*)\]", output)
        ]
        return output, _changes(steps)

    def destroy(self) -> None:
        """`pulumi destroy`, and the stack's own files."""
        self.pulumi("destroy", "--yes", "--skip-preview", "-s", self.name)
        self.pulumi("stack", "rm", "--yes", self.name)
        self.settings.unlink(missing_ok=True)

    def outputs(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.pulumi("stack", "output", "--json", "-s", self.name).output))

    def resources(self) -> list[dict[str, object]]:
        """The resources in the state."""
        exported = json.loads(self.pulumi("stack", "export", "-s", self.name).output)
        return cast("list[dict[str, object]]", exported["deployment"].get("resources", []))


@contextlib.contextmanager
def on_host(name: str, folder: Path, host: Machine, topology: str) -> Iterator[Stack]:
    """A stack on target `ssh`; destroyed afterwards if it still is."""
    stack = Stack(
        name,
        folder,
        {
            "target": "ssh",
            "topology": topology,
            "address": host.endpoint.address,
            "port": str(host.endpoint.port),
            "privateKeyFile": host.endpoint.private_key_file,
        },
    )
    try:
        yield stack
    finally:
        if stack.settings.exists():
            stack.destroy()


@contextlib.contextmanager
def machine_of(stack: Stack) -> Iterator[Machine]:
    """The host that a stack has made, with a connection of the test's own."""
    output = stack.outputs()["host"]
    assert isinstance(output, dict)
    endpoint = Endpoint.from_properties(output)
    connection = Connection(endpoint)
    try:
        yield Machine(stack.name, endpoint, PROJECT / f"{endpoint.private_key_file}.pub", connection)
    finally:
        connection.close()


def _phases(output: str) -> list[Changes]:
    """What `pulumi up --json` prints: a preview is one document, an update a line for each event."""
    phases: list[Changes] = []
    steps: list[dict[str, object]] = []
    decoder = json.JSONDecoder()
    while output := output.lstrip():
        document, end = decoder.raw_decode(output)
        output = output[end:]
        if "steps" in document:
            phases.append(_changes(document["steps"]))
        elif "resourcePreEvent" in document:
            steps.append(document["resourcePreEvent"]["metadata"])
        elif "summaryEvent" in document:
            phases.append(_changes(steps))
    return phases


def _changes(steps: list[dict[str, object]]) -> Changes:
    changes: Changes = {}
    for step in steps:
        # What is only read, or is as it was, is no change.
        if step["op"] not in {"same", "refresh", "read"}:
            changes.setdefault(str(step["op"]), []).append(str(step["urn"]).rpartition("::")[2])
    return {op: sorted(names) for op, names in changes.items()}
