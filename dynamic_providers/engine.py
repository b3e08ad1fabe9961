"""The line of our processes (program and provider) to Pulumi's engine: messages for the user, and their end when the engine is gone."""

from __future__ import annotations

import contextlib
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

import engine_watch

_lock = threading.Lock()
_channel: grpc.Channel | None = None


def attach() -> None:
    """Connect to the engine, once per process, and end this process as soon as the engine ends. The agent on the lab host ends with this
    process's SSH connection.
    """
    global _channel  # noqa: PLW0603 - a process has one engine
    engine_watch.start()
    with _lock:
        if _channel is None and engine_watch.address():
            _channel = grpc.insecure_channel(engine_watch.address())


def log(message: str, *, warning: bool = False, ephemeral: bool = False) -> None:
    """Show a line to the user. `ephemeral`: only while the operation runs, as progress. Silent where there is no engine, as in tests."""
    if _channel is None:
        return
    request = engine_pb2.LogRequest(
        severity=engine_pb2.WARNING if warning else engine_pb2.INFO, message=message, ephemeral=ephemeral
    )
    with contextlib.suppress(grpc.RpcError):  # a message is not worth a failure
        engine_pb2_grpc.EngineStub(_channel).Log(request, timeout=2)
