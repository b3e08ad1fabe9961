"""The topology's checks as stack outputs: what `lab check` carries out."""

from __future__ import annotations

from components.topology.plan import CheckPlan, HttpCheck, PingCheck


def describe(check: CheckPlan) -> dict[str, object]:
    """A check as plain data: `kind` is ping, http or route; `from` the device; `timeout_s` how long it may take to become true."""
    common = {"name": check.name, "from": check.from_device, "timeout_s": check.timeout_s}
    if isinstance(check, PingCheck):
        return {**common, "kind": "ping", "target": check.target, "reply_ttl": check.reply_ttl}
    if isinstance(check, HttpCheck):
        return {**common, "kind": "http", "url": check.url, "contains": check.contains}
    return {**common, "kind": "route", "dst": check.dst, "via": check.via}
