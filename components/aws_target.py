"""Target `aws`: network, host, and the lab host on it. Imported only where it is the target: the SDK is large."""

from __future__ import annotations

import datetime
import re

import pulumi

from components import prices
from components.aws_settings import AwsSettings, SettingsError
from components.exam_host import ExamHost, ExamHostArgs
from components.exam_network import ExamNetwork, ExamNetworkArgs
from dynamic_providers.hosts import ec2
from dynamic_providers.hosts.host_seed import HostSeed
from dynamic_providers.hosts.lab_host import LabHost
from dynamic_providers.hosts.user_data import USER
from dynamic_providers.lab_lease import this_user

BOOT_TIMEOUT_S = 600.0
"""From RunInstances to the end of the bootstrap, with packages from a slow mirror."""


def make(requires: list[str], *, shared: bool) -> tuple[LabHost, pulumi.Resource]:
    """A host on EC2 that is ready, and the instance that it is. Raises pulumi.RunError with all that is wrong with the settings."""
    try:
        settings = AwsSettings.read(_setting, datetime.datetime.now(datetime.UTC))
        # The SDK's own complaint comes amid others. Most regions are known without boto3, which takes 0.3 s to import.
        if settings.region not in prices.REGIONS:
            ec2.require_region(settings.region)
    except (SettingsError, ec2.AwsError) as error:
        raise pulumi.RunError(str(error)) from None
    tags = _tags(settings)
    seed = HostSeed(
        "exam-lab",
        region=settings.region,
        profile=settings.profile,
        image=settings.image,
        instance_type=settings.instance_type,
        zone=settings.zone,
        authorized_key=settings.public_key,
        port=settings.port,
        number=settings.reset_host,
        protected=settings.running,
    )
    network = ExamNetwork(
        "network",
        ExamNetworkArgs(
            availability_zone=seed.availability_zone,
            allow=list(settings.allow),
            ssh_port=settings.port,
            egress=settings.egress == "web",
            tags=tags,
        ),
        # It says what can't be had, before anything is made.
        pulumi.ResourceOptions(depends_on=[seed]),
    )
    machine = ExamHost(
        "machine",
        ExamHostArgs(
            seed=seed,
            subnet_id=network.subnet_id,
            security_group_id=network.security_group_id,
            public_key=settings.public_key,
            instance_type=settings.instance_type,
            disk_gib=settings.disk_gib,
            expiry=settings.expiry,
            at_expiry=settings.at_expiry,
            running=settings.running,
            elastic_address=settings.elastic_address,
            dns_name=settings.dns_name,
            dns_zone=settings.dns_zone,
            tags=tags,
        ),
        # Without a way out its first boot would fail.
        pulumi.ResourceOptions(depends_on=[network.route]),
    )
    lab_host = LabHost(
        "host",
        address=pulumi.Output.all(machine.address, machine.instance.instance_state).apply(_if_on),
        port=settings.port,
        user=USER,
        private_key_file=settings.private_key_file,
        host_key=seed.host_key,
        requires=requires,
        timeout_s=BOOT_TIMEOUT_S,
        machine=machine.instance.id,
        # Another type is a stop and a start.
        boot=settings.instance_type,
        bootstrap=True,
        deadline=_text(settings.deadline),
        expiry=_text(settings.expiry),
        region=settings.region,
        profile=settings.profile,
        shared=shared,
        # What goes with the machine is not asked whether it may.
        opts=pulumi.ResourceOptions(deleted_with=None if shared else machine.instance),
    )
    port = "" if settings.port == 22 else f" -p {settings.port}"
    pulumi.export("ssh", machine.handout.apply(lambda name: f"ssh{port} {USER}@{name}"))
    pulumi.export("expiry", _text(settings.expiry))
    pulumi.export("price", seed.since.apply(lambda since: settings.price(datetime.datetime.fromisoformat(since))))
    return lab_host, machine.instance


def _if_on(address_and_state: list[str]) -> str:
    """The address; "" while the instance is stopped, though an Elastic IP stays."""
    address, state = address_and_state
    return "" if state in {"stopping", "stopped"} else address


def _setting(name: str) -> str | None:
    namespace, _, key = name.partition(":")
    return pulumi.Config(namespace).get(key)


def _tags(settings: AwsSettings) -> dict[str, str]:
    """Whose it is and how long for. EC2 takes letters, digits, blanks and `+-=._:/@` in values."""
    tags = {
        "Name": f"exam-lab {pulumi.get_stack()}",
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
        "owner": re.sub(r"[^\w +\-=.:/@]", "_", this_user(), flags=re.ASCII),
        "expiry": _text(settings.expiry),
    }
    return {**tags, "deadline": _text(settings.deadline)} if settings.deadline else tags


def _text(moment: datetime.datetime | None) -> str:
    """`2026-11-25T18:00:00Z`; "" for none."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
