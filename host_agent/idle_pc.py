"""`run.py idle-pc LEASE ROUTER`: find the idle-pc of an image by a router that runs it, and keep it with the image.

Dynamips counts where the router's processor is while it has nothing to do, and proposes what it finds. Which of these is right shows in the use of
the host's processor alone: with the right one the daemon sleeps.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from host_agent import dynamips, router_images
from host_agent.context import Context, Host
from host_agent.dynamips import Hypervisor
from host_agent.dynamips_client import Client
from host_agent.errors import HostError, Missing

USAGE = "usage: run.py idle-pc LEASE ROUTER"
COUNTING_TIMEOUT_S = 120.0
"""Dynamips counts for about ten seconds; on a busy host for longer."""
SETTLE_S, SAMPLE_S = 0.5, 1.5
IDLE_SHARE = 0.3
"""Of a processor: what a router uses less of is idle. Without an idle-pc it is 1, with a right one 0.01 to 0.1."""
CANDIDATES = 12
ATTEMPTS = 3


def main(host: Host, arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 2:
        sys.exit(USAGE)
    try:
        find(host, *arguments)
    except HostError as error:
        sys.exit(str(error))
    return 0


def find(host: Host, lease: str, name: str) -> str:
    """The idle-pc, which the router has from then on and its image keeps. Says what it does on stdout. Raises HostError."""
    entry = host.ledger.find(lease, "dynamips_router", name)
    if entry is None:
        raise Missing(f"{name} is not an emulated router of this lab")
    context = Context(host=host, lease=lease)
    hypervisor = dynamips.of_router(context, str(entry.args["hypervisor"]))
    image = router_images.folder(host.root, str(entry.args["image"]))
    if not hypervisor.is_running():
        raise Missing(f"router {name} does not run; `pulumi up` starts it again")
    with hypervisor.alone(), hypervisor.connected(timeout_s=COUNTING_TIMEOUT_S) as client:
        for _ in range(ATTEMPTS):
            best = _try(hypervisor, client, name)
            if best:
                break
        else:
            client.call("vm", "set_idle_pc_online", name, 0, str(entry.args.get("idle_pc") or "0x0"))
            raise HostError(
                f"no idle-pc was found for router {name}: is it booted, and idle, on a host that is not busy? Try again"
            )
    (image / "idle_pc").write_text(best)
    _say(
        f'{best} is kept with the image: `pulumi up` gives it to all routers that have it. In a topology: idle_pc: "{best}"'
    )
    return best


def _try(hypervisor: Hypervisor, client: Client, name: str) -> str:
    """The best of what Dynamips proposes, which the router has then; "" where none is good."""
    # What it has now would hide what is to be found.
    client.call("vm", "set_idle_pc_online", name, 0, "0x0")
    _say(f"router {name}: counting where its processor is; this takes a quarter of a minute")
    lines = client.call("vm", "get_idle_pc_prop", name, 0).lines
    shares: dict[str, float] = {}
    for candidate in [line.split()[0] for line in lines if line.startswith("0x")][:CANDIDATES]:
        client.call("vm", "set_idle_pc_online", name, 0, candidate)
        time.sleep(SETTLE_S)
        shares[candidate] = _share(hypervisor)
        _say(f"{candidate}: {shares[candidate]:.0%} of a processor")
    best = min(shares, key=lambda candidate: shares[candidate], default="")
    if not best or shares[best] >= IDLE_SHARE:
        return ""
    client.call("vm", "set_idle_pc_online", name, 0, best)
    return best


def _share(hypervisor: Hypervisor) -> float:
    """What the daemon uses of a processor."""
    path, began = Path(f"/proc/{hypervisor.pid()}/stat"), time.monotonic()
    before = _ticks(path)
    time.sleep(SAMPLE_S)
    return (_ticks(path) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)


def _ticks(path: Path) -> int:
    fields = path.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _say(text: str) -> None:
    print(text, flush=True)
