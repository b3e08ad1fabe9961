"""The base: the read-only root that all sandboxes share, a Debian 12 (on Ubuntu: 24.04) with the packages of a lab host.

    CACHE/base-SUITE-ARCHITECTURE-HASH/    hash of the recipe: a changed recipe makes a new base
      recipe.json                          what it was made of
      root/                                the root file system (root only, since it holds setuid programs)

Built by mmdebstrap from the mirror that this machine's own apt uses, with the proxy that it uses. It holds no SSH host key and
no machine id: those are each sandbox's own. What belongs to an older recipe is not removed: a sandbox may still stand on it.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox import kernel, privilege
from sandbox.cache import default_cache
from sandbox.errors import SandboxError

REQUIRED_PACKAGES = ("mmdebstrap",)
"""Packages of this machine that `build` needs."""

_PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "docker.io",
    "frr",
    "iproute2",
    "iputils-ping",
    "less",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "tcpdump",
)
_CLOUD_PACKAGES = ("cloud-init",)
"""What a base of the variant `cloud` has on top: hosts on it are machines of a cloud, which user data makes lab hosts (tests/aws)."""
# Left out where the mirror does not carry its component: only labs with Dynamips routers need it.
_OPTIONAL_PACKAGES = ("dynamips",)
_EXCLUDED_PATHS = (
    "/usr/share/doc/*",
    "/usr/share/doc-base/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Change it when `_finish` changes: it is part of the hash.
_RECIPE_VERSION = 1
_OUTPUT_TAIL_LINES = 15


@dataclasses.dataclass(frozen=True)
class Distribution:
    """What to build on a family of machines. optional_component is where `_OPTIONAL_PACKAGES` are."""

    identity: str
    suite: str
    components: tuple[str, ...]
    optional_component: str


_DEBIAN = Distribution("debian", "bookworm", ("main",), "non-free")
_UBUNTU = Distribution("ubuntu", "noble", ("main", "universe"), "multiverse")


@dataclasses.dataclass(frozen=True)
class Source:
    """One `deb` source of apt: an archive, a suite of it, its components, and the key file that signs it, if that is named."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None


def distribution(os_release: str | None = None) -> Distribution:
    """What to build on this machine, from /etc/os-release (or the text given). SandboxError on neither Debian nor Ubuntu."""
    text = Path("/etc/os-release").read_text() if os_release is None else os_release
    fields = {key: value.strip('"') for key, _, value in (line.partition("=") for line in text.splitlines())}
    family = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    for candidate in (_UBUNTU, _DEBIAN):
        if candidate.identity in family:
            return candidate
    machine = fields.get("PRETTY_NAME", "neither")
    raise SandboxError(f"the sandbox's base is built on Debian or Ubuntu; this machine is {machine}: use target `ssh`")


def one_line_sources(text: str) -> list[Source]:
    """The `deb` sources of a sources.list, as in sources.list(5)."""
    sources = []
    for line in text.splitlines():
        match = re.fullmatch(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.partition("#")[0].strip())
        if match:
            options, uri, suite, components = match.groups()
            signed_by = next(
                (option[10:] for option in (options or "").split() if option.startswith("signed-by=")), None
            )
            sources.append(Source(uri, suite, tuple(components.split()), signed_by))
    return sources


def deb822_sources(text: str) -> list[Source]:
    """The `deb` sources of a *.sources file, as in sources.list(5)."""
    sources = []
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
            else:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        signed_by = fields.get("signed-by")
        if signed_by is not None and "\n" in signed_by:
            # The key itself; the keys that this machine trusts anyhow must do.
            signed_by = None
        sources += [
            Source(uri, suite, tuple(fields.get("components", "").split()), signed_by)
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return sources


def machine_sources(etc_apt: Path = Path("/etc/apt")) -> list[Source]:
    """All `deb` sources of this machine's apt."""
    sources = []
    for path in (etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))):
        if path.suffix == ".list" and path.is_file():
            sources += one_line_sources(path.read_text())
        elif path.suffix == ".sources":
            sources += deb822_sources(path.read_text())
    return [dataclasses.replace(source, uri=_direct(source.uri)) for source in sources]


def _direct(uri: str) -> str:
    """The first mirror of a `mirror+file:` list (Debian's cloud images have one), any other URI as it is."""
    if not uri.startswith("mirror+file:"):
        return uri
    listed = Path(re.sub("^/+", "/", uri.removeprefix("mirror+file:"))).read_text().split()
    return next((word for word in listed if "://" in word), uri)


def choose_sources(wanted: Distribution, sources: list[Source]) -> list[Source]:
    """The sources for the base: suite, updates and security of the wanted distribution, on this machine's mirrors.

    A mirror of the distribution is known by its path (`…/debian`, `…/ubuntu`), since the machine may run another release and
    have other archives of the same suite name. SandboxError if there is none.
    """
    candidates = [source for source in sources if "main" in source.components]

    def named(name: str) -> list[Source]:
        return [source for source in candidates if source.uri.rstrip("/").rpartition("/")[2] in {name, f"{name}-ports"}]

    main = [source for source in named(wanted.identity) if not source.suite.endswith("-security")]
    # Debian has an archive of its own for security updates, Ubuntu a suite in the same archive.
    security = named(f"{wanted.identity}-security") or [
        s for s in candidates if s.suite.rstrip("/").endswith(("-security", "/updates"))
    ]
    if not main:
        raise SandboxError(
            f"no {wanted.identity} mirror among this machine's apt sources (/etc/apt): add the one you use, then try again"
        )
    chosen = [
        dataclasses.replace(main[0], suite=wanted.suite),
        dataclasses.replace(main[0], suite=f"{wanted.suite}-updates"),
    ]
    if security:
        chosen.append(dataclasses.replace(security[0], suite=f"{wanted.suite}-security"))
    return [dataclasses.replace(source, components=wanted.components) for source in chosen]


def sources_list(sources: list[Source], extra_component: str | None) -> str:
    """Sources in sources.list(5)'s one-line form; a key file is named only where it is there to be read."""
    lines = []
    for source in sources:
        signed_by = f"[signed-by={source.signed_by}] " if source.signed_by and Path(source.signed_by).is_file() else ""
        components = (*source.components, *([extra_component] if extra_component else []))
        lines.append(f"deb {signed_by}{source.uri} {source.suite} {' '.join(components)}\n")
    return "".join(lines)


def directory(cache: Path, *, cloud: bool = False) -> Path:
    """Where the base of this machine and recipe is, or will be."""
    wanted = distribution()
    machine = os.uname().machine
    architecture = _ARCHITECTURES.get(machine)
    if architecture is None:
        known = " or ".join(_ARCHITECTURES)
        raise SandboxError(f"the sandbox's base is built for {known}, not for {machine}: use target `ssh`")
    recipe = [_RECIPE_VERSION, dataclasses.asdict(wanted), _packages(cloud=cloud), _OPTIONAL_PACKAGES, _EXCLUDED_PATHS]
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    return cache / f"base-{wanted.suite}-{architecture}-{digest}"


def _packages(*, cloud: bool) -> tuple[str, ...]:
    return (*_PACKAGES, *(_CLOUD_PACKAGES if cloud else ()))


def is_base(path: Path) -> bool:
    """Whether `path` is a complete base."""
    return (path / "recipe.json").is_file() and (path / "root").is_dir()


def ensure(cache: Path | None = None, *, cloud: bool = False) -> Path:
    """The base's directory, built first if need be: as root (through sudo), about a minute and 500 MB, with progress lines."""
    cache = Path(os.path.realpath(cache or default_cache()))
    path = directory(cache, cloud=cloud)
    if not is_base(path):
        cache.mkdir(parents=True, exist_ok=True)
        privilege.run(["base", "--cache", str(cache), *(["--cloud"] if cloud else [])], show_progress=True)
    return path


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[int]:
    descriptor = os.open(cache / ".base.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("base: another build is under way; waiting for it", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def build(cache: Path, *, cloud: bool = False) -> Path:
    """Build the base, as root; returns its directory. What is there already is left as it is; two builds at once make one."""
    path = directory(cache, cloud=cloud)
    if shutil.which("mmdebstrap") is None:
        raise SandboxError(
            f"mmdebstrap is missing: run `apt-get install {' '.join(REQUIRED_PACKAGES)}`, then try again"
        )
    wanted = distribution()
    sources = choose_sources(wanted, machine_sources())
    with _locked(cache) as lock:
        if is_base(path):
            return path
        # mmdebstrap mounts /proc and the like in its target: here they vanish with it, however it ends.
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.make_mounts_private()
        started = time.monotonic()
        print(f"base: building {wanted.suite} from this machine's mirror: about a minute and 500 MB", flush=True)
        partial = path.with_name(f"{path.name}.partial")
        try:
            _build_in(partial, wanted, _packages(cloud=cloud), sources, started, lock)
            partial.rename(path)
        finally:
            if partial.exists():
                shutil.rmtree(partial)
        print(f"base: done in {time.monotonic() - started:.0f} s: {path}", flush=True)
    return path


def _build_in(
    partial: Path, wanted: Distribution, packages: tuple[str, ...], sources: list[Source], started: float, lock: int
) -> None:
    optional: tuple[str, ...] = _OPTIONAL_PACKAGES
    component: str | None = wanted.optional_component
    _start_over(partial)
    try:
        _bootstrap(partial / "root", wanted, sources, component, (*packages, *optional), started, lock)
    except SandboxError as error:
        missing = "|".join(map(re.escape, optional))
        if not re.search(rf"(Unable to locate package|Package) '?({missing})\b", str(error)):
            raise
        print(f"base: this mirror has no {', '.join(optional)}; once more without", flush=True)
        optional, component = (), None
        _start_over(partial)
        _bootstrap(partial / "root", wanted, sources, component, packages, started, lock)
    _finish(partial / "root", sources, component)
    (partial / "root").chmod(0o700)
    recipe = {"suite": wanted.suite, "packages": packages, "optional": optional}
    (partial / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")


def _start_over(partial: Path) -> None:
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o755)


def _proxy_options() -> list[str]:
    """The proxy settings of this machine's apt: mmdebstrap's apt does not read this machine's apt.conf."""
    dump = subprocess.run(
        ["apt-config", "dump", "--format", "%F %v%n"], capture_output=True, text=True, check=True
    ).stdout
    pairs = [line.partition(" ") for line in dump.splitlines() if re.match(r"Acquire::https?::Proxy(::\S+)? \S", line)]
    return [f'--aptopt={name} "{value}"' for name, _, value in pairs]


def _bootstrap(
    root: Path,
    wanted: Distribution,
    sources: list[Source],
    extra_component: str | None,
    packages: tuple[str, ...],
    started: float,
    lock: int,
) -> None:
    """Run mmdebstrap, with a progress line per phase. SandboxError with the end of its output if it fails."""
    command = [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(packages)}",
        # The whole of it is thrown away if the machine goes down meanwhile.
        "--dpkgopt=force-unsafe-io",
        *[f"--dpkgopt=path-exclude={path}" for path in _EXCLUDED_PATHS],
        '--aptopt=Acquire::Languages "none"',
        # A mirror that cannot be reached is an error within seconds.
        *[f'--aptopt=Acquire::{scheme}::Timeout "15"' for scheme in ("http", "https")],
        *_proxy_options(),
        wanted.suite,
        str(root),
        "-",
    ]
    # The lock goes to mmdebstrap as well, and so holds until it ends, should this process be killed.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=[lock]
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise SandboxError("no pipe to mmdebstrap")
        process.stdin.write(sources_list(sources, extra_component))
        process.stdin.close()
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if re.fullmatch(r"I: (running|downloading|extracting|installing|cleaning) .*\.\.\.\n", line):
                print(f"base: {time.monotonic() - started:3.0f} s  {line[3:].rstrip()}", flush=True)
    if process.returncode != 0:
        head, tail = lines[:-_OUTPUT_TAIL_LINES], lines[-_OUTPUT_TAIL_LINES:]
        interesting = [line for line in head if line.startswith("E: ")] + tail
        raise SandboxError(
            "mmdebstrap failed; its errors and the end of its output:\n"
            + "\n".join(f"  {line}" for line in interesting)
        )


def _finish(root: Path, sources: list[Source], extra_component: str | None) -> None:
    """Take out what belongs to one machine: keys, ids, names, logs, and how this machine reaches the mirror."""
    for pattern in (
        "etc/ssh/ssh_host_*",
        "etc/resolv.conf",
        "etc/hostname",
        "etc/apt/apt.conf.d/99mmdebstrap",
        "var/log/*.log",
        "var/log/apt/*",
    ):
        for path in root.glob(pattern):
            path.unlink()
    (root / "etc/apt/apt.conf.d/99languages").write_text('Acquire::Languages "none";\n')
    # Without the key files, which lie elsewhere in the base: its own keyring has the keys.
    plain = [dataclasses.replace(source, signed_by=None) for source in sources]
    (root / "etc/apt/sources.list").write_text(sources_list(plain, extra_component))
    for name in ("etc/machine-id", "etc/resolv.conf"):
        (root / name).write_text("")
        (root / name).chmod(0o644)


def has_dynamips(path: Path) -> bool:
    """Whether the base at `path` has Dynamips, which not every mirror carries."""
    recipe: dict[str, list[str]] = json.loads((path / "recipe.json").read_text())
    return "dynamips" in recipe["optional"]
