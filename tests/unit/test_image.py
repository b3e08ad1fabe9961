"""Root file systems: the same bytes for the same content, found again by their digest, and merged with the host's files."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from dynamic_providers import image
from dynamic_providers.connection import Agent
from host_agent.errors import Missing
from host_agent.kinds.image import _merged


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make_rootfs(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "www").mkdir()
    (folder / "www" / "hello.html").write_text("Hello world\n")
    (folder / "bin" / "start").write_text("#!/bin/sh\n")
    (folder / "bin" / "start").chmod(0o755)
    (folder / "bin" / "sh").symlink_to("/bin/busybox")
    return folder


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    """By name; the last of each name, as it would be unpacked."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def test_only_content_counts(tmp_path: Path) -> None:
    first, second = make_rootfs(tmp_path / "first"), make_rootfs(tmp_path / "second")
    for path in second.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    (second / "www" / "hello.html").chmod(0o600)
    (second / "www").chmod(0o700)
    assert image.digest(first) == image.digest(second)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "www" / "hello.html").write_text("Hello"),
        lambda folder: (folder / "www" / "hello.html").chmod(0o755),
        lambda folder: (folder / "www" / "hello.html").rename(folder / "hello.html"),
        lambda folder: (folder / "empty").mkdir(),
        lambda folder: (folder / "link").symlink_to("www"),
    ],
)
def test_a_change_is_seen(tmp_path: Path, change: object) -> None:
    folder = make_rootfs(tmp_path / "rootfs")
    before = image.digest(folder)
    assert callable(change)
    change(folder)
    assert image.digest(folder) != before


def test_a_packed_folder_is_roots_and_keeps_links(tmp_path: Path) -> None:
    folder = make_rootfs(tmp_path / "rootfs")
    with image.opened(image.digest(folder)) as file:
        packed = members(file.read())
    assert sorted(packed) == ["bin", "bin/sh", "bin/start", "www", "www/hello.html"]
    assert {(member.uid, member.gid, member.mtime) for member in packed.values()} == {(0, 0, 0)}
    assert packed["bin/sh"].linkname == "/bin/busybox"
    assert (packed["bin/start"].mode, packed["www/hello.html"].mode) == (0o755, 0o644)


def test_a_tar_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "rootfs.tar.gz"
    file.write_bytes(b"as it is")
    with image.opened(image.digest(file)) as opened:
        assert opened.read() == b"as it is"


def test_a_folder_that_is_not_there_may_be_there_as_a_tar(tmp_path: Path) -> None:
    folder = make_rootfs(tmp_path / "rootfs")
    with image.opened(image.digest(folder)) as packed:
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "rootfs.tar").write_bytes(packed.read())
    assert image.digest(tmp_path / "package" / "rootfs") == image.digest(folder)


def test_a_missing_root_file_system_is_named(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nowhere is not there"):
        image.digest(tmp_path / "nowhere")


class Host(Agent):
    """An agent that has some blobs and takes others."""

    def __init__(self, *present: str) -> None:
        self.present = set(present)
        self.uploads: list[tuple[str, bytes]] = []

    def call(self, method: str, parameters: object, **_: object) -> dict[str, object]:  # type: ignore[override]
        assert method == "missing_blobs"
        assert isinstance(parameters, dict)
        return {"sha256": [digest for digest in parameters["sha256"] if digest not in self.present]}

    def upload(self, lease: str, sha256: str, file: io.BufferedIOBase, size: int, progress: object) -> None:
        data = file.read()
        assert len(data) == size
        self.uploads.append((sha256, data))


def test_what_is_on_the_host_is_not_uploaded_again(tmp_path: Path) -> None:
    sha256 = image.digest(make_rootfs(tmp_path / "rootfs"))
    args: dict[str, object] = {"name": "web", "rootfs_sha256": sha256}
    there, fresh = Host(sha256), Host()
    image.ImageProvider().prepare(there, "a1b2c3d4", args)
    image.ImageProvider().prepare(fresh, "a1b2c3d4", args)
    assert there.uploads == []
    assert [digest for digest, _ in fresh.uploads] == [sha256]


def test_a_folder_that_changes_during_the_run_is_not_uploaded(tmp_path: Path) -> None:
    folder = make_rootfs(tmp_path / "rootfs")
    sha256 = image.digest(folder)
    (folder / "www" / "hello.html").write_text("other")
    host = Host()
    with pytest.raises(Missing, match="was changed during this run"):
        image.ImageProvider().prepare(host, "a1b2c3d4", {"name": "web", "rootfs_sha256": sha256})
    assert host.uploads == []


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_the_hosts_files_come_over_the_tars(tmp_path: Path, mode: str) -> None:
    blob, busybox = tmp_path / "blob", tmp_path / "busybox"
    busybox.write_bytes(b"the host's")
    busybox.chmod(0o755)
    with tarfile.open(blob, mode) as tar:  # type: ignore[call-overload]
        tar.add(make_rootfs(tmp_path / "rootfs"), arcname=".")
    merged = b"".join(_merged(blob, {"/bin/start": str(busybox), "/opt/tools/busybox": str(busybox)}))
    with tarfile.open(fileobj=io.BytesIO(merged)) as tar:
        names = tar.getnames()
        content = tar.extractfile("bin/start")
        assert content is not None
        assert content.read() == b"the host's"
        assert tar.getmember("opt/tools/busybox").mode == 0o755
    assert names[-3:] == ["opt", "opt/tools", "opt/tools/busybox"]
    assert names.count("bin/start") + names.count("./bin/start") == 2
    assert "bin" not in names  # the tar has it as ./bin
