"""What pulumi-aws's SDK and botocore say of inputs: names, types, regions."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import typing
import warnings
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

import boto3
import pulumi
from pulumi import _types

from tests.plugin_double import UNKNOWN


def sdk_version() -> str:
    return importlib.metadata.version("pulumi-aws")


@functools.cache
def regions() -> frozenset[str]:
    """All of AWS's regions, of all its partitions."""
    session = boto3.Session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )


@functools.cache
def args_class(token: str) -> type:
    """The SDK's class of a resource's inputs, by the resource's token: `pulumi_aws.ec2.VpcArgs` of `aws:ec2/vpc:Vpc`."""
    _, module, name = token.split(":")
    with warnings.catch_warnings():
        # The SDK warns of its own at its import.
        warnings.simplefilter("ignore", DeprecationWarning)
        found: type = getattr(importlib.import_module(f"pulumi_aws.{module.partition('/')[0]}"), f"{name}Args")
    return found


def problems(token: str, inputs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Inputs that the SDK does not know, or knows with another type: (property path, reason)."""
    yield from _structure(args_class(token), inputs, "")


def _structure(class_: type, value: Mapping[str, object], path: str) -> Iterator[tuple[str, str]]:
    types = _types.input_type_types(class_)
    for name, item in value.items():
        place = f"{path}.{name}" if path else name
        if name.startswith("__"):
            continue
        if name not in types:
            yield place, "the SDK's types have no such property"
        else:
            yield from _value(types[name], item, place)


def _value(hint: Any, value: object, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any type hint
    if value is None or value == UNKNOWN:
        return
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        # Values only: what is awaited, or an output of another resource, has come by now. One of the rest must fit.
        plain = [argument for argument in arguments if argument is not type(None) and not _later(argument)]
        tried = [list(_value(argument, value, path)) for argument in plain]
        if all(tried):
            yield from tried[0]
    elif isinstance(hint, type) and _types.is_input_type(hint):
        if isinstance(value, Mapping):
            yield from _structure(hint, value, path)
        else:
            yield path, f"{value!r} is no object"
    elif origin in {dict, Mapping} or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            yield path, f"{value!r} is no object"
            return
        for name, item in value.items():
            yield from _value(arguments[1], item, f"{path}.{name}")
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        if not isinstance(value, list):
            yield path, f"{value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from _value(arguments[0], item, f"{path}[{number}]")
    elif hint in {str, int, bool, float}:
        fits = isinstance(value, (int, float) if hint is float else hint) and (hint is bool) == isinstance(value, bool)
        if not fits:
            yield path, f"{value!r} is no {hint.__name__}"
    elif isinstance(hint, type) and not issubclass(hint, (str, pulumi.Asset, dict)):
        yield path, f"a type that the double does not know: {hint}"


def _later(hint: Any) -> bool:  # noqa: ANN401 - any type hint
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, (Awaitable, pulumi.Output))
