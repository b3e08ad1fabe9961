"""FRR daemons in a namespace of the lab: a router that one logs in to with `vtysh -N <lease>-<name>`.

The daemons run as user `frr`, without a TCP port; their sockets are in `/run/frr/<lease>-<name>`, their files in `/etc/frr/<lease>-<name>`:

    exam-lab.conf  whose it is, and the declared configuration as it was last applied
    frr.conf       what a start reads: the declared configuration; after a `write memory`, what the candidate saved
    vtysh.conf     the hostname in the prompt

The running configuration is the candidate's to change: that is no drift. A change of the declared one is applied as the difference to what
was declared before. A daemon that was killed or a host that was booted starts from frr.conf: what was not saved is lost, as on any router.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import select
import shutil
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from host_agent import commands, frr_config
from host_agent.context import Context, Shown, netns_name
from host_agent.errors import CommandFailed, Conflict, HostError, Missing
from host_agent.netlink import exists, netns_path
from host_agent.schema import REPLACE, SECRET, ObjectId, matching

PROGRAMS = Path("/usr/lib/frr")
RUN = Path("/run/frr")
ETC = Path("/etc/frr")
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0
LOCK_TIMEOUT_S = 10.0


def _daemons(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not re.fullmatch(r"[a-z][a-z0-9]*d|zebra", name):
            raise ValueError(f"must be names of FRR daemons such as ripd, not {name!r}")
    if "zebra" not in value:
        raise ValueError("must have zebra: it is what the others give their routes to")
    return tuple(sorted(frozenset(value)))


@dataclass(frozen=True, kw_only=True)
class Args:
    """A router as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,50}", "a name of letters, digits, '_' and '-'"), REPLACE]
    namespace: Annotated[ObjectId, REPLACE]
    """Id of the NetworkNamespace that it routes in."""
    config: Annotated[str, SECRET]
    """In FRR's form, all daemons' in one (see `vtysh -c 'show running-config'`)."""
    daemons: Annotated[tuple[str, ...], _daemons] = ("ripd", "staticd", "zebra")
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """How to reach it."""

    pathspace: str
    """For `vtysh -N`."""
    netns: str
    """The name of its namespace, under /run/netns."""


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    router = _Router(context, args)
    if not (PROGRAMS / "zebra").exists():
        raise Missing(f"router {args.name}: FRR is not installed on the lab host; `apt-get install frr` brings it")
    if router.etc.exists() and not context.adopt and router.mark() != context.mark:
        raise Conflict(f"FRR router {router.pathspace} ({router.etc})", context.owner_of(router.mark()))
    router.ensure()
    return Outputs(pathspace=router.pathspace, netns=router.netns)


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    router = _Router(context, args)
    if router.mark() != context.mark:
        return None
    daemons = router.daemons()
    alive = [name in daemons and router.is_inside(daemons[name]) for name in args.daemons]
    observed = Args(
        name=args.name,
        namespace=args.namespace,
        config=router.applied(),
        daemons=args.daemons,
        running=all(alive) if args.running else any(alive),
    )
    return Shown(observed, Outputs(pathspace=router.pathspace, netns=router.netns))


def set(context: Context, olds: Args, news: Args) -> Outputs:
    router = _Router(context, news)
    router.ensure()
    return Outputs(pathspace=router.pathspace, netns=router.netns)


def remove(context: Context, args: Args) -> None:
    router = _Router(context, args)
    if router.etc.exists() and router.mark() not in {context.mark, ""}:
        return
    router.stop(router.daemons().values())
    for folder in (router.run, router.etc):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


class _Router:
    """One router's files and processes."""

    def __init__(self, context: Context, args: Args) -> None:
        self.context = context
        self.args = args
        self.pathspace = f"{context.lease}-{args.name}"
        self.netns = netns_name(args.namespace)
        self.run = RUN / self.pathspace
        self.etc = ETC / self.pathspace
        self.applied_file = self.etc / "exam-lab.conf"
        self.startup_file = self.etc / "frr.conf"

    def ensure(self) -> None:
        """Whatever is there: files, daemons and configuration are as declared afterwards. Raises HostError with the lines that FRR rejects."""
        args = self.args
        if not exists(self.netns):
            raise Missing(f"router {args.name}: network namespace {self.netns} is not on this host")
        self._make_folders()
        old = self.applied()
        self._write_startup(old, args.config)
        daemons = self.daemons()
        wanted = self._wanted() if args.running else ()
        self.stop(pid for name, pid in daemons.items() if name not in wanted or not self.is_inside(pid))
        alive = [name for name, pid in daemons.items() if name in wanted and self.is_inside(pid)]
        missing = [name for name in wanted if name not in alive]
        if missing:
            self._start(missing)
            self._load(missing if alive else [])
        if alive and old != args.config:
            self._change(old)
        self._record(args.config)

    def mark(self) -> str:
        """Whose it is; empty where nothing says so."""
        try:
            return self.applied_file.read_text().partition("\n")[0].removeprefix("! ")
        except FileNotFoundError:
            return ""

    def applied(self) -> str:
        """The declared configuration as it was last applied."""
        return self.applied_file.read_text().partition("\n")[2]

    def daemons(self) -> dict[str, int]:
        """Name and pid of each daemon of this router that is alive, whatever namespace it is in."""
        return {
            file.stem: pid for file in self.run.glob("*.pid") if (pid := _pid(file)) and self._is_daemon(pid, file.stem)
        }

    def is_inside(self, pid: int) -> bool:
        """Whether the process is in the router's namespace, and not in one that was deleted or made anew under it."""
        try:
            return Path(f"/proc/{pid}/ns/net").stat().st_ino == netns_path(self.netns).stat().st_ino
        except FileNotFoundError:
            return False

    def stop(self, pids: Iterable[int]) -> None:
        """End daemons: SIGTERM, so that zebra takes its routes back, and SIGKILL after STOP_TIMEOUT_S."""
        with contextlib.ExitStack() as opened:
            waiting = {}
            for pid in pids:
                # From here on the descriptor stands for this process, even if its pid is used again.
                with contextlib.suppress(ProcessLookupError):
                    descriptor = os.pidfd_open(pid)
                    opened.callback(os.close, descriptor)
                    if self._is_daemon(pid):
                        waiting[descriptor] = pid
                        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
            poll = select.poll()
            for descriptor in waiting:
                poll.register(descriptor, select.POLLIN)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while waiting:
                for descriptor, _ in poll.poll(max(0, deadline - time.monotonic()) * 1000):
                    poll.unregister(descriptor)
                    del waiting[descriptor]
                if waiting and time.monotonic() >= deadline:
                    for descriptor in waiting:
                        with contextlib.suppress(ProcessLookupError):
                            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    deadline = time.monotonic() + STOP_TIMEOUT_S

    def _wanted(self) -> tuple[str, ...]:
        # Since FRR 10 the others get their configuration from mgmtd.
        return ("mgmtd", *self.args.daemons) if (PROGRAMS / "mgmtd").exists() else self.args.daemons

    def _is_daemon(self, pid: int, name: str = "") -> bool:
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        program = Path(argv[0])
        return (
            program.parent == PROGRAMS
            and name in {"", program.name}
            and ("-N", self.pathspace) in itertools.pairwise(argv)
        )

    def _make_folders(self) -> None:
        for folder in (RUN, self.run, self.etc):
            if not folder.exists():
                folder.mkdir(mode=0o755)
                _give_to_frr(folder)
        if not self.applied_file.exists():
            self._record("")
        name = frr_config.hostname(self.args.config) or self.args.name
        # frr is who a lease's key makes of one (see host_agent.guest); PAM, which vtysh asks otherwise, lets root alone in.
        settings = ("service integrated-vtysh-config", f"hostname {name}", "username frr nopassword")
        (self.etc / "vtysh.conf").write_text("".join(f"{line}\n" for line in settings))

    def _record(self, config: str) -> None:
        with os.fdopen(os.open(self.applied_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"! {self.context.mark}\n{config}")

    def _write_startup(self, old: str, new: str) -> None:
        """Bring frr.conf to `new`; in one that the candidate saved, only what changed."""
        # A comment at the end, which `write memory` does not keep, and which leaves the line numbers as they are.
        footer = f"! {self.context.mark}\n"
        try:
            saved = self.startup_file.read_text()
        except FileNotFoundError:
            saved = footer
        if saved.endswith(footer):
            text = f"{new.rstrip()}\n!\n{footer}"
        elif old != new:
            text = frr_config.patched(saved, old, new)
        else:
            return
        with os.fdopen(os.open(self.startup_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as file:
            file.write(text)
        _give_to_frr(self.startup_file)

    def _start(self, names: Sequence[str]) -> None:
        first = [name for name in names if name in {"mgmtd", "zebra"}]
        # The others try again only after a second if zebra's socket is not there yet.
        for batch in (first, [name for name in names if name not in first]):
            if batch:
                with ThreadPoolExecutor(max_workers=len(batch)) as pool:
                    list(pool.map(self._start_one, batch))

    def _start_one(self, name: str) -> None:
        program = PROGRAMS / name
        if not program.exists():
            raise Missing(f"router {self.args.name}: FRR on the lab host has no daemon {name}")
        socket_file = self.run / f"{name}.vty"
        socket_file.unlink(missing_ok=True)
        argv = [str(program), "-d", "-N", self.pathspace, "-A", "127.0.0.1", "-P", "0"]
        commands.run(argv, netns=self.netns)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(socket_file):
            if time.monotonic() >= deadline:
                raise HostError(
                    f"router {self.args.name}: {name} does not answer on {socket_file} within {START_TIMEOUT_S:g} s"
                )
            time.sleep(0.005)

    def _load(self, only: Sequence[str]) -> None:
        """Have all daemons (or `only` those) read frr.conf."""
        saved_by_candidate = not self.startup_file.read_text().endswith(f"! {self.context.mark}\n")
        for name in [""] if (PROGRAMS / "mgmtd").exists() else only or [""]:
            try:
                self._vtysh(self.startup_file.read_text(), name)
            except CommandFailed as error:
                # A saved configuration is FRR's own text, and the candidate's matter; the declared one must be accepted as a whole.
                if not saved_by_candidate:
                    raise HostError(self._rejected(error.output)) from None

    def _change(self, old: str) -> None:
        change = frr_config.difference(old, self.args.config)
        self._take_away(change.removals)
        try:
            if change.additions:
                self._vtysh(frr_config.render(change.additions))
        except CommandFailed as error:
            # Back to what was: half of a change would be in no record.
            back = frr_config.difference(self.args.config, old)
            self._take_away(back.removals)
            with contextlib.suppress(CommandFailed):
                self._vtysh(frr_config.render(back.additions))
            self._write_startup(self.args.config, old)
            raise HostError(self._rejected(error.output)) from None

    def _take_away(self, removals: Sequence[frr_config.Line]) -> None:
        """Type the `no …` lines. What the candidate has taken away already is no error."""
        if not removals:
            return
        try:
            self._vtysh(frr_config.render(removals))
        except CommandFailed:
            # FRR commits several lines as one and then refuses them as one: now each for itself.
            for removal in removals:
                with contextlib.suppress(CommandFailed):
                    self._vtysh(frr_config.render([removal]))

    def _vtysh(self, text: str, daemon: str = "") -> None:
        # On stdin, not as arguments: a configuration can hold passwords, and anyone can read the process list.
        argv = ["vtysh", "-N", self.pathspace, *(["-d", daemon] if daemon else []), "-f", "/dev/stdin"]
        if (PROGRAMS / "mgmtd").exists():
            # By default it talks to all daemons at once, which then find mgmtd's lock taken by one another.
            argv.append("--no-fork")
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                output, failed = commands.run(argv, stdin=text, netns=self.netns, with_stderr=True), False
            except CommandFailed as error:
                output, failed = error.output, True
            # mgmtd, since FRR 10, has its lock while a daemon that has just started gets its configuration.
            if "locked by another session" in output and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            if failed or "% Configuration failed" in output or "locked by another session" in output:
                raise CommandFailed(argv, 1, output)
            return

    def _rejected(self, output: str) -> str:
        """What FRR says, with its own numbers of lines taken out: it may have read a part alone."""
        lines = [re.sub(r"^\[\d+\|\w+\] *(line \d+: )?|^line \d+: ", "", line).strip() for line in output.splitlines()]
        said = "; ".join(
            " ".join(re.sub(r"\[\d+\]:\s*", ": ", line.replace("% ", "")).split())
            for line in lines
            if line and not _NOISE.match(line)
        )
        # Any line may hold a password, above all one that FRR does not understand: it is named by its first word and its number.
        for number, line in enumerate(self.args.config.splitlines(), 1):
            words = line.split()
            if words:
                shown = f"{words[0]}{' …' if words[1:] else ''} (line {number})"
                said = shown.join(re.split(rf"(?<!\S){re.escape(' '.join(words))}(?![^\s;])", said))
        hidden = re.sub(r"\b(password|key-string|authentication string)\s+\S+", r"\1 …", said)
        return f"router {self.args.name}: FRR rejects its configuration: {hidden}. Correct these lines in its config"


_NOISE = re.compile(r"sending configuration|done$|Waiting for children|Configuration file\[")
"""What vtysh says of its own work, since FRR 10 for each daemon."""


def _pid(file: Path) -> int:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _answers(socket_file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_file))
        except OSError:
            return False
        return True


def _give_to_frr(path: Path) -> None:
    import pwd  # not everywhere where Args is imported

    user = pwd.getpwnam("frr")
    os.chown(path, user.pw_uid, user.pw_gid)
