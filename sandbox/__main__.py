"""Command line: `python3 -m sandbox base|start|stop|destroy|status …`; start, stop and status print the status as JSON."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from sandbox import base, control
from sandbox.errors import SandboxError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m sandbox", description="A throw-away lab host on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    base_parser = commands.add_parser(
        "base", help="build the root file system that sandboxes share; print its directory"
    )
    base_parser.add_argument("--cache", type=Path, help="default: ${XDG_CACHE_HOME:-~/.cache}/exam-lab")
    base_parser.add_argument("--cloud", action="store_true", help="the variant with cloud-init")
    texts = {
        "start": "make the sandbox if there is none, and start it",
        "stop": "shut it down; its files stay",
        "destroy": "kill it and remove all that it had",
        "status": "print its status",
    }
    for command, text in texts.items():
        subparser = commands.add_parser(command, help=text)
        subparser.add_argument("name", metavar="NAME")
        subparser.add_argument("--state", type=Path, required=True, metavar="DIR", help="directory of all sandboxes")
        if command == "start":
            subparser.add_argument("--base", type=Path, required=True, metavar="DIR", help="as `base` prints it")
            subparser.add_argument(
                "--port", type=int, default=0, help="on 127.0.0.1; default: the one it has, else any"
            )
            subparser.add_argument(
                "--public-key", type=Path, required=True, metavar="FILE", help="key that logs in as root"
            )
    return parser


def main() -> int:
    """Exit status 1 with a message on standard error if it fails."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "base":
            print(base.ensure(arguments.cache, cloud=arguments.cloud))
            return 0
        if arguments.command == "destroy":
            control.destroy(arguments.name, state=arguments.state)
            return 0
        if arguments.command == "start":
            status = control.start(
                arguments.name,
                state=arguments.state,
                base=arguments.base,
                public_key=arguments.public_key,
                port=arguments.port,
            )
        elif arguments.command == "stop":
            status = control.stop(arguments.name, state=arguments.state)
        else:
            status = control.status(arguments.name, state=arguments.state)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # The privileged program had the signal too, and undoes what is half done.
        print("sandbox: interrupted", file=sys.stderr)
        return 130
    print(json.dumps(dataclasses.asdict(status)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
