"""`run.py attach | aux LEASE DEVICE [-- COMMAND…]`: a console of a device, or a command in it, on a terminal or a pipe.

The process becomes the command, so that its exit status and its signals are the device's. Without a command: a router's vtysh, a
container's or a namespace's shell, an emulated router's console. What an emulated router is told with `-- COMMAND` goes over its AUX port:
whatever is typed at its console is seen by all who are there. `aux` is that port, of an emulated router alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from host_agent import commands, dynamips, guest
from host_agent.context import Context, Host, netns_name
from host_agent.errors import CommandFailed, HostError, Missing
from host_agent.ledger import Entry, read_json
from host_agent.netlink import exists, netns_path

USAGE = "usage: run.py attach | aux LEASE DEVICE [-- COMMAND…]"

Argv: TypeAlias = list[str]


def attach(host: Host, arguments: Sequence[str], *, aux: bool = False) -> NoReturn:
    """Become the console of a device. Ends with the command's exit status, or with 1 and a message on stderr."""
    if len(arguments) < 2 or (len(arguments) > 2 and arguments[2] != "--"):
        sys.exit(USAGE)
    lease, device = arguments[:2]
    try:
        argv = command_for(host, lease, device, list(arguments[3:]), aux=aux)
        os.execvp(argv[0], argv)  # noqa: S606 - an argv, no shell
    except (HostError, OSError) as error:
        sys.exit(f"{device}: {error}" if isinstance(error, OSError) else str(error))


def command_for(host: Host, lease: str, device: str, command: Argv, *, aux: bool = False) -> Argv:
    """The argv that gives a console of the device, or runs `command` in it. Raises Missing for a device that is not there."""
    entry = _find(host, lease, device)
    if entry.kind == "dynamips_router":
        return _emulated(host, entry, command, aux=aux)
    if aux:
        raise Missing(f"{device} has no AUX port: only emulated routers have one")
    return _DEVICES[entry.kind](host, entry, command)


def _find(host: Host, lease: str, device: str) -> Entry:
    if host.ledger.owner(lease) is None:
        raise Missing(f"lease {lease} is not on this host: the lab is not up, or it is on another host")
    kinds = (*reversed(_DEVICES), "dynamips_router")
    entries = host.ledger.entries(lease)
    devices = {entry.key: entry for kind in kinds for entry in entries if entry.kind == kind}
    if device not in devices:
        raise Missing(f"no device {device!r} in this lab; there are {', '.join(sorted(devices)) or 'none'}")
    return devices[device]


def _router(host: Host, entry: Entry, command: Argv) -> Argv:
    pathspace, netns = f"{entry.lease}-{entry.key}", netns_name(str(entry.args["namespace"]))
    if command[:1] not in ([], ["vtysh"]):
        return _inside(host, netns, command)
    if host.guest and any(word != "-c" for word in command[1::2]):
        raise Missing(f"vtysh of {entry.key} takes -c COMMAND alone on a host that is shared")
    return _inside(host, netns, ["vtysh", "-N", pathspace, *command[1:]], user="frr")


def _emulated(host: Host, entry: Entry, command: Argv, *, aux: bool) -> Argv:
    hypervisor = dynamips.of_router(Context(host=host, lease=entry.lease), str(entry.args["hypervisor"]))
    record = read_json(hypervisor.folder / f"{entry.key}.router.json") or {}
    port = record.get("aux" if aux or command else "console")
    if not port or not hypervisor.is_running():
        raise Missing(f"router {entry.key} does not run; `pulumi up` starts it again")
    program = str(Path(__file__).resolve().parent.parent / "run.py")
    return [sys.executable, "-I", program, "line", hypervisor.netns, str(port), *(["--", *command] if command else [])]


def _container(host: Host, entry: Entry, command: Argv) -> Argv:
    name = f"exam-lab-{entry.lease}-{entry.key}"
    try:
        pid = commands.run(["docker", "inspect", "--format", "{{.State.Pid}}", name]).strip()
    except CommandFailed:
        pid = "0"
    if pid == "0":
        raise Missing(
            f"container {entry.key} is not running; `pulumi up` starts it again, `docker logs {name}` on the host says more"
        )
    if not command:
        # Not resolved: as a link it may only point to something in the container.
        has_shell = os.path.lexists(f"/proc/{pid}/root/bin/sh")
        command = ["/bin/sh"] if has_shell else ["/bin/busybox", "sh"]
    terminal = ["--tty", "--env", f"TERM={os.environ.get('TERM', 'dumb')}"] if os.isatty(0) else []
    return ["docker", "exec", "--interactive", *terminal, name, *command]


def _namespace(host: Host, entry: Entry, command: Argv) -> Argv:
    shell = ["bash", "-i"] if Path("/bin/bash").exists() else ["sh", "-i"]
    return _inside(host, f"{entry.lease}-{entry.key}", command or (shell if os.isatty(0) else shell[:1]))


def _inside(host: Host, netns: str, command: Argv, user: str = guest.WORLD) -> Argv:
    """A command in a namespace; a guest's is `user`'s, not root's."""
    if not exists(netns):
        raise Missing(f"network namespace {netns} is not on this host; `pulumi up` makes it again")
    own = guest.confined(command, user) if host.guest else command
    return ["nsenter", f"--net={netns_path(netns)}", "--", *own]


_DEVICES: dict[str, Callable[[Host, Entry, Argv], Argv]] = {
    "frr_router": _router,
    "container": _container,
    "network_namespace": _namespace,
}
"""What has a console; a router comes before the namespace that it routes in, which may have the same name."""
