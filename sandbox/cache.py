"""Where this project keeps what can be made again."""

import os
from pathlib import Path


def default_cache() -> Path:
    """This user's cache of the project: ${XDG_CACHE_HOME:-~/.cache}/exam-lab."""
    # The specification says that a relative path is to be ignored.
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "exam-lab"
