"""The provider process's line to the engine: messages for the user, and the end of this process when the engine is gone.

The engine gives its gRPC address as the first argument of the provider process.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading

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
    with _lock:
        if (
            _channel is not None
            or len(sys.argv) < 2
            or not re.fullmatch(r"(127\.0\.0\.1|localhost|\[::1\]):\d+", sys.argv[1])
        ):
            return
        _channel = grpc.insecure_channel(sys.argv[1])
        was_ready = threading.Event()

        def watch(state: grpc.ChannelConnectivity) -> None:
            if state is grpc.ChannelConnectivity.READY:
                was_ready.set()
            elif was_ready.is_set():
                os._exit(1)

        _channel.subscribe(watch, try_to_connect=True)


def log(message: str, *, warning: bool = False, ephemeral: bool = False) -> None:
    """Show a line to the user. `ephemeral`: only while the operation runs, as progress. Silent where there is no engine, as in tests."""
    if _channel is None:
        return
    request = engine_pb2.LogRequest(
        severity=engine_pb2.WARNING if warning else engine_pb2.INFO, message=message, ephemeral=ephemeral
    )
    with contextlib.suppress(grpc.RpcError):  # a message is not worth a failure
        engine_pb2_grpc.EngineStub(_channel).Log(request, timeout=2)
