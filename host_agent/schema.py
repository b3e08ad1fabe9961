"""Frozen dataclasses as schema: a kind's args are checked, decoded, encoded and compared by their type hints alone.

A field's `Annotated` metadata says the rest: `REPLACE` (a change makes a new object), `SECRET`, and rules, which are functions that
return the canonical value or raise ValueError:

    @dataclass(frozen=True, kw_only=True)
    class Args:
        ifname: Annotated[Ifname, REPLACE]
        mtu: Mtu = 1500

What fields mean together is said by a static method `across(values) -> Iterable[Problem]`, where a class has one; it gets the decoded values, and
must pass over those that a preview does not know.

Understood are str, int, float, bool, None, Literal, `X | None`, tuple[X, ...], dict[str, X] and nested dataclasses of these.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin

from host_agent.errors import HostError

T = TypeVar("T")
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


class Mark(Enum):
    """What a field's metadata can say beside rules."""

    REPLACE = "a change of this field makes a new object"
    SECRET = "the value is never shown"  # noqa: S105 - no password


REPLACE = Mark.REPLACE
SECRET = Mark.SECRET


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing wrong with args: the property path (`endpoints[0].mtu`) and what is wrong."""

    path: str
    message: str


class SchemaError(HostError):
    """Args do not fit their dataclass. `problems` has all of what is wrong."""

    def __init__(self, what: str, problems: list[Problem]) -> None:
        super().__init__(f"{what}: " + "; ".join(f"{p.path}: {p.message}" for p in problems))
        self.problems = problems


def decode(cls: type[T], values: Mapping[str, object]) -> T:
    """An instance of `cls` from JSON values. Raises SchemaError with all problems."""
    decoded, problems = examine(cls, values)
    if problems:
        raise SchemaError(cls.__qualname__, problems)
    return cls(**decoded)


def examine(
    cls: type, values: Mapping[str, object], is_unknown: Callable[[object], bool] = lambda value: False
) -> tuple[dict[str, object], list[Problem]]:
    """The canonical field values and every problem. Unknown values (Pulumi previews) are taken as they are, at any depth."""
    problems: list[Problem] = []
    decoded = _Decoder(is_unknown, problems).fields(cls, values, "")
    return decoded, problems


def encode(value: object) -> JSON:
    """JSON of an instance (or of any value that a field may have)."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _hints(type(value))}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return cast(JSON, value)


def encode_args(value: object) -> dict[str, JSON]:
    """JSON object of a dataclass instance."""
    return cast(dict[str, JSON], encode(value))


@functools.cache
def marked(cls: type, mark: Mark) -> frozenset[str]:
    """Names of the fields that carry `mark`."""
    return frozenset(
        name for name, hint in _hints(cls).items() if get_origin(hint) is Annotated and mark in get_args(hint)
    )


def changed(olds: Mapping[str, object], news: Mapping[str, object]) -> list[str]:
    """Names of the fields that differ, in the order of `news`."""
    return [name for name in [*news, *(old for old in olds if old not in news)] if olds.get(name) != news.get(name)]


def replacements(
    cls: type,
    olds: Mapping[str, object],
    news: Mapping[str, object],
    is_unknown: Callable[[object], bool] = lambda value: False,
) -> list[str]:
    """Names of the fields of which a part that is marked REPLACE, at any depth, differs. What is unknown differs from everything."""

    def differs(hint: object, old: object, new: object) -> bool:
        if get_origin(hint) is Annotated:
            inner, *metadata = get_args(hint)
            return (REPLACE in metadata and (is_unknown(new) or old != new)) or differs(inner, old, new)
        if get_origin(hint) in (Union, types.UnionType):
            return any(differs(inner, old, new) for inner in get_args(hint))
        if get_origin(hint) is tuple:
            items = get_args(hint)[0]
            old_items, new_items = _items(old), _items(new)
            if len(old_items) != len(new_items):
                # Which one came or went can't be told where an item says which object it is.
                return dataclasses.is_dataclass(items) and bool(marked(cast(type, items), REPLACE))
            return any(differs(items, *pair) for pair in zip(old_items, new_items, strict=True))
        if dataclasses.is_dataclass(hint):
            old_fields, new_fields = _fields(old), _fields(new)
            return any(
                differs(inner, old_fields.get(name), new_fields.get(name))
                for name, inner in _hints(cast(type, hint)).items()
            )
        return False

    return [name for name, hint in _hints(cls).items() if differs(hint, olds.get(name), news.get(name))]


def _items(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else ()


def _fields(value: object) -> Mapping[str, object]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value if isinstance(value, Mapping) else {}


@functools.cache
def _hints(cls: type) -> dict[str, object]:
    return typing.get_type_hints(cls, include_extras=True)


@functools.cache
def _parts(hint: object) -> tuple[object, tuple[Any, ...]]:
    """get_origin and get_args, which take long."""
    return get_origin(hint), get_args(hint)


class _Decoder:
    def __init__(self, is_unknown: Callable[[object], bool], problems: list[Problem]) -> None:
        self.is_unknown = is_unknown
        self.problems = problems

    def fields(self, cls: type, values: Mapping[str, object], path: str) -> dict[str, object]:
        hints = _hints(cls)
        decoded: dict[str, object] = {}
        for field in dataclasses.fields(cls):
            where = f"{path}.{field.name}" if path else field.name
            if field.name in values:
                decoded[field.name] = self.value(hints[field.name], values[field.name], where)
            elif field.default is not dataclasses.MISSING:
                decoded[field.name] = field.default
            elif field.default_factory is not dataclasses.MISSING:
                decoded[field.name] = field.default_factory()
            else:
                self.problems.append(Problem(where, "is required"))
        for name in values:
            if name not in hints and not name.startswith("__"):
                self.problems.append(
                    Problem(f"{path}.{name}" if path else name, f"is not known; known are {', '.join(hints)}")
                )
        across: Callable[[Mapping[str, object]], Iterable[Problem]] | None = getattr(cls, "across", None)
        if across and not self.problems:
            self.problems += [
                Problem(f"{path}.{found.path}" if path else found.path, found.message) for found in across(decoded)
            ]
        return decoded

    def value(self, hint: object, value: object, path: str) -> object:
        if self.is_unknown(value):
            return value
        origin, _ = _parts(hint)
        if origin is Annotated:
            return self.annotated(hint, value, path)
        if origin in (Union, types.UnionType):
            return self.optional(get_args(hint), value, path)
        if origin is Literal:
            if value not in get_args(hint):
                self.wrong(path, f"must be one of {', '.join(map(repr, get_args(hint)))}", value)
            return value
        if origin is tuple:
            if not isinstance(value, (list, tuple)):
                return self.wrong(path, "must be a list", value)
            return tuple(self.value(get_args(hint)[0], item, f"{path}[{index}]") for index, item in enumerate(value))
        if origin is dict:
            if not isinstance(value, Mapping):
                return self.wrong(path, "must be a mapping", value)
            return {str(key): self.value(get_args(hint)[1], item, f"{path}[{key!r}]") for key, item in value.items()}
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.dataclass(hint, value, path)
        return self.scalar(cast(type, hint), value, path)

    def annotated(self, hint: object, value: object, path: str) -> object:
        _, (inner, *metadata) = _parts(hint)
        before = len(self.problems)
        decoded = self.value(inner, value, path)
        for rule in metadata:
            if isinstance(rule, Mark) or len(self.problems) > before:
                continue
            try:
                decoded = rule(decoded)
            except ValueError as error:
                self.problems.append(Problem(path, str(error)))
        return decoded

    def optional(self, hints: tuple[object, ...], value: object, path: str) -> object:
        if value is None and type(None) in hints:
            return None
        inner = [hint for hint in hints if hint is not type(None)]
        if len(inner) != 1:
            raise TypeError(f"{path}: only `X | None` is understood, not a union of {len(inner)} types")
        return self.value(inner[0], value, path)

    def dataclass(self, cls: type, value: object, path: str) -> object:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            return self.wrong(path, "must be a mapping", value)
        before = len(self.problems)
        decoded = self.fields(cls, value, path)
        # An instance with unknown parts is not made: its own checks may look at them.
        if len(self.problems) > before or any(self.is_unknown(item) for item in decoded.values()):
            return decoded
        return cls(**decoded)

    def scalar(self, cls: type, value: object, path: str) -> object:
        # Pulumi hands every number over as a float.
        if cls is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if cls is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, cls) or (cls is not bool and isinstance(value, bool)):
            name = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}.get(
                cls, cls.__name__
            )
            return self.wrong(path, f"must be {name}", value)
        return value

    def wrong(self, path: str, message: str, value: object) -> object:
        self.problems.append(Problem(path, f"{message}, not {type(value).__name__}"))
        return value


IMAGE_REFERENCE = (
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
"""`[REGISTRY/]NAME[:TAG][@DIGEST]`, as Docker has it."""

# Rules and the types made of them: what iproute2 calls things, in the form that the kernel shows them.


def matching(pattern: str, meaning: str) -> Callable[[str], str]:
    """A rule: the whole string matches."""
    compiled = re.compile(pattern)

    def rule(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"must be {meaning}, not {value!r}")
        return value

    return rule


def between(low: float, high: float, unit: str = "") -> Callable[[float], float]:
    """A rule: a number within bounds, both included."""

    def rule(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}{unit and ' ' + unit}, not {value}")
        return value

    return rule


def _ifname(value: str) -> str:
    # dev_valid_name in net/core/dev.c: shorter than IFNAMSIZ (16), no '/', ':' or white space, not '.' or '..'
    if not value or len(value.encode()) > 15 or value in {".", ".."} or re.search(r"[/:\s]", value):
        raise ValueError(f"must be an interface name of 1 to 15 characters without '/', ':' or space, not {value!r}")
    return value


def _mac(value: str) -> str:
    digits = re.sub(r"[.:-]", "", value).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError(f"must be a MAC address such as 02:00:00:00:00:01, not {value!r}")
    if int(digits[:2], 16) & 1:
        raise ValueError(f"must be the MAC address of one interface; {value!r} is a multicast address")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _interface_address(value: str) -> str:
    if "/" not in value:
        raise ValueError(f"must have a prefix length, such as {value}/24")
    return str(ipaddress.IPv4Interface(value))


def _network(value: str) -> str:
    return str(ipaddress.IPv4Network("0.0.0.0/0" if value == "default" else value))


def _address(value: str) -> str:
    return str(ipaddress.IPv4Address(value))


Ifname = Annotated[str, _ifname]
"""A Linux interface name."""
Mac = Annotated[str, _mac]
"""An Ethernet address, `02:00:00:00:00:01`; Cisco's and dashed forms are understood."""
InterfaceAddress = Annotated[str, _interface_address]
"""An IPv4 address with prefix length, `192.168.10.1/24`."""
Prefix = Annotated[str, _network]
"""An IPv4 network without host bits, `192.168.10.0/24`; `default` is 0.0.0.0/0."""
Address = Annotated[str, _address]
"""An IPv4 address, `192.168.10.1`."""
Mtu = Annotated[int, between(68, 65535, "bytes")]
"""Bytes, without the Ethernet header."""
ObjectId = Annotated[str, matching(r"[^\s]*", "the id of a resource of the lab, without spaces")]
"""The Pulumi id of another object of the lab; \"\" where there is none (for a namespace: the host's own)."""
