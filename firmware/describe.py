"""Describe the built firmware: python3 describe.py ELF LINKED NM VERSION_H > exam-router.json.

What a caller needs to run it: the image's digest, the program counter of its idle loop (Dynamips sign-extends addresses to 64
bits), and its version.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path


def main() -> None:
    elf, linked, nm, version_header = sys.argv[1:]
    symbols = subprocess.run([nm, linked], capture_output=True, text=True, check=True).stdout
    idle = re.search(r"^(?:ffffffff)?([0-9a-f]{8}) \w idle_pc$", symbols, re.MULTILINE)
    version = re.search(r'FIRMWARE_VERSION "([^"]+)"', Path(version_header).read_text(encoding="utf-8"))
    if idle is None or version is None:
        raise SystemExit(f"describe.py: no idle_pc in {linked}, or no FIRMWARE_VERSION in {version_header}")
    description = {
        "idle_pc": f"0xffffffff{idle[1]}",
        "platforms": ["c2691", "c3725", "c3745"],
        "sha256": hashlib.sha256(Path(elf).read_bytes()).hexdigest(),
        "version": version[1],
    }
    print(json.dumps(description, indent=2))


main()
