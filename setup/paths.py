"""Where set-up keeps things: in the checkout (.venv, .state) and in the user's cache."""

from pathlib import Path

from sandbox.cache import default_cache

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
STATE = CHECKOUT / ".state"
"""This checkout's own state, never committed: Pulumi's backend, its passphrase, sandboxes and set-up's logs."""


def user_cache() -> Path:
    """Return the folder shared by all checkouts of this user: the engine and the sandboxes' root file system."""
    return default_cache()
