"""Tables for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

GREEN, RED = "32", "31"


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of left-aligned columns, two blanks apart, with a line of headings; no line ends in blanks."""
    lines = [list(headings), *([cell.replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def coloured(text: str, colour: str) -> str:
    """`text` in a colour where stdout is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def count(number: int, singular: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{number} {singular}" + ("" if number == 1 else "s")
