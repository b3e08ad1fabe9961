"""Whether target `aws` can be had as the stack's settings want it, asked before anything is made: read-only, and free."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cli.errors import UsageError
from cli.stack import pulumi
from cli.table import GREEN, RED, coloured, render
from components.aws_settings import AwsSettings, SettingsError
from dynamic_providers.hosts import ec2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `said` is what AWS said of it, or what is wrong and what to do."""

    what: str
    passed: bool
    said: str


def run(stack: str) -> list[Finding]:
    """All findings; what can't be asked without credentials is left out. Raises UsageError where the target is another one."""
    settings = settings_of(stack)
    findings: list[Finding] = []
    for what, look in _looks(settings):
        try:
            findings.append(Finding(what, True, look()))
        except ec2.AwsError as error:
            findings.append(Finding(what, False, str(error)))
            if what == "account":
                break
    return findings


def settings_of(stack: str) -> AwsSettings:
    """The stack's settings. Raises UsageError, with all that is wrong with them."""
    values = cast("dict[str, dict[str, str]]", json.loads(pulumi("config", "--json", "-s", stack)))
    target = values.get("lab:target", {}).get("value")
    if target != "aws":
        raise UsageError(
            f"stack {stack} has lab:target {target or 'sandbox'}; there is a preflight for target aws alone"
        )
    try:
        return AwsSettings.read(lambda name: values.get(name, {}).get("value"), datetime.datetime.now(datetime.UTC))
    except SettingsError as error:
        raise UsageError(str(error)) from None


def table(findings: list[Finding]) -> str:
    """For people."""
    rows = [
        (finding.what, coloured("ok", GREEN) if finding.passed else coloured("FAILED", RED), finding.said)
        for finding in findings
    ]
    return render(("checked", "", "what was found"), rows)


def as_json(findings: list[Finding]) -> list[dict[str, object]]:
    """For programs."""
    return [dataclasses.asdict(finding) for finding in findings]


def _looks(settings: AwsSettings) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is looked at, in order. Each raises AwsError where it would fail."""

    @functools.cache
    def account() -> ec2.Account:
        try:
            return ec2.Account(settings.region, settings.profile)
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is not installed: `pip install 'exam-lab[aws]'`") from None

    @functools.cache
    def instance_type() -> ec2.InstanceType:
        return account().instance_type(settings.instance_type)

    yield "account", lambda: account().identity()[1]
    yield "region", lambda: _region(account())
    yield "instance type", lambda: _instance_type(instance_type())
    yield "zone", lambda: account().zone(settings.zone, settings.instance_type)
    yield "image", lambda: _image(account().image(settings.image, instance_type()))
    yield "key", lambda: _key(settings)
    yield "VPCs", lambda: account().room(ec2.VPCS, account().vpcs(), 1)
    yield (
        "vCPUs",
        lambda: account().room(ec2.VCPUS, account().vcpus(), instance_type().vcpus),
    )
    if settings.elastic_address:
        yield "Elastic IPs", lambda: account().room(ec2.ADDRESSES, account().addresses(), 1)
    if settings.dns_zone:
        yield "DNS", lambda: _dns(account(), settings)
    yield "price", lambda: settings.price(datetime.datetime.now(datetime.UTC))


def _region(account: ec2.Account) -> str:
    zones = cast("list[dict[str, str]]", account.ask("ec2", "describe_availability_zones")["AvailabilityZones"])
    return f"{account.region}, {len(zones)} zones"


def _instance_type(found: ec2.InstanceType) -> str:
    return f"{found.name}: {found.vcpus} vCPUs, {found.memory_mib / 1024:g} GiB, {', '.join(found.architectures)}"


def _image(image: ec2.Image) -> str:
    return f"{image.id} {image.name}".strip()


def _key(settings: AwsSettings) -> str:
    file = Path(settings.private_key_file).expanduser()
    if not settings.private_key_file:
        return "the SSH agent and the default keys of this machine"
    if not file.is_file():
        raise ec2.AwsError(f"lab:privateKeyFile: there is no {file}; it is the private part of lab:publicKey")
    return str(file)


def _dns(account: ec2.Account, settings: AwsSettings) -> str:
    answer = account.ask("route53", "get_hosted_zone", Id=settings.dns_zone)
    zone = str(cast("dict[str, object]", answer["HostedZone"])["Name"]).rstrip(".")
    if not f".{settings.dns_name}".endswith(f".{zone}"):
        raise ec2.AwsError(f"lab:dnsName: {settings.dns_name} is not in the zone {settings.dns_zone}, which is {zone}")
    return f"{settings.dns_name} in {zone}"
