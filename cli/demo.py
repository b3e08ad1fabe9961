"""What `make demo` and `make destroy` run: python -m cli.demo [--destroy] [--stack dev] [--topology ccna_ch8] [--routers frr].

Brings the lab of a topology up on a sandbox host by plain `pulumi` commands, checks it and shows it; or takes all of it away.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from cli import backend, checks, leftovers, stack, terminal
from cli.errors import UsageError
from cli.main import guarded
from cli.stack import Deployment, pulumi
from cli.table import count
from dynamic_providers.ssh_key import remove_key
from sandbox import control
from sandbox.base import ensure, has_dynamips
from sandbox.errors import SandboxError

TOPOLOGY = "ccna_ch8"
STACK_NAME = re.compile(r"(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*")
"""A stack that is called so has a sandbox of the same name (see components/targets.py)."""


def main() -> int:
    """Returns the exit status: 1 if not all checks hold, or something failed."""
    parser = argparse.ArgumentParser(
        prog="python -m cli.demo", description="Bring a lab up on a sandbox host, check it and show it."
    )
    parser.add_argument("--destroy", action="store_true", help="take all of it away instead")
    parser.add_argument("--stack", default="dev", help="default: dev")
    parser.add_argument("--topology", help=f"a name under stacks/topologies, or a path; default: {TOPOLOGY}")
    parser.add_argument(
        "--routers",
        choices=("frr", "dynamips"),
        help=f"what runs all routers; default: what the topology says, and without one Dynamips for {TOPOLOGY}",
    )
    arguments = parser.parse_args()
    if not STACK_NAME.fullmatch(arguments.stack):
        parser.error(
            f"--stack {arguments.stack!r}: use 1 to 32 of a-z, 0-9 and inner hyphens, so that its sandbox can be called so too"
        )
    return guarded(
        lambda: (
            destroy(arguments.stack)
            if arguments.destroy
            else bring_up(
                arguments.stack,
                arguments.topology or TOPOLOGY,
                arguments.routers or ("" if arguments.topology else demo_routers()),
            )
        )
    )


def demo_routers() -> str:
    """What runs the routers of the demo: Dynamips, if the sandbox hosts have it. Raises UsageError."""
    try:
        if has_dynamips(ensure()):
            return "dynamips"
    except SandboxError as error:
        raise UsageError(str(error)) from None
    print("demo: this machine's mirror carries no Dynamips (Debian's component non-free): the routers are FRR")
    return "frr"


def bring_up(name: str, topology: str, routers: str = "") -> int:
    """Make the stack if there is none, `pulumi up`, and show what is there."""
    backend.put_right(backend.url(), name)
    if name not in stack_names():
        make_stack(name)
    pulumi("config", "set", "lab:topology", topology, "-s", name)
    pulumi("config", "set", "lab:routers", routers, "-s", name)
    heading(f"pulumi up: the lab {topology} as stack {name}")
    if status := live("up", "--yes", "--skip-preview", "--suppress-outputs", "-s", name):
        print(f"demo: the lab is not up: {reason(status)}", file=sys.stderr)
        return 1
    print(changes_of_last_update(name))
    deployment = stack.read_deployment(name)
    heading("lab check")
    verdicts = checks.run(deployment, progress=checks.show_progress)
    print(checks.table(verdicts))
    show(deployment)
    print(f"\ndemo: {checks.summary(verdicts)}")
    return 0 if checks.all_passed(verdicts) else 1


def destroy(name: str) -> int:
    """Take the stack and its sandbox away; also after a lost state, a stale lock and without a host that answers."""
    backend.put_right(backend.url(), name)
    there = name in stack_names()
    settings = leftovers.settings_of(name)
    if there:
        heading(f"pulumi destroy: stack {name}")
        if settings.delete_unreachable:
            # A destroy has the settings of the last `up`.
            os.environ["LAB_DELETE_UNREACHABLE"] = "true"
        # What goes with the machine need not be read before, and a machine that is dead can't be.
        if status := live(
            "destroy", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", "--remove", "-s", name
        ):
            print(f"demo: not all of stack {name} is destroyed: {reason(status)}", file=sys.stderr)
            return 1
    left_over = destroy_sandbox(name)
    if left_over:
        print(f"Sandbox {name}, which the state did not know, is destroyed.")
    for lease in leftovers.end_leases(name, settings):
        print(f"Lease {lease} on {settings.address}, which the state did not know, is removed with all that it had.")
        left_over = True
    if there:
        print(f"Nothing is left of stack {name}.")
    elif not left_over:
        print(f"Nothing to destroy: there is no stack {name} and no sandbox {name}.")
    return 0


def stack_names() -> list[str]:
    """The stacks of this project in the back end that Pulumi uses. Raises UsageError."""
    return [str(item["name"]) for item in cast(list[dict[str, object]], json.loads(pulumi("stack", "ls", "--json")))]


def make_stack(name: str) -> None:
    """`pulumi stack init`; it becomes the selected stack, so that `lab` and `pulumi` mean it. Raises UsageError."""
    try:
        pulumi("stack", "init", name)
    except UsageError as error:
        settings = stack.project_folder() / "stacks" / f"Pulumi.{name}.yaml"
        if "incorrect passphrase" not in str(error) or not settings.exists():
            raise
        # It belongs to an earlier stack of that name, of which state and passphrase are gone; secrets in it can't be read any more.
        kept = settings.rename(settings.with_name(f"{settings.name}.old"))
        print(f"{settings.name} was of an earlier stack {name} that is gone: it is kept as stacks/{kept.name}")
        pulumi("stack", "init", name)


def destroy_sandbox(name: str) -> bool:
    """Destroy the sandbox and the stack's keys if they are there: a state that was lost does not know them. Raises UsageError."""
    state = stack.project_folder() / ".state"
    exists = (state / "sandboxes" / name).exists()
    try:
        control.destroy(name, state=state / "sandboxes")
    except SandboxError as error:
        raise UsageError(str(error)) from None
    for key in (f"sandbox-{name}", f"lease-{name}"):
        remove_key(state / "keys" / key)
    return exists


def changes_of_last_update(name: str) -> str:
    """One line, from Pulumi's own record of it. Raises UsageError."""
    history = cast(
        list[dict[str, object]], json.loads(pulumi("stack", "history", "--json", "--page-size", "1", "-s", name))
    )
    return describe_changes(cast(dict[str, int], history[0].get("resourceChanges") or {}))


def describe_changes(changes: Mapping[str, int]) -> str:
    """`Nothing changed: 37 resources are as declared.`, or what was done to how many."""
    done = {
        operation: number
        for operation, number in changes.items()
        if operation not in {"same", "read", "refresh"} and number
    }
    same = count(changes.get("same", 0), "resource")
    if not done:
        return f"Nothing changed: {same} {'is' if changes.get('same') == 1 else 'are'} as declared."
    words = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
    parts = [f"{number} {words.get(operation, operation)}" for operation, number in done.items()]
    return f"Changed: {', '.join(parts)}" + (f"; {same} as declared." if changes.get("same") else ".")


def live(*arguments: str) -> int:
    """Run a `pulumi` command for the user to watch: its live display on a terminal, else the lines that say what was done."""
    argv = [stack.pulumi_program(), *arguments]
    sys.stdout.flush()
    with patient() as interrupted:
        if sys.stdout.isatty():
            status = subprocess.run(argv, cwd=stack.project_folder(), check=False).returncode
        else:
            argv += ["--non-interactive", "--color", "never", "--suppress-progress"]
            with subprocess.Popen(argv, cwd=stack.project_folder(), stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in worth_reading(process.stdout):
                    print(line, flush=True)
                status = process.wait()
    if status and interrupted.is_set():
        raise KeyboardInterrupt
    return status


@contextlib.contextmanager
def patient() -> Iterator[threading.Event]:
    """^C reaches Pulumi as well, which then ends in good order: wait for it, and read what it says. The event tells of a ^C."""
    interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def reason(status: int) -> str:
    """Why a `pulumi` command ended with that status, as far as it tells."""
    return f"pulumi was killed by signal {-status}; run this again" if status < 0 else "Pulumi says above why"


def worth_reading(lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    """Pulumi's plain output without steps that only began, resources that stay as they are, and runs of empty lines."""
    step = re.compile(
        r"^ [-+~<>= ]{2} +\S+:\S+ \S+ +"
        r"((creating|updating|deleting|replacing|refreshing|reading) \([\d.]+s\).*|refresh \([\d.]+s\)|running.*|completed)? *$"
    )
    empty = True
    for line in lines:
        text = line.rstrip()
        if step.match(f"{text} ") or text.startswith("@ "):
            continue
        if text or not empty:
            yield text
        empty = not text


def show(deployment: Deployment) -> None:
    """What a person wants to see of the lab: the host's addresses and routes, what the first router says, and the ways in."""
    show_command(deployment, "host", ["ip", "-br", "address"])
    show_command(deployment, "host", ["ip", "route"])
    router = next((device for device in deployment.devices.values() if device.engine), None)
    if router and router.engine == "frr":
        show_command(deployment, router.name, ["vtysh", "-c", "show ip route rip"])
    elif router:
        for question in ("show ip interface brief", "show ip route"):
            show_command(deployment, router.name, question.split())
    heading("ways in")
    option = "" if selected_is(deployment.stack) else f"-s {deployment.stack} "
    for device in deployment.devices.values():
        print(
            f"lab {option}console {device.name:<{max(map(len, deployment.devices))}}   # {device.kind} {', '.join(device.addresses)}"
        )


def show_command(deployment: Deployment, device: str, argv: Sequence[str]) -> None:
    heading(f"lab exec {device} -- {shlex.join(argv)}")
    status, text = terminal.capture(deployment, device, argv)
    print(text.strip() or "(nothing)")
    if status:
        print(f"(status {status})")


def selected_is(name: str) -> bool:
    """Whether `lab` without --stack means this stack."""
    try:
        return stack.select(None) == name
    except UsageError:
        return False


def heading(text: str) -> None:
    print(f"\n── {text} " + "─" * max(3, 78 - len(text)), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
