"""The disk of the virtual machine that `make test-vm` boots: built once, in the user's cache."""

import sys

from setup.paths import CHECKOUT, user_cache
from setup.progress import Progress, Step
from tests.vm import image


def pending() -> Step | None:
    """Return the step that builds it, or None where it is there."""
    if image.directory(user_cache()).is_dir():
        return None
    root_for = "building the virtual machine's root file system (mmdebstrap)"
    return Step("disk of the virtual machine: Debian 12 with its kernel", 2, 750, _build, 700, root_for)


def _build(progress: Progress) -> None:
    progress.command(
        # As the user: it calls sudo itself, for the part that needs root.
        [sys.executable, "-B", "-m", "tests.vm.image", "--ensure", user_cache()],
        what="building the disk of the virtual machine",
        advice="Check that apt reaches its mirror (`apt-get update`), then run make again.",
        cwd=CHECKOUT,
    )
