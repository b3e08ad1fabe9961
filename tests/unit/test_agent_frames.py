"""The wire format between provider and agent."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent import frames
from host_agent.errors import ProtocolError

unhurried = settings(deadline=None)
"""Machines that test are busy."""

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MESSAGES = st.dictionaries(st.text(), JSON_VALUES, max_size=5)


class Dripping:
    """A stream that gives as little as it may, as a channel under load does."""

    def __init__(self, data: bytes) -> None:
        self.inner = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self.inner.read(min(size, 1))


@unhurried
@given(st.lists(st.tuples(MESSAGES, st.binary(max_size=50)), max_size=4))
def test_what_is_written_is_read(sent: list[tuple[dict[str, object], bytes]]) -> None:
    stream = Dripping(b"".join(frames.encode(message, blob) for message, blob in sent))
    received = []
    while (frame := frames.read(stream)) is not None:
        received.append(frame)
    assert received == sent


@unhurried
@given(MESSAGES, st.binary(max_size=20), st.data())
def test_an_end_within_a_frame_is_an_error(message: dict[str, object], blob: bytes, data: st.DataObject) -> None:
    frame = frames.encode(message, blob)
    cut = data.draw(st.integers(1, len(frame) - 1))
    with pytest.raises(ProtocolError, match="the stream ended"):
        frames.read(io.BytesIO(frame[:cut]))


def test_an_end_between_frames_is_the_end() -> None:
    assert frames.read(io.BytesIO(b"")) is None


def test_text_in_place_of_a_frame_is_shown() -> None:
    with pytest.raises(ProtocolError, match="Welcome!"):
        frames.read(io.BytesIO(b"Welcome! Last login: today"))


@pytest.mark.parametrize("payload", [b"[1]", b"1", b"{", b"\xff{}"])
def test_only_json_objects_are_messages(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        frames.read(io.BytesIO(frames.HEADER.pack(len(payload), 0) + payload))


def test_a_frame_that_nobody_would_take_is_not_made() -> None:
    with pytest.raises(ProtocolError, match="64 MiB"):
        frames.encode({}, bytes(frames.MAX_FRAME + 1))
