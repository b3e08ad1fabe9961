"""What the resources have in common: how declared and real differ, and what that replaces."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from tests.aws.plugin.aws import Aws, tag_list
from tests.plugin_double import UNKNOWN, Properties


class Resource(ABC):
    """A resource type: four operations on AWS, and a description of its inputs."""

    token: ClassVar[str]
    required: ClassVar[frozenset[str]] = frozenset()
    replaces: ClassVar[frozenset[str]] = frozenset()
    """Inputs of which another value means another object."""
    defaults: ClassVar[Mapping[str, object]] = {}
    """Values of inputs that are left out. An input without one here is AWS's to choose, and then no difference."""
    cleared: ClassVar[frozenset[str]] = frozenset({"tags"})
    """Inputs that are taken away where they are no longer declared."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Lists that are sets."""
    named_by: ClassVar[str] = ""
    """The input that is a name, unique and the resource's own: made from the resource's name where it is left out."""
    taggable: ClassVar[bool] = True

    @abstractmethod
    def create(self, aws: Aws, inputs: Properties) -> str:
        """Make it; returns its id."""

    @abstractmethod
    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        """All that is seen of it; None where it is gone. `known`: what was recorded, for what can't be asked for."""

    @abstractmethod
    def delete(self, aws: Aws, id_: str, known: Properties) -> None: ...

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        """Bring about `news`, of which the inputs `changed` differ. Tags of EC2's objects are done already."""
        if changed - {"tags", "tagsAll"}:
            raise NotImplementedError(f"{self.token}: no update of {', '.join(sorted(changed))}")

    def set_tags(self, aws: Aws, id_: str, olds: Mapping[str, str], news: Mapping[str, str]) -> None:
        gone = [{"Key": key} for key in olds if key not in news]
        if gone:
            aws.call("ec2", "delete_tags", Resources=[id_], Tags=gone)
        if news:
            aws.call("ec2", "create_tags", Resources=[id_], Tags=tag_list(news))

    def same(self, key: str, old: object, new: object) -> bool:
        """Whether two values of an input mean the same: of mappings, in what the new one says."""
        if UNKNOWN in json.dumps(new):
            return False
        if key in self.unordered and isinstance(old, list) and isinstance(new, list):
            return sorted(map(_canonical, old)) == sorted(map(_canonical, new))
        if key not in {"tags", "tagsAll"} and isinstance(old, dict) and isinstance(new, dict):
            return all(self.same("", old.get(name), value) for name, value in new.items())
        return old == new

    def changes(self, olds: Properties, old_inputs: Properties, news: Properties) -> list[str]:
        """Inputs in which what there is and what is declared differ."""
        keys = [
            *news,
            *(key for key in old_inputs if key not in news),
            *(key for key in self.defaults if key not in news),
        ]
        changed = []
        for key in dict.fromkeys(keys):
            if key.startswith("__"):
                continue
            if key not in news and key not in self.defaults and key not in self.cleared:
                continue
            old = olds.get(key, old_inputs.get(key))
            new = news.get(key, self.defaults.get(key))
            if (old or None) is None and (new or None) is None:
                continue  # "", {}, [], False and nothing are one
            if not self.same(key, old, new):
                changed.append(key)
        return changed


def _canonical(value: object) -> str:
    """For comparing members of sets: nothing and "not given" are one."""
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item not in (None, "", [], False)}
    return json.dumps(value, sort_keys=True)


def of(resources: Iterable[type[Resource]]) -> dict[str, Resource]:
    """Resource types by their tokens."""
    return {resource.token: resource() for resource in resources}
