"""The provider process answers more than four requests at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from dynamic_providers.workers import WORKERS, widen


def test_a_pool_is_widened_from_inside() -> None:
    together = threading.Barrier(WORKERS)
    with ThreadPoolExecutor(max_workers=4) as pool:
        pool.submit(widen).result(timeout=10)
        for waiting in [pool.submit(together.wait, 10) for _ in range(WORKERS)]:
            waiting.result(timeout=20)


def test_outside_of_a_pool_nothing_happens() -> None:
    widen()
