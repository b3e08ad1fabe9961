"""`docker import`: a container image from a root file system, without a registry.

The root file system is a tar that the provider side uploads (see `host_agent.blobs`); `host_files` adds files of the lab host itself, such
as its static busybox, so that programs suit its processor. One tag per lease:

    docker image ls exam-lab-a1b2c3d4/web
"""

from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from host_agent import blobs
from host_agent.context import Context, Shown
from host_agent.errors import Conflict, HostError, Missing
from host_agent.schema import REPLACE, matching

if TYPE_CHECKING:
    from docker.api import APIClient

LEASE = "exam-lab.lease"
NAME = "exam-lab.image"
"""Not the label that containers have their name in: a container inherits its image's labels."""
ROOTFS = "exam-lab.rootfs"
HOST_FILES = "exam-lab.host-files"

_PATH = matching(r"/[A-Za-z0-9._/+@-]*[A-Za-z0-9._+@-]", "an absolute path of letters, digits and ._+@-")


def _paths(value: dict[str, str]) -> dict[str, str]:
    return {_PATH(target): _PATH(source) for target, source in sorted(value.items())}


@dataclass(frozen=True, kw_only=True)
class Args:
    """An image as declared or observed."""

    name: Annotated[
        str, matching(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", "a name of lower-case letters, digits and single . _ -"), REPLACE
    ]
    rootfs_sha256: Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits")]
    """Of the uploaded tar, as it is (plain or compressed)."""
    host_files: Annotated[dict[str, str], _paths] = field(default_factory=dict)
    """Path in the image -> path on the lab host, of a regular file. It is copied when the image is made, over one of the tar's."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What Docker calls it."""

    image_id: str
    """`sha256:…`; another one whenever the content changes."""
    tag: str
    """`exam-lab-<lease>/<name>:latest`."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    import docker

    api = context.host.docker.api
    repository = _repository(context, args)
    image = _inspect(api, f"{repository}:latest")
    if image is not None:
        labels = _labels(image)
        if labels.get(LEASE) != context.lease:
            # The upload came before; where nothing is made of it, it must not stay.
            if not context.adopt:
                _drop_blob(context, args, args.rootfs_sha256)
            raise Conflict(f"Docker image {repository}:latest", context.owner_of(f"exam-lab {labels.get(LEASE, '')}"))
        if labels.get(ROOTFS) == args.rootfs_sha256 and _decode(labels.get(HOST_FILES, "")) == args.host_files:
            return Outputs(image_id=str(image["Id"]), tag=f"{repository}:latest")
    for source in args.host_files.values():
        if not Path(source).is_file():
            raise Missing(
                f"image {args.name}: {source} is not a file on the lab host; install the package that brings it "
                "(busybox-static for /bin/busybox), or correct host_files"
            )
    blob = blobs.path(context.host, context.lease, args.rootfs_sha256)
    if not blob.exists():
        raise Missing(
            f"image {args.name}: its root file system {args.rootfs_sha256[:12]} is not on the lab host; run `pulumi up` again"
        )
    context.progress(f"importing image {args.name}")
    labels = {LEASE: context.lease, NAME: args.name, ROOTFS: args.rootfs_sha256, HOST_FILES: _encode(args.host_files)}
    try:
        answer = api.import_image_from_data(
            _merged(blob, args.host_files),
            repository=repository,
            tag="latest",
            changes=[f'LABEL {label}="{value}"' for label, value in labels.items()],
        )
    except docker.errors.APIError as error:
        raise HostError(f"image {args.name}: Docker does not import it: {error.explanation or error}") from None
    except tarfile.TarError as error:
        raise HostError(
            f"image {args.name}: its root file system is not a tar: {error}. Give a folder or a tar file"
        ) from None
    image_id = _imported(args.name, answer)
    _remove_untagged(context, args)
    return Outputs(image_id=image_id, tag=f"{repository}:latest")


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    repository = _repository(context, args)
    image = _inspect(context.host.docker.api, f"{repository}:latest")
    if image is None or _labels(image).get(LEASE) != context.lease:
        return None
    labels = _labels(image)
    observed = Args(
        name=args.name, rootfs_sha256=labels.get(ROOTFS, ""), host_files=_decode(labels.get(HOST_FILES, ""))
    )
    return Shown(observed, Outputs(image_id=str(image["Id"]), tag=f"{repository}:latest"))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    outputs = add(context, news)
    if olds.rootfs_sha256 != news.rootfs_sha256:
        _drop_blob(context, news, olds.rootfs_sha256)
    return outputs


def remove(context: Context, args: Args) -> None:
    import docker

    api = context.host.docker.api
    tag = f"{_repository(context, args)}:latest"
    image = _inspect(api, tag)
    if image is not None and _labels(image).get(LEASE) == context.lease:
        try:
            # Forced, Docker takes the tag away even while a container that is not ours uses the image; such a container goes on.
            api.remove_image(tag, force=True)
        except docker.errors.ImageNotFound:
            pass
        except docker.errors.APIError as error:
            raise HostError(f"image {args.name}: Docker does not remove {tag}: {error.explanation or error}") from None
    _remove_untagged(context, args)
    _drop_blob(context, args, args.rootfs_sha256)


def _repository(context: Context, args: Args) -> str:
    return f"exam-lab-{context.lease}/{args.name}"


def _inspect(api: APIClient, tag: str) -> dict[str, object] | None:
    import docker

    try:
        return cast(dict[str, object], api.inspect_image(tag))
    except docker.errors.ImageNotFound:
        return None


def _labels(image: dict[str, object]) -> dict[str, str]:
    return cast(dict[str, dict[str, str] | None], image["Config"]).get("Labels") or {}


def _encode(host_files: dict[str, str]) -> str:
    """`TARGET=SOURCE;…`: a label in Dockerfile syntax without anything to quote, which the rule for paths sees to."""
    return ";".join(f"{target}={source}" for target, source in host_files.items())


def _decode(text: str) -> dict[str, str]:
    return {target: source for target, _, source in (item.partition("=") for item in text.split(";") if item)}


def _merged(blob: Path, host_files: dict[str, str]) -> Iterator[bytes]:
    """The tar with the host's files after (so over) its own, piece by piece, one file in memory at a time."""
    buffer = io.BytesIO()

    def taken() -> bytes:
        piece = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return piece

    seen = {""}
    with tarfile.open(fileobj=buffer, mode="w|", format=tarfile.PAX_FORMAT) as merged:
        with tarfile.open(blob, mode="r:*") as rootfs:
            for member in rootfs:
                seen.add(member.name.removeprefix("./").strip("/"))
                merged.addfile(member, rootfs.extractfile(member) if member.isreg() else None)
                yield taken()
        for target, source in host_files.items():
            # Docker would make missing folders with its own umask; all of them, outermost first.
            for folder in [str(parent).strip("/") for parent in reversed(Path(target).parents)]:
                if folder not in seen:
                    seen.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    merged.addfile(entry)
            with Path(source).open("rb") as file:
                content = file.read()
                entry = tarfile.TarInfo(target.strip("/"))
                entry.size = len(content)
                entry.mode = stat.S_IMODE(Path(source).stat().st_mode)
                merged.addfile(entry, io.BytesIO(content))
            yield taken()
    yield taken()


def _imported(name: str, answer: str) -> str:
    """The image id in Docker's stream of JSON lines."""
    status = ""
    for line in answer.splitlines():
        message = json.loads(line)
        if "error" in message:
            raise HostError(f"image {name}: Docker does not import it: {message['error']}")
        status = message.get("status", status)
    return status


def _remove_untagged(context: Context, args: Args) -> None:
    """Remove what the tag pointed to earlier, unless a container still uses it: then `remove` does, after the containers."""
    import docker

    api = context.host.docker.api
    filters = {"dangling": True, "label": [f"{LEASE}={context.lease}", f"{NAME}={args.name}"]}
    for image in api.images(filters=filters):
        try:
            api.remove_image(image["Id"])
        except docker.errors.APIError as error:
            if error.status_code not in {404, 409}:
                raise HostError(
                    f"image {args.name}: Docker does not remove {image['Id']}: {error.explanation}"
                ) from None


def _drop_blob(context: Context, args: Args, sha256: str) -> None:
    """Remove an upload that no other image of the lease is made from."""
    others = (
        entry.args.get("rootfs_sha256")
        for entry in context.host.ledger.entries(context.lease)
        if entry.kind == "image" and entry.key != args.name
    )
    if sha256 not in others:
        blobs.drop(context.host, context.lease, sha256)
