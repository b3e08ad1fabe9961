"""Debian packages that set-up and the sandbox hosts need on this machine."""

import subprocess

from sandbox import base
from setup import venv
from setup.privilege import Privilege
from setup.progress import Progress, Step

APT = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15")
APT_ADVICE = (
    "Check that apt reaches its mirror (`apt-get update`) or install the packages yourself, then run make again."
)


VM_PACKAGES = ("qemu-system-x86", "e2fsprogs", "openssh-client")
FIRMWARE_PACKAGES = ("gcc", "gcc-mips-linux-gnu", "iproute2", "iputils-ping", "libc6-dev", "procps")
MEGABYTES = {"qemu-system-x86": 90, "gcc-mips-linux-gnu": 150}
"""What a package takes with all that it needs; 10 where it is not here."""


def missing_packages(*, vm: bool = False, firmware: bool = False) -> list[str]:
    """Return the names of the Debian packages that are missing; `vm`: also those for a virtual machine; `firmware`: for building it."""
    required = (*base.REQUIRED_PACKAGES, *(VM_PACKAGES if vm else ()), *(FIRMWARE_PACKAGES if firmware else ()))
    missing = [package for package in required if not _installed(package)]
    if venv.interpreter_wanted() and venv.interpreter() is None:
        missing.append("python3-venv")
    return missing


def pending(privilege: Privilege, *, vm: bool = False, firmware: bool = False) -> Step | None:
    """Return the step that installs the missing packages, or None where none is missing."""
    packages = missing_packages(vm=vm, firmware=firmware)
    if not packages:
        return None

    def run(progress: Progress) -> None:
        apt: tuple[str, ...] = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", *APT)
        progress.command(privilege.argv(*apt, "update"), what="reading the package lists", advice=APT_ADVICE)
        progress.command(
            privilege.argv(*apt, "install", "--yes", "--no-install-recommends", *packages),
            what="installing Debian packages",
            advice=APT_ADVICE,
        )

    names = " ".join(packages)
    return Step(
        f"Debian packages: {names}",
        0.5,
        sum(MEGABYTES.get(name, 10) for name in packages),
        run,
        root_for=f"apt-get install {names}",
    )


def _installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
