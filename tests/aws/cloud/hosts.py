"""Instances that run: each is a sandbox host with Debian's cloud-init, reached at its public address by SSH as far as its security groups let one.

Public addresses are in 127.64.0.0/10, so that they are this machine's: a listener there relays to the sshd in the sandbox.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import os
import re
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko

from sandbox import base, control
from sandbox.errors import SandboxError
from tests.aws.cloud import boot, metadata
from tests.machines import STATE, make_key

LOOK_S = 0.1
"""How often what instances shall be is compared with what their hosts are."""
BOOT_S = 120.0
FOLDER = "/var/lib/ec2"
"""In a sandbox: what EC2 knows of the instance."""
CLIENT = ipaddress.ip_address("127.0.0.1")
"""Whence all tests come."""


class Hosts:
    """The hosts of all instances. Instances are moto's objects, and it is they that say what shall be."""

    def __init__(self, keys: Path) -> None:
        sweep()
        self._key = make_key(keys)
        self._base = base.ensure(cloud=True)
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="hosts")
        self._watcher.start()

    def launched(self, instance: Any) -> None:  # noqa: ANN401 - moto's, without types
        """An instance was made: it boots."""
        with self._lock:
            self._hosts[instance.id] = Host(instance, self._key, self._base)

    def ended(self, instance: Any) -> None:  # noqa: ANN401
        """An instance was terminated; returns when its host is gone."""
        with self._lock:
            host = self._hosts.pop(instance.id, None)
        if host:
            host.destroy()

    def stopped(self, instance: Any) -> None:  # noqa: ANN401
        """An instance was stopped; returns when its host is down."""
        host = self._hosts.get(instance.id)
        if host:
            host.stop()

    def started(self, instance: Any) -> None:  # noqa: ANN401
        """An instance was started: it boots again."""
        host = self._hosts.get(instance.id)
        if host:
            host.start()

    def name(self, instance_id: str) -> str:
        """The sandbox of an instance."""
        return self._hosts[instance_id].name

    def close(self) -> None:
        self._closed.set()
        self._watcher.join()
        for host in list(self._hosts.values()):
            host.destroy()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            for host in list(self._hosts.values()):
                try:
                    host.follow()
                except Exception as error:  # noqa: BLE001 - the other hosts go on
                    print(f"host of {host.instance.id}: {error!r}", file=sys.stderr, flush=True)


class Host:
    """The host of one instance."""

    def __init__(self, instance: Any, key: Path, base: Path) -> None:  # noqa: ANN401 - moto's, without types
        self.instance = instance
        self.name = f"ec2-{os.getpid()}-{instance.id[2:12]}"
        self._key = key
        self._base = base
        self._lock = threading.RLock()
        self._control: paramiko.SSHClient | None = None
        self._ports: list[int] = []
        """Where sshd listens; none until it does."""
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._gone = False
        self._metadata_written = ""
        self.start()

    def start(self) -> None:
        threading.Thread(target=self._boot, name=f"boot of {self.instance.id}").start()

    def stop(self) -> None:
        with self._lock:
            self._close()
            control.stop(self.name, state=STATE)

    def destroy(self) -> None:
        with self._lock:
            self._gone = True
            self._close()
            control.destroy(self.name, state=STATE)

    def follow(self) -> None:
        """Listen where the instance can be reached; note where its host was powered off from inside."""
        if not self._lock.acquire(blocking=False):
            return  # it boots or goes down
        try:
            if self._gone or not self._ports:
                return
            if not control.status(self.name, state=STATE).running:
                self._close()
                threading.Thread(target=self._powered_off).start()
                return
            self._write_metadata()
            wanted = {(address, port) for address in self._addresses() for port in self._ports if self._allows(port)}
            for place in [place for place in self._listeners if place not in wanted]:
                self._listeners.pop(place).close()
            for place in wanted - self._listeners.keys():
                self._listeners[place] = listener = socket.create_server(place, backlog=64)
                threading.Thread(target=self._accept, args=(listener, place[1]), daemon=True).start()
        finally:
            self._lock.release()

    def _powered_off(self) -> None:
        """As EC2 does: what the instance says of a shutdown from inside, whatever the protection from the API's says."""
        backend = self.instance.ec2_backend
        if self.instance.instance_initiated_shutdown_behavior == "terminate":
            self.instance.disable_api_termination = False
            backend.terminate_instances([self.instance.id])
        else:
            backend.stop_instances([self.instance.id])
        self.instance.state_reason.code = "Client.InstanceInitiatedShutdown"
        self.instance.state_reason.message = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"

    def _boot(self) -> None:
        with self._lock:
            if self._gone:
                return
            try:
                self._boot_now()
            except (SandboxError, OSError, paramiko.SSHException, RuntimeError) as error:
                print(f"boot of {self.instance.id}: {error}", file=sys.stderr, flush=True)
                self.instance.state_reason.message = f"Server.InternalError: {error}"

    def _boot_now(self) -> None:
        status = control.start(self.name, state=STATE, base=self._base, public_key=self._key.with_suffix(".pub"))
        assert status.port is not None
        client = paramiko.SSHClient()
        # This process made the host.
        client.set_missing_host_key_policy(_Any())
        client.connect(
            "127.0.0.1", status.port, "root", key_filename=str(self._key), allow_agent=False, look_for_keys=False
        )
        self._control = client
        self._run(["mkdir", "-p", "-m", "700", FOLDER])
        self._write("boot.py", Path(boot.__file__).read_bytes())
        self._write("metadata.py", Path(metadata.__file__).read_bytes())
        self._write(
            "user-data", base64.b64decode(self.instance.user_data.as_bytes() if self.instance.user_data else b"")
        )
        self._metadata_written = ""
        self._write_metadata()
        pairs = self.instance.ec2_backend.key_pairs
        pair = pairs.get(self.instance.key_name)
        subnet = ipaddress.ip_network(self.instance.ec2_backend.get_subnet(self.instance.subnet_id).cidr_block)
        machine = {
            "folder": FOLDER,
            "instance_id": self.instance.id,
            "hostname": self.instance.private_dns_name.partition(".")[0],
            "private_ip": self.instance.private_ip,
            "prefix_length": subnet.prefixlen,
            "public_keys": [pair.public_key.strip()] if pair else [],
        }
        self._write("machine.json", json.dumps(machine).encode())
        # It goes on when this connection is gone.
        command = f"setsid python3 -I {FOLDER}/boot.py < {FOLDER}/machine.json 2> /var/log/ec2-boot.log"
        _, output, _ = client.exec_command(command, timeout=BOOT_S)
        line = output.readline().split()
        if not line or line[0] != "up":
            raise RuntimeError(f"it did not come up: {self._run(['tail', '-n', '20', '/var/log/ec2-boot.log'])}")
        self._ports = [int(port) for port in line[1:]]

    def _write_metadata(self) -> None:
        options = self.instance.metadata_options
        values = {
            "instance-id": self.instance.id,
            "instance-type": self.instance.instance_type,
            "local-ipv4": self.instance.private_ip,
            "public-ipv4": self.instance.public_ip or "",
            "placement/availability-zone": self.instance.availability_zone,
            "placement/region": self.instance.region_name,
        }
        about = {"tokens": options.http_tokens, "hop_limit": options.http_put_response_hop_limit, "values": values}
        text = json.dumps(about)
        if text != self._metadata_written:
            self._write("metadata.json", text.encode())
            self._metadata_written = text

    def _addresses(self) -> set[str]:
        addresses = {self.instance.public_ip}
        addresses |= {
            address.public_ip
            for address in self.instance.ec2_backend.addresses
            if address.instance is self.instance or address.eni is self.instance.nics[0]
        }
        return {address for address in addresses if address and ipaddress.ip_address(address).is_loopback}

    def _allows(self, port: int) -> bool:
        """Whether a security group lets a client in on a port."""
        for group in self.instance.nics[0].group_set:
            for rule in group.ingress_rules:
                fits = rule.ip_protocol in {"-1", "tcp"} and (
                    rule.ip_protocol == "-1" or int(rule.from_port) <= port <= int(rule.to_port)
                )
                if fits and rule.cidr_ipv4 and CLIENT in ipaddress.ip_network(rule.cidr_ipv4):
                    return True
        return False

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._relay, args=(client, port), daemon=True).start()

    def _relay(self, client: socket.socket, port: int) -> None:
        """A connection, by way of the control connection, since the sandbox has no other."""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            transport = self._control.get_transport() if self._control else None
            try:
                if transport is None:
                    return
                channel = transport.open_channel("direct-tcpip", ("127.0.0.1", port), client.getpeername())
            except (OSError, paramiko.SSHException):
                return
            with contextlib.closing(channel):
                back = threading.Thread(target=_copy, args=(channel.recv, client.sendall, client.shutdown), daemon=True)
                back.start()
                _copy(client.recv, channel.sendall, lambda _: channel.shutdown_write())
                back.join()

    def _close(self) -> None:
        self._ports = []
        for listener in self._listeners.values():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners.clear()
        if self._control:
            self._control.close()
            self._control = None

    def _run(self, argv: list[str], stdin: bytes = b"") -> str:
        assert self._control is not None
        channel_in, output, errors = self._control.exec_command(shlex.join(argv), timeout=30)
        channel_in.write(stdin)
        channel_in.channel.shutdown_write()
        text = output.read().decode()
        if output.channel.recv_exit_status():
            raise RuntimeError(f"{shlex.join(argv)}: {errors.read().decode()}")
        return text

    def _write(self, name: str, content: bytes) -> None:
        # At once, for who reads it meanwhile.
        script = 'cat > "$1.new" && mv "$1.new" "$1"'
        self._run(["sh", "-c", script, "sh", f"{FOLDER}/{name}"], content)


class _Any(paramiko.MissingHostKeyPolicy):
    """Takes any host key."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """This process has just made the host."""


def _copy(receive: Callable[[int], bytes], send: Callable[[bytes], object], end: Callable[[int], object]) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        while piece := receive(65536):
            send(piece)
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        end(socket.SHUT_WR)


def sweep() -> None:
    """Destroy the hosts of a cloud that was killed."""
    for folder in STATE.glob("ec2-*-*"):
        match = re.fullmatch(r"ec2-(\d+)-[0-9a-f]+", folder.name)
        if match and not Path(f"/proc/{match[1]}").exists():
            control.destroy(folder.name, state=STATE)
