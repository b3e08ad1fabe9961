"""What components/sdk.py replaces in Pulumi's SDK is where it looks for it, and what it puts there answers the same."""

from __future__ import annotations

import inspect

import pulumi
import pytest
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

from components import sdk


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
