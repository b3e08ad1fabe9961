"""An image that emulated routers boot: uploaded, or a file of the lab host; checked, unpacked once, and shared by the labs of the host.

See `host_agent.router_images` for where it is kept. What it says of the image is its SHA-256, never its content.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from host_agent import blobs, router_images
from host_agent.context import Context, Shown
from host_agent.errors import Conflict, HostError, Missing
from host_agent.ledger import write_json
from host_agent.schema import REPLACE, Problem, matching


@dataclass(frozen=True, kw_only=True)
class Args:
    """An image as declared or observed."""

    name: Annotated[
        str, matching(r"[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*", "a name of letters, digits and inner ._-"), REPLACE
    ]
    sha256: Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits")] | None = None
    """Of the file that was uploaded, compressed or not. Either this or `host_path`."""
    host_path: Annotated[str, matching(r"/[^\s\"]+", "an absolute path without spaces and quotes")] | None = None
    """A file of the lab host; it is copied once."""
    idle_pc: Annotated[str, router_images.idle_pc] | None = None
    """Where the image's idle loop is: without it a router keeps a processor busy. It belongs to this very image."""
    keep: bool = False
    """Whether it stays on the host when the last lab that uses it is gone."""

    @staticmethod
    def across(values: Mapping[str, object]) -> Iterable[Problem]:
        """One source, not two."""
        if (values.get("sha256") is None) == (values.get("host_path") is None):
            yield Problem("sha256", "either this or host_path must be given: an upload, or a file of the lab host")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What routers take."""

    image: str
    """Its SHA-256: the `image` of a DynamipsRouter."""
    default_idle_pc: str
    """`idle_pc`, else what `lab idle-pc` found, "" where there is neither: that of a DynamipsRouter."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    with _alone(context):
        try:
            sha256 = _ensure(context, args)
        except HostError:
            # The upload came before; where nothing is made of it, it must not stay.
            if args.sha256:
                blobs.drop(context.host, context.lease, args.sha256)
            raise
        for other in _used_by(context, args):
            if other.name != sha256:
                _release(context, args, other)
        if args.sha256:
            blobs.drop(context.host, context.lease, args.sha256)
    return _outputs(context, args, sha256)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    used = _used_by(context, args)
    if not used or not router_images.is_whole(used[0]):
        return None
    sha256 = used[0].name
    observed = Args(
        name=args.name,
        sha256=sha256 if args.sha256 else None,
        host_path=args.host_path,
        idle_pc=args.idle_pc,
        keep=args.keep,
    )
    return Shown(observed, _outputs(context, args, sha256))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    with _alone(context):
        for folder in _used_by(context, args):
            _release(context, args, folder)
    with contextlib.suppress(OSError):  # another image is in it
        folder = context.host.root / "router-images"
        if {path.name for path in folder.iterdir()} <= {".lock"}:
            shutil.rmtree(folder)


def _outputs(context: Context, args: Args, sha256: str) -> Outputs:
    found = router_images.kept_idle_pc(router_images.folder(context.host.root, sha256))
    return Outputs(image=sha256, default_idle_pc=args.idle_pc or found)


def _ensure(context: Context, args: Args) -> str:
    """Have the image on the host, and counted as used; its SHA-256."""
    source = _source(context, args)
    sha256 = args.sha256 or _digest(source)
    folder = router_images.folder(context.host.root, sha256)
    if folder.exists() and not (folder / "record.json").exists():
        raise Conflict(f"folder {folder}", context.owner_of(""))
    if not router_images.is_whole(folder):
        if not source.is_file():
            raise Missing(
                f"router image {args.name}: {sha256[:12]} is not on the lab host any more; run `pulumi up` again"
            )
        context.progress(f"checking router image {args.name}")
        fresh = folder.with_name(f".{sha256}")
        router_images.unpack(source, fresh, f"router image {args.name}")
        fresh.chmod(0o644)
        folder.mkdir(mode=0o711, exist_ok=True)
        fresh.rename(folder / "image")
        state = (folder / "image").stat()
        write_json(folder / "record.json", {"size": state.st_size, "mtime_ns": state.st_mtime_ns})
    (folder / "users").mkdir(exist_ok=True)
    (folder / "users" / _user(context, args)).touch()
    return sha256


def _source(context: Context, args: Args) -> Path:
    if args.host_path is None:
        assert args.sha256 is not None
        return blobs.path(context.host, context.lease, args.sha256)
    path = Path(args.host_path)
    if not path.is_file():
        raise Missing(
            f"router image {args.name}: {path} is not a file on the lab host; put it there, or correct host_path"
        )
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _user(context: Context, args: Args) -> str:
    return f"{context.lease}.{args.name}"


def _used_by(context: Context, args: Args) -> list[Path]:
    """Folders of the images that this object uses: one, or none."""
    return [
        path.parent.parent for path in (context.host.root / "router-images").glob(f"*/users/{_user(context, args)}")
    ]


def _release(context: Context, args: Args, folder: Path) -> None:
    (folder / "users" / _user(context, args)).unlink(missing_ok=True)
    if not args.keep and not any((folder / "users").iterdir()):
        shutil.rmtree(folder)


@contextlib.contextmanager
def _alone(context: Context) -> Iterator[None]:
    """Alone among all agents of the host with its images."""
    import fcntl  # not everywhere where this module is imported

    folder = context.host.root / "router-images"
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.chmod(0o711)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
