"""Pings between devices of a lab, each pair a hundred times a second, until told to stop; runs on the lab host, on its own python3.

    pinger.py '[["web to CORP", "a1b2c3d4-web", "10.1.1.2"], …]'

Prints `ready` when all pairs are answered, and counts from then on. A line on stdin ends it: after a second for late answers it prints what
came of each pair, `{"stopped": 2.5, "pairs": {"web to CORP": {"sent": 250, "lost": [[1.25, 1.31]]}}}`, times in seconds from the start.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

INTERVAL_S = 0.01
LATE_S = 1.0
READY_TIMEOUT_S = 60
_CLONE_NEWNET = 0x40000000
_SOL_RAW, _ICMP_FILTER = 255, 1
_REQUEST, _REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")
_NUMBERS = struct.Struct("!II")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Pair:
    """One device pinging another, and for each ping when it was sent and whether it was answered."""

    name: str
    address: str
    socket: socket.socket
    sent: list[float] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)

    first: int = 0
    """Number of the first ping that counts."""

    def lost(self, started: float) -> list[tuple[float, float]]:
        """Spans in which no ping was answered: when the first and the last ping of each was sent."""
        spans = []
        pings = zip(self.sent[self.first :], self.answered[self.first :], strict=True)
        for was_answered, group in itertools.groupby(pings, lambda ping: ping[1]):
            times = [sent - started for sent, _ in group]
            if not was_answered:
                spans.append((round(times[0], 3), round(times[-1], 3)))
        return spans


def socket_in(netns: str) -> socket.socket:
    """A raw ICMP socket in a namespace, which gets echo replies alone."""
    descriptor = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns to {netns}")
    os.close(descriptor)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    raw.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << _REPLY) & 0xFFFFFFFF))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return raw


def request(pair: int, number: int) -> bytes:
    payload = _NUMBERS.pack(pair, number)
    words = struct.unpack("!8H", _HEADER.pack(_REQUEST, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF) + payload)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return _HEADER.pack(_REQUEST, 0, checksum, os.getpid() & 0xFFFF, number & 0xFFFF) + payload


def take_answers(raw: socket.socket, pairs: list[Pair]) -> None:
    """Note all answers that are there."""
    while True:
        try:
            packet = raw.recv(2048)
        except BlockingIOError:
            return
        icmp = packet[(packet[0] & 15) * 4 :]
        if _HEADER.unpack_from(icmp)[3] == os.getpid() & 0xFFFF:
            index, number = _NUMBERS.unpack_from(icmp, _HEADER.size)
            pairs[index].answered[number] = 1


def receive(pairs: list[Pair], until: float) -> bool:
    """Take answers until then; True, at once, if there is something to read on stdin."""
    sockets = {pair.socket.fileno(): pair.socket for pair in pairs}
    while True:
        left = until - time.monotonic()
        readable, _, _ = select.select([0, *sockets], [], [], max(0, left))
        if 0 in readable:
            return True
        for ready in readable:
            take_answers(sockets[ready], pairs)
        if left <= 0:
            return False


def main() -> None:
    opened: dict[str, socket.socket] = {}
    pairs = []
    for name, netns, address in json.loads(sys.argv[1]):
        if netns not in opened:
            opened[netns] = socket_in(netns)
        pairs.append(Pair(name, address, opened[netns]))
    started = tick = time.monotonic()
    is_ready, stopped = False, False
    while not stopped:
        for index, pair in enumerate(pairs):
            number = len(pair.sent)
            pair.sent.append(time.monotonic())
            pair.answered.append(0)
            with contextlib.suppress(OSError):  # no route: a ping that is lost
                pair.socket.sendto(request(index, number), (pair.address, 0))
        # A machine that is busy gets fewer pings, never a burst of them.
        tick = max(tick + INTERVAL_S, time.monotonic())
        stopped = receive(pairs, tick)
        silent = [] if is_ready else [pair.name for pair in pairs if not any(pair.answered[-20:])]
        if not is_ready and not silent:
            is_ready = True
            started = time.monotonic()
            for pair in pairs:
                pair.first = len(pair.sent)
            print("ready", flush=True)
        elif silent and time.monotonic() - started > READY_TIMEOUT_S:
            sys.exit(f"no answer within {READY_TIMEOUT_S} s: {', '.join(silent)}")
    deadline = time.monotonic() + LATE_S
    while time.monotonic() < deadline and any(pair.lost(started) for pair in pairs):
        for raw in opened.values():
            take_answers(raw, pairs)
        time.sleep(0.005)
    found = {pair.name: {"sent": len(pair.sent) - pair.first, "lost": pair.lost(started)} for pair in pairs}
    print(json.dumps({"stopped": round(stopped_at(pairs) - started, 3), "pairs": found}))


def stopped_at(pairs: list[Pair]) -> float:
    return max(pair.sent[-1] for pair in pairs)


if __name__ == "__main__":
    main()
