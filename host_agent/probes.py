"""What `lab check` asks of a lab: one question from within a namespace, once, answered at once. Who wants it repeated calls again.

    {kind: "ping",  netns, address, timeout_s}            -> {ok, reply_ttl, rtt_ms, error}
    {kind: "http",  netns, url, timeout_s}                -> {ok, status, body, error}
    {kind: "route", netns, dst, timeout_s, table?}        -> {ok, via, dev, protocol, metric, error}

`netns` is a namespace's name under /run/netns (the output `netns`), "" is the host's own. What a probe did not learn is null; `ok` is that it
was answered: any echo reply to our request, any HTTP status below 400, an exact route. `error` is "" or says in a line why not.
"""

from __future__ import annotations

import http.client
import secrets
import socket
import struct
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from host_agent.errors import HostError
from host_agent.links import find_link
from host_agent.netlink import inside, rtnetlink
from host_agent.routes import MAIN_TABLE, routes
from host_agent.schema import JSON, Address, Prefix, between, decode

if TYPE_CHECKING:
    from host_agent.context import Host

MAX_BODY = 64 * 1024
"""Bytes of an HTTP answer's body that are read."""


@dataclass(frozen=True, kw_only=True)
class Ping:
    """One ICMP echo request. `reply_ttl` is the IP TTL with which the reply arrived, `rtt_ms` its time in milliseconds."""

    kind: Literal["ping"]
    address: Address
    netns: str = ""
    timeout_s: Annotated[float, between(0.01, 60, "s")] = 1.0


@dataclass(frozen=True, kw_only=True)
class Http:
    """One GET. `body` is text, its first 64 KiB."""

    kind: Literal["http"]
    url: str
    netns: str = ""
    timeout_s: Annotated[float, between(0.01, 60, "s")] = 2.0


@dataclass(frozen=True, kw_only=True)
class RoutePresent:
    """A look for an exact route. `via` and `dev` are "" where it has none (or several next hops), `protocol` is a number (FRR's RIP: 189)."""

    kind: Literal["route"]
    dst: Prefix
    netns: str = ""
    table: int = MAIN_TABLE
    timeout_s: float = 1.0


def probe(host: Host, parameters: Mapping[str, object], progress: Callable[[str], None]) -> dict[str, JSON]:
    """Answer one question; the module's docstring has the shapes. Raises SchemaError, and Missing where the namespace is not there."""
    match parameters.get("kind"):
        case "ping":
            return _ping(decode(Ping, parameters))
        case "http":
            return _http(decode(Http, parameters))
        case "route":
            return _route(decode(RoutePresent, parameters))
    raise HostError(f"no such probe: {parameters.get('kind')!r}; known are ping, http, route")


def _ping(question: Ping) -> dict[str, JSON]:
    answer: dict[str, JSON] = {"ok": False, "reply_ttl": None, "rtt_ms": None, "error": ""}
    identifier, sequence, payload = secrets.randbits(16), 1, secrets.token_bytes(32)
    request = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence) + payload
    request = request[:2] + struct.pack("!H", _checksum(request)) + request[4:]
    with inside(question.netns):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP)
    with raw:
        started = time.monotonic()
        try:
            raw.sendto(request, (question.address, 0))
            # A raw socket gets a copy of every ICMP packet of the namespace: wait for ours.
            while (left := started + question.timeout_s - time.monotonic()) > 0:
                raw.settimeout(left)
                packet = raw.recv(65535)
                icmp = packet[(packet[0] & 15) * 4 :]
                if (
                    socket.inet_ntoa(packet[12:16]) == question.address
                    and icmp[:1] == b"\0"
                    and icmp[4:] == request[4:]
                ):
                    rtt_ms = round((time.monotonic() - started) * 1000, 3)
                    return {**answer, "ok": True, "reply_ttl": packet[8], "rtt_ms": rtt_ms}
                if reason := _unreachable(icmp, request):
                    return {**answer, "error": f"{socket.inet_ntoa(packet[12:16])} says: {reason}"}
        except TimeoutError:
            pass
        except OSError as error:
            return {**answer, "error": f"ping {question.address}: {error.strerror}"}
    return {**answer, "error": f"no reply from {question.address} within {question.timeout_s:g} s"}


def _unreachable(icmp: bytes, request: bytes) -> str:
    """What an ICMP error about our request says; "" if it is no such error."""
    quoted = icmp[8:]
    if icmp[:1] not in {b"\x03", b"\x0b"} or len(quoted) < 28 or quoted[(quoted[0] & 15) * 4 :][4:8] != request[4:8]:
        return ""
    if icmp[0] == 11:
        return "time to live exceeded"
    return {0: "network unreachable", 1: "host unreachable", 13: "filtered"}.get(
        icmp[1], f"unreachable (code {icmp[1]})"
    )


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _http(question: Http) -> dict[str, JSON]:
    answer: dict[str, JSON] = {"ok": False, "status": None, "body": None, "error": ""}
    url = urllib.parse.urlsplit(question.url)
    if url.scheme != "http" or not url.hostname:
        raise HostError(f"probe http: {question.url!r} must be http://ADDRESS[:PORT]/PATH")
    connection = http.client.HTTPConnection(url.hostname, url.port or 80)
    try:
        with inside(question.netns):
            connection.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.sock.settimeout(question.timeout_s)
        connection.sock.connect((url.hostname, url.port or 80))
        connection.request("GET", urllib.parse.urlunsplit(("", "", url.path or "/", url.query, "")))
        response = connection.getresponse()
        body = response.read(MAX_BODY).decode(errors="replace")
    except TimeoutError:
        return {**answer, "error": f"{question.url}: no answer within {question.timeout_s:g} s"}
    except (OSError, http.client.HTTPException) as error:
        return {**answer, "error": f"{question.url}: {getattr(error, 'strerror', None) or repr(error)}"}
    finally:
        connection.close()
    ok = response.status < 400
    return {
        **answer,
        "ok": ok,
        "status": response.status,
        "body": body,
        "error": "" if ok else f"{question.url}: status {response.status}",
    }


def _route(question: RoutePresent) -> dict[str, JSON]:
    with rtnetlink(question.netns) as opened:
        found = [route for route in routes(opened, question.table) if route.dst == question.dst]
        best = min(found, key=lambda route: route.metric, default=None)
        link = find_link(opened, index=best.ifindex) if best and best.ifindex else None
    if best is None:
        error = f"no route to {question.dst} in table {question.table}"
        return {"ok": False, "via": None, "dev": None, "protocol": None, "metric": None, "error": error}
    dev = link.ifname if link else ""
    return {"ok": True, "via": best.via, "dev": dev, "protocol": best.protocol, "metric": best.metric, "error": ""}
