"""The life of one object of each kind, by its real provider on a real kernel. A kind without a row fails."""

from __future__ import annotations

import importlib
from typing import cast

import pytest

from dynamic_providers.base import HOST, LEASE, HostError, HostProvider, Properties
from host_agent import kinds
from tests.lifecycle.lab import Lab, Needs, Row, differences

KINDS = [name for name in kinds.NAMES if name != "lease"]
"""The lease is what all others live in: its life is `test_lease`'s."""


def row_of(kind: str) -> Row:
    module = f"tests.lifecycle.rows.{kind}"
    try:
        row: Row = importlib.import_module(module).ROW
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        pytest.fail(f"kind {kind} has no row: write tests/lifecycle/rows/{kind}.py")
    assert row.kind == kind
    return row


class Object:
    """One object as Pulumi holds it: id, state, and what it takes to compare and change it."""

    def __init__(self, lab: Lab, provider: HostProvider, args: Properties) -> None:
        self.lab = lab
        self.provider = provider
        self.declared = lab.inputs(provider, args)
        self.id, self.state = lab.create(provider, args)

    def read(self) -> Properties | None:
        """Observed args, and `host` and `lease`; None where it is gone. Becomes the state, as in a refresh."""
        found = self.provider.read(self.id, self.state)
        if not found.id:
            return None
        assert found.id == self.id
        self.state = cast(Properties, found.outs)
        return cast(Properties, found.inputs)

    def has_changes(self) -> bool:
        changes = self.provider.diff(self.id, self.state, self.declared).changes
        assert changes is not None
        return changes

    def update(self, args: Properties) -> None:
        self.declared = self.lab.inputs(self.provider, args)
        self.state = cast(Properties, self.provider.update(self.id, self.state, self.declared).outs)

    def create_again(self) -> None:
        created = self.provider.create(self.declared)
        assert created.id == self.id, "what is ours is adopted under its id"
        self.state = cast(Properties, created.outs)

    def assert_as_declared(self, after: str) -> None:
        observed = self.read()
        assert observed is not None, f"gone after {after}"
        assert not differences(observed, self.declared), f"not as declared after {after}"
        assert not self.has_changes(), f"diff is not empty after {after}"


@pytest.mark.parametrize("kind", KINDS)
def test_life(kind: str, lab: Lab) -> None:
    row = row_of(kind)
    needs = row.needs(lab)
    try:
        live(row, needs, lab)
    finally:
        row.undo(lab, needs)


def live(row: Row, needs: Needs, lab: Lab) -> None:
    thing = Object(lab, row.make_provider(), row.args(needs))
    assert row.seen(lab, needs), "made, but the host's own tools do not show it"
    thing.assert_as_declared("add")

    edit(row, needs, thing)
    for name, args in row.replacing.items():
        news = lab.inputs(thing.provider, args(needs))
        assert thing.provider.diff(thing.id, thing.state, news).replaces, f"{name}: must make another object"
    drift(row, needs, thing, lab)

    thing.create_again()
    thing.assert_as_declared("a second add")
    thing.provider.delete(thing.id, thing.state)
    assert row.seen(lab, needs) == "", "removed, but still there"
    assert thing.read() is None
    thing.provider.delete(thing.id, thing.state)


def edit(row: Row, needs: Needs, thing: Object) -> None:
    """Each edit is a change that replaces nothing, arrives, and leaves no difference; then back."""
    for name, args in row.edits.items():
        news = thing.lab.inputs(thing.provider, args(needs))
        plan = thing.provider.diff(thing.id, thing.state, news)
        assert plan.changes, f"{name}: no change was seen"
        assert not plan.replaces, f"{name}: would replace because of {plan.replaces}"
        thing.update(args(needs))
        thing.assert_as_declared(f"edit {name}")
        thing.update(row.args(needs))
        thing.assert_as_declared(f"edit {name} taken back")


def drift(row: Row, needs: Needs, thing: Object, lab: Lab) -> None:
    """Each drift is seen, property by property, and repaired."""
    for name, happening in row.drifts.items():
        happening.happen(lab, needs)
        observed = thing.read()
        if not happening.shows:
            assert observed is None, f"{name}: gone, but shown as {observed}"
            thing.create_again()
        else:
            assert observed is not None, f"{name}: there, but not shown"
            assert sorted(differences(observed, thing.declared)) == sorted(happening.shows), name
            assert thing.has_changes(), f"{name}: the diff is empty"
            thing.update(row.args(needs))
        thing.assert_as_declared(f"drift {name} was repaired")


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_what_is_not_its_own(kind: str, lab: Lab) -> None:
    row = row_of(kind)
    needs = row.needs(lab)
    row.look_alike(lab, needs)
    try:
        (side_by_side if row.coexists else refused)(row, needs, lab)
    finally:
        row.clear_look_alike(lab, needs)
        row.undo(lab, needs)


def side_by_side(row: Row, needs: Needs, lab: Lab) -> None:
    before = row.seen(lab, needs)
    assert before, "the look-alike is not seen"
    provider = row.make_provider()
    made, state = lab.create(provider, row.args(needs))
    assert before in row.seen(lab, needs)
    assert row.seen(lab, needs) != before
    provider.delete(made, state)
    assert row.seen(lab, needs) == before


def refused(row: Row, needs: Needs, lab: Lab) -> None:
    before = row.seen(lab, needs)
    assert before, "the look-alike is not seen"
    provider = row.make_provider()
    with pytest.raises(HostError) as refusal:
        lab.create(provider, row.args(needs))
    assert row.names_owner in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert row.seen(lab, needs) == before
    # Nor may a state that claims it take it away.
    provider.delete("", lab.inputs(provider, row.args(needs)))
    assert row.seen(lab, needs) == before


def test_lease(lab: Lab) -> None:
    """A lease is found again by its owner, and takes all it has with it."""
    provider = HostProvider("lease")
    again, state = lab.create(provider, lab.owner)
    assert state[LEASE] == lab.lease
    assert again.startswith(f"{lab.lease}/lease/")

    host = lab.add("network_namespace", name="host")
    lab.add("bridge", namespace=host, ifname="VMnet2")
    observed = provider.read(again, state)
    assert observed.outs is not None
    assert {name: observed.outs[name] for name in lab.owner} == lab.owner
    provider.delete(again, state)
    assert lab.lease not in lab.run("ip", "netns", "list")
    assert not provider.read(again, state).id
    provider.delete(again, state)
    with pytest.raises(HostError, match="not open on this host"):
        lab.create(HostProvider("bridge"), {"namespace": host, "ifname": "VMnet3"})
    assert state[HOST] == lab.common[HOST]
