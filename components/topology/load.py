"""Reads a topology file: YAML 1.2 text → plain data with line numbers → typed `Topology`.

All problems are found at once, each with its line and the path of keys that leads to it. The text is composed to
YAML nodes and not constructed by the YAML library, because only nodes still know every duplicate key, how a number
was written, and where everything stands.
"""

import copy
import difflib
import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from components.topology.model import Topology

#: Plain data of a YAML text. Keys of mappings are text, or whole numbers.
Data = bool | int | float | str | list["Data"] | dict["Key", "Data"] | None
Key = str | int
KeyPath = tuple[Key, ...]

#: Aliases can make a small file mean a huge one; a lab of 1000 routers has some 20,000 values.
MAX_VALUES = 200_000

#: Lists and mappings within each other; the deepest that mean anything are 8.
MAX_DEPTH = 50

#: So many names are listed in a message.
FEW = 8

#: What YAML 1.1 takes for a number of base 60. To us it is text, but other programs that read the file would lose a MAC
#: address like 12:34:56:12:34:56, so it must be quoted as any number.
_BASE_60 = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a topology file. `line` counts from 1, or is 0 if none can be named; `path` is like `host.nat`."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """One line: `file:line: path: message`."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, (where, self.path, self.message)))


class TopologyError(Exception):
    """A topology file has mistakes: all of them, in the order of lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Sorts `problems` and drops repetitions."""
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: what it may be meant to be, or all that is known if that is little."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f": did you mean {by_lower[close[0]]!r}?"
    return f": there are {', '.join(by_lower.values())}" if 0 < len(by_lower) <= FEW else ""


@dataclass
class Source:
    """The plain data of a topology file, and where in the file everything stands."""

    file: str
    data: Data = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Path → line of the key, or of the list's item."""
    written: dict[KeyPath, str] = field(default_factory=dict)
    """Path → the value as written, of scalars that are not text."""
    items: set[KeyPath] = field(default_factory=set)
    """Paths that end in a position in a list."""
    problems: list[Problem] = field(default_factory=list)
    """Mistakes that do not keep the rest of the data from being read, such as duplicate keys."""

    @property
    def folder(self) -> Path:
        """The folder that paths in the file are relative to."""
        return Path(self.file).parent

    def known(self, path: KeyPath) -> KeyPath:
        """The longest beginning of `path` that the file has: a path into the model can be longer."""
        while path and self.lines and path not in self.lines:
            path = path[:-1]
        return path

    def line(self, path: KeyPath) -> int:
        """Line of `path`, or of what is around it; 0 where there is no text."""
        return self.lines.get(self.known(path), 0)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem at `path`."""
        return Problem(self.file, self.line(path), self.spell(self.known(path)), message)

    def spell(self, path: KeyPath) -> str:
        """The path as text: keys joined by dots, positions in lists (from 0) in brackets."""
        text = ""
        for end, part in enumerate(path, start=1):
            key = str(part) if str(part).isprintable() and part != "" else repr(part)
            text += f"[{part}]" if path[:end] in self.items else f".{key}" if text else key
        return text


# --- Text to data ----------------------------------------------------------------------------------------------------


def read(path: Path | str, text: str | None = None) -> Source:
    """The data of the file at `path`, or of `text` in its place. Raises TopologyError if it is not readable as YAML."""
    source = Source(str(path))
    if text is None:
        text = _file_text(source)
    node = _composed(source, text)
    source.lines[()] = node.start_mark.line + 1 if node else 1
    if node:
        source.data = _Reader(source).value(node, ())
    return source


def _composed(source: Source, text: str) -> Node | None:
    yaml = YAML(typ="rt", pure=True)
    yaml.max_depth = MAX_DEPTH
    # An anchor may be defined twice; the later one counts, as YAML says.
    yaml.composer.warn_double_anchors = False
    try:
        return cast("Node | None", yaml.compose(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.count("\n") + 1) if mark else 0
        message = ", ".join(" ".join(str(part).split()) for part in (error.context, error.problem) if part)
        if isinstance(error, MaxDepthExceededError):
            message = "nested too deeply"
        raise TopologyError([Problem(source.file, line, "", f"YAML: {message}")]) from error
    except (YAMLError, ValueError, AssertionError, IndexError, TypeError, AttributeError, RecursionError) as error:
        # The library stumbles over some malformed texts instead of reporting them; it is the text's mistake all the same.
        message = " ".join(str(getattr(error, "reason", error)).split()) or "malformed"
        raise TopologyError([Problem(source.file, 0, "", f"YAML: {message}")]) from error


def _file_text(source: Source) -> str:
    try:
        raw = Path(source.file).read_bytes()
    except OSError as error:
        raise TopologyError([Problem(source.file, 0, "", f"cannot be read: {error.strerror}")]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TopologyError([Problem(source.file, line, "", "is not UTF-8 text")]) from error


class _Reader:
    """Turns YAML nodes into data, and notes in `source` where everything stands."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.values = 0
        self.open: set[int] = set()

    def complain(self, node: Node, path: KeyPath, message: str) -> None:
        line = node.start_mark.line + 1
        self.source.problems.append(Problem(self.source.file, line, self.source.spell(path), message))

    def value(self, node: Node, path: KeyPath) -> Data:
        self.values += 1
        if self.values > MAX_VALUES:
            line = node.start_mark.line + 1
            raise TopologyError(
                [Problem(self.source.file, line, "", f"means more than {MAX_VALUES} values: too large")]
            )
        if id(node) in self.open:
            self.complain(node, path, "an alias must not stand within what it stands for")
            return None
        if len(self.open) >= MAX_DEPTH:
            self.complain(node, path[:MAX_DEPTH], "nested too deeply")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            if isinstance(node, SequenceNode):
                return self.sequence(node, path)
            assert isinstance(node, ScalarNode)
            return self.scalar(node, path)
        finally:
            self.open.remove(id(node))

    def mapping(self, node: MappingNode, path: KeyPath) -> Data:
        data: dict[Key, Data] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.complain(key_node, path, "a key must be text, not a list or a mapping")
                continue
            if _tag(key_node) == "merge":
                self.complain(
                    key_node,
                    path,
                    "merge keys ('<<') are not understood: write the keys out, or use an alias for the whole",
                )
                continue
            key = _key(key_node)
            at = (*path, key)
            if key in data:
                self.complain(
                    key_node, at, f"duplicate key {key_node.value!r}: it is on line {self.source.lines[at]} already"
                )
                continue
            self.source.lines[at] = line
            data[key] = self.value(value_node, at)
        return data

    def sequence(self, node: SequenceNode, path: KeyPath) -> Data:
        data: list[Data] = []
        for position, item in enumerate(node.value):
            at = (*path, position)
            self.source.lines[at] = item.start_mark.line + 1
            self.source.items.add(at)
            data.append(self.value(item, at))
        return data

    def scalar(self, node: ScalarNode, path: KeyPath) -> Data:
        text = str(node.value)
        kind = _tag(node)
        if kind not in ("str", "null", "bool", "int", "float", "timestamp"):
            self.complain(node, path, f"the tag {str(node.tag)!r} is not understood here: leave it out")
            return text
        value = math.nan if node.style is None and _BASE_60.fullmatch(text) else _scalar(kind, text)
        if not isinstance(value, str):
            self.source.written[path] = text
        return value


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix("tag:yaml.org,2002:")


def _key(node: ScalarNode) -> Key:
    value = _scalar(_tag(node), str(node.value))
    return value if isinstance(value, int) and not isinstance(value, bool) else str(node.value)


def _scalar(kind: str, text: str) -> bool | int | float | str | None:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on", "y")
    try:
        if kind == "int":
            return _whole_number(text.replace("_", ""))
        if kind == "float":
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        # Not a number that Python can hold: whoever wants a number will say so.
        return text
    return text


def _whole_number(text: str) -> int:
    digits = text.lstrip("+-")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    return int(text, base) if base != 10 else int(text)


# --- Data to model ---------------------------------------------------------------------------------------------------


def load(path: Path | str, text: str | None = None) -> Topology:
    """The topology in the file at `path`, or in `text` in its place. Raises TopologyError with all problems.

    What names and addresses mean together is not checked: that is `components.topology.read_topology`.
    """
    source = read(path, text)
    topology, problems = validate(source)
    if problems or topology is None:
        raise TopologyError(problems)
    return topology


def validate(source: Source) -> tuple[Topology | None, list[Problem]]:
    """The typed topology, and the problems. If there are any, the topology is what is left without the faulty parts,
    or None.
    """
    problems = list(source.problems)
    data = source.data
    if not isinstance(data, dict):
        message = "the file is empty" if data is None else f"must be a mapping of keys to values, not {_called(data)}"
        return None, [*problems, source.problem((), message)]
    try:
        return Topology.model_validate(data), problems
    except ValidationError as error:
        details = error.errors()
    # A value that was faulty as YAML already, or a list that is too short without its faulty items, is no second mistake.
    faulty = {problem.path for problem in problems}
    found = [_problem(source, detail) for detail in details if not (detail["type"] == "too_short" and detail["input"])]
    problems += [problem for problem in found if problem.path not in faulty]
    return _without_faults(data, details), problems


def _without_faults(data: dict[Key, Data], details: Sequence[ErrorDetails]) -> Topology | None:
    rest = copy.deepcopy(data)
    # Each round removes what is faulty; what then lacks a required key is faulty in the next.
    for _ in range(10):
        for detail in details:
            _remove(rest, _path(rest, detail))
        try:
            return Topology.model_validate(rest)
        except ValidationError as error:
            details = error.errors()
    return None


def _remove(data: dict[Key, Data], path: KeyPath) -> None:
    """Removes what is at `path`, with the list that it is in: positions in lists must stay what they are in the file."""
    if path in ((), ("topology",)):
        data["topology"] = "unnamed"
        return
    node = data
    for part in path[:-1]:
        below = node.get(part)
        if not isinstance(below, dict):
            node.pop(part, None)
            return
        node = below
    node.pop(path[-1], None)


def _path(data: Data, detail: ErrorDetails) -> KeyPath:
    """The path of an error in the file: its location, without what is no key of the data, such as tags."""
    path: list[Key] = []
    for part in detail["loc"]:
        if isinstance(data, list):
            if isinstance(part, int) and part < len(data):
                path.append(part)
                data = data[part]
        elif isinstance(data, dict) and (key := _key_like(data, part)) is not None:
            path.append(key)
            data = data[key]
    return tuple(path)


def _key_like(data: dict[Key, Data], part: Key) -> Key | None:
    """The key of `data` that a location calls `part`: it has numbers as text at times."""
    if part in data:
        return part
    return next((key for key in data if str(key) == str(part)), None)


def _problem(source: Source, detail: ErrorDetails) -> Problem:
    path = _path(source.data, detail)
    return source.problem(path, _message(source, path, detail))


def _message(source: Source, path: KeyPath, detail: ErrorDetails) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    is_key = "[key]" in detail["loc"]
    match kind:
        case "topology":
            return str(context["message"])
        case "missing" if isinstance(detail["loc"][-1], int):
            return "the list is too short"
        case "missing":
            return f"the key {str(detail['loc'][-1])!r} is missing"
        case "extra_forbidden":
            return f"unknown key {str(path[-1])!r}{did_you_mean(str(path[-1]), _keys_at(path[:-1]))}"
        case "unquoted" | "string_type" if isinstance(value, (bool, int, float)) or is_key:
            written = str(value) if is_key else source.written.get(path, str(value))
            return f'{written} is no text unless it is in quotes: quote it, "{written}"'
        case "string_type":
            return f"must be text, not {_called(value)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a mapping of keys to values, not {_called(value)}"
        case "tuple_type" | "list_type":
            return f"must be a list, not {_called(value)}"
        case "bool_type":
            return f"must be true or false, not {_called(value)}"
        case "int_type" | "int_from_float" | "int_parsing_size":
            return f"must be a whole number, not {_called(value)}"
        case "float_type" | "finite_number":
            return f"must be a number, not {_called(value)}"
        case "literal_error":
            return f"must be {context['expected']}, not {_called(value)}"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long":
            return f"the list is too long: {context['max_length']} items at most"
        case _:
            return detail["msg"].replace("Input should be", "must be")


def _called(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {value!r}" if isinstance(value, str) else f"the number {value}"


# --- Known keys, for suggestions -------------------------------------------------------------------------------------


@functools.cache
def _json_schema() -> Mapping[str, object]:
    return Topology.model_json_schema()


def _keys_at(path: KeyPath) -> list[str]:
    """The keys that a mapping at `path` may have, by the JSON Schema."""
    schemas: list[Mapping[str, object]] = [_json_schema()]
    for part in path:
        schemas = [below for schema in schemas for place in _alternatives(schema) for below in _below(place, part)]
    places = [place for schema in schemas for place in _alternatives(schema)]
    return [key for place in places for key in cast("Mapping[str, object]", place.get("properties", {}))]


def _alternatives(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    if reference := schema.get("$ref"):
        definitions = cast("Mapping[str, Mapping[str, object]]", _json_schema()["$defs"])
        schema = definitions[str(reference).removeprefix("#/$defs/")]
    yield schema
    for word in ("anyOf", "oneOf"):
        for alternative in cast("Sequence[Mapping[str, object]]", schema.get(word, ())):
            yield from _alternatives(alternative)


def _below(schema: Mapping[str, object], part: Key) -> Iterator[Mapping[str, object]]:
    properties = cast("Mapping[str, Mapping[str, object]]", schema.get("properties", {}))
    if part in properties:
        yield properties[str(part)]
    yield from cast("Mapping[str, Mapping[str, object]]", schema.get("patternProperties", {})).values()
    for word in ("additionalProperties", "items"):
        if isinstance(below := schema.get(word), Mapping):
            yield below
