"""`lab`: check, look at and enter the lab of a stack.

Exit status: 0 it is so or was done, 1 it is not so or the host failed, 2 what was asked can't be done; `console` and `exec` pass on the status of
what they ran. LAB_TRACE=1 shows where an error came from.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from cli import checks, room, status, terminal
from cli.errors import UsageError
from cli.stack import deployment_from, read_deployment, read_outputs, select
from dynamic_providers.connection import Unreachable
from host_agent.errors import HostError

DESCRIPTION = (
    "Check, look at and enter the lab that a stack has built. Everything goes over one SSH connection to the lab host."
)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """Carry a command line out. Returns the exit status."""
    arguments = parse(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    return guarded(lambda: command(arguments))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; what can go wrong becomes one line on stderr and a status."""
    try:
        result = command()
        sys.stdout.flush()
        return result
    except UsageError as error:
        return _failed(error, 2)
    except Unreachable as error:
        return _failed(error, 1, advice="; does it run? `pulumi up` starts a sandbox that has stopped")
    except HostError as error:
        return _failed(error, 1)
    except BrokenPipeError:
        # Whoever read our output has gone (`lab status | head`): not an error, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; `command` has what follows `--`, as it is."""
    words = list(argv)
    after: list[str] = []
    if "--" in words:
        # argparse drops or keeps `--` depending on Python's version; what follows it is the command's alone.
        split = words.index("--")
        words, after = words[:split], words[split + 1 :]
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.run is _exec:
        given: list[str] = arguments.command
        arguments.command = [*given, "--", *after] if given and after else [*given, *after]
        if not arguments.command:
            parser.error("exec needs a command: lab exec DEVICE -- COMMAND [ARGUMENT…]")
    elif after:
        parser.error(f"only `exec` takes a command after `--`, not {' '.join(after)}")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab",
        description=DESCRIPTION,
        epilog="`lab COMMAND --help` says more. LAB_TRACE=1 shows where an error came from.",
    )
    parser.add_argument("-s", "--stack", help="default: PULUMI_STACK, else the selected stack, else the only one")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], summary: str, more: str = ""
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}".strip()
        )
        # Taken before the command and after it; where it is absent here, what was said before holds.
        command.add_argument("-s", "--stack", default=argparse.SUPPRESS, help="as before COMMAND")
        command.set_defaults(run=run)
        return command

    check = add(
        "check",
        _check,
        "carry out the topology's checks",
        "All at once, each until it holds or its time is up. Exit status 1 if not all hold.",
    )
    check.add_argument(
        "--timeout", type=_seconds, metavar="S", help="seconds to wait for each; default: as the topology says"
    )
    check.add_argument("--json", action="store_true", help="for programs")
    state = add("status", _status, "show the devices, and what is absent or differs from its declaration")
    state.add_argument("--json", action="store_true", help="for programs")
    preflight = add(
        "preflight",
        _preflight,
        "ask AWS whether the host of target aws can be had",
        "Account, region, instance type, zone, image, key and quotas, before anything is made. Exit status 1 if something is missing.",
    )
    preflight.add_argument("--json", action="store_true", help="for programs")
    console = add(
        "console",
        _console,
        "open a device's console",
        "A router's is vtysh, those of the host and of containers a shell: leave it with `exit`. That of a Dynamips router is its serial"
        " console, which all who open it share: leave it with Ctrl-].",
    )
    console.add_argument("device", metavar="DEVICE", help="as `lab status` shows it")
    aux = add("aux", _aux, "open the AUX port of a Dynamips router", "Leave it with Ctrl-].")
    aux.add_argument("device", metavar="ROUTER", help="as `lab status` shows it")
    idle_pc = add(
        "idle-pc",
        _idle_pc,
        "find the idle-pc of a Dynamips router's image",
        "Without it a router keeps a processor busy. Let the router boot and have nothing to do. What is found is kept on the lab host, with the"
        " image, and the next `pulumi up` gives it to all routers that have it.",
    )
    idle_pc.add_argument("device", metavar="ROUTER", help="as `lab status` shows it")
    new = add("new", _new, "make a project's folder: the program, and topologies to start from")
    new.add_argument("folder", metavar="FOLDER", type=Path, help="a new one, or an empty one")
    execute = add(
        "exec",
        _exec,
        "run a command in a device",
        "Input, output, errors and exit status are the command's: lab exec web -- ip route. A Dynamips router is told a line over its AUX"
        " port: lab exec R1 -- show ip route",
    )
    execute.add_argument("device", metavar="DEVICE", help="as `lab status` shows it")
    execute.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="with its arguments; no shell is between"
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError("must be from 0 to 86400 seconds")
    return value


def _check(arguments: argparse.Namespace) -> int:
    deployment = read_deployment(select(arguments.stack))
    verdicts = checks.run(deployment, timeout_s=arguments.timeout, progress=checks.show_progress)
    print(json.dumps(checks.as_json(verdicts), indent=2) if arguments.json else checks.table(verdicts))
    return 0 if checks.all_passed(verdicts) else 1


def _status(arguments: argparse.Namespace) -> int:
    name = select(arguments.stack)
    outputs = read_outputs(name)
    if outputs.get("topology") == "none":
        found = room.read(name, outputs)
        print(json.dumps(dataclasses.asdict(found), indent=2) if arguments.json else room.report(found))
        return 0
    deployment = deployment_from(name, outputs)
    objects = status.read(deployment)
    print(
        json.dumps(status.as_json(deployment, objects), indent=2)
        if arguments.json
        else status.report(deployment, objects)
    )
    return 0


def _preflight(arguments: argparse.Namespace) -> int:
    # Only here: the other commands need neither the settings of AWS nor what asks it.
    from cli import preflight

    findings = preflight.run(select(arguments.stack))
    print(json.dumps(preflight.as_json(findings), indent=2) if arguments.json else preflight.table(findings))
    return 0 if all(finding.passed for finding in findings) else 1


def _console(arguments: argparse.Namespace) -> int:
    return terminal.console(read_deployment(select(arguments.stack)), arguments.device)


def _aux(arguments: argparse.Namespace) -> int:
    return terminal.console(read_deployment(select(arguments.stack)), arguments.device, line="aux")


def _idle_pc(arguments: argparse.Namespace) -> int:
    return terminal.find_idle_pc(read_deployment(select(arguments.stack)), arguments.device)


def _new(arguments: argparse.Namespace) -> int:
    from cli import new

    for name in new.write(arguments.folder):
        print(arguments.folder / name)
    print(
        f"\nNext: cd {arguments.folder}, pulumi login (or pulumi login --local), pulumi stack init dev,"
        " pulumi config set target …; topologies are under stacks/topologies"
    )
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    return terminal.execute(read_deployment(select(arguments.stack)), arguments.device, arguments.command)


def _failed(error: Exception, status: int, advice: str = "") -> int:
    if os.environ.get("LAB_TRACE"):
        traceback.print_exception(error)
    print(f"lab: {error}{advice}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
