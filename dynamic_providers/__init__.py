"""Pulumi resources for what is on a lab host: one typed class per kind, one generic provider, one SSH connection.

Module paths, class names and type tokens are part of every stack's state (the provider is pickled by reference): moving or renaming one needs a
shim that keeps the old name importable, and a test with an old state.
"""

import sys
from types import ModuleType
from typing import cast

# paramiko imports a task runner, a quarter of all that its import takes, for `Match exec` lines of ssh_config files. Nobody reads
# such files here, and paramiko does without it.
sys.modules.setdefault("invoke", cast(ModuleType, None))
