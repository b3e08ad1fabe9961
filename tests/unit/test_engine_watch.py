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


def language_host(address: str) -> subprocess.Popen[bytes]:
    """A process that is called so."""
    argv = ["pulumi-language-python", "-c", "import time; time.sleep(60)", address]
    return subprocess.Popen(argv, executable=sys.executable)
