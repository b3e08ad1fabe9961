"""What Pulumi's SDK does and nobody here wants to see or to wait for: left out, in whatever runs without LAB_TRACE.

All are inside functions of the SDK, which offers no setting; pyproject.toml pins its version, and tests/unit/test_sdk.py shows that they are
where this looks for them.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, SimpleNamespace

import pulumi
from pulumi import _types
from pulumi.runtime import resource, stack
from pulumi.runtime.proto import source_pb2

CONSTRUCTORS = 3
"""Frames called `__init__` between user code and the SDK: Resource, CustomResource or ComponentResource, the class itself."""


_sdk_error = pulumi.log.error


def trim() -> None:
    """Leave them out from now on."""
    if not os.environ.get("LAB_TRACE"):
        pulumi.log.debug = _no_debug_message
        pulumi.log.error = _error
        resource._get_stack_trace = _own_position
        _types.resource_types = functools.cache(_types.resource_types)
        vars(stack)["asyncio"] = SimpleNamespace(**{**vars(asyncio), "wait": _wait_for_all})


Task = asyncio.Task[object]


async def _wait_for_all(tasks: Iterable[Task], *, return_when: str) -> tuple[set[Task], set[Task]]:
    """All, or the first that fails. The SDK waits at its end for the first of all outputs, and then for the first of the others, and so on:
    with a thousand resources that is a third of all that the program does.
    """
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


def _no_debug_message(
    msg: str, resource: pulumi.Resource | None = None, stream_id: int | None = None, ephemeral: bool | None = None
) -> None:
    """Three a resource go to the engine, each waited for: a tenth of a second in every run."""


def _error(
    msg: str, resource: pulumi.Resource | None = None, stream_id: int | None = None, ephemeral: bool | None = None
) -> None:
    """What the program has to say, but not the traceback of a registration that ^C broke off: the engine says itself that it was cancelled."""
    if not (msg.startswith("Program failed with an unhandled exception") and "StatusCode.CANCELLED" in msg):
        _sdk_error(msg, resource, stream_id, ephemeral)


def _own_position() -> source_pb2.StackTrace:
    """Where a resource is declared, as a stack of that one frame.

    The whole stack, two dozen frames down to asyncio's, would be in the state of each resource: a third of the file, which is written anew
    at every step, with the folders of whoever ran Pulumi in it.
    """
    frame: FrameType | None = sys._getframe()
    constructors = 0
    while frame is not None and constructors < CONSTRUCTORS:
        frame = frame.f_back
        constructors += frame is not None and frame.f_code.co_name == "__init__"
    if frame is None or frame.f_back is None:
        return source_pb2.StackTrace()
    caller = frame.f_back
    position = source_pb2.SourcePosition(uri=Path(caller.f_code.co_filename).absolute().as_uri(), line=caller.f_lineno)
    return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])
