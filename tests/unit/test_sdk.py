"""What components/sdk.py replaces in Pulumi's SDK is where it looks for it, and what it puts there answers the same."""

from __future__ import annotations

import asyncio
import inspect

import pulumi
import pytest
from pulumi import _types
from pulumi.runtime import resource, rpc, stack
from pulumi.runtime.proto import source_pb2

from components import sdk
from dynamic_providers.veth_pair import VethPair


class Base:
    """As the SDK's Resource: what asks for the position of who made it."""

    def __init__(self) -> None:
        self.own = sdk._own_position()
        self.theirs: source_pb2.StackTrace = resource._get_stack_trace()


class Custom(Base):
    def __init__(self) -> None:
        super().__init__()


class Bridge(Custom):
    def __init__(self) -> None:
        super().__init__()


def test_a_resource_s_position_is_what_the_sdk_finds() -> None:
    made = Bridge()
    assert len(made.own.frames) == 1
    assert made.own.frames[0] == made.theirs.frames[0]
    assert made.own.frames[0].pc.uri.endswith("/tests/unit/test_sdk.py")


def test_without_a_resource_there_is_none() -> None:
    assert sdk._own_position() == source_pb2.StackTrace()


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `trim` replaces is the SDK's again after the test."""
    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)
    monkeypatch.setattr(pulumi.log, "error", pulumi.log.error)
    monkeypatch.setattr(resource, "_get_stack_trace", resource._get_stack_trace)
    monkeypatch.setattr(_types, "resource_types", _types.resource_types)
    monkeypatch.setattr(stack, "asyncio", asyncio)


@pytest.mark.usefixtures("restored")
def test_the_sdk_uses_what_is_replaced() -> None:
    assert vars(resource)["log"] is pulumi.log
    assert "_get_stack_trace()" in inspect.getsource(resource.register_resource)
    assert (
        inspect.signature(sdk._no_debug_message).parameters.keys()
        == inspect.signature(pulumi.log.debug).parameters.keys()
    )
    sdk.trim()
    assert resource._get_stack_trace is sdk._own_position
    assert pulumi.log.debug is sdk._no_debug_message
    assert "_types.resource_types(" in inspect.getsource(rpc)


@pytest.mark.usefixtures("restored")
def test_types_of_a_resource_are_as_the_sdk_has_them() -> None:
    theirs = _types.resource_types(VethPair)
    sdk.trim()
    assert _types.resource_types(VethPair) == theirs
    assert {"macs", "ifindexes"} <= theirs.keys()


@pytest.mark.usefixtures("restored")
def test_the_end_of_a_program_waits_for_all_outputs_or_the_first_that_fails() -> None:
    # The one wait of the module, in a loop until nothing is left.
    assert inspect.getsource(stack).count("asyncio.wait(") == 1
    assert "return_when=asyncio.FIRST_COMPLETED" in inspect.getsource(stack.wait_for_rpcs)
    sdk.trim()
    theirs = vars(stack)["asyncio"]
    assert theirs.sleep is asyncio.sleep

    async def waits() -> None:
        begun = asyncio.Event()
        slow = asyncio.ensure_future(begun.wait())
        quick = asyncio.ensure_future(asyncio.sleep(0))
        waiting = asyncio.ensure_future(theirs.wait({slow, quick}, return_when=asyncio.FIRST_COMPLETED))
        await quick
        assert not waiting.done()
        begun.set()
        assert await waiting == ({slow, quick}, set())
        never = asyncio.ensure_future(asyncio.Event().wait())
        broken = asyncio.get_running_loop().create_future()
        broken.set_exception(KeyError("R1"))
        assert await theirs.wait({never, broken}, return_when=asyncio.FIRST_COMPLETED) == ({broken}, {never})
        with pytest.raises(KeyError, match="R1"):
            await broken
        never.cancel()

    asyncio.run(waits())


@pytest.mark.usefixtures("restored")
def test_a_registration_that_was_broken_off_is_no_error_of_the_program_s(capsys: pytest.CaptureFixture[str]) -> None:
    sdk.trim()
    # As `pulumi-language-python-exec` words them; without an engine the SDK prints.
    failed = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
    pulumi.log.error(f"{failed}grpc._channel._InactiveRpcError: status = StatusCode.CANCELLED")
    assert capsys.readouterr().err == ""
    pulumi.log.error(f"{failed}KeyError: 'R1'")
    assert "KeyError: 'R1'" in capsys.readouterr().err


def test_who_wants_a_trace_has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TRACE", "1")
    before = resource._get_stack_trace
    sdk.trim()
    assert resource._get_stack_trace is before
