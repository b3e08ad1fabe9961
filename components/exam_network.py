"""The network of an EC2 exam host: a VPC with one public subnet, and who may reach what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

CIDR = "172.31.255.0/24"
"""Of the VPC and its subnet. Labs have namespaces of their own on the host, so that their addresses may be the same."""
EVERYWHERE = "0.0.0.0/0"
WEB = (80, 443)
"""What package mirrors and image registries are reached by. DNS and time are the VPC's own, and pass every security group."""


@dataclass(frozen=True, kw_only=True)
class ExamNetworkArgs:
    """What an `ExamNetwork` is made of."""

    availability_zone: pulumi.Input[str]
    """`eu-central-1a`. Another one replaces the subnet, and the host in it."""
    allow: pulumi.Input[list[str]]
    """IPv4 networks that may reach SSH, `203.0.113.0/24`; nobody else reaches anything."""
    ssh_port: pulumi.Input[int] = 22
    """TCP port of sshd on the host."""
    egress: bool = True
    """Whether the host may reach the web (TCP 80 and 443), as its bootstrap must; otherwise it reaches nothing."""
    tags: Mapping[str, pulumi.Input[str]]
    """On all that can carry them, beside `Name`."""


class ExamNetwork(pulumi.ComponentResource):
    """VPC, public subnet, internet gateway, route table and security group.

    ExamNetwork("network", ExamNetworkArgs(availability_zone="eu-central-1a", allow=["203.0.113.7/32"], tags={"owner": "ana"}))

    Rules and routes are part of their group and table: one that was added by hand is drift, and removed.
    """

    subnet_id: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    route: pulumi.Resource
    """What leads to the internet: a host that shall bootstrap depends on it."""

    def __init__(self, name: str, args: ExamNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("lab:components:ExamNetwork", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        vpc = ec2.Vpc(
            "exam-lab", cidr_block=CIDR, enable_dns_support=True, enable_dns_hostnames=True, tags=args.tags, opts=own
        )
        gateway = ec2.InternetGateway("exam-lab", vpc_id=vpc.id, tags=args.tags, opts=own)
        subnet = ec2.Subnet(
            "exam-lab",
            vpc_id=vpc.id,
            cidr_block=CIDR,
            availability_zone=args.availability_zone,
            map_public_ip_on_launch=True,
            tags=args.tags,
            opts=own,
        )
        table = ec2.RouteTable(
            "exam-lab",
            vpc_id=vpc.id,
            routes=[ec2.RouteTableRouteArgs(cidr_block=EVERYWHERE, gateway_id=gateway.id)],
            tags=args.tags,
            opts=own,
        )
        self.route = ec2.RouteTableAssociation("exam-lab", subnet_id=subnet.id, route_table_id=table.id, opts=own)
        group = ec2.SecurityGroup(
            "exam-lab",
            description="Exam lab: SSH from the examiners' networks",
            vpc_id=vpc.id,
            ingress=[
                ec2.SecurityGroupIngressArgs(
                    description="SSH",
                    protocol="tcp",
                    from_port=args.ssh_port,
                    to_port=args.ssh_port,
                    cidr_blocks=args.allow,
                )
            ],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    description="Package mirrors and image registries",
                    protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_blocks=[EVERYWHERE],
                )
                for port in (WEB if args.egress else ())
            ],
            tags=args.tags,
            opts=own,
        )
        self.subnet_id, self.security_group_id = subnet.id, group.id
        self.register_outputs({"subnet_id": self.subnet_id, "security_group_id": self.security_group_id})
