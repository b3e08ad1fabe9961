"""Providers are pickled once per kind, and not once per resource.

The SDK pickles a provider into each resource, and patches Python's pickler anew each time, one patch over the other: more work with every
resource, and a RecursionError at some 960 of them. What it makes for ours is the same for all of a kind.
"""

from __future__ import annotations

from collections.abc import Callable

from pulumi.dynamic import ResourceProvider, dynamic

_by_sdk: Callable[[ResourceProvider], str] = dynamic.serialize_provider
_serialized: dict[tuple[type[ResourceProvider], str], str] = {}


def serialize_provider(provider: ResourceProvider) -> str:
    """The SDK's, remembered for a provider that has nothing but a `kind`; any other one is the SDK's to pickle."""
    state = vars(provider)
    if set(state) - {"kind"}:
        return _by_sdk(provider)
    key = (type(provider), str(state.get("kind", "")))
    if key not in _serialized:
        _serialized[key] = _by_sdk(provider)
    return _serialized[key]


dynamic.serialize_provider = serialize_provider
