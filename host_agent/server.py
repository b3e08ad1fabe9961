"""The agent's loop: frames in on stdin, answers out on stdout in any order, until stdin closes."""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from host_agent import frames, operations
from host_agent.context import DOCKER_SOCKET, Host
from host_agent.errors import HostError, ProtocolError
from host_agent.hostinfo import identity

WORKERS = 16
GRACE_S = 0.5
"""How long operations under way may go on after the connection is gone: what they leave half done is in the ledger."""
SILENCE_S = 30
"""The other side gives a sign of life every few seconds. One that stays silent for that long is gone, though sshd may not know for hours."""


class _Input:
    """stdin; it ends where the other side is gone or silent."""

    def read(self, size: int, /) -> bytes:
        ready, _, _ = select.select([0], [], [], SILENCE_S)
        return os.read(0, size) if ready else b""


def serve(host: Host) -> None:
    """Serve until the other side is gone, then end the process."""
    # A stray print must not end up between frames: stdout is moved away, and what is left of it is stderr.
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    writing = threading.Lock()

    def send(message: dict[str, object]) -> None:
        with writing:
            frame = memoryview(frames.encode(message))
            while frame:
                frame = frame[output.write(frame) :]

    def answer(request: dict[str, object], blob: bytes) -> None:
        number = request.get("id")
        try:
            parameters = request.get("parameters")
            result = operations.run(
                host,
                str(request.get("method")),
                parameters if isinstance(parameters, Mapping) else {},
                blob,
                lambda text: send({"id": number, "progress": text}),
            )
            send({"id": number, "result": result})
        except BrokenPipeError:
            pass  # nobody is there to be told
        except HostError as error:
            send({"id": number, "error": {"type": type(error).__name__, "message": str(error), "trace": ""}})
        except Exception as error:  # noqa: BLE001 - the other requests go on; the user gets the cause in one line, the trace on demand
            import traceback  # what it imports is for this moment alone

            message = f"{type(error).__name__}: {error}"
            send({"id": number, "error": {"type": "Defect", "message": message, "trace": traceback.format_exc()}})

    send({"hello": {"identity": identity(host), "python": sys.version.split()[0], "pid": os.getpid()}})
    pool = ThreadPoolExecutor(max_workers=WORKERS)
    if DOCKER_SOCKET.exists():
        # Most labs have containers, and the first requests are few: there is time now, and the first container need not wait.
        pool.submit(importlib.import_module, "docker")
    source = _Input()
    # What was cut off in the middle of a frame ends as well.
    with contextlib.suppress(ProtocolError):
        while (frame := frames.read(source)) is not None:
            if frame[0].get("method") != "alive":
                pool.submit(answer, *frame)
    ending = threading.Timer(GRACE_S, os._exit, args=[0])
    ending.daemon = True
    ending.start()
    pool.shutdown(wait=True, cancel_futures=True)
    os._exit(0)
