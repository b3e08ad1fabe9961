"""Root for the few things that need it: as root, or by sudo."""

import os
import shutil
import subprocess
import sys

from setup.progress import SetupError


class Privilege:
    """How this user runs a command as root."""

    def __init__(self) -> None:
        self._root = os.geteuid() == 0

    def argv(self, *command: str) -> list[str]:
        """Return the command as it is for root, else under sudo, which must not ask: see obtain()."""
        return [*command] if self._root else ["sudo", "--non-interactive", *command]

    def obtain(self) -> None:
        """Make sure that sudo will not ask for a password in the minutes that follow; ask for it once, now, if need be.

        Raises SetupError where there is no sudo, or no terminal to ask on.
        """
        if self._root:
            return
        if shutil.which("sudo") is None:
            raise SetupError("root is needed, and there is no sudo", "Run make as root, or install and configure sudo.")
        quiet = subprocess.run(["sudo", "--non-interactive", "true"], capture_output=True, text=True, check=False)
        if quiet.returncode == 0:
            return
        if not sys.stdin.isatty():
            raise SetupError(
                f"root is needed, and sudo can't be used without a password here: {quiet.stderr.strip()}",
                "Run make on a terminal, where sudo can ask; or as root; or allow this user sudo without a password.",
            )
        if subprocess.run(["sudo", "--validate"], check=False).returncode != 0:
            raise SetupError("sudo refused", "Run make as root or as a user who may use sudo.")
