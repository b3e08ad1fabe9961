"""An EC2 instance that becomes a lab host, and what ends it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_aws import ec2, iam, route53, scheduler

from dynamic_providers.hosts.host_seed import HostSeed

SECOND_LINE = datetime.timedelta(minutes=10)
"""How long after the expiry, at which the host powers itself off, AWS ends it if it still runs."""
DNS_TTL_S = 60


@dataclass(frozen=True, kw_only=True)
class ExamHostArgs:
    """What an `ExamHost` is made of."""

    seed: HostSeed
    """Its image, zone, SSH host key and user data. A change of one of these replaces the instance."""
    subnet_id: pulumi.Input[str]
    """Of a public subnet in the seed's zone."""
    security_group_id: pulumi.Input[str]
    public_key: pulumi.Input[str]
    """`ssh-ed25519 AAAA…` of the examiner. Another one replaces the instance."""
    instance_type: pulumi.Input[str]
    """`m7i-flex.large`. Another one of the same architecture stops and starts the instance."""
    disk_gib: pulumi.Input[int] = 20
    """Size of the root volume (gp3, encrypted); it can grow in place."""
    expiry: datetime.datetime
    """When the host goes, in UTC. Another one changes the schedule, and nothing else."""
    at_expiry: Literal["terminate", "stop"] = "terminate"
    """What its power-off means to EC2. A stopped instance still costs its disk."""
    running: bool = False
    """While an exam runs: neither Pulumi nor AWS' API terminate it, and at the expiry it is stopped at most."""
    elastic_address: bool = False
    """Whether it has an Elastic IP, which stays the same when the instance is replaced or stopped; otherwise EC2 gives it one that changes."""
    dns_name: str = ""
    """A name for its address, `exam1.example.org`; "" is none."""
    dns_zone: str = ""
    """Id of the hosted zone (Route 53) that the name is in."""
    tags: Mapping[str, pulumi.Input[str]]
    """On all that can carry them."""


class ExamHost(pulumi.ComponentResource):
    """Key pair, instance, its address, and the schedule that ends it.

    ExamHost("machine", ExamHostArgs(seed=seed, subnet_id=network.subnet_id, …))

    The metadata service asks for a token and is not reached from a hop further on; the disk is encrypted and goes with the instance.
    """

    instance: ec2.Instance
    address: pulumi.Output[str]
    """Its public IPv4 address."""
    handout: pulumi.Output[str]
    """The name or address to print: the most lasting that there is."""

    def __init__(self, name: str, args: ExamHostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("lab:components:ExamHost", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        # What runs may be stopped, never terminated, by nobody.
        ends_by = "stop" if args.running else args.at_expiry
        key_pair = ec2.KeyPair("exam-lab", public_key=args.public_key, tags=args.tags, opts=own)
        self.instance = ec2.Instance(
            "exam-lab",
            ami=args.seed.ami,
            instance_type=args.instance_type,
            availability_zone=args.seed.availability_zone,
            subnet_id=args.subnet_id,
            vpc_security_group_ids=[args.security_group_id],
            key_name=key_pair.key_name,
            user_data=args.seed.user_data,
            # It is read at the first boot only.
            user_data_replace_on_change=True,
            instance_initiated_shutdown_behavior=ends_by,
            disable_api_termination=args.running,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3",
                volume_size=args.disk_gib,
                encrypted=True,
                delete_on_termination=True,
                tags=args.tags,
            ),
            tags=args.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two of them could be more than the account may have; and a protected one shall stop the whole before anything is made.
                delete_before_replace=True,
                protect=args.running,
                additional_secret_outputs=["userData"],
            ),
        )
        self.address = self.instance.public_ip
        if args.elastic_address:
            self.address = ec2.Eip(
                "exam-lab", domain="vpc", instance=self.instance.id, tags=args.tags, opts=own
            ).public_ip
        self.handout = self.address
        if args.dns_name:
            record = route53.Record(
                "exam-lab",
                zone_id=args.dns_zone,
                name=args.dns_name,
                type="A",
                ttl=DNS_TTL_S,
                records=[self.address],
                opts=own,
            )
            self.handout = record.fqdn
        self._ended_by_aws(args, ends_by)
        self.register_outputs({"address": self.address, "handout": self.handout})

    def _ended_by_aws(self, args: ExamHostArgs, ends_by: Literal["terminate", "stop"]) -> None:
        """The schedule that root on the host can't stop."""
        own = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            "exam-lab-expiry",
            description="Ends an exam host at its expiry",
            assume_role_policy=args.seed.account.apply(_scheduler_may_assume),
            tags=args.tags,
            opts=own,
        )
        policy = iam.RolePolicy("exam-lab-expiry", role=role.id, policy=self.instance.arn.apply(_may_end), opts=own)
        scheduler.Schedule(
            "exam-lab-expiry",
            description="Ends an exam host that outlived its expiry",
            schedule_expression=f"at({args.expiry + SECOND_LINE:%Y-%m-%dT%H:%M:%S})",
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=scheduler.ScheduleTargetArgs(
                arn=f"arn:aws:scheduler:::aws-sdk:ec2:{ends_by}Instances",
                role_arn=role.arn,
                input=self.instance.id.apply(lambda id_: json.dumps({"InstanceIds": [id_]})),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )


def _scheduler_may_assume(account: str) -> str:
    """The trust of the schedule's role: EventBridge Scheduler, on behalf of this account alone."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _may_end(instance_arn: str) -> str:
    """What the schedule's role may do: end this one instance."""
    statement = {"Effect": "Allow", "Action": ["ec2:StopInstances", "ec2:TerminateInstances"], "Resource": instance_arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
