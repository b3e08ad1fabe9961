"""A lab on a real host for tests: real providers, over real SSH, to a real agent; and what a kind says of itself in its row."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import cast

from dynamic_providers import connection
from dynamic_providers.base import LEASE, HostProvider, Properties
from host_agent.schema import JSON

Needs = dict[str, str]
"""Ids of what a row's object refers to, by the names that the row gives them."""


@dataclasses.dataclass(frozen=True)
class Drift:
    """Something done to the object behind Pulumi's back."""

    happen: Callable[[Lab, Needs], object]
    shows: tuple[str, ...]
    """Paths of the properties that differ then (`endpoints[1].mtu`); none: the object is gone."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A kind in the lifecycle test. Everything it says of the host goes through commands, never through the agent."""

    kind: str
    needs: Callable[[Lab], Needs]
    """Makes what the object refers to."""
    args: Callable[[Needs], Properties]
    """The object as declared."""
    seen: Callable[[Lab, Needs], str]
    """What the host's own tools show of the object; "" where there is none."""
    look_alike: Callable[[Lab, Needs], object]
    """Makes, by hand, somebody else's object in its place."""
    edits: Mapping[str, Callable[[Needs], Properties]] = dataclasses.field(default_factory=dict)
    """Other args, each of which is reached in place."""
    replacing: Mapping[str, Callable[[Needs], Properties]] = dataclasses.field(default_factory=dict)
    """Other args, each of which makes another object."""
    drifts: Mapping[str, Drift] = dataclasses.field(default_factory=dict)
    provider: Callable[[], HostProvider] | None = None
    """Where the kind's provider does more than the generic one."""
    clear_look_alike: Callable[[Lab, Needs], object] = lambda lab, needs: None
    """Takes it away by hand, where it does not end with the lease."""
    undo: Callable[[Lab, Needs], object] = lambda lab, needs: None
    """Takes away what `needs` made by hand."""
    coexists: bool = False
    """The look-alike is no obstacle: the two are told apart, and both are there."""
    names_owner: str = "nobody that we know"
    """What the refusal of the look-alike says of its owner."""

    def make_provider(self) -> HostProvider:
        return self.provider() if self.provider else HostProvider(self.kind)


class Lab:
    """One lease on a lab host."""

    def __init__(self, endpoint: connection.Endpoint, name: str, *, kept: bool = False) -> None:
        """Not `kept` by default: what a test does behind Pulumi's back shall stay as it is."""
        self.endpoint = endpoint
        self.agent = connection.agent(endpoint)
        self.common: Properties = {"host": dataclasses.asdict(endpoint)}
        self.owner: Properties = {"project": "lifecycle", "stack": name, "user": "tests@here", "kept": kept}
        self.lease = str(self.create(HostProvider("lease"), self.owner)[1][LEASE])
        self.common[LEASE] = self.lease

    def close(self) -> None:
        """Remove the lease, and with it everything."""
        HostProvider("lease").delete("", {**self.owner, **self.common})

    def create(self, provider: HostProvider, args: Properties) -> tuple[str, Properties]:
        """Check and create, as Pulumi does: the id, and all properties."""
        created = provider.create(self.inputs(provider, args))
        return created.id, cast(Properties, created.outs)

    def inputs(self, provider: HostProvider, args: Properties) -> Properties:
        """Args as they come out of check, without failures."""
        checked = provider.check({}, as_pulumi(args) | self.common)
        assert not checked.failures, [(failure.property, failure.reason) for failure in checked.failures]
        return cast(Properties, checked.inputs)

    def add(self, kind: str, /, **args: object) -> str:
        """Something that the test needs: its id."""
        return self.create(HostProvider(kind), args)[0]

    def netns(self, name: str) -> str:
        """What a namespace of the lab is called on the host."""
        return f"{self.lease}-{name}"

    def try_run(self, *argv: str, netns: str = "") -> tuple[int, str]:
        """A command on the host, in a namespace of the lab: status, and what it prints."""
        inside = ["nsenter", f"--net=/run/netns/{self.netns(netns)}", "--"] if netns else []
        status, output, errors = self.agent.connection.run([*inside, *argv])
        return status, output.decode() + (errors.decode() if status else "")

    def run(self, *argv: str, netns: str = "") -> str:
        """What a command prints that must succeed."""
        status, output = self.try_run(*argv, netns=netns)
        assert status == 0, f"{' '.join(argv)}: status {status}: {output}"
        return output

    def look(self, *argv: str, netns: str = "") -> str:
        """What a command prints; "" where it fails, as `ip link show` of what is not there does."""
        status, output = self.try_run(*argv, netns=netns)
        return output if status == 0 else ""

    def ip_json(self, *arguments: str, netns: str = "") -> list[dict[str, JSON]]:
        """`ip -json …`."""
        return cast(list[dict[str, JSON]], json.loads(self.run("ip", "-json", *arguments, netns=netns) or "[]"))


def as_pulumi(value: Properties) -> Properties:
    """Properties as they arrive in a provider: every number is a float, every sequence a list."""

    def converted(item: object) -> object:
        if isinstance(item, Mapping):
            return {key: converted(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return [converted(inner) for inner in item]
        return float(item) if isinstance(item, int) and not isinstance(item, bool) else item

    return cast(Properties, converted(value))


def differences(one: object, other: object, path: str = "") -> list[str]:
    """Paths at which two trees of properties differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [*one, *(key for key in other if key not in one)]
        below = [differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key)) for key in keys]
        return [found for paths in below for found in paths]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        items = [differences(*pair, f"{path}[{index}]") for index, pair in enumerate(zip(one, other, strict=True))]
        return [found for paths in items for found in paths]
    return [] if one == other else [path]
