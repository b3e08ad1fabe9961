"""A TCP proxy on loopback that counts connections, and adds to the round-trip time what a distant host would."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator

CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards 127.0.0.1:`port` to a port of this machine. `connections` is how many were made so far."""

    def __init__(self, to_port: int, round_trip_s: float) -> None:
        self.connections = 0
        self._to_port = to_port
        self._one_way_s = round_trip_s / 2
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to_port))
            except OSError:
                return
            self.connections += 1
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                flight: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                threading.Thread(target=self._take, args=(source, flight), daemon=True).start()
                threading.Thread(target=self._give, args=(flight, sink), daemon=True).start()

    def _take(self, source: socket.socket, flight: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        while True:
            try:
                data = source.recv(CHUNK_BYTES)
            except OSError:
                data = b""
            flight.put((time.monotonic() + self._one_way_s, data))
            if not data:
                return

    def _give(self, flight: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
        while True:
            due, data = flight.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return


@contextlib.contextmanager
def proxy(to_port: int, round_trip_s: float = 0.0) -> Iterator[Proxy]:
    """A proxy to that port of this machine, for the time of the block. `round_trip_s` is what it adds to each round-trip, in seconds."""
    made = Proxy(to_port, round_trip_s)
    try:
        yield made
    finally:
        made.close()
