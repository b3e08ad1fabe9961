"""The line of our processes (program and provider) to the engine: messages for the user, and their end when the engine is gone.

The engine's gRPC address is the first argument of the provider process, and the option `--engine` of the program's.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_lock = threading.Lock()
_channel: grpc.Channel | None = None


def attach() -> None:
    """Connect to the engine, once per process, and end this process as soon as the engine ends.

    A killed engine leaves its provider processes behind, and their parent is a shell that survives too: the channel is the only thing
    that breaks. The agent on the lab host ends with this process's SSH connection.
    """
    global _channel  # noqa: PLW0603 - a process has one engine
    # The program sees other arguments than its process was started with.
    arguments = [*sys.argv[1:2], *(value for name, value in itertools.pairwise(sys.orig_argv) if name == "--engine")]
    address = next((text for text in arguments if re.fullmatch(r"(127\.0\.0\.1|localhost|\[::1\]):\d+", text)), "")
    with _lock:
        if _channel is not None or not address:
            return
        _channel = grpc.insecure_channel(address)
        was_ready = threading.Event()

        def watch(state: grpc.ChannelConnectivity) -> None:
            if state is grpc.ChannelConnectivity.READY:
                was_ready.set()
            elif was_ready.is_set():
                _end_language_host(address)
                os._exit(1)

        _channel.subscribe(watch, try_to_connect=True)
        # Left to the interpreter's end, the channel waits for its own thread, which is frozen then.
        atexit.register(_detach, _channel, watch)


def _detach(channel: grpc.Channel, watch: Callable[[grpc.ChannelConnectivity], None]) -> None:
    channel.unsubscribe(watch)
    channel.close()


def _end_language_host(address: str) -> None:
    """End the language host of an engine that is gone: by itself it looks after its engine only every few minutes."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            argv = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            if Path(argv[0]).name == "pulumi-language-python" and argv[-1] == address:
                os.kill(int(process.name), signal.SIGKILL)


def log(message: str, *, warning: bool = False, ephemeral: bool = False) -> None:
    """Show a line to the user. `ephemeral`: only while the operation runs, as progress. Silent where there is no engine, as in tests."""
    if _channel is None:
        return
    request = engine_pb2.LogRequest(
        severity=engine_pb2.WARNING if warning else engine_pb2.INFO, message=message, ephemeral=ephemeral
    )
    with contextlib.suppress(grpc.RpcError):  # a message is not worth a failure
        engine_pb2_grpc.EngineStub(_channel).Log(request, timeout=2)
