"""A resource that does nothing. In a module of its own: what is in __main__ would be in every resource's state, code and all."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

Properties = dict[str, object]


class NothingProvider(ResourceProvider):
    """Answers at once."""

    serialize_as_secret_always = False

    def create(self, props: Properties) -> CreateResult:
        return CreateResult(str(props["name"]), props)

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        return DiffResult(changes=_olds["value"] != _news["value"])

    def read(self, id_: str, props: Properties) -> ReadResult:
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        return UpdateResult(_news)


class Nothing(Resource, module="bench", name="Nothing"):
    """One of them."""

    def __init__(self, resource_name: str, *, value: pulumi.Input[int]) -> None:
        super().__init__(NothingProvider(), resource_name, {"name": resource_name, "value": value})
