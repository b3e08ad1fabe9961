"""FRR's configuration as lines in contexts, and the difference between two of them.

A candidate types on the same router: what is applied is what changed between the old declared and the new declared configuration, never
"make the running one equal to mine".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_CONTEXT = re.compile(
    r"(interface|router|route-map|key chain|vrf|nexthop-group|pbr-map|line)\s+\S+|bfd|segment-routing|mpls ldp|rpki"
)
_INNER = re.compile(r"key \d+|address-family\s+\S+|(peer|profile)\s+\S+|traffic-eng|pcep")
"""Contexts within a context."""
_HAS_INNER = re.compile(r"key chain|router bgp|mpls ldp|bfd|segment-routing")
_GLOBAL = re.compile(
    r"(no )?(ip(v6)? (route|prefix-list|access-list|protocol|nht|forwarding|router-id|import-table|as-path|community-list)|ipv6 forwarding"
    r"|access-list|hostname|domainname|password|enable|log|service|banner|frr|debug|username|agentx|zebra)\b"
)
"""Lines that belong to no context even where they follow one without a `!`, as in a file without indentation."""
_REMOVED_AS_A_WHOLE = re.compile(r"router|route-map|key|nexthop-group|pbr-map")
"""Contexts that `no …` takes away. An interface stays as long as the kernel has it, and `line vty` always: their lines go one by one."""
_REMOVED_WITHOUT_VALUE = re.compile(r"description|exec-timeout|password|enable password|key-string")
"""Lines whose `no …` takes no value, or would show a secret one."""


@dataclass(frozen=True)
class Line:
    """One line of a configuration and the contexts that it is in, outermost first: `("router rip",)`, `network 10.0.0.0/8`."""

    context: tuple[str, ...]
    text: str
    opens: bool = False
    """Whether it opens a context of its own."""

    @property
    def inside(self) -> tuple[str, ...]:
        """The context that it opens."""
        return (*self.context, self.text)

    def within(self, context: tuple[str, ...]) -> bool:
        return self.context[: len(context)] == context


@dataclass(frozen=True)
class Change:
    """What leads from one configuration to another: first the removals, then the additions."""

    removals: tuple[Line, ...]
    """`no …`, in the context where it is to be typed."""
    additions: tuple[Line, ...]

    def __bool__(self) -> bool:
        return bool(self.removals or self.additions)


def parse(config: str) -> list[Line]:
    """The lines of an integrated configuration, in order, without comments, ends and repetitions.

    Understood are FRR's own form and the same without indentation, where a context ends with `!`, `exit` or another context.
    """
    lines: dict[Line, None] = {}
    context: tuple[str, ...] = ()
    for written in config.splitlines():
        text = " ".join(written.split())
        indented = written[:1] in {" ", "\t"}
        if not text:
            continue
        if text.startswith(("!", "#")) or text == "end":
            if not indented:
                context = ()
            continue
        if text == "exit" or text.startswith("exit-"):
            context = context[:-1]
            continue
        if context and _HAS_INNER.match(context[0]) and _INNER.fullmatch(text.removeprefix("no ")):
            context = context[:1]
            line = Line(context, text, opens=not text.startswith("no "))
        elif not (context and indented) and _CONTEXT.match(text):
            line = Line((), text, opens=True)
        else:
            if not indented and (not context or _GLOBAL.match(text)):
                context = ()
            line = Line(context, text)
        if line.opens:
            context = line.inside
        lines.setdefault(line)
    return list(lines)


def difference(old: str, new: str) -> Change:
    """What leads from the old declared configuration to the new one.

    Order is kept; entries of a list without sequence numbers (`access-list`) come after those that are there.
    """
    olds, news = parse(old), parse(new)
    kept = frozenset(news)
    there = frozenset(olds)
    removals: list[Line] = []
    gone: list[tuple[str, ...]] = []
    for line in olds:
        if line in kept or any(line.within(context) for context in gone):
            continue
        if not line.opens:
            removals.append(Line(line.context, _inverse(line.text)))
        elif _REMOVED_AS_A_WHOLE.match(line.text):
            removals.append(Line(line.context, f"no {line.text}"))
            gone.append(line.inside)
    return Change(tuple(removals), tuple(line for line in news if line not in there))


def render(lines: Iterable[Line]) -> str:
    """Text that vtysh reads; contexts are opened as often as the lines need it."""
    text: list[str] = []
    context: tuple[str, ...] = ()

    def leave(depth: int) -> None:
        nonlocal context
        while len(context) > depth:
            text.append(" " * (len(context) - 1) + "exit")
            context = context[:-1]

    for line in lines:
        common = 0
        while common < min(len(context), len(line.context)) and context[common] == line.context[common]:
            common += 1
        leave(common)
        for opened in line.context[common:]:
            text.append(" " * len(context) + opened)
            context = (*context, opened)
        text.append(" " * len(context) + line.text)
        if line.opens:
            context = line.inside
    leave(0)
    return "".join(f"{line}\n" for line in text)


def patched(saved: str, old: str, new: str) -> str:
    """The configuration that a candidate saved, with the change from old to new declared made in it and nothing else."""
    change = difference(old, new)
    news = frozenset(parse(new))
    dropped = frozenset(line for line in parse(old) if line not in news)
    whole = [line.inside for line in dropped if line.opens and _REMOVED_AS_A_WHOLE.match(line.text)]
    lines = [
        line
        for line in parse(saved)
        if not any(line.within(context) for context in whole)
        and (line not in dropped or (line.opens and line.inside not in whole))
    ]
    for line in change.additions:
        if line not in lines:
            lines.insert(_end_of(lines, line.context), line)
    return render(lines)


def hostname(config: str) -> str:
    """The name that the configuration gives the router; empty where it gives none."""
    names = [line.text.removeprefix("hostname ") for line in parse(config) if line.text.startswith("hostname ")]
    return names[-1] if names else ""


def _inverse(text: str) -> str:
    if text.startswith("no "):
        return text.removeprefix("no ")
    bare = _REMOVED_WITHOUT_VALUE.match(text)
    return f"no {bare.group() if bare else text}"


def _end_of(lines: Sequence[Line], context: tuple[str, ...]) -> int:
    """Where a line of that context goes: after the last one that is there."""
    if not context:
        return len(lines)
    return max(
        (index + 1 for index, line in enumerate(lines) if line.within(context) or line.inside == context),
        default=len(lines),
    )
