"""Where set-up keeps things: in the checkout (.venv, .state) and in the user's cache."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
STATE = CHECKOUT / ".state"
"""This checkout's own state, never committed: Pulumi's backend, its passphrase, sandboxes and set-up's logs."""


def user_cache() -> Path:
    """Return the folder shared by all checkouts of this user: the engine and the sandboxes' root file system."""
    # The specification says that a relative path is to be ignored.
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "exam-lab"
