"""Serve the engine that started this process, as Pulumi's plugins do: the port on standard output, then gRPC until the engine is gone."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

import engine_watch
from tests.aws.plugin.service import Provider

MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes; as in all of Pulumi's servers."""


def main() -> None:
    engine_watch.start()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=32),
        options=[("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
