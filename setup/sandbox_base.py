"""The root file system that all sandbox hosts share: built once by the `sandbox` package, in the user's cache."""

from setup.paths import CHECKOUT, VENV
from setup.privilege import Privilege
from setup.progress import Progress, Step


def pending(privilege: Privilege) -> Step | None:
    """Return the step that builds it, or None where it is built."""
    if not (CHECKOUT / "sandbox" / "base.py").exists():
        return None
    return None
