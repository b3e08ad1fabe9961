"""One SSH connection and one agent process per lab host, shared by all resources and threads of this process.

The only module that knows paramiko, whose import takes 0.1 s: the Pulumi program, which never connects, must not import it.

The host key is pinned: it comes with the address, or it was seen on the first connection and is kept in the stack's state since.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import logging
import os
import secrets
import shlex
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import cast

import paramiko

from dynamic_providers import shipment
from dynamic_providers.endpoint import Endpoint, Lost, OtherHost, Refused, Unreachable
from host_agent import frames
from host_agent.errors import HostError, ProtocolError
from host_agent.schema import JSON

__all__ = ["Agent", "Connection", "Endpoint", "Lost", "OtherHost", "Refused", "Unreachable", "agent", "close", "wait"]

CONNECT_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 120.0
START_TIMEOUT_S = 60.0
"""How long the agent may take to say hello: longer than Python needs on a slow, busy host."""
DEAD_PEER_S = 20
"""A connection whose other side is silent for that long is given up, whoever swallows the packets."""
BEAT_S = 5
"""How often both sides are asked for a sign of life."""
RETRY_AFTER_S = 30
"""A host that could not be reached is not tried again for that long: a lab's resources must not wait for it one after another."""
PYTHON = "/usr/bin/python3"

# Its threads' tracebacks would end up on the user's terminal; what they mean is raised where somebody waits.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Connection:
    """An SSH connection to a lab host. Thread-safe."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect and log in. Raises Unreachable or Refused."""
        self.endpoint = endpoint
        self.broken = ""
        """Why it was given up; \"\" while it was not."""
        self.beats: list[Callable[[], None]] = []
        """What is called every BEAT_S, to tell the other side that this one lives."""
        self._client = paramiko.SSHClient()
        self._closed = threading.Event()
        self.host_key = _open(self._client, endpoint)
        threading.Thread(target=self._watch, name=f"watch {endpoint}", daemon=True).start()

    @property
    def alive(self) -> bool:
        transport = self._client.get_transport()
        return transport is not None and transport.is_active()

    def run(
        self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = CALL_TIMEOUT_S
    ) -> tuple[int, bytes, bytes]:
        """A command on the host: status, stdout, stderr. Raises Lost."""
        try:
            channel = self.channel(argv)
            channel.settimeout(timeout_s)
            channel.sendall(stdin)
            channel.shutdown_write()
            output = channel.makefile("rb").read()
            errors = channel.makefile_stderr("rb").read()
            status = channel.recv_exit_status()
            if status == -1 and not self.alive:
                raise EOFError("it ended before the command did")
            return status, output, errors
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise Lost(
                f"{self.endpoint}: the connection broke during `{argv[0]}`: {self.broken or error or type(error).__name__}"
            ) from None

    def channel(self, argv: Sequence[str]) -> paramiko.Channel:
        """A channel on which a command runs."""
        transport = self._client.get_transport()
        if transport is None:
            raise Lost(f"{self.endpoint}: the connection is closed")
        channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
        # sshd hands a command line to the user's shell; quoting is in this one place.
        channel.exec_command(shlex.join(argv))
        return channel

    def terminal(self, argv: Sequence[str], term: str, columns: int, rows: int) -> paramiko.Channel:
        """A channel on which a command runs on a pseudo-terminal."""
        transport = self._client.get_transport()
        if transport is None:
            raise Lost(f"{self.endpoint}: the connection is closed")
        channel = transport.open_session(timeout=CONNECT_TIMEOUT_S)
        channel.get_pty(term, columns, rows)
        channel.exec_command(shlex.join(argv))
        return channel

    def as_root(self, argv: Sequence[str]) -> list[str]:
        """The argv that runs as root: itself, or by sudo that must not ask."""
        return list(argv) if self.endpoint.user == "root" else ["sudo", "-n", *argv]

    def agent_command(self, *arguments: str) -> list[str]:
        """The argv that runs this version's agent on the host."""
        return self.as_root([PYTHON, "-I", f"{shipment.folder()}/run.py", *arguments])

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _watch(self) -> None:
        """Close the connection where the other side no longer answers: TCP alone may take hours to see it, and a proxy hides it."""
        transport = self._client.get_transport()
        assert transport is not None
        while not self._closed.wait(BEAT_S) and transport.is_active():
            # Whatever blocks below is woken by the closing.
            silence = threading.Timer(DEAD_PEER_S - BEAT_S, self._give_up)
            silence.daemon = True
            silence.start()
            try:
                for beat in self.beats:
                    beat()
                # sshd refuses what it does not know; that it answers is what counts.
                transport.global_request("keepalive@openssh.com", wait=True)
            except (OSError, EOFError, paramiko.SSHException):
                return  # its users see the same
            finally:
                silence.cancel()

    def _give_up(self) -> None:
        self.broken = f"no sign of life for {DEAD_PEER_S} s"
        self.close()


class Agent:
    """The agent process on a lab host. Any number of threads may call at once; answers find their callers."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect, bring this version of the agent if it is not there, start it.

        Raises Unreachable, Refused, and OtherHost where `endpoint.identity` is another machine's.
        """
        self.endpoint = endpoint
        self.connection = Connection(endpoint)
        self._numbers = itertools.count(1)
        self._sending = threading.Lock()
        self._waiting: dict[int, tuple[Future[dict[str, JSON]], Callable[[str], None]]] = {}
        self._waiting_lock = threading.Lock()
        self._broken = False
        """Nobody reads answers any more, or a request could not be sent."""
        try:
            self._channel, hello = self._start()
        except BaseException:
            self.connection.close()
            raise
        self.identity = str(hello["identity"])
        if endpoint.identity and endpoint.identity != self.identity:
            self.connection.close()
            raise OtherHost(f"{endpoint} is another machine now (identity {self.identity}, not {endpoint.identity})")
        threading.Thread(target=self._read, name=f"agent {endpoint}", daemon=True).start()
        # sshd does not tell the agent of a client that was cut off: it ends when these stay away.
        alive = frames.encode({"method": "alive"})
        self.connection.beats.append(lambda: self._send(alive))

    @property
    def pinned(self) -> Endpoint:
        """The endpoint with the host key and the identity that were seen there."""
        return dataclasses.replace(self.endpoint, host_key=self.connection.host_key, identity=self.identity)

    @property
    def alive(self) -> bool:
        return not self._broken

    def call(
        self,
        method: str,
        parameters: Mapping[str, object],
        *,
        blob: bytes = b"",
        timeout_s: float = CALL_TIMEOUT_S,
        progress: Callable[[str], None] = lambda text: None,
    ) -> dict[str, JSON]:
        """One round-trip. Raises what the agent raised as HostError, and Lost where no answer came."""
        number = next(self._numbers)
        future: Future[dict[str, JSON]] = Future()
        with self._waiting_lock:
            if self._broken:
                raise Lost(f"{self.endpoint}: the connection is closed")
            self._waiting[number] = (future, progress)
        try:
            frame = frames.encode({"id": number, "method": method, "parameters": dict(parameters)}, blob)
            self._send(frame)
            return future.result(timeout_s)
        except FutureTimeoutError:
            # The host lives, else the connection had been given up: the other calls go on.
            raise Lost(
                f"{self.endpoint}: no answer to {method} within {timeout_s:g} s, though the host lives"
            ) from None
        except (OSError, EOFError) as error:
            # What comes next shall not wait on the same dead connection.
            self._broken = True
            raise Lost(
                f"{self.endpoint}: the connection broke during {method}: {self.connection.broken or error or type(error).__name__}"
            ) from None
        finally:
            with self._waiting_lock:
                self._waiting.pop(number, None)

    def upload(
        self, lease: str, sha256: str, file: io.BufferedIOBase, size: int, progress: Callable[[int], None]
    ) -> None:
        """Put a file into a lease's blobs, in parts of 1 MiB; `progress` is told the bytes so far."""
        whole = {"lease": lease, "sha256": sha256, "upload": secrets.token_hex(4)}
        offset = 0
        while True:
            part = file.read(1024 * 1024)
            last = offset + len(part) >= size
            self.call("put_blob", {**whole, "offset": offset, "last": last}, blob=part)
            offset += len(part)
            progress(offset)
            if last:
                return

    def close(self) -> None:
        """End the agent and the connection. What it is doing it may finish within a second."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()
        self.connection.close()

    def _start(self) -> tuple[paramiko.Channel, dict[str, JSON]]:
        for attempt in ("as it is", "installed"):
            try:
                channel = self.connection.channel(self.connection.agent_command("serve"))
                channel.settimeout(START_TIMEOUT_S)
                first = frames.read(channel.makefile("rb", 0))
                channel.settimeout(None)
            except ProtocolError as error:
                raise Refused(
                    f"{self.endpoint}: the login prints what is not the agent's, such as a shell's greeting: {error}"
                ) from None
            except (OSError, EOFError, paramiko.SSHException) as error:
                why = self.connection.broken or error or type(error).__name__
                raise Lost(f"{self.endpoint}: the agent did not start: {why}") from None
            if first is not None:
                return channel, cast(dict[str, JSON], first[0]["hello"])
            errors = channel.makefile_stderr("rb").read().decode(errors="replace").strip()
            if not self.connection.alive:
                why = self.connection.broken or "the connection ended"
                raise Lost(f"{self.endpoint}: the agent did not start: {why}")
            if "can't open file" not in errors or attempt == "installed":
                break
            self._install()
        if "a password is required" in errors:
            raise Refused(
                f"{self.endpoint}: sudo asks {self.endpoint.user} for a password; allow `NOPASSWD: {PYTHON}` or connect as root"
            )
        raise Refused(f"{self.endpoint}: the agent does not run there: {errors or 'no message'}")

    def _install(self) -> None:
        argv = self.connection.as_root([PYTHON, "-I", "-c", shipment.INSTALLER, shipment.folder()])
        status, _, errors = self.connection.run(argv, shipment.archive())
        if status:
            raise Refused(f"{self.endpoint}: the agent can't be installed: {errors.decode(errors='replace').strip()}")

    def _send(self, frame: bytes) -> None:
        with self._sending:
            self._channel.sendall(frame)

    def _read(self) -> None:
        reader = self._channel.makefile("rb", 0)
        reason = "the agent ended"
        try:
            while (frame := frames.read(reader)) is not None:
                self._deliver(frame[0])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            reason = str(error) or type(error).__name__
        with self._waiting_lock:
            # Whoever comes after this is refused, and whoever came before is told: nobody waits for an answer that can't come.
            self._broken = True
            waiting = list(self._waiting.values())
        for future, _ in waiting:
            future.set_exception(Lost(f"{self.endpoint}: the connection broke: {self.connection.broken or reason}"))

    def _deliver(self, message: dict[str, object]) -> None:
        number = cast(int, message.get("id"))
        with self._waiting_lock:
            # Whoever has an answer waits no more: what ends the connection a moment later is nothing to them.
            waiting = self._waiting.get(number) if "progress" in message else self._waiting.pop(number, None)
        if waiting is None:
            return  # its caller gave up
        future, progress = waiting
        if "progress" in message:
            progress(str(message["progress"]))
        elif "error" in message:
            error = cast(dict[str, str], message["error"])
            trace = f"\n{error['trace']}" if error.get("trace") and os.environ.get("LAB_TRACE") else ""
            future.set_exception(HostError(error["message"] + trace))
        else:
            future.set_result(cast(dict[str, JSON], message["result"]))


_pool_lock = threading.Lock()
_pool: dict[Endpoint, Agent] = {}
_opening: dict[Endpoint, threading.Lock] = {}
_unreachable: dict[Endpoint, tuple[float, str]] = {}
"""When a host was last found to be out of reach, and why."""


def agent(endpoint: Endpoint, *, try_again: bool = False) -> Agent:
    """This process's agent on a host: made on first use, made again where its connection broke.

    A host that was out of reach within RETRY_AFTER_S still is, unless `try_again`.
    """
    with _pool_lock:
        opening = _opening.setdefault(endpoint, threading.Lock())
    with opening:
        current = _pool.get(endpoint)
        if current is None or not current.alive:
            since, why = _unreachable.get(endpoint, (0.0, ""))
            if why and not try_again and time.monotonic() - since < RETRY_AFTER_S:
                raise Unreachable(why)
            if current is not None:
                current.close()
            try:
                # What is made right after the host names it by what was seen at the first connection: that is this one.
                current = _pool[endpoint] = Agent(endpoint)
                _pool[current.pinned] = current
            except Unreachable as error:
                _unreachable[endpoint] = time.monotonic(), str(error)
                raise
            _unreachable.pop(endpoint, None)
        return current


def close(endpoint: Endpoint) -> None:
    """End this process's connection to a host, if there is one."""
    with _pool_lock:
        current = _pool.get(endpoint)
        for key in [key for key, agent in _pool.items() if agent is current]:
            del _pool[key]
    if current is not None:
        current.close()


def wait(endpoint: Endpoint, timeout_s: float, progress: Callable[[str], None] = lambda text: None) -> Agent:
    """The agent of a host that may still be booting.

    Tries at growing intervals (1, 2, 4, then every 5 s), so that sshd's MaxStartups and PerSourcePenalties are not tripped. A refusal ends the
    wait at once: it does not get better. Raises Unreachable after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    pause = 1.0
    while True:
        try:
            return agent(endpoint, try_again=True)
        except Unreachable as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unreachable(
                    f"{error}. Waited {timeout_s:g} s: is it running, and does a firewall let port {endpoint.port} in?"
                ) from None
            progress(f"waiting for {endpoint}: {error}")
            time.sleep(min(pause, left))
            pause = min(pause * 2, 5.0)


class _PinFirstKey(paramiko.MissingHostKeyPolicy):
    """Takes the key of a host that was never seen; `LabHost` then pins it in the state."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        client.get_host_keys().add(hostname, key.get_name(), key)


def _open(client: paramiko.SSHClient, endpoint: Endpoint) -> str:
    """Connect and log in; returns the host's key. Raises Unreachable or Refused."""
    name = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
    if endpoint.host_key:
        kind, key = endpoint.host_key.split()[:2]
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {kind} {key}")
        if entry is None or entry.key is None:
            raise Refused(f"{endpoint}: {endpoint.host_key!r} is not an SSH host key")
        client.get_host_keys().add(name, kind, entry.key)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
    else:
        with contextlib.suppress(FileNotFoundError):
            client.load_system_host_keys()
        client.set_missing_host_key_policy(_PinFirstKey())
    key_file = str(Path(endpoint.private_key_file).expanduser()) if endpoint.private_key_file else None
    sock: socket.socket | None = None
    opened = False
    try:
        sock = socket.create_connection((endpoint.address, endpoint.port), CONNECT_TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(DEAD_PEER_S * 1000))
        client.connect(
            endpoint.address,
            endpoint.port,
            endpoint.user,
            key_filename=key_file,
            allow_agent=not key_file,
            look_for_keys=not key_file,
            sock=sock,
            timeout=CONNECT_TIMEOUT_S,
            banner_timeout=CONNECT_TIMEOUT_S,
            auth_timeout=CONNECT_TIMEOUT_S,
        )
        opened = True
    except paramiko.BadHostKeyException as error:
        raise Refused(
            f"{endpoint}: another host key ({error.key.get_name()}) than the pinned one; if the machine was reinstalled, replace the LabHost resource"
        ) from None
    except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
        if "timeout" in str(error):
            raise Unreachable(f"{endpoint} can't be reached: it does not answer the login") from None
        raise Refused(
            f"{endpoint}: login refused with {key_file or 'the SSH agent and the default keys'}: {error}"
        ) from None
    except FileNotFoundError as error:
        raise Refused(f"{endpoint}: no private key at {error.filename}") from None
    except (OSError, EOFError, paramiko.SSHException) as error:
        if "not found in known_hosts" in str(error):
            raise Refused(f"{endpoint}: another host key than the pinned one") from None
        raise Unreachable(f"{endpoint} can't be reached: {error or type(error).__name__}") from None
    finally:
        if not opened:
            client.close()
            if sock is not None:
                sock.close()
    transport = client.get_transport()
    assert transport is not None
    seen = transport.get_remote_server_key()
    return f"{seen.get_name()} {seen.get_base64()}"
