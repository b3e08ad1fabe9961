"""The HTTP server: moto's application, with what this package adds."""

from __future__ import annotations

import random
import threading

import moto.ec2.models.elastic_ip_addresses
import moto.ec2.models.elastic_network_interfaces
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Endpoint:
    """Serves from its making on."""

    def __init__(self, port: int, *, boots: bool) -> None:
        # Both are imported by name, each in its module.
        moto.ec2.models.elastic_network_interfaces.random_public_ip = loopback_address
        moto.ec2.models.elastic_ip_addresses.random_ip = loopback_address
        self._server = make_server(
            "127.0.0.1",
            port,
            DomainDispatcherApplication(create_backend_app),
            threaded=True,
            request_handler=_Quiet,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are not logged."""


def loopback_address() -> str:
    """A public address, as far as this machine is the world: in 127.64.0.0/10, of which all is this machine's."""
    return f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
