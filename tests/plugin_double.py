"""What doubles of Pulumi's plugins have in common: a server that the engine starts, and properties as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeAlias, cast

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

import engine_watch

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's word for a value that only the update will know."""
Properties: TypeAlias = dict[str, Any]
"""Properties of a resource by the names that Pulumi's engine uses (camelCase): JSON-like."""
MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes; as in all of Pulumi's servers."""


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """A provider's answers that say nothing of its resources."""

    version: ClassVar[str]

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self.version)


def serve(plugin: Plugin) -> None:
    """As Pulumi's plugins do: the port on standard output, then gRPC until the engine is gone."""
    engine_watch.start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=32),
        options=[("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def some(changed: object) -> Any:
    """A diff's answer to whether there is one."""
    return provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE


def properties_of(struct: struct_pb2.Struct) -> Properties:
    """With integers: protobuf's Struct has but one kind of number."""
    return cast(Properties, _whole(json_format.MessageToDict(struct)))


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def struct_of(properties: Mapping[str, object]) -> struct_pb2.Struct:
    """What is None is left out."""
    struct = struct_pb2.Struct()
    struct.update({name: value for name, value in properties.items() if value is not None})
    return struct
