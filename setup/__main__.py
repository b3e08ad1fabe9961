"""Brings this machine to where `make demo` and `make test` can run: python -m setup [--tests] [--vm] [--firmware].

Says beforehand what is missing, how long it takes, how much disk it needs, and what root is for. Does nothing, in well
under a second, where nothing is missing.
"""

import argparse
import sys

from setup import debian, engine, sandbox_base, venv, virtual_machine
from setup.activation import write_activation
from setup.paths import STATE
from setup.privilege import Privilege
from setup.progress import Progress, SetupError, Step


def main() -> int:
    """Run set-up. Returns the exit code: 0, 1 after a SetupError (which is printed), 130 after ^C."""
    parser = argparse.ArgumentParser(prog="make setup", description=__doc__)
    parser.add_argument("--tests", action="store_true", help="with the tools that `make test` and `make lint` use")
    parser.add_argument("--vm", action="store_true", help="with the virtual machine of `make test-vm`")
    parser.add_argument("--firmware", action="store_true", help="with the compiler of `make firmware`")
    arguments = parser.parse_args()
    try:
        _set_up(Progress(STATE / "setup"), tests=arguments.tests, vm=arguments.vm, firmware=arguments.firmware)
    except SetupError as error:
        print(f"set-up: error: {error}\n{error.advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: interrupted; what is done so far is kept, run make again to go on", file=sys.stderr)
        return 130
    return 0


def _set_up(progress: Progress, *, tests: bool, vm: bool, firmware: bool) -> None:
    privilege = Privilege()
    candidates = (
        # What needs root first: sudo forgets a password after some minutes.
        debian.pending(privilege, vm=vm, firmware=firmware),
        sandbox_base.pending(),
        sandbox_base.pending(cloud=True) if tests else None,
        virtual_machine.pending() if vm else None,
        venv.pending(tests=tests),
        engine.pending(),
    )
    steps = [step for step in candidates if step is not None]
    if steps:
        _announce(steps)
    # Also where all is there: to start a sandbox host takes root as well.
    privilege.obtain()
    for number, step in enumerate(steps, start=1):
        progress.say(f"{number}/{len(steps)} {step.title}")
        step.run(progress)
    if steps:
        privilege.obtain()
    users = engine.users_engine()
    write_activation(None if users else engine.own_engine())
    progress.say(f"all is there (engine: {users or engine.own_engine() / 'pulumi'}); to use it: . .venv/bin/activate")


def _announce(steps: list[Step]) -> None:
    minutes = sum(step.minutes for step in steps)
    kept = sum(step.megabytes for step in steps)
    meanwhile = max(step.megabytes_meanwhile for step in steps)
    lines = [
        f"set-up: still missing on this machine; about {max(1, round(minutes))} min on two idle cores, {kept} MB of disk"
        + (f" ({meanwhile} MB more in between)" if meanwhile else "")
    ]
    lines += [f"  - {step.title}: about {step.minutes:g} min, {step.megabytes} MB" for step in steps]
    lines.append("set-up: root (sudo, if you are not root) is for:")
    lines += [f"  - {step.root_for}" for step in steps if step.root_for]
    lines.append("  - later: starting and stopping sandbox hosts (namespaces, mounts)")
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
