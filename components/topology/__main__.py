"""`python -m components.topology check FILE… | docs | schema`: checks topology files, or writes what is made from the model."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.topology import TopologyError, read_topology, reference

USAGE = "usage: python -m components.topology check FILE… | docs | schema"


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 if all is well, 1 if a file has mistakes, 2 for a wrong command line."""
    match arguments:
        case ["check", first, *more]:
            return max(check(file) for file in (first, *more))
        case ["docs"]:
            return write(reference.PAGE_FILE, reference.page())
        case ["schema"]:
            return write(reference.SCHEMA_FILE, reference.json_schema())
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def check(file: str) -> int:
    """Prints the mistakes of a topology file, or what it has."""
    try:
        plan = read_topology(file)
    except TopologyError as error:
        print(error, file=sys.stderr)
        return 1
    counts = {
        "networks": plan.networks,
        "routers": plan.routers,
        "links": plan.links,
        "containers": plan.containers,
        "checks": plan.checks,
    }
    print(f"{file}: {plan.name}, {', '.join(f'{len(things)} {name}' for name, things in counts.items())}")
    return 0


def write(path: Path, text: str) -> int:
    """Writes a made file."""
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(reference.PROJECT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
