"""A TCP proxy on loopback between Pulumi and a lab host, that can cut connections or go silent."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator


class Proxy:
    """Forwards 127.0.0.1:`port` to a port of this machine. Thread-safe."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._going_on = threading.Event()
        self._going_on.set()
        self.forwarded = 0
        """Bytes so far, in both directions together."""
        self._bytes_left: int | None = None
        self._ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> int:
        """Reset all connections, as a firewall does; new ones go through. Returns how many there were."""
        with self._lock:
            sockets = list(self._pairs)
            for end in sockets:
                # A close with an empty linger time sends RST.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._drop(end)
        return len(sockets) // 2

    def freeze(self) -> None:
        """Forward nothing more, and take new connections without forwarding them: half-open on both sides."""
        self._going_on.clear()

    def freeze_after(self, count: int) -> None:
        """Freeze when that many more bytes were forwarded, in both directions together."""
        self._bytes_left = count
        if count == 0:
            self.freeze()

    def resume(self) -> None:
        """Go on after a `freeze`, with all that was held back."""
        self._going_on.set()

    def thaw(self) -> None:
        """Forward again; what was held back is lost with its connection."""
        self.cut()
        self._bytes_left = None
        self._going_on.set()

    def close(self) -> None:
        self._ended = True
        self._going_on.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self.cut()
        self._selector.close()
        self._listener.close()

    def _run(self) -> None:
        while True:
            ready = self._selector.select()
            # What has arrived stays where it is, and nobody is told.
            self._going_on.wait()
            if self._ended:
                return
            for key, _ in ready:
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._forward(key.fileobj)

    def _accept(self) -> None:
        near = self._listener.accept()[0]
        try:
            far = socket.create_connection(("127.0.0.1", self._to_port))
        except OSError:
            near.close()
            return
        with self._lock:
            for end, other in ((near, far), (far, near)):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs[end] = other
                self._selector.register(end, selectors.EVENT_READ)

    def _forward(self, end: socket.socket) -> None:
        with self._lock:
            other = self._pairs.get(end)
        if other is None:
            return
        try:
            data = end.recv(64 * 1024 if self._bytes_left is None else min(64 * 1024, self._bytes_left))
            if data:
                other.sendall(data)
                self.forwarded += len(data)
                if self._bytes_left is not None:
                    self._bytes_left -= len(data)
                    if self._bytes_left <= 0:
                        self.freeze()
                return
        except OSError:
            pass
        with self._lock:
            self._drop(end)
            self._drop(other)

    def _drop(self, end: socket.socket) -> None:
        if self._pairs.pop(end, None) is not None:
            self._selector.unregister(end)
            end.close()


@contextlib.contextmanager
def proxy(to_port: int) -> Iterator[Proxy]:
    """A proxy to that port of this machine, for the time of the block."""
    made = Proxy(to_port)
    try:
        yield made
    finally:
        made.close()
