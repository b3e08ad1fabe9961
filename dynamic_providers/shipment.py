"""What is shipped to a lab host: the package `host_agent` and the pure-Python libraries that it needs there, as one tar.

A host keeps each version in a root-owned folder of its own, so labs made by different versions of this program share a host.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import tarfile
from pathlib import Path

AGENT_ROOT = "/var/lib/exam-lab/agent"
LIBRARIES = {
    "docker": "docker",
    "requests": "requests",
    "urllib3": "urllib3",
    "idna": "idna",
    "certifi": "certifi",
    "charset-normalizer": "charset_normalizer",
}
"""Distribution and import package. Compiled parts stay behind: each has a pure-Python twin, and the host's architecture may differ."""

INSTALLER = """
import compileall, os, shutil, sys, tarfile, tempfile
if sys.version_info < (3, 11):
    sys.exit(f"the lab host has Python {sys.version.split()[0]} as {sys.executable}; 3.11 or newer is needed")
final = sys.argv[1]
os.makedirs(os.path.dirname(final), mode=0o755, exist_ok=True)
fresh = tempfile.mkdtemp(prefix=final + ".")
try:
    os.chmod(fresh, 0o755)
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as tar:
        tar.extractall(fresh, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(fresh)
    compileall.compile_dir(fresh, quiet=2, workers=1)
    os.rename(fresh, final)
except OSError:
    if not os.path.isdir(final):  # else another connection was quicker
        raise
finally:
    shutil.rmtree(fresh, ignore_errors=True)
"""
"""Run on the host as `python3 -c INSTALLER FOLDER` with the tar on stdin."""


@functools.cache
def version() -> str:
    """Twelve hex digits that change whenever what is shipped changes: from the agent's files and the libraries' versions."""
    digest = hashlib.sha256()
    root = _package("host_agent")
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for distribution in LIBRARIES:
        digest.update(f"{distribution}=={importlib.metadata.version(distribution)}\0".encode())
    digest.update(INSTALLER.encode())
    return digest.hexdigest()[:12]


def folder() -> str:
    """Where this version is on a lab host."""
    return f"{AGENT_ROOT}/{version()}"


def archive() -> bytes:
    """The tar.gz, about 0.5 MB."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        agent = _package("host_agent")
        _add(tar, agent / "run.py", "run.py")
        for package in ("host_agent", *LIBRARIES.values()):
            root = _package(package)
            for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts):
                if path.suffix in {".py", ".pem"} and "__pycache__" not in path.parts:
                    _add(tar, path, f"{package}/{path.relative_to(root).as_posix()}")
    return buffer.getvalue()


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"package {name} is not installed beside this program")
    return Path(spec.origin).parent


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    info.mode = 0o644
    with path.open("rb") as file:
        tar.addfile(info, file)
