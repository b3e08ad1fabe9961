"""A container image from a root file system, without a registry: packed and digested here, uploaded once, imported on the lab host. So it is with
a folder that has a Dockerfile, which is built there; what is in a registry is pulled there.

The program computes the digest, so that a preview sees a change without a host. The provider, which is another process and has only the
digest, finds the root file system by a file of that name in the user's cache, which has its path.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pulumi

from dynamic_providers import engine
from dynamic_providers.base import HostProvider, HostResource, Properties
from dynamic_providers.packing import pack
from host_agent.errors import Missing
from sandbox.cache import default_cache

if TYPE_CHECKING:
    from dynamic_providers.connection import Agent

MEMORY_LIMIT_BYTES = 16 << 20
"""Larger packed folders go through a temporary file."""


class ImageProvider(HostProvider):
    """Uploads what the lab host does not have yet."""

    timeout_s = 900.0

    def __init__(self) -> None:
        super().__init__("image")

    def prepare(self, agent: Agent, lease: str, args: Properties) -> None:
        sha256 = args.get("rootfs_sha256") or args.get("context_sha256")
        if sha256:
            upload(agent, lease, str(sha256), f"image {args['name']}")


class Image(HostResource, module="lab", name="Image"):
    """An image made of a folder or a tar file of this machine, and files of the lab host; or one that is built, or pulled.

    Image("web", name="web", rootfs="images/simpleweb", host_files={"/bin/busybox": "/bin/busybox"}, host=host, lease=lease)
    """

    image_id: pulumi.Output[str]
    tag: pulumi.Output[str]
    digest: pulumi.Output[str]
    """Of what was pulled: `ghcr.io/ana/web@sha256:…`."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        rootfs: str | None = None,
        build: str | None = None,
        pull: str | None = None,
        host_files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`rootfs` is a path, relative to the program's folder; of a folder's files the content and whether they can be executed counts.
        `host_files` maps a path in the image to one of the lab host's. Instead of `rootfs`, `build` is a folder (or its tar) with a Dockerfile, and
        `pull` an image of a registry, best with its digest. Raises Missing where there is no `rootfs` or `build`.
        """
        args = {
            "name": name,
            "rootfs_sha256": digest(Path(rootfs)) if rootfs is not None else None,
            "host_files": host_files or {},
            "context_sha256": digest(Path(build)) if build is not None else None,
            "reference": pull,
        }
        super().__init__(ImageProvider(), resource_name, args, host=host, lease=lease, opts=opts)


def digest(rootfs: Path) -> str:
    """SHA-256 of the tar that is uploaded for a folder or a tar file; from now on the provider finds it by that."""
    with _open(rootfs) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    known = _known(sha256)
    known.parent.mkdir(parents=True, exist_ok=True)
    # No link: not everybody may make one on Windows.
    fresh = known.with_suffix(f".{secrets.token_hex(4)}")
    fresh.write_text(str(rootfs.resolve()), encoding="utf-8")
    fresh.replace(known)
    return sha256


def opened(sha256: str) -> IO[bytes]:
    """What `digest` saw, if it is still there. Raises Missing."""
    return _open(Path(_known(sha256).read_text(encoding="utf-8")))


def _known(sha256: str) -> Path:
    return default_cache() / "sources" / sha256


def _open(rootfs: Path) -> IO[bytes]:
    """The tar: a file as it is, a folder packed. What is not there may be there with `.tar` after its name. Raises Missing."""
    if not rootfs.exists():
        # A package has no folders with links.
        rootfs = rootfs.with_name(f"{rootfs.name}.tar") if rootfs.with_name(f"{rootfs.name}.tar").is_file() else rootfs
    if rootfs.is_file():
        return rootfs.open("rb")
    if not rootfs.is_dir():
        raise Missing(f"root file system {rootfs} is not there; give the path of a folder or of a tar file")
    packed = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=MEMORY_LIMIT_BYTES))  # noqa: SIM115 - the caller closes it
    pack(rootfs, packed)
    packed.seek(0)
    return packed


def upload(agent: Agent, lease: str, sha256: str, what: str) -> None:
    """Put what `digest` saw on the lab host, if it is not there. Raises Missing where it is not what it was."""
    if sha256 not in cast(list[str], agent.call("missing_blobs", {"lease": lease, "sha256": [sha256]})["sha256"]):
        return
    with opened(sha256) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:  # type: ignore[arg-type]
            raise Missing(f"{what}: its file or folder was changed during this run; run `pulumi up` again")
        file.seek(0)

        def progress(sent: int) -> None:
            engine.log(f"uploading {what}: {sent >> 20} of {size >> 20} MiB", ephemeral=True)

        agent.upload(lease, sha256, cast(io.BufferedIOBase, file), size, progress)
