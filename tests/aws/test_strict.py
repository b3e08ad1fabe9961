"""The double of AWS refuses what AWS refuses: moto's own checks are on, and those that it lacks are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.cloud import images
from tests.aws.world import Cloud


class Network:
    """A VPC with what a refusal may need."""

    def __init__(self, cloud: Cloud) -> None:
        self.ec2 = cloud.client("ec2")
        self.scheduler = cloud.client("scheduler")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
        self.group = self._group(self.vpc)
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]

    def _group(self, vpc: str) -> str:
        made = self.ec2.create_security_group(GroupName=f"of {vpc}", Description="for tests", VpcId=vpc)
        return str(made["GroupId"])

    def other_group(self) -> str:
        return self._group(self.ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"])

    def run(self, **other: Any) -> Any:  # noqa: ANN401
        request = {
            "ImageId": images.DEBIAN_12,
            "InstanceType": "m7i-flex.large",
            "SubnetId": self.subnet,
            "SecurityGroupIds": [self.group],
            "MinCount": 1,
            "MaxCount": 1,
        }
        return self.ec2.run_instances(**{**request, **other})

    def open(self, protocol: str, low: int, high: int, cidr: str) -> None:
        permission = {"IpProtocol": protocol, "FromPort": low, "ToPort": high, "IpRanges": [{"CidrIp": cidr}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[permission])

    def route(self, destination: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=destination, GatewayId=self.gateway)

    def delete_subnet_in_use(self) -> None:
        self.run()
        self.ec2.delete_subnet(SubnetId=self.subnet)

    def delete_group_in_use(self) -> None:
        self.run()
        self.ec2.delete_security_group(GroupId=self.group)

    def end_protected(self) -> None:
        id_ = self.run(DisableApiTermination=True)["Instances"][0]["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[id_])

    def schedule(self, expression: str) -> None:
        target = {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "RoleArn": "arn:aws:iam::123456789012:role/r"}
        self.scheduler.create_schedule(
            Name="n", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target
        )


@pytest.fixture(scope="module")
def network(records: Cloud) -> Network:
    return Network(records)


@pytest.mark.parametrize(
    "refused",
    [
        lambda n: n.ec2.create_vpc(CidrBlock="10.1.0.1/16"),
        lambda n: n.ec2.create_vpc(CidrBlock="10.0.0.0/8"),
        lambda n: n.ec2.create_subnet(VpcId=n.vpc, CidrBlock="10.1.2.1/24"),
        lambda n: n.ec2.create_subnet(VpcId=n.vpc, CidrBlock="192.168.0.0/24"),
        lambda n: n.open("tcp", 99999, 99999, "10.0.0.0/8"),
        lambda n: n.open("tcp", 22, 21, "10.0.0.0/8"),
        lambda n: n.open("tcpp", 22, 22, "10.0.0.0/8"),
        lambda n: n.open("tcp", 22, 22, "10.0.0.1/8"),
        lambda n: n.route("0.0.0.0/0"),
        lambda n: n.run(ImageId="ami-00000000000000000"),
        lambda n: n.run(ImageId=images.DEBIAN_ARM64),
        lambda n: n.run(InstanceType="m99.huge"),
        lambda n: n.run(KeyName="nobody's"),
        lambda n: n.run(SecurityGroupIds=[n.other_group()]),
        lambda n: n.run(UserData="x" * 16385),
        lambda n: n.run(InstanceInitiatedShutdownBehavior="explode"),
        lambda n: n.run(MetadataOptions={"HttpTokens": "perhaps"}),
        lambda n: n.run(MetadataOptions={"HttpPutResponseHopLimit": 99}),
        Network.delete_subnet_in_use,
        Network.delete_group_in_use,
        Network.end_protected,
        lambda n: n.schedule("tomorrow"),
    ],
    ids=[
        "VPC with host bits",
        "VPC too large",
        "subnet with host bits",
        "subnet outside its VPC",
        "port",
        "ports the wrong way round",
        "protocol",
        "rule with host bits",
        "route to a gateway that is not attached",
        "image",
        "architecture",
        "instance type",
        "key pair",
        "group of another VPC",
        "user data",
        "shutdown behaviour",
        "metadata tokens",
        "hop limit",
        "subnet in use",
        "group in use",
        "protected instance",
        "schedule",
    ],
)
def test_refused(network: Network, refused: Callable[[Network], object]) -> None:
    with pytest.raises(ClientError):
        refused(network)
