"""A lab by hand: the shell commands that build, edit and remove it on the host, as one would write them.

They are grouped in steps, one for each thing that is made. A step is a command line for the host's shell: that it is shell is the point.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmarks.labs import Bridge, Container, End, Lab, Namespace, Pair, Route, Router

PREFIX = "hand"
ROOT = PurePosixPath("/root/hand")
"""Where the images' root file systems are on the host."""
IMAGE = "hand-web"


@dataclass(frozen=True)
class Step:
    """What is made, and its command line."""

    name: str
    command: str


def up(lab: Lab) -> list[Step]:
    """All that builds the lab, in order."""
    return [
        *([Step("image", f"tar -C {ROOT}/web -c . | docker import - {IMAGE} >/dev/null")] if lab.containers else []),
        *(Step(f"namespace {each.name}", _namespace(each)) for each in lab.namespaces),
        *(Step(f"bridge {each.ifname}", _bridge(each)) for each in lab.bridges),
        *(Step(f"container {each.name}", _container(each)) for each in lab.containers),
        *(Step(f"pair {each.name}", _pair(each)) for each in lab.pairs),
        *(Step(f"route {each.dst}", _route(each)) for each in lab.routes),
        *(Step(f"router {each.name}", start_router(each, inside=False)) for each in lab.routers),
    ]


def edit(lab: Lab) -> list[Step]:
    """From the lab to the lab with its edit."""
    pair = next(pair for pair in lab.with_edit().pairs if pair.name == lab.edited)
    return [
        Step(
            f"mtu of {pair.name}",
            " && ".join(
                _line("ip", "-n", _netns(end.namespace), "link", "set", end.ifname, "mtu", end.mtu) for end in pair.ends
            ),
        )
    ]


def destroy(lab: Lab) -> list[Step]:
    """All that removes the lab."""
    steps = [Step(f"no router {router.name}", stop_router(router)) for router in lab.routers]
    if lab.containers:
        names = [_netns(container.name) for container in lab.containers]
        # Not all by one `docker rm`, which ends them at once: Docker 20.10 (Debian 12) can then lock up for good (moby/moby#42545).
        steps += [Step(f"no container {name}", f"{_line('docker', 'rm', '-f', name)} >/dev/null") for name in names]
        steps.append(Step("no attached namespaces", _line("rm", *(f"/run/netns/{name}" for name in names))))
        steps.append(Step("no image", f"docker rmi {IMAGE} >/dev/null"))
    steps += [
        Step(f"no namespace {each.name}", _line("ip", "netns", "del", _netns(each.name))) for each in lab.namespaces
    ]
    return steps


def text(steps: list[Step]) -> str:
    """The steps as one script that stops at the first failure."""
    return "set -e\n" + "\n".join(step.command for step in steps) + "\n"


def _line(*argv: object) -> str:
    return shlex.join(str(argument) for argument in argv)


def _netns(name: str) -> str:
    return f"{PREFIX}-{name}"


def _namespace(namespace: Namespace) -> str:
    netns = _netns(namespace.name)
    settings = [
        f"net.ipv4.ip_forward={int(namespace.forwarding)}",
        f"net.ipv4.ip_default_ttl={namespace.default_ttl}",
    ]
    quiet = "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 >$f; done"
    return " && ".join(
        [
            _line("ip", "netns", "add", netns),
            _line("ip", "-n", netns, "link", "set", "lo", "up"),
            _line("ip", "netns", "exec", netns, "sh", "-c", f"sysctl -qw {' '.join(settings)}; {quiet}"),
        ]
    )


def _bridge(bridge: Bridge) -> str:
    netns = _netns(bridge.namespace)
    return (
        f"{_line('ip', '-n', netns, 'link', 'add', bridge.ifname, 'mtu', bridge.mtu, 'type', 'bridge')}"
        f" && {_line('ip', '-n', netns, 'link', 'set', bridge.ifname, 'up')}"
    )


def _container(container: Container) -> str:
    name = _netns(container.name)
    capabilities = [argument for each in container.capabilities for argument in ("--cap-add", each)]
    run = _line(
        *(
            "docker",
            "run",
            "-d",
            "--network",
            "none",
            "--name",
            name,
            "--hostname",
            container.name,
            "--cap-drop",
            "ALL",
        ),
        *(*capabilities, "--security-opt", "no-new-privileges", "--pids-limit", 512, IMAGE, *container.command),
    )
    return (
        f"{run} >/dev/null && mkdir -p /run/netns"
        f" && ln -s /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {name})/ns/net /run/netns/{name}"
    )


def _pair(pair: Pair) -> str:
    first, second = pair.ends
    make = _line(
        *("ip", "-n", _netns(first.namespace), "link", "add", first.ifname, "mtu", first.mtu),
        *(*(("address", first.mac) if first.mac else ()), "type", "veth", "peer", "name", second.ifname),
        *("netns", _netns(second.namespace), "mtu", second.mtu, *(("address", second.mac) if second.mac else ())),
    )
    return " && ".join([make, *_end(second), *_end(first)])


def _end(end: End) -> list[str]:
    ip = ("ip", "-n", _netns(end.namespace))
    master = ("master", end.master) if end.master else ()
    return [
        *(_line(*ip, "address", "add", address, "dev", end.ifname) for address in end.addresses),
        _line(*ip, "link", "set", end.ifname, *master, "up"),
        *([_line(*ip, "route", "replace", "default", "via", end.default_via)] if end.default_via else []),
    ]


def _route(route: Route) -> str:
    return _line("ip", "-n", _netns(route.namespace), "route", "add", route.dst, "via", route.via)


def start_router(router: Router, *, inside: bool) -> str:
    """FRR by its daemons and a configuration read at once; `inside`: from a shell that is in the namespace."""
    name = _netns(router.name)
    etc, run = f"/etc/frr/{name}", f"/run/frr/{name}"
    enter = () if inside else ("ip", "netns", "exec", name)
    daemons = [
        _line(*enter, f"/usr/lib/frr/{each}", "-d", "-N", name, "-A", "127.0.0.1", "-P", 0)
        for each in ("zebra", "ripd", "staticd")
    ]
    return " && ".join(
        [
            f"mkdir -p {etc} {run}",
            f"printf %s {shlex.quote(router.config)} >{etc}/frr.conf",
            f"echo service integrated-vtysh-config >{etc}/vtysh.conf",
            f"chown -R frr:frr {etc} {run}",
            *daemons,
            # Read from the file, as `vtysh -b` does, which says so for every daemon.
            f"vtysh -N {name} -f {etc}/frr.conf >/dev/null 2>&1",
        ]
    )


def stop_router(router: Router) -> str:
    name = _netns(router.name)
    return f"kill $(cat /run/frr/{name}/*.pid) && rm -r /run/frr/{name} /etc/frr/{name}"
