"""Debian packages that set-up and the sandbox need on this machine."""

import shutil

from setup import venv
from setup.privilege import Privilege
from setup.progress import Progress, SetupError, Step

COMMANDS = {"debootstrap": "debootstrap", "ip": "iproute2", "unshare": "util-linux", "mount": "mount"}
"""The commands that the sandbox runs on this machine, and the Debian packages that bring them."""

APT = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15")
APT_ADVICE = (
    "Check that apt reaches its mirror (`apt-get update`) or install the packages yourself, then run make again."
)


def missing_packages() -> list[str]:
    """Return the names of the Debian packages that are missing."""
    # Where root finds them: a user's PATH often lacks sbin.
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    missing = {package for command, package in COMMANDS.items() if shutil.which(command, path=path) is None}
    if venv.pending(tests=False) is not None and venv.interpreter() is None:
        missing.add("python3-venv")
    return sorted(missing)


def pending(privilege: Privilege) -> Step | None:
    """Return the step that installs the missing packages, or None where none is missing."""
    packages = missing_packages()
    if not packages:
        return None

    def run(progress: Progress) -> None:
        if shutil.which("apt-get") is None:
            raise SetupError(
                f"missing: {', '.join(packages)}, and there is no apt-get to install them",
                "Install what these Debian packages hold by your system's own means; then run make again.",
            )
        # Without "env", sudo would take the setting for its own environment policy to judge.
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", *APT]
        # One failing source of the user's must not stop the others: the installation tells what is really missing.
        progress.command(
            privilege.argv([*apt, "update"]), what="reading the package lists", advice=APT_ADVICE, timeout_s=300
        )
        progress.command(
            privilege.argv([*apt, "install", "--yes", "--no-install-recommends", *packages]),
            what="installing Debian packages",
            advice=APT_ADVICE,
        )

    names = " ".join(packages)
    return Step(f"Debian packages: {names}", 0.5, 10 * len(packages), run, root_for=f"apt-get install {names}")
