"""Waiting for what must come to hold, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_AGAIN_S = 0.02


def until(condition: Callable[[], bool], what: str, timeout_s: float = 90.0) -> float:
    """Seconds until the condition held. AssertionError, which says `what` did not happen, after `timeout_s`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(LOOK_AGAIN_S)
    return time.monotonic() - began
