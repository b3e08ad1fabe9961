"""One error type per cause; the message is the one line that the user sees."""

from __future__ import annotations

from collections.abc import Sequence


class HostError(Exception):
    """An operation on the lab host failed. The message says what failed, on which object, why, and what to do."""


class Conflict(HostError):
    """The object is there already and is not ours."""

    def __init__(self, what: str, owner: str) -> None:
        super().__init__(
            f"{what} exists already and belongs to {owner}; it was not touched. Rename one of the two, or remove the other"
        )


class Unavailable(HostError):
    """A service of the host does not answer: what it has is not known. Never the same as gone."""


class Missing(HostError):
    """Something that the object refers to is not there."""


class CommandFailed(HostError):
    """A program on the host ended with an error. `output` is what it printed."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        self.output = output.strip()
        super().__init__(f"`{' '.join(argv)}` failed with status {status}: {self.output or 'no output'}")


class ProtocolError(HostError):
    """The two sides do not understand each other: a defect, or versions that do not match."""
