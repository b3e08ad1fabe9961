"""An SSH key pair of this machine: a file that only its user can read. The state has its path and the public key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from dynamic_providers.base import Properties, SchemaProvider
from dynamic_providers.ssh_key import make_key, remove_key
from host_agent.schema import REPLACE, matching


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """A key pair as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}", "letters, digits, _ and -"), REPLACE]
    directory: Annotated[str, REPLACE] = ".state/keys"
    """Where it is kept, relative to the program's folder."""


class KeyPairProvider(SchemaProvider):
    """Makes, watches and removes the two files. On a machine that has not got them, others are made."""

    common = ("public_key", "private_key_file")

    def args_class(self) -> type[Args]:
        return Args

    def create(self, props: Properties) -> CreateResult:
        path = _path(props)
        make_key(path)
        return CreateResult(
            path.name, {**self.args(props), "private_key_file": path.as_posix(), "public_key": _public(path)}
        )

    def read(self, id_: str, props: Properties) -> ReadResult:
        path = _path(props)
        if not path.exists() or not path.with_suffix(".pub").exists():
            return ReadResult("", {})
        return ReadResult(id_, {**props, "public_key": _public(path)}, self.args(props))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        return UpdateResult(self.create(_news).outs)

    def delete(self, _id: str, _props: Properties) -> None:
        remove_key(_path(_props))


class KeyPair(Resource, module="lab", name="KeyPair"):
    """An SSH key pair, Ed25519, in a file of this machine's user.

    KeyPair("key", name="lease-ana")
    """

    public_key: pulumi.Output[str]
    """`ssh-ed25519 AAAA…`."""
    private_key_file: pulumi.Output[str]
    """Relative to the program's folder."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        directory: pulumi.Input[str] = ".state/keys",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`name` is the file's; `directory` is relative to the program's folder."""
        args = {"name": name, "directory": directory, "public_key": None, "private_key_file": None}
        super().__init__(KeyPairProvider(), resource_name, args, opts)


def _public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def _path(properties: Mapping[str, object]) -> Path:
    # The program's folder is the provider's current directory.
    return Path(str(properties["directory"])) / str(properties["name"])
