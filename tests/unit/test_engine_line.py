"""The line of program and provider to the engine."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

PROGRAM = """
import time
from dynamic_providers import engine
engine.attach()
time.sleep(0.5)  # the engine is there for as long as the program runs
"""


def test_a_process_that_is_done_ends() -> None:
    """While the engine is there."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        argv = [sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}"]
        done = subprocess.run(
            argv, cwd=Path(__file__).parents[2], timeout=20, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    finally:
        server.stop(None)
