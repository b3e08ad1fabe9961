"""A provider process ends with its engine from its first moment on, and so does the engine's language host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from setup.venv import WATCH


@pytest.fixture
def engine() -> Iterator[socket.socket]:
    """As much of an engine as the watch sees."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_provider_that_nobody_has_used_ends_with_its_engine(engine: socket.socket, tmp_path: Path) -> None:
    address = f"127.0.0.1:{engine.getsockname()[1]}"
    # `-m pulumi.dynamic ADDRESS` is how Pulumi starts one; .venv has the line in a .pth file.
    (tmp_path / "pulumi").mkdir()
    (tmp_path / "pulumi" / "dynamic.py").write_text(f"{WATCH}import time\ntime.sleep(60)\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    with (
        subprocess.Popen([sys.executable, "-m", "pulumi.dynamic", address], cwd=tmp_path, env=environment) as provider,
        language_host(address) as its,
        language_host("127.0.0.1:1") as anothers,
    ):
        connection, _ = engine.accept()
        # An engine that only ends the idle connection lives.
        connection.close()
        connection, _ = engine.accept()
        assert provider.poll() is None
        began = time.monotonic()
        engine.close()
        connection.close()
        assert provider.wait(timeout=5) == 1
        assert its.wait(timeout=5) == -signal.SIGKILL
        assert time.monotonic() - began < 1
        assert anothers.poll() is None
        anothers.kill()


@pytest.mark.parametrize("engine_lives", [True, False])
def test_a_program_that_breaks_off_tells_it_to_an_engine_that_lives(
    engine: socket.socket, tmp_path: Path, engine_lives: bool
) -> None:
    """One whose engine is gone says nothing beside what that has said, and ends its language host, be the watch asleep or not."""
    address = f"127.0.0.1:{engine.getsockname()[1]}"
    program = tmp_path / "program.py"
    program.write_text(
        "import sys; sys.path[:0] = sys.argv[3:]; import engine_watch; engine_watch._watch = lambda engine: None\n"
        "engine_watch.start(); print(flush=True); input(); raise RuntimeError('the call broke')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LAB_TRACE"}
    with (
        subprocess.Popen(
            [sys.executable, "-S", program, "--engine", address, Path.cwd()],
            cwd=tmp_path, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as running,
        language_host(address) as its,
    ):  # fmt: skip
        assert running.stdout is not None
        assert running.stdout.readline() == "\n"
        if not engine_lives:
            engine.close()
        _, errors = running.communicate("\n", timeout=5)
        assert running.returncode == 1
        if engine_lives:
            assert "the call broke" in errors
            assert its.poll() is None
            its.kill()
        else:
            assert errors == ""
            assert its.wait(timeout=5) == -signal.SIGKILL


def language_host(address: str) -> subprocess.Popen[bytes]:
    """A process that is called so."""
    argv = ["pulumi-language-python", "-c", "import time; time.sleep(60)", address]
    return subprocess.Popen(argv, executable=sys.executable)
