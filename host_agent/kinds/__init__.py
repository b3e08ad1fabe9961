"""One module per kind of object. Each has

- `Args`, a frozen dataclass: schema, contract and observed state at once; the provider side imports it;
- `Outputs`, a frozen dataclass of what only the host knows;
- `key(args)`, the object's name within its lease;
- `add`, which makes the object or adopts its own earlier work, and refuses what is somebody else's;
- `show`, which observes it, or returns None where it is gone;
- `set`, which changes it in place;
- `remove`, which takes it away, touches only its own, and is a no-op where it is gone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from host_agent.context import Context, Shown
from host_agent.errors import ProtocolError

NAMES = (
    "lease",
    "network_namespace",
    "bridge",
    "veth_pair",
    "route",
    "masquerade",
    "forwarding",
    "image",
    "container",
    "frr_router",
    "tap",
    "dynamips_hypervisor",
    "router_image",
    "dynamips_router",
)


if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Dataclass: TypeAlias = DataclassInstance
else:
    Dataclass = object


class Kind(Protocol):
    """What a module of this package offers. A module's own functions are typed by its own Args and Outputs."""

    Args: type[Dataclass]
    Outputs: type[Dataclass]

    def key(self, args: Dataclass, /) -> str: ...
    def add(self, context: Context, args: Dataclass, /) -> Dataclass: ...
    def show(self, context: Context, args: Dataclass, /) -> Shown[Dataclass, Dataclass] | None: ...
    def set(self, context: Context, olds: Dataclass, news: Dataclass, /) -> Dataclass: ...
    def remove(self, context: Context, args: Dataclass, /) -> None: ...


def load(name: str) -> Kind:
    """The module of a kind, imported on first use. Raises ProtocolError for a name that is none."""
    if name not in NAMES:
        raise ProtocolError(f"no such kind: {name!r}; known are {', '.join(NAMES)}")
    return cast(Kind, importlib.import_module(f"{__name__}.{name}"))
