"""`lab new FOLDER`: a project's folder for who has the package and no checkout: the program, and topologies to start from.

The package has these files in `cli/project`, written by setup.py from the checkout. Nothing but the standard library: setup.py imports this.
"""

from __future__ import annotations

import io
from pathlib import Path

from cli.errors import UsageError
from dynamic_providers.packing import pack

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGED = Path(__file__).resolve().parent / "project"
FILES = ("Pulumi.yaml", "__main__.py", "firmware/exam-router.elf", "firmware/exam-router.json")
IMAGES = ("pause", "simpleweb")
OWN = ".state/\n.venv/\n"
"""Of .gitignore: keys and local state, and what Python packages are in."""


def write(folder: Path) -> list[str]:
    """Write the files of a new project; their names. Raises UsageError for a folder that has something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there and not empty: give the name of a new folder")
    files = {**(packaged() if PACKAGED.is_dir() else from_checkout()), ".gitignore": OWN.encode()}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sorted(files)


def packaged() -> dict[str, bytes]:
    """By name, with `/` between folders, the files that are in the package."""
    # pip compiles what it installs.
    paths = [path for path in PACKAGED.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(PACKAGED).as_posix(): path.read_bytes() for path in paths}


def from_checkout() -> dict[str, bytes]:
    """The same from a checkout. Root file systems have links, which neither packages nor every file system can: they become tars."""
    files = {name: (CHECKOUT / name).read_bytes() for name in FILES}
    for path in sorted((CHECKOUT / "stacks" / "topologies").glob("*.*")):
        files[f"stacks/topologies/{path.name}"] = path.read_bytes()
    for image in IMAGES:
        packed = io.BytesIO()
        pack(CHECKOUT / "images" / image, packed)
        files[f"images/{image}.tar"] = packed.getvalue()
    return files
