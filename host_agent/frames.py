"""The wire format between provider and agent: length-framed JSON, with an optional binary part for uploads.

A frame is two big-endian unsigned 32-bit lengths, then that many bytes of UTF-8 JSON (an object) and of binary data:

    +-----------+-----------+--------------+-------------+
    | json_size | blob_size | json (UTF-8) | blob (bytes)|
    +-----------+-----------+--------------+-------------+

A request is `{"id": 7, "method": "add", …}`; the answer carries the same id and `result` or `error`; `{"id": 7, "progress": "…"}` may come before it.
Answers come in any order.
"""

from __future__ import annotations

import json
import struct
from typing import Protocol

from host_agent.errors import ProtocolError

HEADER = struct.Struct(">II")
MAX_FRAME = 64 * 1024 * 1024


class Reader(Protocol):
    """Where bytes come from: a file, a pipe, an SSH channel. `read` blocks for up to `size` bytes; b"" is the end."""

    def read(self, size: int, /) -> bytes | None: ...


def encode(message: dict[str, object], blob: bytes = b"") -> bytes:
    """One frame, ready to be written. Raises ProtocolError for one that is too large to be read."""
    payload = json.dumps(message, separators=(",", ":")).encode()
    if max(len(payload), len(blob)) > MAX_FRAME:
        raise ProtocolError(
            f"a frame of {len(payload)} + {len(blob)} bytes; its parts can have {MAX_FRAME >> 20} MiB each"
        )
    return HEADER.pack(len(payload), len(blob)) + payload + blob


def read(reader: Reader) -> tuple[dict[str, object], bytes] | None:
    """The next frame's message and blob; None where the stream ends between frames.

    Raises ProtocolError where it ends within a frame, or where the bytes are no frame.
    """
    header = _read_exactly(reader, HEADER.size, at_boundary=True)
    if header is None:
        return None
    json_size, blob_size = HEADER.unpack(header)
    if json_size > MAX_FRAME or blob_size > MAX_FRAME:
        raise ProtocolError(f"no frame: it claims {json_size} + {blob_size} bytes (starts with {header!r})")
    payload = _read_exactly(reader, json_size) or b""
    blob = _read_exactly(reader, blob_size) or b""
    try:
        message = json.loads(payload)
    except ValueError as error:
        raise ProtocolError(f"no JSON in a frame: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError(f"a frame must hold a JSON object, not {type(message).__name__}")
    return message, blob


def _read_exactly(reader: Reader, size: int, *, at_boundary: bool = False) -> bytes | None:
    chunks: list[bytes] = []
    missing = size
    while missing:
        chunk = reader.read(missing)
        if not chunk:
            if at_boundary and missing == size:
                return None
            raise ProtocolError(f"the stream ended {missing} bytes before the end of a frame")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
