"""Start, stop, destroy and look at sandboxes, from any user's process (root is taken through sudo where it is needed).

Every function takes `state`, the directory of all sandboxes, and can be repeated: what is so already is no error.
"""

import os
from pathlib import Path

from sandbox import privilege
from sandbox.errors import SandboxError
from sandbox.state import Status, directory_of, status

__all__ = ["Status", "destroy", "start", "status", "stop"]


def start(name: str, *, state: Path, base: Path, public_key: Path, port: int = 0) -> Status:
    """Make the sandbox if there is none, start it if it does not run, and return when its sshd and dockerd answer.

    state: made if missing; on a real file system (ext4, xfs, btrfs). base: as `sandbox.base.ensure` returns it; a sandbox that
    exists keeps the one that it was made on. public_key: file of the key that logs in as root. port: on 127.0.0.1; 0 keeps the one
    that the sandbox has, or lets the kernel choose at first; one that runs keeps its port and key until its next start.
    SandboxError if it does not come up within 30 s, with the end of its log.
    """
    directory_of(state, name)
    if not 0 <= port <= 65535:
        raise SandboxError(f"port {port}: use 1 to 65535, or 0 to have one chosen")
    try:
        key = public_key.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"cannot read the public key {public_key}: {error}") from error
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"cannot make the state directory {state}: {error.strerror}; choose one of yours") from error
    arguments = ["start", name, "--state", os.path.realpath(state), "--base", os.path.realpath(base)]
    privilege.run([*arguments, "--port", str(port), "--public-key", key])
    return status(name, state=state)


def stop(name: str, *, state: Path) -> Status:
    """Shut the sandbox down. Its files stay for the next start; its processes, interfaces and namespaces are gone."""
    if directory_of(state, name).exists():
        privilege.run(["stop", name, "--state", os.path.realpath(state)])
    return status(name, state=state)


def destroy(name: str, *, state: Path) -> None:
    """Kill the sandbox and remove all that it had on this machine."""
    if directory_of(state, name).exists():
        privilege.run(["destroy", name, "--state", os.path.realpath(state)])
