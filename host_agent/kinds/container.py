"""`docker run` with no network but the lab's.

Two Docker containers: `exam-lab-<lease>-<name>-pause` does nothing but own the network namespace, which is attached as
`/run/netns/<lease>-<name>`; `exam-lab-<lease>-<name>` is the container itself, with `--network container:…-pause`. So its links survive
its restart, and every change here but that of the name:

    docker exec exam-lab-a1b2c3d4-web /bin/busybox ip address
    ip netns exec a1b2c3d4-web ip -br address

When the pause container ends, the namespace and its links are gone, and the container counts as gone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from host_agent.context import Context, Shown
from host_agent.errors import Conflict, HostError, Missing
from host_agent.netlink import attach, delete, exists, netns_path
from host_agent.schema import REPLACE, SECRET, between, matching

if TYPE_CHECKING:
    from docker.api import APIClient
    from docker.errors import APIError

Inspected = dict[str, object]

LEASE = "exam-lab.lease"
NAME = "exam-lab.name"
VARIABLES = "exam-lab.env"
"""Label: the names of the declared variables; a container's environment also has its image's."""
PAUSE_COMMAND = ["/bin/busybox", "sleep", "infinity"]
CPU_PERIOD_US = 100_000
PIDS_LIMIT = 512
STOP_TIMEOUT_S = 2
LIVE = frozenset({"memory_mib", "cpus", "restart", "running", "pause_image"})
"""Fields that change without making the container again."""

Restart = Literal["no", "on-failure", "always", "unless-stopped"]


def _capabilities(value: tuple[str, ...]) -> tuple[str, ...]:
    names = sorted({name.upper().removeprefix("CAP_") for name in value})
    for name in names:
        if not re.fullmatch(r"[A-Z][A-Z_]*", name) or name == "ALL":
            raise ValueError(f"must be capabilities such as NET_RAW (see capabilities(7)), not {name!r}")
    return tuple(names)


_absolute = matching(r"/\S*", "an absolute path without spaces")


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or folder of the lab host, seen in the container."""

    source: Annotated[str, _absolute]
    """Path on the lab host; it must exist."""
    target: Annotated[str, _absolute]
    """Path in the container."""
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class Args:
    """A container as declared or observed."""

    name: Annotated[
        str,
        matching(
            r"(?!.*-pause$)[A-Za-z0-9][A-Za-z0-9_-]{0,50}",
            "a name of letters, digits, '_' and '-', without -pause at its end",
        ),
        REPLACE,
    ]
    """Also its hostname."""
    image: str
    """The id of an image on the host (`sha256:…`, an Image's `image_id`), or a tag."""
    pause_image: str
    """What a pause container is made from; it must have /bin/busybox. A change leaves a pause container that runs alone."""
    command: tuple[str, ...] = ()
    """Argv; () is the image's own."""
    env: Annotated[dict[str, str], SECRET] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    capabilities: Annotated[tuple[str, ...], _capabilities] = ()
    """All that it has, such as NET_RAW for ping. Ports below 1024 need none."""
    memory_mib: Annotated[int, between(6, 1 << 30, "MiB")] | None = None
    """Without swap; None is no limit."""
    cpus: Annotated[float, between(0.01, 4096)] | None = None
    """CPU time, in processors; None is no limit."""
    restart: Restart = "no"
    new_privileges: bool = False
    """Whether set-user-id programs may raise privileges (Docker's `no-new-privileges` is the opposite)."""
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where it is. None of it changes when the container is started or made again."""

    container: str
    """Docker's name for it."""
    pause_id: str
    netns: str
    """The name of its network namespace, under /run/netns."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    return _ensure(context, args, _Names(context, args))


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    names = _Names(context, args)
    api = context.host.docker.api
    pause = _own(context, args, _inspect(api, names.pause))
    if pause is None or not _attached(names.netns, pause):
        return None
    outputs = Outputs(container=names.container, pause_id=str(pause["Id"]), netns=names.netns)
    app = _own(context, args, _inspect(api, names.container))
    if app is None or _joined(app) != pause["Id"]:
        return Shown(replace(args, running=False), outputs)
    return Shown(_observed(args, app), outputs)


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return _ensure(context, news, _Names(context, news))


def remove(context: Context, args: Args) -> None:
    names = _Names(context, args)
    api = context.host.docker.api

    def end(name: str) -> None:
        found = _own(context, args, _inspect(api, name))
        if found is not None:
            _delete(api, args, str(found["Id"]))

    # Docker waits for the end of each, and neither needs the other for it.
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(end, (names.container, names.pause)))
    delete(names.netns)


def has_ended(context: Context, args: Args) -> bool:
    """Whether its pause container is there and its namespace is not: it ended, or was started again; none that is being removed counts."""
    names = _Names(context, args)
    pause = _own(context, args, _inspect(context.host.docker.api, names.pause))
    if pause is None or cast(Inspected, pause["State"])["Status"] in {"removing", "dead", "paused"}:
        return False
    return not _attached(names.netns, pause)


def pause_name(lease: str, name: str) -> str:
    """What Docker calls a container's pause container."""
    return f"exam-lab-{lease}-{name}-pause"


class _Names:
    """What a container's parts are called on the host."""

    def __init__(self, context: Context, args: Args) -> None:
        self.container = f"exam-lab-{context.lease}-{args.name}"
        self.pause = pause_name(context.lease, args.name)
        self.netns = f"{context.lease}-{args.name}"


def _ensure(context: Context, args: Args, names: _Names) -> Outputs:
    """Whatever is there: the pause container, the namespace and the container are as declared afterwards."""
    api = context.host.docker.api
    pause, app = _inspect(api, names.pause), _inspect(api, names.container)
    for found, name in ((pause, names.pause), (app, names.container)):
        if found is not None and _own(context, args, found) is None:
            labels = _labels(found)
            mark = f"exam-lab {labels[LEASE]}" if LEASE in labels and NAME in labels else ""
            raise Conflict(f"Docker container {name}", context.owner_of(mark))
    if pause is None and not context.adopt and exists(names.netns):
        raise Conflict(f"network namespace {names.netns}", context.owner_of(""))
    with _explained(args), ThreadPoolExecutor(max_workers=1) as pool:
        pause_id = str(pause["Id"]) if pause is not None else _create_pause(context, args, names)
        if app is not None and (_joined(app) != pause_id or _must_be_made_again(args, app)):
            _delete(api, args, str(app["Id"]))
            app = None
        # Docker makes a container, which takes as long as to start one, while the one that it will join is started.
        created = (
            pool.submit(api.create_container_from_config, _config(context, args, pause_id), names.container)
            if app is None
            else None
        )
        pause = _started(api, pause_id, pause)
        if not _attached(names.netns, pause):
            _attach(names.netns, pause)
        if app is not None:
            _change(api, args, app, pause)
        elif created is not None:
            app_id = created.result()["Id"]
            if args.running:
                api.start(app_id)
    return Outputs(container=names.container, pause_id=pause_id, netns=names.netns)


def _started(api: APIClient, pause_id: str, pause: Inspected | None) -> Inspected:
    """A pause container that is there, running. Made anew, it would have another id, and the container and its files could not stay."""
    if pause is not None and _running(pause):
        return pause
    if pause is not None and cast(Inspected, pause["State"])["Paused"]:
        api.unpause(pause_id)
    else:
        api.start(pause_id)
    return cast(Inspected, api.inspect_container(pause_id))


def _create_pause(context: Context, args: Args, names: _Names) -> str:
    config = {
        "Image": args.pause_image,
        "Cmd": PAUSE_COMMAND,
        "Hostname": args.name,
        "Labels": {LEASE: context.lease, NAME: args.name},
        # As PID 1 it ignores SIGTERM; a stop (of Docker, of the host) must not wait for it.
        "StopSignal": "SIGKILL",
        # Beyond `--network none`: without Docker's own network set-up (0.2 s), and without the host's resolv.conf in the lab. And Docker
        # 20.10 (Debian 12) can lock up for good where containers that are in one of its networks, even in `none`, end at once (moby/moby#42545).
        "NetworkDisabled": True,
        # It only sleeps, without a capability. To compile Docker's filter of system calls for it would be a quarter of its start.
        "HostConfig": {
            **_confinement(),
            "NetworkMode": "none",
            "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
        },
    }
    return str(context.host.docker.api.create_container_from_config(config, names.pause)["Id"])


def _config(context: Context, args: Args, pause_id: str) -> dict[str, object]:
    """The container in the words of Docker's API (`POST /containers/create`)."""
    host_config: dict[str, object] = {
        **_confinement(),
        "NetworkMode": f"container:{pause_id}",
        "CapAdd": list(args.capabilities),
        "SecurityOpt": [] if args.new_privileges else ["no-new-privileges"],
        "RestartPolicy": {"Name": args.restart},
        "Mounts": [
            {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
            for mount in args.mounts
        ],
        **({"Memory": args.memory_mib << 20, "MemorySwap": args.memory_mib << 20} if args.memory_mib else {}),
        **({"CpuPeriod": CPU_PERIOD_US, "CpuQuota": _quota_us(args.cpus)} if args.cpus else {}),
    }
    return {
        "Image": args.image,
        "Cmd": list(args.command) or None,
        "Env": [f"{name}={value}" for name, value in args.env.items()],
        "Labels": {LEASE: context.lease, NAME: args.name, VARIABLES: " ".join(args.env)},
        "StopTimeout": STOP_TIMEOUT_S,
        "HostConfig": host_config,
    }


def _confinement() -> dict[str, object]:
    return {
        "CapDrop": ["ALL"],
        "PidsLimit": PIDS_LIMIT,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
    }


def _observed(args: Args, app: Inspected) -> Args:
    config = cast(Inspected, app["Config"])
    host_config = cast(Inspected, app["HostConfig"])
    variables = dict(item.split("=", 1) for item in cast("list[str] | None", config["Env"]) or [] if "=" in item)
    declared = {*args.env, *_labels(app).get(VARIABLES, "").split()}
    return Args(
        name=args.name,
        image=str(config["Image"]),
        pause_image=args.pause_image,
        command=tuple(cast("list[str] | None", config["Cmd"]) or ()) if args.command else (),
        env={name: value for name, value in variables.items() if name in declared},
        mounts=tuple(
            Mount(
                source=str(mount["Source"]), target=str(mount["Target"]), read_only=bool(mount.get("ReadOnly", False))
            )
            for mount in cast("list[Inspected] | None", host_config.get("Mounts")) or []
        ),
        capabilities=_capabilities(tuple(cast("list[str] | None", host_config["CapAdd"]) or ())),
        memory_mib=(int(cast(int, host_config["Memory"])) >> 20) or None,
        cpus=_cpus(host_config),
        restart=cast(Restart, cast(dict[str, str], host_config["RestartPolicy"])["Name"] or "no"),
        new_privileges="no-new-privileges" not in (cast("list[str] | None", host_config["SecurityOpt"]) or []),
        running=_running(app),
    )


def _must_be_made_again(args: Args, app: Inspected) -> bool:
    observed = _observed(args, app)
    # A limit that is lifted: `docker update` can't, 0 means "as it is" there.
    if (observed.memory_mib and not args.memory_mib) or (observed.cpus and not args.cpus):
        return True
    return any(getattr(observed, name) != getattr(args, name) for name in Args.__dataclass_fields__ if name not in LIVE)


def _change(api: APIClient, args: Args, app: Inspected, pause: Inspected) -> None:
    """Bring limits, restart policy, namespace and state of a container that is there to what is declared."""
    observed = _observed(args, app)
    app_id = str(app["Id"])
    if args.memory_mib and args.memory_mib != observed.memory_mib:
        api.update_container(app_id, mem_limit=args.memory_mib << 20, memswap_limit=args.memory_mib << 20)
    if args.cpus and args.cpus != observed.cpus:
        api.update_container(app_id, cpu_period=CPU_PERIOD_US, cpu_quota=_quota_us(args.cpus))
    if args.restart != observed.restart:
        api.update_container(app_id, restart_policy=cast(Any, {"Name": args.restart}))
    if args.running and not observed.running:
        if cast(Inspected, app["State"])["Paused"]:
            api.unpause(app_id)
        else:
            api.start(app_id)
    elif not args.running and observed.running:
        api.stop(app_id, timeout=STOP_TIMEOUT_S)
    elif args.running and not _share_namespace(app, pause):
        # Its pause container was started again under it: what it is in has no links any more.
        api.restart(app_id, timeout=0)


def _quota_us(cpus: float) -> int:
    return round(cpus * CPU_PERIOD_US)


def _cpus(host_config: Inspected) -> float | None:
    quota, period = int(cast(int, host_config["CpuQuota"])), int(cast(int, host_config["CpuPeriod"]))
    return quota / (period or CPU_PERIOD_US) if quota > 0 else None


def _running(container: Inspected) -> bool:
    state = cast(Inspected, container["State"])
    return bool(state["Running"]) and not state["Paused"]


def _joined(app: Inspected) -> str:
    """The id of the container whose network namespace it is in."""
    return str(cast(Inspected, app["HostConfig"])["NetworkMode"]).removeprefix("container:")


def _labels(container: Inspected) -> dict[str, str]:
    return cast("dict[str, str] | None", cast(Inspected, container["Config"])["Labels"]) or {}


def _own(context: Context, args: Args, container: Inspected | None) -> Inspected | None:
    """The container, if it is this lease's. The lease alone does not tell: a container made by hand has the labels of its image."""
    labels = _labels(container) if container is not None else {}
    return container if labels.get(LEASE) == context.lease and labels.get(NAME) == args.name else None


def _inspect(api: APIClient, name: str) -> Inspected | None:
    import docker

    try:
        return cast(Inspected, api.inspect_container(name))
    except docker.errors.NotFound:
        return None


def _delete(api: APIClient, args: Args, container_id: str) -> None:
    import docker

    with _explained(args), contextlib.suppress(docker.errors.NotFound):
        api.remove_container(container_id, force=True, v=True)


def _namespace_of(container: Inspected) -> Path:
    return Path(f"/proc/{cast(Inspected, container['State'])['Pid']}/ns/net")


def _share_namespace(app: Inspected, pause: Inspected) -> bool:
    try:
        return _namespace_of(app).stat().st_ino == _namespace_of(pause).stat().st_ino
    except FileNotFoundError:
        return False


def _attached(netns: str, pause: Inspected) -> bool:
    """Whether /run/netns has the pause container's namespace, and not that of one which is gone."""
    try:
        return _running(pause) and netns_path(netns).stat().st_ino == _namespace_of(pause).stat().st_ino
    except FileNotFoundError:
        return False


def _attach(netns: str, pause: Inspected) -> None:
    """`ip netns attach NAME PID`, in place of what an earlier pause container left."""
    delete(netns)
    try:
        attach(netns, int(cast(int, cast(Inspected, pause["State"])["Pid"])))
    except OSError as error:
        raise Missing(
            f"network namespace {netns}: {error}; its pause container ended at once. See `docker logs`"
        ) from None


@contextlib.contextmanager
def _explained(args: Args) -> Iterator[None]:
    """Docker's refusals as one line that says what to do."""
    import docker

    try:
        yield
    except docker.errors.APIError as error:
        raise HostError(_reason(args, error)) from None


def _reason(args: Args, error: APIError) -> str:
    # "OCI runtime create failed: …: exec: "/nope": stat /nope: no such file or directory: unknown"
    text = str(error.explanation or error).removesuffix(": unknown").replace("\n", " ")
    start = text.find("exec: ")
    if start >= 0:
        return (
            f"container {args.name} does not start: {text[start:].removeprefix('exec: ')}. Is its command in its image?"
        )
    return f"container {args.name}: Docker refuses: {text}"
