"""rtnetlink sockets and work inside network namespaces.

A socket belongs to the namespace in which it was opened, whatever its thread does later; so one socket per namespace is kept and shared. It
also keeps its namespace alive: `forget` it before the namespace is deleted.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netns import setns

from host_agent.errors import Missing

NETNS_DIR = Path("/run/netns")


def netns_path(netns: str) -> Path:
    """The file that stands for a namespace, as ip-netns(8) keeps it; \"\" is the agent's own, the host's."""
    return NETNS_DIR / netns if netns else Path("/proc/self/ns/net")


@contextlib.contextmanager
def inside(netns: str) -> Iterator[None]:
    """The calling thread, and it alone, is in the namespace for the time of the block. Raises Missing."""
    if not netns:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            target = os.open(netns_path(netns), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Missing(f"network namespace {netns} is not on this host") from None
        try:
            setns(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)


class Netlink:
    """The sockets of one agent process. Thread-safe: a socket serves one caller at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[str, _Socket] = {}

    @contextlib.contextmanager
    def open(self, netns: str) -> Iterator[IPRoute]:
        """An rtnetlink socket in the namespace, for the time of the block. Raises Missing."""
        try:
            inode = netns_path(netns).stat().st_ino
        except FileNotFoundError:
            raise Missing(f"network namespace {netns} is not on this host") from None
        with self._lock:
            socket = self._sockets.get(netns)
            if socket is not None and socket.inode != inode:
                # Deleted and made again behind our back: the old socket would change the old namespace.
                socket.route.close()
                socket = None
            if socket is None:
                with inside(netns):
                    socket = self._sockets[netns] = _Socket(inode, IPRoute())
        with socket.lock:
            yield socket.route

    def forget(self, netns: str) -> None:
        """Close the socket of a namespace, so that it can end. Idempotent."""
        with self._lock:
            socket = self._sockets.pop(netns, None)
        if socket is not None:
            with socket.lock:
                socket.route.close()


class _Socket:
    def __init__(self, inode: int, route: IPRoute) -> None:
        self.inode = inode
        self.route = route
        self.lock = threading.Lock()
