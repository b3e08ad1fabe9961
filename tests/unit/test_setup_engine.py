"""Which engine is taken, the official release against a server of our own, and what the recipe pins."""

import io
import platform
import tarfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from setup import engine
from setup.paths import CHECKOUT
from setup.progress import Progress


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


class TestUsersEngine:
    @pytest.fixture(autouse=True)
    def cache(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def test_with_the_language_host_beside_it(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        pulumi = program(tmp_path / "bin" / "pulumi")
        program(tmp_path / "bin" / "pulumi-language-python")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin")
        assert engine.users_engine() == pulumi
        assert engine.pending() is None

    def test_with_the_language_host_elsewhere_on_path(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        pulumi = program(tmp_path / "bin" / "pulumi")
        program(tmp_path / "hosts" / "pulumi-language-python")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{tmp_path}/hosts")
        assert engine.users_engine() == pulumi

    def test_with_the_language_host_beside_what_it_links_to(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        program(tmp_path / "opt" / "pulumi-language-python")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "pulumi").symlink_to(program(tmp_path / "opt" / "pulumi"))
        monkeypatch.setenv("PATH", f"{tmp_path}/bin")
        assert engine.users_engine() == tmp_path / "bin" / "pulumi"

    def test_without_a_language_host_it_does_not_count(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        program(tmp_path / "bin" / "pulumi")
        monkeypatch.setenv("PATH", f"{tmp_path}/bin")
        assert engine.users_engine() is None
        assert engine.pending() is not None

    def test_what_set_up_built_does_not_count(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in engine.PROGRAMS:
            program(engine.own_engine() / name)
        monkeypatch.setenv("PATH", str(engine.own_engine()))
        assert engine.users_engine() is None
        assert engine.pending() is None


@contextmanager
def release_server(answer: bytes | None) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that answers with these bytes, or 404; its address and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def release(names: tuple[str, ...]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        for name in names:
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size = len(name)
            files.addfile(member, io.BytesIO(name.encode()))
    return archive.getvalue()


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "logs")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


class TestOfficialRelease:
    def test_is_unpacked(self, tmp_path: Path, progress: Progress) -> None:
        with release_server(release((*engine.PROGRAMS, "pulumi-language-go", "../../escaped"))) as (url, asked):
            assert engine.from_official_release(progress, tmp_path, url)
        assert asked == [f"/pulumi-v{engine.VERSION}-linux-x64.tar.gz"]
        assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {name: name for name in engine.PROGRAMS}

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(None, id="not found"),
            pytest.param(b"<html>log in to this network</html>", id="not an archive"),
            pytest.param(release(("pulumi",)), id="programs missing"),
            pytest.param(release(engine.PROGRAMS)[:60], id="cut short"),
        ],
    )
    def test_that_is_not_what_it_should_be(self, tmp_path: Path, progress: Progress, answer: bytes | None) -> None:
        with release_server(answer) as (url, _):
            assert not engine.from_official_release(progress, tmp_path, url)

    def test_where_nothing_listens(self, tmp_path: Path, progress: Progress) -> None:
        with release_server(None) as (url, _):
            pass
        assert not engine.from_official_release(progress, tmp_path, url)


def test_the_recipe_pins_the_version_and_every_module_by_hash() -> None:
    cli = (engine.MODULES / "cli" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{engine.VERSION}\n" in cli
    for module in ("cli", "language_host"):
        lines = (engine.MODULES / module / "go.sum").read_text().splitlines()
        assert lines
        assert all(line.split()[2].startswith("h1:") for line in lines)


def locked(file: Path) -> dict[str, str]:
    """A lock file's entries: name==version and what follows."""
    entries: dict[str, str] = {}
    name = ""
    for line in file.read_text().splitlines():
        if not line.startswith(" "):
            name = line.partition(" ")[0]
        entries[name] = entries.get(name, "") + line
    return entries


@pytest.mark.parametrize(
    "file", sorted({*CHECKOUT.glob("*.lock"), *CHECKOUT.glob("setup/**/*.lock")}), ids=lambda file: file.name
)
def test_locks_hold_name_version_and_hash_and_no_address(file: Path) -> None:
    for name, entry in locked(file).items():
        assert "==" in name
        assert "--hash=sha256:" in entry
        assert "://" not in entry


def test_the_lock_with_test_tools_has_the_program_at_the_same_versions() -> None:
    runtime, tests = (locked(CHECKOUT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert runtime.keys() <= tests.keys()


def test_the_lock_holds_the_sdk_that_pyproject_names() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    sdk = next(name for name in project["dependencies"] if name.startswith("pulumi=="))
    assert sdk in locked(CHECKOUT / "requirements.lock")
