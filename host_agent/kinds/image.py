"""`docker import`, `docker build` or `docker pull`: a container image from a root file system, without a registry; from a folder with a
Dockerfile; or from a registry.

The root file system is a tar that the provider side uploads (see `host_agent.blobs`); `host_files` adds files of the lab host itself, such
as its static busybox, so that programs suit its processor. A folder with a Dockerfile is uploaded as well, and built by the host's Docker. What is
pulled is built on as it is, so that it can be told whose it is; what was not there before goes with the last image that is built on it. One tag per
lease:

    docker image ls exam-lab-a1b2c3d4/web
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import stat
import tarfile
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

from host_agent import blobs, guest
from host_agent.context import Context, Shown
from host_agent.errors import Conflict, HostError, Missing
from host_agent.schema import IMAGE_REFERENCE, REPLACE, Problem, matching

if TYPE_CHECKING:
    from docker.api import APIClient

LEASE = "exam-lab.lease"
NAME = "exam-lab.image"
"""Not the label that containers have their name in: a container inherits its image's labels."""
ROOTFS = "exam-lab.rootfs"
HOST_FILES = "exam-lab.host-files"
CONTEXT = "exam-lab.context"
REFERENCE = "exam-lab.reference"

REMOVE_ATTEMPTS = 20
BUILD_TIMEOUT_S = 600
"""How long a step of a build may be silent."""
_PATH = matching(r"/[A-Za-z0-9._/+@-]*[A-Za-z0-9._+@-]", "an absolute path of letters, digits and ._+@-")


_FROM = re.compile(r"^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE)


def _paths(value: dict[str, str]) -> dict[str, str]:
    return {_PATH(target): _PATH(source) for target, source in sorted(value.items())}


@dataclass(frozen=True, kw_only=True)
class Args:
    """An image as declared or observed."""

    name: Annotated[
        str, matching(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", "a name of lower-case letters, digits and single . _ -"), REPLACE
    ]
    rootfs_sha256: Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits")] | None = None
    """Of the uploaded tar, as it is (plain or compressed). Either this, `context_sha256` or `reference`."""
    host_files: Annotated[dict[str, str], _paths] = field(default_factory=dict)
    """Path in the image -> path on the lab host, of a regular file. It is copied when the image is made, over one of the root file system's."""
    context_sha256: Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits")] | None = None
    """Of the uploaded tar of a folder with a Dockerfile."""
    reference: (
        Annotated[str, matching(IMAGE_REFERENCE, "an image of a registry, such as web@sha256:… or ghcr.io/ana/web:1")]
        | None
    ) = None
    """What is pulled. With a digest it is the same on every host; with a tag, what that was when the image was made."""

    @staticmethod
    def across(values: Mapping[str, object]) -> Iterable[Problem]:
        """One source, not two."""
        given = [name for name in ("rootfs_sha256", "context_sha256", "reference") if values.get(name) is not None]
        if len(given) != 1:
            yield Problem("rootfs_sha256", "exactly one of rootfs_sha256, context_sha256 and reference must be given")
        elif values.get("host_files") and given != ["rootfs_sha256"]:
            yield Problem("host_files", "only a root file system is given files of the lab host")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What Docker calls it."""

    image_id: str
    """`sha256:…`; another one whenever the content changes."""
    tag: str
    """`exam-lab-<lease>/<name>:latest`."""
    digest: str = ""
    """Of what was pulled, as a registry names it: `ghcr.io/ana/web@sha256:…`."""


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
                _drop_blob(context, args, _upload(args))
            raise Conflict(f"Docker image {repository}:latest", context.owner_of(f"exam-lab {labels.get(LEASE, '')}"))
        if _declared(labels, args.name) == args:
            return _outputs(context, args, image)
    for source in args.host_files.values():
        if not Path(source).is_file():
            raise Missing(
                f"image {args.name}: {source} is not a file on the lab host; install the package that brings it "
                "(busybox-static for /bin/busybox), or correct host_files"
            )
    labels = _label(context, args)
    if args.rootfs_sha256 is None:
        _build(context, args, labels)
        image = _inspect(api, f"{repository}:latest")
        if image is None:
            raise HostError(f"image {args.name}: Docker built it, and it is not there; is it removed by somebody else?")
        _remove_untagged(context, args)
        return _outputs(context, args, image)
    blob = _blob(context, args)
    context.progress(f"importing image {args.name}")
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
    return Shown(_declared(labels, args.name), _outputs(context, args, image))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    outputs = add(context, news)
    if _upload(olds) != _upload(news):
        _drop_blob(context, news, _upload(olds))
    _remove_pulled(context)
    return outputs


def remove(context: Context, args: Args) -> None:
    import docker

    api = context.host.docker.api
    tag = f"{_repository(context, args)}:latest"
    image = _inspect(api, tag)
    if image is not None and _labels(image).get(LEASE) == context.lease:
        try:
            # Forced, Docker takes the tag away even while a container that is not ours uses the image; such a container goes on.
            _take_away(api, tag, force=True)
        except docker.errors.ImageNotFound:
            pass
        except docker.errors.APIError as error:
            raise HostError(f"image {args.name}: Docker does not remove {tag}: {error.explanation or error}") from None
    _remove_untagged(context, args)
    _drop_blob(context, args, _upload(args))
    _remove_pulled(context)


def _upload(args: Args) -> str | None:
    """The SHA-256 of what it is made from, if that was uploaded."""
    return args.rootfs_sha256 or args.context_sha256


def _blob(context: Context, args: Args) -> Path:
    sha256 = str(_upload(args))
    blob = blobs.path(context.host, context.lease, sha256)
    if not blob.exists():
        raise Missing(
            f"image {args.name}: what it is made from, {sha256[:12]}, is not on the lab host; run `pulumi up` again"
        )
    return blob


def _label(context: Context, args: Args) -> dict[str, str]:
    """What tells whose an image is, and what it was made from."""
    source = {ROOTFS: args.rootfs_sha256, CONTEXT: args.context_sha256, REFERENCE: args.reference}
    own = {LEASE: context.lease, NAME: args.name, HOST_FILES: _encode(args.host_files)}
    return own | {label: value for label, value in source.items() if value is not None}


def _declared(labels: dict[str, str], name: str) -> Args:
    """The args that an image with these labels was made from."""
    return Args(
        name=name,
        rootfs_sha256=labels.get(ROOTFS),
        host_files=_decode(labels.get(HOST_FILES, "")),
        context_sha256=labels.get(CONTEXT),
        reference=labels.get(REFERENCE),
    )


def _outputs(context: Context, args: Args, image: dict[str, object]) -> Outputs:
    digest = ""
    if args.reference is not None:
        pulled = _inspect(context.host.docker.api, args.reference)
        digests = cast("list[str] | None", pulled and pulled.get("RepoDigests")) or []
        digest = args.reference if "@" in args.reference else next(iter(digests), "")
    return Outputs(image_id=str(image["Id"]), tag=f"{_repository(context, args)}:latest", digest=digest)


def _build(context: Context, args: Args, labels: dict[str, str]) -> None:
    """Have Docker build the image, and tell what it does. Raises HostError with what Docker says."""
    import docker

    api = context.host.docker.api
    with contextlib.ExitStack() as stack:
        if args.reference is not None:
            packed: IO[bytes] = stack.enter_context(_dockerfile(f"FROM {args.reference}\n"))
        else:
            packed = stack.enter_context(_blob(context, args).open("rb"))
        text = _dockerfile_of(args, packed)
        bases = _bases(text)
        for base in bases:
            if context.host.guest and not guest.is_own_image(context.lease, base):
                raise HostError(f"image {args.name}: it is to be built on {base}, which is another lab's")
        absent = [base for base in bases if _inspect(api, base) is None]
        said = ""
        try:
            steps = api.build(
                fileobj=packed,
                custom_context=True,
                tag=f"{_repository(context, args)}:latest",
                labels=labels,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_TIMEOUT_S,
            )
            for step in steps:
                if "error" in step:
                    raise HostError(f"image {args.name}: Docker does not build it: {said}{step['error'].strip()}")
                line = str(step.get("stream") or step.get("status") or "").strip()
                if line:
                    context.progress(f"image {args.name}: {line}")
                    said = f"{line}: " if "stream" in step else ""
        except docker.errors.APIError as error:
            raise HostError(f"image {args.name}: Docker does not build it: {error.explanation or error}") from None
        finally:
            for base in absent:
                if _inspect(api, base) is not None:
                    path = _pulled(context) / urllib.parse.quote(base, safe="")
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.touch()


def _dockerfile(text: str) -> IO[bytes]:
    """A build context with nothing but a Dockerfile."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text.encode())
        tar.addfile(entry, io.BytesIO(text.encode()))
    packed.seek(0)
    return packed


def _dockerfile_of(args: Args, packed: IO[bytes]) -> str:
    """The text of a build context's Dockerfile; the file is at its start again. Raises HostError where there is none."""
    try:
        with tarfile.open(fileobj=packed, mode="r:*") as tar:
            names = {member.name.removeprefix("./"): member for member in tar if member.isreg()}
            content = tar.extractfile(names["Dockerfile"])
            assert content is not None
            return content.read().decode()
    except (tarfile.TarError, KeyError, UnicodeDecodeError):
        raise HostError(f"image {args.name}: there is no Dockerfile in what it is to be built from") from None
    finally:
        packed.seek(0)


def _bases(dockerfile: str) -> list[str]:
    """The images that a Dockerfile builds on, its own stages left out."""
    stages = ["scratch"]
    bases: list[str] = []
    for base, stage in _FROM.findall(dockerfile):
        if base.lower() not in stages and "$" not in base:
            bases.append(base)
        stages.append(stage.lower())
    return bases


def _pulled(context: Context) -> Path:
    """A file for each image that was not on the host before it was built on."""
    return context.host.root / "pulled-images"


def _remove_pulled(context: Context) -> None:
    """Remove what was pulled and nothing is built on any more. What somebody else uses by now stays."""
    import docker

    for path in _pulled(context).glob("*"):
        try:
            _take_away(context.host.docker.api, urllib.parse.unquote(path.name))
        except docker.errors.ImageNotFound:
            pass
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise HostError(
                    f"Docker does not remove {urllib.parse.unquote(path.name)}: {error.explanation or error}"
                ) from None
            continue
        path.unlink(missing_ok=True)


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


def _take_away(api: APIClient, image: str, *, force: bool = False) -> None:
    """Have Docker remove an image. Raises Docker's errors, but for one: it looks through all images, and stumbles over one that goes meanwhile."""
    import docker

    for again in reversed(range(REMOVE_ATTEMPTS)):
        try:
            api.remove_image(image, force=force)
            return
        except docker.errors.APIError as error:
            if not again or "unrecognized image ID" not in f"{error.explanation}":
                raise


def _remove_untagged(context: Context, args: Args) -> None:
    """Remove what the tag pointed to earlier, unless a container still uses it: then `remove` does, after the containers."""
    import docker

    api = context.host.docker.api
    filters = {"dangling": True, "label": [f"{LEASE}={context.lease}", f"{NAME}={args.name}"]}
    for image in api.images(filters=filters):
        try:
            _take_away(api, image["Id"])
        except docker.errors.APIError as error:
            if error.status_code not in {404, 409}:
                raise HostError(
                    f"image {args.name}: Docker does not remove {image['Id']}: {error.explanation}"
                ) from None


def _drop_blob(context: Context, args: Args, sha256: str | None) -> None:
    """Remove an upload that no other image of the lease is made from."""
    others = (
        entry.args.get("rootfs_sha256") or entry.args.get("context_sha256")
        for entry in context.host.ledger.entries(context.lease)
        if entry.kind == "image" and entry.key != args.name
    )
    if sha256 is not None and sha256 not in others:
        blobs.drop(context.host, context.lease, sha256)
