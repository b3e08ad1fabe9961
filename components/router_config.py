"""The configuration of a router as a resource takes it: a secret where it may hold one."""

from __future__ import annotations

import re

import pulumi

from components.topology import enable_secret, ios
from components.topology.plan import FREE, RouterPlan

_FROM_SECRET = re.compile(r"\{from_secret: *([A-Za-z0-9][A-Za-z0-9_-]*)\}")


def config_of(plan: RouterPlan) -> pulumi.Input[str]:
    """Secret is what an examiner wrote as a whole, and what has the hash of a password in it. Nothing else: encryption takes time at each step.

    In what an examiner wrote, `{from_secret: NAME}` stands for a secret of the stack's configuration.
    """
    if plan.config_is_raw:
        return pulumi.Output.secret(_FROM_SECRET.sub(lambda found: _secret(plan, found[1]), plan.config))
    if plan.enable_secret is None:
        return plan.config
    assert plan.dynamips is not None
    password = _secret(plan, plan.enable_secret)
    # Releases of IOS for these routers know type 5 alone, the free firmware type 8 alone.
    hashed = enable_secret.type_8 if plan.dynamips.image == FREE else enable_secret.type_5
    try:
        secret = hashed(password, enable_secret.salt(pulumi.get_project(), pulumi.get_stack(), plan.name))
    except ValueError as error:
        raise pulumi.RunError(f"the secret {plan.enable_secret} of the stack's configuration: {error}") from None
    return pulumi.Output.secret(ios.with_enable_secret(plan.config, secret))


def _secret(plan: RouterPlan, name: str) -> str:
    value = pulumi.Config("lab").get(name)
    if value is None:
        raise pulumi.RunError(
            f"router {plan.name}: the stack has no secret {name}: `pulumi config set --secret {name}` asks for it"
        )
    return value
