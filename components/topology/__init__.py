"""The topology of a lab: from the examiner's YAML to a plan that components build.

    from components.topology import TopologyError, read_topology
    plan = read_topology("stacks/topologies/ccna_ch8.yaml")

`model` is what may be written, `load` reads it, `resolve` checks what it means together, `frr` renders router
configurations, `plan` is what comes out. Nothing here knows Pulumi or touches a host.
"""

from components.topology.load import Problem, TopologyError, load
from components.topology.plan import Plan
from components.topology.resolve import plan_of, read_topology

__all__ = ["Plan", "Problem", "TopologyError", "load", "plan_of", "read_topology"]
