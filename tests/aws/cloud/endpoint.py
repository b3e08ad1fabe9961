"""The HTTP server: moto's application, with what this package adds."""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import moto.ec2.models.elastic_ip_addresses
import moto.ec2.models.elastic_network_interfaces
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, Reservation
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.aws.cloud import strict
from tests.aws.cloud.clock import Clock
from tests.aws.cloud.hosts import Hosts


class Endpoint:
    """Serves from its making on."""

    def __init__(self, port: int, folder: Path, *, boots: bool, quotas: Mapping[str, float]) -> None:
        # Both are imported by name, each in its module.
        moto.ec2.models.elastic_network_interfaces.random_public_ip = loopback_address
        moto.ec2.models.elastic_ip_addresses.random_ip = loopback_address
        self._hosts = Hosts(folder) if boots else None
        if self._hosts:
            follow(self._hosts)
        strict.apply(quotas)
        self._clock = Clock()
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
        self._clock.close()
        self._server.shutdown()
        self._thread.join()
        if self._hosts:
            self._hosts.close()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are not logged."""


def follow(hosts: Hosts) -> None:
    """Have moto's instances run on hosts."""
    run, terminate, start, stop = (
        InstanceBackend.run_instances,
        Instance.terminate,
        Instance.start,
        Instance.stop,
    )

    @functools.wraps(run)
    def run_instances(self: InstanceBackend, *arguments: Any, **keywords: Any) -> Reservation:  # noqa: ANN401
        reservation = run(self, *arguments, **keywords)
        for instance in reservation.instances:
            hosts.launched(instance)
        return reservation

    def terminate_instance(self: Instance) -> InstanceState:
        hosts.ended(self)
        return terminate(self)

    def start_instance(self: Instance) -> InstanceState:
        before = start(self)
        hosts.started(self)
        return before

    def stop_instance(self: Instance) -> InstanceState:
        hosts.stopped(self)
        return stop(self)

    def reboot_instance(self: Instance) -> None:
        hosts.stopped(self)
        hosts.started(self)

    InstanceBackend.run_instances = run_instances  # type: ignore[method-assign]
    Instance.terminate = terminate_instance  # type: ignore[method-assign]
    Instance.start = start_instance  # type: ignore[method-assign]
    Instance.stop = stop_instance  # type: ignore[method-assign]
    Instance.reboot = reboot_instance  # type: ignore[method-assign]


def loopback_address() -> str:
    """A public address, as far as this machine is the world: in 127.64.0.0/10, of which all is this machine's."""
    return f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
