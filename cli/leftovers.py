"""What a stack has on a lab host that is not its own (targets `ssh`, `stack:NAME`) though its state, lost or rolled back, knows nothing of it.

The ledger on the host knows whose it is: see host_agent/kinds/lease.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

from ruamel.yaml import YAML

from cli import stack
from cli.errors import UsageError
from dynamic_providers import connection
from dynamic_providers.base import is_set
from dynamic_providers.connection import Endpoint
from dynamic_providers.lab_lease import this_user

PROJECT = "lab"
STACK = "stack:"


@dataclass(frozen=True)
class HostSettings:
    """What a stack's settings say of its host. `address` is "" for targets whose host is the stack's own."""

    address: str = ""
    port: int = 22
    user: str = "root"
    private_key_file: str = ""
    host_key: str = ""
    delete_unreachable: bool = False


def settings_of(name: str) -> HostSettings:
    """From stacks/Pulumi.<name>.yaml, which outlives a lost state; Pulumi would not read it without one. Raises UsageError."""
    path = stack.project_folder() / "stacks" / f"Pulumi.{name}.yaml"
    if not path.exists():
        return HostSettings()
    config = cast("dict[str, object]", (YAML(typ="safe").load(path) or {}).get("config") or {})
    target = str(config.get("lab:target") or "")
    if target.startswith(STACK):
        return _of_stack(target.removeprefix(STACK))
    if target != "ssh":
        return HostSettings()
    return HostSettings(
        address=str(config.get("lab:address") or ""),
        port=int(str(config.get("lab:port") or 22)),
        user=str(config.get("lab:user") or "root"),
        private_key_file=str(config.get("lab:privateKeyFile") or ""),
        host_key=str(config.get("lab:hostKey") or ""),
        delete_unreachable=is_set("LAB_DELETE_UNREACHABLE")
        or str(config.get("lab:deleteUnreachable")).lower() == "true",
    )


def _of_stack(name: str) -> HostSettings:
    """The host that another stack has, as its outputs say; none where it has none any more."""
    try:
        host = Endpoint.from_properties(json.loads(stack.pulumi("stack", "output", "host", "--json", "-s", name)))
    except UsageError:
        return HostSettings()
    return HostSettings(
        host.address, host.port, host.user, host.private_key_file, host.host_key, is_set("LAB_DELETE_UNREACHABLE")
    )


def end_leases(name: str, settings: HostSettings) -> list[str]:
    """Remove the leases that this user's stack of that name still has on its host, with all that they have; which ones.

    Raises HostError where the host can't be asked, unless the settings let what is unreachable be forgotten.
    """
    if not settings.address:
        return []
    endpoint = Endpoint(settings.address, settings.port, settings.user, settings.private_key_file, settings.host_key)
    holder = {"project": PROJECT, "stack": name, "user": this_user()}
    try:
        agent = connection.agent(endpoint)
    except connection.Unreachable as error:
        if settings.delete_unreachable:
            return []
        raise UsageError(f"whether stack {name} has left something on its host is not known: {error}") from None
    try:
        leases = cast("dict[str, dict[str, object]]", agent.call("leases", {}))
        ours = [lease for lease, owner in leases.items() if holder.items() <= owner.items()]
        for lease in ours:
            agent.call("remove", {"kind": "lease", "lease": lease, "args": leases[lease]})
        return ours
    finally:
        connection.close(endpoint)
