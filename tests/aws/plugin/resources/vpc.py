"""Vpc, Subnet, InternetGateway."""

from __future__ import annotations

from types import MappingProxyType

from tests.aws.plugin.aws import Aws, tag_map, tag_specifications
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties

_VPC_ATTRIBUTES = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}


class Vpc(Resource):
    token = "aws:ec2/vpc:Vpc"
    replaces = frozenset({"cidrBlock"})
    defaults = MappingProxyType({"enableDnsSupport": True, "enableDnsHostnames": False})

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call(
            "ec2",
            "create_vpc",
            CidrBlock=inputs["cidrBlock"],
            InstanceTenancy=inputs.get("instanceTenancy", "default"),
            **tag_specifications("vpc", inputs["tagsAll"]),
        )["Vpc"]
        id_ = str(made["VpcId"])
        self.update(aws, id_, {}, inputs, frozenset(_VPC_ATTRIBUTES) & inputs.keys())
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("ec2", "describe_vpcs", VpcIds=[id_])
        if found is None:
            return None
        [vpc] = found["Vpcs"]
        attributes = {
            name: aws.call("ec2", "describe_vpc_attribute", VpcId=id_, Attribute=name)[aws_name]["Value"]
            for name, aws_name in _VPC_ATTRIBUTES.items()
        }
        return {
            "cidrBlock": vpc["CidrBlock"],
            "instanceTenancy": vpc["InstanceTenancy"],
            **attributes,
            "arn": f"arn:aws:ec2:{aws.region}:{vpc['OwnerId']}:vpc/{id_}",
            "ownerId": vpc["OwnerId"],
            "tagsAll": tag_map(vpc.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        for name in changed & _VPC_ATTRIBUTES.keys():
            value = news.get(name, self.defaults[name])
            aws.call("ec2", "modify_vpc_attribute", VpcId=id_, **{_VPC_ATTRIBUTES[name]: {"Value": value}})

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "delete_vpc", VpcId=id_)


class Subnet(Resource):
    token = "aws:ec2/subnet:Subnet"
    required = frozenset({"vpcId"})
    replaces = frozenset({"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"})
    defaults = MappingProxyType({"mapPublicIpOnLaunch": False})

    def create(self, aws: Aws, inputs: Properties) -> str:
        zone = {"AvailabilityZone": inputs["availabilityZone"]} if inputs.get("availabilityZone") else {}
        made = aws.call(
            "ec2",
            "create_subnet",
            VpcId=inputs["vpcId"],
            CidrBlock=inputs["cidrBlock"],
            **zone,
            **tag_specifications("subnet", inputs["tagsAll"]),
        )["Subnet"]
        id_ = str(made["SubnetId"])
        self.update(aws, id_, {}, inputs, frozenset({"mapPublicIpOnLaunch"}) & inputs.keys())
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("ec2", "describe_subnets", SubnetIds=[id_])
        if found is None:
            return None
        [subnet] = found["Subnets"]
        return {
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet["CidrBlock"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "arn": subnet["SubnetArn"],
            "ownerId": subnet["OwnerId"],
            "tagsAll": tag_map(subnet.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "mapPublicIpOnLaunch" in changed:
            value = {"Value": news.get("mapPublicIpOnLaunch", False)}
            aws.call("ec2", "modify_subnet_attribute", SubnetId=id_, MapPublicIpOnLaunch=value)

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "delete_subnet", SubnetId=id_)


class InternetGateway(Resource):
    token = "aws:ec2/internetGateway:InternetGateway"

    def create(self, aws: Aws, inputs: Properties) -> str:
        tags = tag_specifications("internet-gateway", inputs["tagsAll"])
        id_ = str(aws.call("ec2", "create_internet_gateway", **tags)["InternetGateway"]["InternetGatewayId"])
        if inputs.get("vpcId"):
            aws.call("ec2", "attach_internet_gateway", InternetGatewayId=id_, VpcId=inputs["vpcId"])
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("ec2", "describe_internet_gateways", InternetGatewayIds=[id_])
        if found is None:
            return None
        [gateway] = found["InternetGateways"]
        return {
            "vpcId": next((attachment["VpcId"] for attachment in gateway["Attachments"]), ""),
            "arn": f"arn:aws:ec2:{aws.region}:{gateway['OwnerId']}:internet-gateway/{id_}",
            "ownerId": gateway["OwnerId"],
            "tagsAll": tag_map(gateway.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "vpcId" in changed:
            if olds.get("vpcId"):
                aws.call("ec2", "detach_internet_gateway", InternetGatewayId=id_, VpcId=olds["vpcId"])
            if news.get("vpcId"):
                aws.call("ec2", "attach_internet_gateway", InternetGatewayId=id_, VpcId=news["vpcId"])

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        seen = self.state(aws, id_, known)
        if seen is None:
            return
        if seen["vpcId"]:
            aws.call("ec2", "detach_internet_gateway", InternetGatewayId=id_, VpcId=seen["vpcId"])
        aws.call("ec2", "delete_internet_gateway", InternetGatewayId=id_)
