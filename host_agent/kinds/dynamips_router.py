"""A router that Dynamips emulates: `vm create NAME ID PLATFORM`, and what it takes to boot.

NVRAM and flash are files in the hypervisor's folder. They outlive changes, the daemon and the host, and go with the router. What the candidate
saves (`write memory`) is theirs: the declared startup-config is written into NVRAM when the router is made, and again only when `reset` changes.

Dynamips reads little back, and checks nothing. So what can't be read is kept in a record, and everything is checked before it is told.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, cast

from host_agent import dynamips, dynamips_hardware, router_images
from host_agent.context import Context, Shown
from host_agent.dynamips import Hypervisor
from host_agent.dynamips_client import Client, DynamipsError, HypervisorGone, SavedConfig, parse_saved_config
from host_agent.dynamips_hardware import DEFAULT_CHASSIS, PLATFORMS, PlatformName
from host_agent.errors import Conflict, HostError, Missing
from host_agent.ledger import read_json, split_id, write_json
from host_agent.netlink import inside
from host_agent.schema import JSON, REPLACE, SECRET, Mac, ObjectId, Problem, between, encode_args, matching

HALTED, RUNNING, SUSPENDED = 0, 2, 3
"""`vm get_status`; 1 is shutting down."""
UNREADABLE = ("idle_pc", "disk0_mib", "disk1_mib", "sparse", "ghost", "iomem_percent", "system_id")
"""What Dynamips does not show: the record has it, as it was told."""
LIVE = ("nios", "idle_pc", "running", "startup_config", "reset")
"""What is changed while the router runs, or not in it at all; all else by stop, set and start: see `_hardware`."""
SETTLE_TIMEOUT_S = 5.0
STARTS = 5
"""How often a start is tried that leaves the router without its console."""

_Port = Annotated[int, between(1024, 65535)]


@dataclass(frozen=True, kw_only=True)
class Nio:
    """What a port is plugged into: a tap, or UDP to another router in the same namespace."""

    port: Annotated[str, matching(r"[0-6]/[0-9]{1,2}", "slot and port such as 0/0")]
    tap: ObjectId = ""
    """Id of a Tap. Observed: the bare ifname of another one."""
    udp_local: _Port | None = None
    udp_remote: _Port | None = None
    """The other router's `udp_local`."""


def _by_slot(value: dict[str, str]) -> dict[str, str]:
    return dict(sorted(value.items()))


@dataclass(frozen=True, kw_only=True)
class Args:
    """A router as declared or observed."""

    name: Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}", "a name of letters, digits, '_' and '-'"), REPLACE]
    hypervisor: Annotated[ObjectId, REPLACE]
    """Id of the DynamipsHypervisor that it is in."""
    platform: Annotated[PlatformName, REPLACE]
    chassis: Annotated[str, matching(r"36[246]0", "3620, 3640 or 3660"), REPLACE] | None = None
    """Of a c3600; None: 3640."""
    image: Annotated[str, matching(r"[0-9a-f]{64}", "the SHA-256 of a RouterImage")]
    """The output `image` of a RouterImage."""
    mac: Mac
    """The base address. Always given: Dynamips' own choice depends on the daemon's process id."""
    ram_mib: Annotated[int, between(4, 4096, "MiB")] | None = None
    """None: the platform's default."""
    nvram_kib: Annotated[int, between(4, 4096, "KiB")] | None = None
    """None: the platform's default."""
    slots: Annotated[dict[str, str], _by_slot] = field(default_factory=dict)
    """Slot -> card: `{"1": "NM-1FE-TX"}`."""
    wics: Annotated[dict[str, str], _by_slot] = field(default_factory=dict)
    """WIC bay -> WIC: `{"0": "WIC-1T"}`."""
    nios: tuple[Nio, ...] = ()
    idle_pc: Annotated[str, router_images.idle_pc] | None = None
    """None: a processor is busy as long as the router runs."""
    system_id: Annotated[str, matching(r"[A-Za-z0-9]{1,20}", "letters and digits, at most 20")] | None = None
    """The serial number."""
    conf_reg: Annotated[str, matching(r"0x[0-9a-f]{1,4}", "a configuration register such as 0x2102")] = "0x2102"
    console_port: _Port | None = None
    """On 127.0.0.1 of the lab's namespace. None: the host's choice."""
    aux_port: _Port | None = None
    disk0_mib: Annotated[int, between(0, 512, "MiB")] = 0
    disk1_mib: Annotated[int, between(0, 512, "MiB")] = 0
    iomem_percent: Annotated[int, between(0, 95, "percent")] | None = None
    """Share of the RAM that is I/O memory; not of a c7200."""
    npe: Annotated[str, matching(r"npe-[a-z0-9]+", "a processor such as npe-400")] | None = None
    """Of a c7200."""
    mmap: bool = False
    """Whether its RAM is a file in the hypervisor's folder; otherwise it is the daemon's memory."""
    sparse: bool = False
    """Whether RAM is taken only where it is used."""
    ghost: bool = False
    """Whether routers with the same image share what they do not change of it."""
    startup_config: Annotated[str, SECRET] = ""
    """Written into NVRAM when the router is made, and when `reset` changes."""
    reset: int = 0
    """Another number writes startup_config over what the candidate saved, and restarts the router."""
    running: bool = True

    @staticmethod
    def across(values: Mapping[str, object]) -> Iterable[Problem]:
        """Cards that the platform takes, on ports that there are; passes over what a preview does not know."""
        platform, slots, wics = values.get("platform"), values.get("slots"), values.get("wics")
        chassis = values.get("chassis") or DEFAULT_CHASSIS
        if not (isinstance(platform, str) and isinstance(chassis, str) and _known(slots) and _known(wics)):
            return
        if values.get("chassis") is not None and platform != "c3600":
            yield Problem("chassis", f"only a c3600 has a choice of chassis, not a {platform}")
        if values.get("npe") is not None and platform != "c7200":
            yield Problem("npe", f"only a c7200 has a choice of processor, not a {platform}")
        if values.get("iomem_percent") is not None and platform == "c7200":
            yield Problem("iomem_percent", "a c7200 has no choice of I/O memory")
        cards, bays = cast(dict[str, str], slots), cast(dict[str, str], wics)
        wrong = [Problem(*found) for found in dynamips_hardware.card_problems(platform, chassis, cards, bays)]
        yield from wrong
        nios = values.get("nios")
        if wrong or not isinstance(nios, tuple):
            return
        ports = dynamips_hardware.ports(platform, chassis, cards, bays)
        seen: dict[object, int] = {}
        for index, nio in enumerate(nios):
            at = nio if isinstance(nio, Mapping) else encode_args(nio)
            port, tap, local, remote = (at.get(name) for name in ("port", "tap", "udp_local", "udp_remote"))
            if isinstance(port, str) and port not in ports:
                yield Problem(
                    f"nios[{index}].port",
                    f"{platform} with these cards has no port {port}; it has {', '.join(sorted(ports))}",
                )
            if port in seen:
                yield Problem(
                    f"nios[{index}].port", f"port {port} is plugged in twice: nios[{seen[port]}] is in it already"
                )
            seen.setdefault(port, index)
            if (tap == "" or tap is None) == (local is None) or (local is None) != (remote is None):
                yield Problem(f"nios[{index}]", "must have either tap, or udp_local and udp_remote")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """How to reach it."""

    netns: str
    """The name of the namespace in which its ports are on 127.0.0.1."""
    console: int
    aux: int


def key(args: Args) -> str:
    return args.name


def add(context: Context, args: Args) -> Outputs:
    hypervisor = dynamips.of_router(context, args.hypervisor)
    with hypervisor.alone():
        if hypervisor.mark != context.mark or not hypervisor.is_running():
            raise Missing(f"router {args.name}: its hypervisor {hypervisor.name} does not run; `pulumi up` starts it")
        router = _Router(context, args, hypervisor)
        with hypervisor.connected() as client:
            router.ensure(client)
    return router.outputs()


def show(context: Context, args: Args) -> Shown[Args, Outputs] | None:
    try:
        hypervisor = dynamips.of_router(context, args.hypervisor)
    except Missing:
        return None
    router = _Router(context, args, hypervisor)
    if hypervisor.mark != context.mark or not router.record:
        return None
    observed = replace(args, running=False)
    with hypervisor.alone():
        if hypervisor.is_running():
            with contextlib.suppress(HypervisorGone), hypervisor.connected() as client:
                observed = router.observe(client) or observed
    return Shown(observed, router.outputs())


def set(context: Context, olds: Args, news: Args) -> Outputs:
    return add(context, news)


def remove(context: Context, args: Args) -> None:
    try:
        hypervisor = dynamips.of_router(context, args.hypervisor)
    except Missing:
        return
    router = _Router(context, args, hypervisor)
    if hypervisor.mark != context.mark or not router.record:
        return
    with hypervisor.alone():
        if hypervisor.is_running():
            with contextlib.suppress(HypervisorGone), hypervisor.connected() as client:
                router.discard(client, clean=True)
        router.remove_files()


class _Router:
    """One router: in the daemon, and in the hypervisor's folder."""

    def __init__(self, context: Context, args: Args, hypervisor: Hypervisor) -> None:
        self.context = context
        self.args = args
        self.hypervisor = hypervisor
        self.record_file = hypervisor.folder / f"{args.name}.router.json"

    @property
    def record(self) -> dict[str, JSON]:
        """`applied` (args as they were told), `seeded`, `console`, `aux`; empty where there is none."""
        return read_json(self.record_file) or {}

    def outputs(self) -> Outputs:
        record = self.record
        return Outputs(
            netns=self.hypervisor.netns,
            console=int(cast(int, record.get("console") or 0)),
            aux=int(cast(int, record.get("aux") or 0)),
        )

    def ensure(self, client: Client) -> None:
        """Whatever is there: the router is as declared afterwards."""
        args, record = self.args, self.record
        exists = self._exists(client)
        if exists and not record and not self.context.adopt:
            raise Conflict(f"router {args.name} in hypervisor {self.hypervisor.name}", self.context.owner_of(""))
        if not router_images.is_whole(self._image_folder):
            # A start that fails costs the console's port until the daemon ends.
            raise Missing(
                f"router {args.name}: its image {args.image[:12]} is not on the lab host; `pulumi up` brings it"
            )
        observed = self.observe(client) if exists and record else None
        applied = cast(dict[str, JSON], record.get("applied") or {})
        to_push = not record.get("seeded") or applied.get("reset") != args.reset
        if observed is None or to_push or _hardware(observed) != _hardware(args):
            self._build(client, record, push=to_push)
        else:
            self._plug(client, observed)
            if observed.idle_pc != args.idle_pc:
                self._set_idle_pc(client)
            self._write_record(seeded=True)
        running = self._status(client) == RUNNING
        if args.running and not running:
            self._start(client)
        elif running and not args.running:
            self._stop(client)

    def observe(self, client: Client) -> Args | None:
        """The router as it is in the daemon; None where it is not."""
        if not self._exists(client):
            return None
        args, saved = self.args, self._saved(client)
        machine = saved.machines.get(args.name)
        if machine is None:
            return None
        applied = cast(dict[str, JSON], self.record.get("applied") or {})
        platform = PLATFORMS[args.platform]
        cards = dict(saved.cards.get(args.name, {}))
        wics = {
            bay: cards.pop(f"0/{port}") for bay, port in dynamips_hardware.WIC_PORTS.items() if f"0/{port}" in cards
        }
        if cards.get("0/0") == platform.onboard_card:
            del cards["0/0"]
        ram, nvram = int(machine["ram"]), int(machine["nvram"])
        console, aux = int(machine.get("con_tcp_port", 0)), int(machine.get("aux_tcp_port", 0))
        outputs = self.outputs()
        observed = replace(
            args,
            platform=cast(PlatformName, machine["platform"]),
            chassis=args.chassis and machine.get("chassis", args.chassis),
            image=Path(machine.get("ios", "")).parent.name,
            mac=_colons(client.call(args.platform, "get_mac_addr", args.name).text),
            # What is left to the host or the platform is shown as declared as long as it is that.
            ram_mib=args.ram_mib if ram == (args.ram_mib or platform.ram_mib) else ram,
            nvram_kib=args.nvram_kib if nvram == (args.nvram_kib or platform.nvram_kib) else nvram,
            slots={slot_port.partition("/")[0]: card for slot_port, card in sorted(cards.items())},
            wics=wics,
            nios=self._nios_seen(saved),
            conf_reg=machine["conf_reg"].lower(),
            console_port=args.console_port if console == (args.console_port or outputs.console) else console,
            aux_port=args.aux_port if aux == (args.aux_port or outputs.aux) else aux,
            npe=args.npe and machine.get("npe", args.npe),
            mmap=machine["ram_mmap"] == "1",
            running=self._status(client) == RUNNING,
        )
        unreadable = {name: applied[name] for name in UNREADABLE if name in applied}
        return replace(observed, **unreadable)  # type: ignore[arg-type]  # they were fields of Args when they were written

    def discard(self, client: Client, *, clean: bool) -> None:
        """Take the router out of the daemon; `clean` also its NVRAM and flash files. Idempotent."""
        if not self._exists(client):
            return
        self._stop(client)
        for port, nio in self._saved(client).bindings.get(self.args.name, {}).items():
            client.call("vm", "slot_remove_nio_binding", self.args.name, *port.split("/"))
            client.call("nio", "delete", nio)
        client.call("vm", "clean_delete" if clean else "delete", self.args.name)

    def remove_files(self) -> None:
        """What a delete leaves, or has no daemon for: NVRAM would be the next router's of that name."""
        own = re.compile(
            rf"{self.args.platform}_{re.escape(self.args.name)}_(lock|ram|rom|nvram|ssa|bootflash|log\.txt|(disk|slot|flash)\d|.*ghost)"
        )
        for path in self.hypervisor.work.glob(f"{self.args.platform}_*"):
            if own.fullmatch(path.name):
                path.unlink(missing_ok=True)
        for line in ("console", "aux"):
            dynamips.release_port(self.context, f"{line} {self.args.name}")
        self.record_file.unlink(missing_ok=True)

    @property
    def _image_folder(self) -> Path:
        return router_images.folder(self.context.host.root, self.args.image)

    def _build(self, client: Client, record: dict[str, JSON], *, push: bool) -> None:
        """Make the router, halted, of what is declared; an earlier one goes, its files stay."""
        args, name = self.args, self.args.name
        self.discard(client, clean=False)
        ports = {
            line: dynamips.reserve_port(self.context, self.hypervisor.netns, f"{line} {name}", first, wanted)
            for line, first, wanted in (
                ("console", dynamips.CONSOLE_PORT, args.console_port),
                ("aux", dynamips.AUX_PORT, args.aux_port),
            )
        }
        self._write_record(seeded=bool(record.get("seeded")) and not push, **ports)
        platform = PLATFORMS[args.platform]
        ram_mib = args.ram_mib or platform.ram_mib
        if args.mmap or args.ghost:
            self.hypervisor.allow_files((ram_mib << 20) + dynamips.FILE_LIMIT_BYTES)
        ghost = self._ghost(client, ram_mib) if args.ghost else None
        client.call("vm", "create", name, 1 + len(client.call("vm", "list").lines), args.platform)
        if args.chassis:
            client.call(args.platform, "set_chassis", name, args.chassis)
        if args.npe:
            client.call(args.platform, "set_npe", name, args.npe)
        if args.iomem_percent is not None:
            client.call(args.platform, "set_iomem", name, args.iomem_percent)
        if args.system_id:
            client.call(args.platform, "set_system_id", name, args.system_id)
        client.call(args.platform, "set_mac_addr", name, args.mac)
        for setting, value in (
            ("ios", self._image_folder / "image"),
            ("ram", ram_mib),
            ("nvram", args.nvram_kib or platform.nvram_kib),
            ("ram_mmap", int(args.mmap)),
            ("sparse_mem", int(args.sparse)),
            ("disk0", args.disk0_mib),
            ("disk1", args.disk1_mib),
            ("conf_reg", args.conf_reg),
            ("con_tcp_port", ports["console"]),
            ("aux_tcp_port", ports["aux"]),
        ):
            client.call("vm", f"set_{setting}", name, value)
        if args.idle_pc:
            client.call("vm", "set_idle_pc", name, args.idle_pc)
        if ghost:
            client.call("vm", "set_ghost_status", name, 2)
            client.call("vm", "set_ghost_file", name, ghost)
        for slot, card in args.slots.items():
            client.call("vm", "slot_add_binding", name, slot, 0, card)
        for bay, card in args.wics.items():
            client.call("vm", "slot_add_binding", name, 0, dynamips_hardware.WIC_PORTS[bay], card)
        for nio in args.nios:
            self._plug_in(client, nio, running=False)
        if push and args.startup_config:
            self.hypervisor.push_config(client, name, args.startup_config)
        self._write_record(seeded=True)

    def _start(self, client: Client) -> None:
        """Boot it. A start with a port that is not free yet, as just after a stop, loses the console without a word: so it is looked for."""
        name, outputs = self.args.name, self.outputs()
        if self._status(client) == SUSPENDED:
            client.call("vm", "resume", name)
            return
        for _ in range(STARTS):
            # `vm start` of a router that is not halted is accepted, and kills the daemon at the next start.
            self._until(lambda: self._status(client) == HALTED, "it does not halt")
            self._until(
                lambda: all(dynamips.is_free(outputs.netns, port) for port in (outputs.console, outputs.aux)),
                f"its ports {outputs.console} and {outputs.aux} in the lab are in use",
            )
            try:
                client.call("vm", "start", name)
            except DynamipsError as error:
                raise HostError(f"router {name} does not start: {error}; {self._log()}") from None
            except HypervisorGone as error:
                raise HostError(
                    f"router {name} does not start, and its daemon died of it: {error}; {self._log()}"
                ) from None
            if self._status(client) != RUNNING:
                raise HostError(f"router {name} stopped at once: {self._log()}")
            if self._answers(outputs.console) and self._answers(outputs.aux):
                return
            client.call("vm", "stop", name)
        raise HostError(
            f"router {name} runs without its console after {STARTS} starts: is port {outputs.console} of the lab in use?"
        )

    def _stop(self, client: Client) -> None:
        if self._status(client) != HALTED:
            client.call("vm", "stop", self.args.name)
            self._until(lambda: self._status(client) == HALTED, "it does not halt")

    def _plug(self, client: Client, observed: Args) -> None:
        """Bring the NIOs, live, from what is there to what is declared."""
        present = {nio.port: nio for nio in observed.nios}
        wanted = {nio.port: nio for nio in self.args.nios}
        running = self._status(client) == RUNNING
        for port, name in self._saved(client).bindings.get(self.args.name, {}).items():
            if present.get(port) != wanted.get(port) or port not in present:
                self._plug_out(client, port, name, running=running)
        for port, nio in wanted.items():
            if present.get(port) != nio:
                self._plug_in(client, nio, running=running)

    def _plug_in(self, client: Client, nio: Nio, *, running: bool) -> None:
        name = f"{self.args.name}:{nio.port}"
        if name in client.call("nio", "list").lines:
            client.call("nio", "delete", name)
        try:
            if nio.tap:
                client.call("nio", "create_tap", name, _ifname(nio.tap))
            else:
                client.call("nio", "create_udp", name, nio.udp_local, "127.0.0.1", nio.udp_remote)
        except DynamipsError as error:
            to = f"tap {_ifname(nio.tap)}" if nio.tap else f"UDP port {nio.udp_local}"
            raise HostError(
                f"router {self.args.name}: port {nio.port} can't be plugged into {to}, which is not there or in use: {error}"
            ) from None
        slot_port = nio.port.split("/")
        client.call("vm", "slot_add_nio_binding", self.args.name, *slot_port, name)
        if running:
            client.call("vm", "slot_enable_nio", self.args.name, *slot_port)

    def _plug_out(self, client: Client, port: str, name: str, *, running: bool) -> None:
        slot_port = port.split("/")
        if running:
            with contextlib.suppress(DynamipsError):  # disabled already, by hand
                client.call("vm", "slot_disable_nio", self.args.name, *slot_port)
        client.call("vm", "slot_remove_nio_binding", self.args.name, *slot_port)
        client.call("nio", "delete", name)

    def _set_idle_pc(self, client: Client) -> None:
        idle_pc = self.args.idle_pc or "0x0"
        client.call("vm", "set_idle_pc", self.args.name, idle_pc)
        if self._status(client) == RUNNING:
            client.call("vm", "set_idle_pc_online", self.args.name, 0, idle_pc)

    def _ghost(self, client: Client, ram_mib: int) -> Path:
        """The file with what routers of this image share, made by a router that boots no further than that."""
        args = self.args
        path = self.hypervisor.work / f"{args.platform}-{args.image[:12]}-{ram_mib}.ghost"
        if not path.exists():
            name = f"ghost-{args.name}"
            client.call("vm", "create", name, 100, args.platform)
            client.call("vm", "set_ios", name, self._image_folder / "image")
            client.call("vm", "set_ram", name, ram_mib)
            client.call("vm", "set_ghost_status", name, 1)
            client.call("vm", "set_ghost_file", name, path)
            client.call("vm", "start", name)
            client.call("vm", "stop", name)
            client.call("vm", "clean_delete", name)
        return path

    def _exists(self, client: Client) -> bool:
        return any(line.partition(" ")[0] == self.args.name for line in client.call("vm", "list").lines)

    def _status(self, client: Client) -> int:
        return int(client.call("vm", "get_status", self.args.name).text)

    def _saved(self, client: Client) -> SavedConfig:
        path = self.hypervisor.work / f"saved.{secrets.token_hex(4)}"
        try:
            client.call("hypervisor", "save_config", path)
            return parse_saved_config(path.read_text())
        finally:
            path.unlink(missing_ok=True)

    def _nios_seen(self, saved: SavedConfig) -> tuple[Nio, ...]:
        """What the ports are plugged into, in the declared order; a tap that was taken from under the daemon is none."""
        declared = {nio.port: nio for nio in self.args.nios}
        open_taps = self._open_taps()
        seen: dict[str, Nio] = {}
        for port, name in saved.bindings.get(self.args.name, {}).items():
            match saved.nios.get(name):
                case ("tap", ifname) if ifname in open_taps:
                    tap = declared[port].tap if port in declared else ""
                    seen[port] = Nio(port=port, tap=tap if tap and _ifname(tap) == ifname else ifname)
                case ("udp", local, "127.0.0.1", remote):
                    seen[port] = Nio(port=port, udp_local=int(local), udp_remote=int(remote))
                case _:
                    pass
        order = [*(port for port in declared if port in seen), *(port for port in sorted(seen) if port not in declared)]
        return tuple(seen[port] for port in order)

    def _open_taps(self) -> frozenset[str]:
        """Taps that the daemon has open and that are still there."""
        found: list[str] = []
        for path in Path(f"/proc/{self.hypervisor.pid()}/fdinfo").glob("*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += re.findall(r"^iff:\t(\S+)$", path.read_text(), re.MULTILINE)
        return frozenset(found)

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            with inside(self.hypervisor.netns):
                probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            with probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return True
            time.sleep(0.01)
        return False

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                raise HostError(f"router {self.args.name}: {otherwise}")
            time.sleep(0.01)

    def _write_record(self, **values: JSON) -> None:
        applied = encode_args(replace(self.args, startup_config=""))  # that of the candidate is in NVRAM
        write_json(self.record_file, {**self.record, **values, "applied": applied})

    def _log(self) -> str:
        """The last line of what Dynamips logged of it."""
        try:
            path = self.hypervisor.work / f"{self.args.platform}_{self.args.name}_log.txt"
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 2000))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return f"its log ends: {lines[-1]}" if lines else "its log says nothing"


def _hardware(args: Args) -> Args:
    """What a restart is needed for."""
    return replace(args, nios=(), idle_pc=None, running=True, startup_config="", reset=0)


def _known(value: object) -> bool:
    """Whether a mapping from slots to cards is known all through."""
    return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())


def _ifname(tap: str) -> str:
    """The ifname in the id of a Tap."""
    return split_id(tap)[2].rpartition("/")[2]


def _colons(mac: str) -> str:
    """`c201.0000.0000` -> `c2:01:00:00:00:00`."""
    digits = mac.replace(".", "")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
