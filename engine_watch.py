"""The end of our processes, the program and the providers: when Pulumi's engine is gone, and quickly.

A killed engine leaves them behind, and the parent of a provider is a shell that survives too: only the connection to the engine breaks.
Python runs this at the start of a provider process, before Pulumi's own code, by `exam-lab.pth` in .venv (see setup/venv.py): a provider
that is not yet in use must end as well. It is a module of its own, without imports of ours, for that reason.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import itertools
import os
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

GARBAGE_THRESHOLD = 50_000
"""New objects between two collections. Python's 700 has imports of what these processes never let go of searched for garbage again and again."""

_lock = threading.Lock()
_watching = False


def address() -> str:
    """The engine's, `127.0.0.1:PORT`, from the command line of this process; "" where no engine started it."""
    for name, value in itertools.pairwise(sys.orig_argv):
        if name in {"pulumi.dynamic", "--engine"} and re.fullmatch(r"127\.0\.0\.1:\d+", value):
            return value
    return ""


def start() -> None:
    """Watch the engine from now on, once per process. Nothing happens in a process that no engine started.

    Such a process lives for a second or two, and the engine waits for its end: there is no use in taking every object apart at exit, which
    takes a tenth of a second.
    """
    global _watching  # noqa: PLW0603 - a process has one engine
    with _lock:
        if _watching or not address():
            return
        _watching = True
    gc.set_threshold(GARBAGE_THRESHOLD)
    atexit.register(gc.freeze)
    atexit.register(_leave)
    sys.excepthook = _report
    threading.Thread(target=_watch, args=[address()], name="engine watch", daemon=True).start()


def _watch(engine: str) -> None:
    while True:
        try:
            with _connect(engine) as connection:
                # The engine says little to who says nothing, and ends the connection after two minutes.
                while connection.recv(4096):
                    pass
        except ConnectionRefusedError:
            _end_language_host(engine)
            os._exit(1)
        except OSError:
            pass  # reset, or out of something: look again
        time.sleep(0.05)


def _leave() -> None:
    """A program whose call to the engine broke may be at its end before the watch has looked."""
    if _is_gone(address()):
        _end_language_host(address())


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of an exception that ends the process, if there is still somebody to be told.

    An engine that was interrupted or killed, or that ends for a resource that failed, may be gone while a program still registers others. What
    the user has to know is said by then; that its `pulumi.log.error` found nobody would be a traceback beside it.
    """
    if os.environ.get("LAB_TRACE") or not _is_gone(address()):
        sys.__excepthook__(kind, error, trace)


def _is_gone(engine: str) -> bool:
    try:
        _connect(engine).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # reset, or out of something: that is no answer
    return False


def _connect(engine: str) -> socket.socket:
    host, _, port = engine.rpartition(":")
    return socket.create_connection((host, int(port)))


def _end_language_host(engine: str) -> None:
    """End the language host of an engine that is gone: by itself it looks after its engine only every few minutes."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            argv = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            if Path(argv[0]).name == "pulumi-language-python" and argv[-1] == engine:
                os.kill(int(process.name), signal.SIGKILL)
