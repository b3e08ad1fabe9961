"""More requests at a time than the SDK's provider server answers, which is four: while routers start, links shall be made."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

WORKERS = 16
"""As many as the agent has. How many there are at once is the engine's to say (`--parallel`)."""


def widen() -> None:
    """Let the thread pool that this runs in have WORKERS threads. No-op where it runs in none.

    The SDK makes the pool inside a function and offers no setting; a pool's threads know it, and it makes them as they are needed.
    """
    arguments = getattr(threading.current_thread(), "_args", ())
    reference = arguments[0] if arguments else None
    executor = reference() if isinstance(reference, weakref.ref) else None
    if isinstance(executor, ThreadPoolExecutor):
        executor._max_workers = max(executor._max_workers, WORKERS)
