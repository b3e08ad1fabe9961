"""Whatever is in a topology file, it gives a plan or errors, and never a traceback."""

import copy
import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from components.topology import Plan, TopologyError, read_topology
from components.topology.load import Data, Key, KeyPath

CCNA_CH8 = Path(__file__).resolve().parents[2] / "stacks" / "topologies" / "ccna_ch8.yaml"
TEXT = CCNA_CH8.read_text(encoding="utf-8")
DATA: dict[Key, Data] = YAML(typ="safe", pure=True).load(TEXT)

# Derandomised: a test run says the same each time. The budget is that of the whole unit tests.
several = settings(max_examples=40, deadline=None, derandomize=True, database=None)
many = settings(several, max_examples=100)


LINE_ENDS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def outcome(text: str) -> Plan | TopologyError:
    try:
        return read_topology("labs/any.yaml", text)
    except TopologyError as error:
        caught = error
    assert caught.problems
    for problem in caught.problems:
        assert problem.file == "labs/any.yaml"
        assert 0 <= problem.line <= len(LINE_ENDS.findall(text)) + 1
        assert len(LINE_ENDS.split(str(problem))) == 1
        assert problem.message
    return caught


def dump(data: Data) -> str:
    # JSON is YAML; the topology's own text has the block style covered.
    return json.dumps(data, ensure_ascii=False, indent=1)


def places(data: Data, path: KeyPath = ()) -> list[KeyPath]:
    below: list[tuple[Key, Data]] = []
    if isinstance(data, dict):
        below = list(data.items())
    elif isinstance(data, list):
        below = list(enumerate(data))
    return [path, *(place for key, value in below for place in places(value, (*path, key)))]


def at(data: Data, path: KeyPath) -> Data:
    for key in path:
        assert isinstance(data, (dict, list))
        data = data[key]  # type: ignore[index]
    return data


PLACES = places(DATA)[1:]
WORDS = sorted(
    {str(path[-1]) for path in PLACES} | {value for path in PLACES if isinstance(value := at(DATA, path), str)}
)

scalars: st.SearchStrategy[Data] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(WORDS),
    st.sampled_from(
        [
            "10.1.1.2/24",
            "10.1.1.0/24",
            "0.0.0.0/0",
            "255.255.255.255/32",
            "10.1.1.2/31",
            "1:1",
            "::1/64",
            "Fa0/0",
            "Lo0",
        ]
    ),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
values: st.SearchStrategy[Data] = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(keys, below, max_size=4)),
    max_leaves=12,
)


@several
@given(st.text())
def test_any_text(text: str) -> None:
    outcome(text)


@several
@given(st.text(alphabet=" \n\t-:{}[],&*!|>'\"%@`#?<~ab01.\r\u2028\x00\ufeff"))
def test_any_text_of_the_characters_of_yaml(text: str) -> None:
    outcome(text)


@several
@given(
    st.integers(0, len(TEXT)), st.integers(0, 40), st.text(alphabet=" \n\t-:{}[],&*!|>'\"%#?<~a1.\x00\xa0", max_size=6)
)
def test_any_edit_of_the_text(start: int, length: int, new: str) -> None:
    outcome(TEXT[:start] + new + TEXT[start + length :])


@several
@given(values)
def test_any_data(data: Data) -> None:
    outcome(dump(data))


@several
@given(st.dictionaries(st.sampled_from(list(DATA)), values))
def test_any_sections(data: dict[Key, Data]) -> None:
    outcome(dump({"topology": "any", **data}))


@st.composite
def edits(draw: st.DrawFn) -> Data:
    """The topology with some nodes deleted, replaced, swapped with others, or written again under another key."""
    data = copy.deepcopy(DATA)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(PLACES))
        try:
            parent = at(data, path[:-1])
            assert isinstance(parent, (dict, list))
            old = copy.deepcopy(at(data, path))
        except (KeyError, IndexError, TypeError, AssertionError):
            continue  # an earlier edit took the place away
        other = copy.deepcopy(at(DATA, draw(st.sampled_from(PLACES))))
        action = draw(st.sampled_from(["delete", "replace", "other", "again", "rename"]))
        if action == "replace":
            parent[path[-1]] = draw(values)  # type: ignore[index]
        elif action == "other":
            parent[path[-1]] = other  # type: ignore[index]
        elif action == "again" and isinstance(parent, list):
            parent.append(old)
        elif action == "again" and isinstance(parent, dict):
            parent[draw(keys)] = old
        else:
            del parent[path[-1]]  # type: ignore[arg-type]
            if action == "rename" and isinstance(parent, dict):
                parent[draw(keys)] = old
    return data


@many
@given(edits())
def test_any_edits_of_a_topology(data: Data) -> None:
    outcome(dump(data))


@several
@given(st.sampled_from([number for number, line in enumerate(TEXT.splitlines()) if ":" in line]), st.booleans())
def test_any_line_twice_or_never(number: int, twice: bool) -> None:
    lines = TEXT.splitlines()
    lines[number : number + 1] = [lines[number]] * (2 if twice else 0)
    outcome("\n".join(lines))


def test_the_topology_survives_being_written_as_json() -> None:
    assert isinstance(outcome(dump(DATA)), Plan)


def test_deep_nesting_is_an_error() -> None:
    assert isinstance(outcome("[" * 2000), TopologyError)
    assert str(outcome("a: " + "[" * 300 + "]" * 300)) == "labs/any.yaml:1: YAML: nested too deeply"
    aliases = "topology: t\na0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
    assert "nested too deeply" in str(outcome(aliases))


def test_aliases_that_grow_are_an_error() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12))
    error = outcome(text)
    assert isinstance(error, TopologyError)
    assert "too large" in str(error)


def test_faulty_parts_do_not_hide_other_mistakes() -> None:
    text = TEXT.replace("address: 192.168.30.10/24", "address: 192.168.31.10/24").replace("mtu", "mtuu")
    text = text.replace("nat: false", "natt: false").replace("reply_ttl: 61", "reply_ttl: many")
    messages = str(outcome(text))
    assert "natt: unknown key 'natt': did you mean 'nat'?" in messages
    assert "reply_ttl: must be a whole number" in messages
    assert "192.168.31.10/24 is outside network Sales 192.168.30.0/24" in messages
    assert len(messages.splitlines()) == 3
