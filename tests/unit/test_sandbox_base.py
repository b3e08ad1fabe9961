import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import base, kernel
from sandbox.base import Source
from sandbox.cache import default_cache
from sandbox.errors import SandboxError

DEBIAN = base.distribution("ID=debian\n")
UBUNTU = base.distribution("ID=ubuntu\nID_LIKE=debian\n")


def test_the_distribution_follows_the_machine() -> None:
    assert (DEBIAN.suite, UBUNTU.suite) == ("bookworm", "noble")
    assert base.distribution('ID=derived\nID_LIKE="ubuntu debian"\n') == UBUNTU
    with pytest.raises(SandboxError, match="this machine is Other 1: use target"):
        base.distribution('ID=other\nPRETTY_NAME="Other 1"\n')


def test_one_line_sources() -> None:
    text = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # note
deb-src http://mirror.example/debian bookworm main
deb\thttp://mirror.example/debian-security  bookworm-security\tmain
deb http://flat.example/repository ./
"""
    assert base.one_line_sources(text) == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib"), "/usr/share/keyrings/a.gpg"),
        Source("http://mirror.example/debian-security", "bookworm-security", ("main",)),
    ]


def test_deb822_sources() -> None:
    text = """\
Types: deb deb-src
# a comment within the stanza
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/a.pgp

Types: deb
URIs: http://disabled.example/debian
Suites: trixie
Components: main
Enabled: no

types: deb
uris: http://key.example/debian
suites: trixie
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""
    assert base.deb822_sources(text) == [
        Source("http://mirror.example/debian", "trixie", ("main",), "/usr/share/keyrings/a.pgp"),
        Source("http://mirror.example/debian", "trixie-updates", ("main",), "/usr/share/keyrings/a.pgp"),
        Source("http://key.example/debian", "trixie", ("main",)),
    ]


def test_machine_sources_reads_both_forms_and_mirror_lists(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb http://first.example/debian bookworm main\n")
    (tmp_path / "sources.list.d").mkdir()
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text("http://listed.example/debian\nhttp://spare.example/debian\n")
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        f"Types: deb\nURIs: mirror+file://{mirrors}\nSuites: bookworm\nComponents: main\n"
    )
    (tmp_path / "sources.list.d" / "b.list.disabled").write_text("deb http://off.example/debian bookworm main\n")
    found = [source.uri for source in base.machine_sources(tmp_path)]
    assert found == ["http://first.example/debian", "http://listed.example/debian"]


def test_sources_of_another_debian_release_beside_a_stranger() -> None:
    machine = [
        Source("http://stranger.example", "trixie", ("main",)),
        Source("http://mirror.example/debian/", "trixie", ("main", "contrib")),
        Source("http://mirror.example/debian-security/", "trixie-security", ("main",)),
    ]
    assert base.choose_sources(DEBIAN, machine) == [
        Source("http://mirror.example/debian/", "bookworm", ("main",)),
        Source("http://mirror.example/debian/", "bookworm-updates", ("main",)),
        Source("http://mirror.example/debian-security/", "bookworm-security", ("main",)),
    ]


def test_ubuntu_has_security_in_the_same_archive_or_another() -> None:
    machine = [
        Source("http://mirror.example/ubuntu", "questing", ("main", "restricted")),
        Source("http://security.example/ubuntu", "questing-security", ("main",)),
    ]
    assert [(source.uri, source.suite, source.components) for source in base.choose_sources(UBUNTU, machine)] == [
        ("http://mirror.example/ubuntu", "noble", ("main", "universe")),
        ("http://mirror.example/ubuntu", "noble-updates", ("main", "universe")),
        ("http://security.example/ubuntu", "noble-security", ("main", "universe")),
    ]


def test_no_mirror_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SandboxError, match="no debian mirror among this machine's apt sources"):
        base.choose_sources(DEBIAN, [Source("http://stranger.example", "bookworm", ("main",))])


def test_sources_list_names_only_key_files_that_are_there(tmp_path: Path) -> None:
    key = tmp_path / "key.gpg"
    key.touch()
    sources = [
        Source("http://mirror.example/debian", "bookworm", ("main",), str(key)),
        Source("http://mirror.example/debian", "bookworm-updates", ("main",), str(tmp_path / "gone.gpg")),
    ]
    assert base.sources_list(sources, "non-free") == (
        f"deb [signed-by={key}] http://mirror.example/debian bookworm main non-free\n"
        "deb http://mirror.example/debian bookworm-updates main non-free\n"
    )


def test_a_changed_recipe_is_another_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = base.directory(tmp_path)
    assert before == base.directory(tmp_path)
    monkeypatch.setattr(base, "_PACKAGES", ("python3",))
    assert base.directory(tmp_path) != before


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/exam-lab")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_cache() == Path("/home/somebody/.cache/exam-lab")


def test_a_half_built_base_is_none(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert not base.is_base(tmp_path)
    (tmp_path / "recipe.json").touch()
    assert base.is_base(tmp_path)


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, ...]], list[tuple[str, ...]]]:
    """Replaces mmdebstrap by one that makes a few files, and fails for packages the mirror lacks; returns the list of its runs."""

    def install(lacking: tuple[str, ...]) -> list[tuple[str, ...]]:
        runs: list[tuple[str, ...]] = []

        def fake(
            root: Path,
            _wanted: base.Distribution,
            _sources: list[Source],
            _component: str | None,
            packages: tuple[str, ...],
            _started: float,
            _lock: int,
        ) -> None:
            runs.append(packages)
            (root / "etc/apt/apt.conf.d").mkdir(parents=True)
            (root / "etc/ssh").mkdir()
            (root / "etc/ssh/ssh_host_ed25519_key").touch()
            (root / "etc/machine-id").write_text("uninitialized\n")
            for name in packages:
                if name in lacking:
                    raise SandboxError(f"mmdebstrap failed:\n  E: Unable to locate package {name}")

        monkeypatch.setattr(base, "_bootstrap", fake)
        monkeypatch.setattr(base, "distribution", lambda: DEBIAN)
        monkeypatch.setattr(base, "machine_sources", lambda: [Source("http://mirror.example/debian", "x", ("main",))])
        monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/mmdebstrap")
        monkeypatch.setattr(kernel, "unshare", lambda _flags: None)
        monkeypatch.setattr(kernel, "make_mounts_private", lambda: None)
        return runs

    return install


def test_two_builds_at_once_make_one_base(
    tmp_path: Path, bootstrap: Callable[[tuple[str, ...]], list[tuple[str, ...]]]
) -> None:
    runs = bootstrap(())
    with ThreadPoolExecutor() as threads:
        first, second = threads.map(base.build, [tmp_path, tmp_path])
    assert first == second
    assert base.is_base(first)
    assert len(runs) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".base.lock", first.name]
    assert list((first / "root/etc/ssh").iterdir()) == []
    assert (first / "root/etc/machine-id").read_text() == ""
    assert "bookworm main non-free\n" in (first / "root/etc/apt/sources.list").read_text()


def test_a_mirror_without_the_optional_packages(
    tmp_path: Path, bootstrap: Callable[[tuple[str, ...]], list[tuple[str, ...]]]
) -> None:
    runs = bootstrap(("dynamips",))
    path = base.build(tmp_path)
    assert ["dynamips" in packages for packages in runs] == [True, False]
    assert json.loads((path / "recipe.json").read_text())["optional"] == []
    assert not base.has_dynamips(path)
    assert "non-free" not in (path / "root/etc/apt/sources.list").read_text()


def test_a_failed_build_leaves_nothing(
    tmp_path: Path, bootstrap: Callable[[tuple[str, ...]], list[tuple[str, ...]]]
) -> None:
    bootstrap(("frr",))
    with pytest.raises(SandboxError, match="Unable to locate package frr"):
        base.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".base.lock"]
