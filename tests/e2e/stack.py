"""A stack under test: the project's own program, driven by the real `pulumi` and `lab` commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

PROJECT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Finished:
    """A command that ended with status 0: what it printed."""

    output: str
    errors: str


class Stack:
    """A stack with a state backend of its own in `folder`."""

    def __init__(self, name: str, folder: Path, config: Mapping[str, str]) -> None:
        self.name = name
        backend = folder / "backend"
        backend.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{backend}",
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

    def run(self, *argv: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """A command in the project's folder, with this stack's environment."""
        return subprocess.run(
            argv, cwd=PROJECT, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def pulumi(self, *arguments: str) -> Finished:
        """A pulumi command that must succeed."""
        done = self.run("pulumi", *arguments, "--non-interactive")
        assert done.returncode == 0, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return Finished(done.stdout, done.stderr)

    def up(self) -> dict[str, int]:
        """`pulumi up`; how many resources it left the same, created, updated, …"""
        done = self.pulumi("up", "--yes", "--skip-preview", "-s", self.name, "--json")
        return _summary(done.output)

    def preview(self) -> dict[str, int]:
        """`pulumi preview`, likewise."""
        return _summary(self.pulumi("preview", "-s", self.name, "--json").output)

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


def _summary(output: str) -> dict[str, int]:
    """The change summary in pulumi's JSON, which is one object (preview) or one per line (up)."""
    try:
        return cast("dict[str, int]", json.loads(output)["changeSummary"])
    except (json.JSONDecodeError, KeyError):
        pass
    for line in output.splitlines():
        event = json.loads(line)
        if "summaryEvent" in event:
            return cast("dict[str, int]", event["summaryEvent"]["resourceChanges"])
    raise AssertionError(f"no summary in pulumi's output:\n{output}")
