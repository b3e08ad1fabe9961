"""The topology of a lab: from the examiner's YAML to a plan that components build.

    from components.topology import TopologyError, read_topology
    plan = read_topology("stacks/topologies/ccna_ch8.yaml")

`model` is what may be written, `load` reads it, `resolve` checks what it means together, `frr` renders router
configurations, `plan` is what comes out, `kept` keeps it. Nothing here knows Pulumi or touches a host.
"""

import importlib
from typing import TYPE_CHECKING

from components.topology.plan import Plan

if TYPE_CHECKING:
    from components.topology.load import Problem, TopologyError
    from components.topology.resolve import plan_of, read_topology

__all__ = ["Plan", "Problem", "TopologyError", "plan_of", "read_topology"]

_MODULES = {"Problem": "load", "TopologyError": "load", "plan_of": "resolve", "read_topology": "resolve"}
"""What reads a file takes a quarter of a second to import: that is done where a file is read."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
