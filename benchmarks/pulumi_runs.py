"""The contestants that Pulumi runs: this project, and the engine alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from benchmarks.labs import EDITED_MTU, PROJECT, Lab
from benchmarks.timing import run
from dynamic_providers.connection import Endpoint

PROGRAMS = Path(__file__).parent / "programs"
DECLARED, EDITED = "web-dev: {peer: web-br, ", f"web-dev: {{mtu: {EDITED_MTU}, peer: web-br, "
"""The one edit of ccna_ch8: another MTU of `web`'s veth pair."""


class Stack:
    """A stack with a back end of its own in `folder`; operations are plain `pulumi` commands, and return their seconds."""

    def __init__(
        self, name: str, program: Path, folder: Path, config: Mapping[str, str], *, checkpoints: bool = True
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        backend = folder / "backend"
        backend.mkdir(parents=True)
        self.name = name
        self.program = program
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "for the benchmark",
            "NO_COLOR": "1",
            "PYTHONPATH": f"{PROJECT}",
            # The engine starts the program with the first python on PATH.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        # As on most machines: what is imported was compiled by an earlier run.
        for unwanted in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PYTHONDONTWRITEBYTECODE"):
            self.environment.pop(unwanted, None)
        if not checkpoints:
            self.environment["PULUMI_SKIP_CHECKPOINTS"] = "true"
        self.settings = (program / "stacks" if program == PROJECT else program) / f"Pulumi.{name}.yaml"
        self.settings.unlink(missing_ok=True)
        self.pulumi("stack", "init", name, "--no-select")
        pairs = [argument for key, value in config.items() for argument in ("--plaintext", f"{key}={value}")]
        self.pulumi("config", "set-all", *pairs, "-s", name)

    def pulumi(self, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[float, str]:
        return run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.program,
            environment={**self.environment, **(environment or {})},
        )

    def up(self, *options: str, environment: Mapping[str, str] | None = None) -> float:
        return self.pulumi(
            "up", "--yes", "--skip-preview", "--suppress-outputs", "-s", self.name, *options, environment=environment
        )[0]

    def destroy(self, *options: str, environment: Mapping[str, str] | None = None) -> float:
        return self.pulumi(
            "destroy",
            "--yes",
            "--skip-preview",
            "--suppress-outputs",
            "-s",
            self.name,
            *options,
            environment=environment,
        )[0]

    def resources(self) -> list[dict[str, object]]:
        """The dynamic resources in the state."""
        exported = json.loads(self.pulumi("stack", "export", "-s", self.name)[1])
        resources = cast("list[dict[str, object]]", exported["deployment"].get("resources", []))
        return [each for each in resources if str(each["type"]).startswith("pulumi-python:dynamic")]

    def close(self) -> None:
        """Forget the stack, wherever it is."""
        self.settings.unlink(missing_ok=True)


class Project:
    """This project, target `ssh`. The topology is the project's own program's where a file can say it."""

    name = "this project"

    def __init__(self, lab: Lab, endpoint: Endpoint, folder: Path, *, port: int = 0, checkpoints: bool = True) -> None:
        """`port` is another one by which the host is reached, such as a proxy's."""
        port = port or endpoint.port
        name = f"bench-{folder.name}"
        self._file = folder / "wanted"
        """What an edit is made in: the topology, or, where no topology file can say the lab, `edited`."""
        self._declared, self._edited = "", "edited"
        if lab.name == "ccna_ch8":
            self._declared, self._edited = topologies()
            config = {
                "lab:target": "ssh",
                "lab:topology": f"{self._file}",
                "lab:address": endpoint.address,
                "lab:port": f"{port}",
                "lab:privateKeyFile": endpoint.private_key_file,
                "lab:hostKey": endpoint.host_key,
            }
            self.stack = Stack(name, PROJECT, folder, config, checkpoints=checkpoints)
        else:
            config = {
                "bench:lab": lab.name,
                "bench:wanted": f"{self._file}",
                "bench:port": f"{port}",
                "bench:privateKeyFile": endpoint.private_key_file,
                "bench:hostKey": endpoint.host_key,
            }
            self.stack = Stack(name, PROGRAMS / "lab", folder, config, checkpoints=checkpoints)

    def set_edit(self, *, edited: bool) -> None:
        """What the next `up` is for. Not part of what is measured: the user's editor does it.

        A file and not a setting: where settings change, the engine starts its providers anew.
        """
        self._file.write_text(self._edited if edited else self._declared)

    def up(self) -> float:
        return self.stack.up()

    def same(self) -> float:
        """Nothing changed; Pulumi.yaml has every `up` read all attributes."""
        return self.stack.up("--expect-no-changes")

    def edit(self) -> float:
        return self.stack.up()

    def destroy(self) -> float:
        """As `make destroy` does it."""
        return self.stack.destroy("--refresh=false")

    def close(self) -> None:
        self.stack.close()


class Engine:
    """The engine alone: as many dynamic resources, without dependencies or components, whose provider does nothing."""

    name = "engine alone"

    def __init__(self, resources: int, folder: Path, *, checkpoints: bool = True) -> None:
        self._file = folder / "wanted"
        config = {"bench:resources": f"{resources}", "bench:wanted": f"{self._file}"}
        self.stack = Stack(f"bench-{folder.name}", PROGRAMS / "engine", folder, config, checkpoints=checkpoints)

    def set_edit(self, *, edited: bool) -> None:
        self._file.write_text("edited" if edited else "")

    def up(self) -> float:
        return self.stack.up()

    def same(self) -> float:
        return self.stack.up("--expect-no-changes")

    def same_with_refresh(self) -> float:
        return self.stack.up("--expect-no-changes", "--refresh")

    def edit(self) -> float:
        return self.stack.up()

    def destroy(self) -> float:
        return self.stack.destroy()

    def close(self) -> None:
        self.stack.close()


def topologies() -> tuple[str, str]:
    """ccna_ch8 without and with the edit, and with paths that hold wherever the file is."""
    text = (PROJECT / "stacks" / "topologies" / "ccna_ch8.yaml").read_text()
    if DECLARED not in text:
        raise ValueError(f"ccna_ch8.yaml has no {DECLARED!r}, which the benchmark edits")
    text = text.replace("../../images", f"{PROJECT}/images")
    return text, text.replace(DECLARED, EDITED)
