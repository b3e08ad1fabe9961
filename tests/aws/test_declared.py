"""What the double of the plugin says that replaces, against an independent source: CloudFormation's schemas, which cfn-lint has."""

from __future__ import annotations

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from pulumi import _types

from tests.aws.plugin import declared
from tests.aws.plugin.resources import RESOURCES
from tests.aws.world import REGION

SAME = {
    "aws:ec2/vpc:Vpc": "AWS::EC2::VPC",
    "aws:ec2/subnet:Subnet": "AWS::EC2::Subnet",
    "aws:ec2/internetGateway:InternetGateway": "AWS::EC2::InternetGateway",
    "aws:ec2/routeTable:RouteTable": "AWS::EC2::RouteTable",
    "aws:ec2/route:Route": "AWS::EC2::Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup": "AWS::EC2::SecurityGroup",
    "aws:ec2/keyPair:KeyPair": "AWS::EC2::KeyPair",
    "aws:ec2/instance:Instance": "AWS::EC2::Instance",
    "aws:iam/role:Role": "AWS::IAM::Role",
    "aws:iam/rolePolicy:RolePolicy": "AWS::IAM::RolePolicy",
    "aws:iam/instanceProfile:InstanceProfile": "AWS::IAM::InstanceProfile",
    "aws:scheduler/schedule:Schedule": "AWS::Scheduler::Schedule",
}
"""The types that both know."""
NAMES = {
    "ami": "ImageId",
    "description": "GroupDescription",
    "publicKey": "PublicKeyMaterial",
    "placementGroup": "PlacementGroupName",
    "privateIp": "PrivateIpAddress",
    "hibernation": "HibernationOptions",
    "role": "RoleName",
    "policy": "PolicyDocument",
}
"""Where a word is not the same in both but for its first letter."""
NAMED = {
    "aws:ec2/securityGroup:SecurityGroup": "GroupName",
    "aws:iam/role:Role": "RoleName",
    "aws:iam/rolePolicy:RolePolicy": "PolicyName",
    "aws:iam/instanceProfile:InstanceProfile": "InstanceProfileName",
}
"""What `name` is."""
PULUMI_ALONE = {
    # A prefix is of names that Pulumi makes up.
    "namePrefix",
    "keyNamePrefix",
    # One attribute of CloudFormation's NetworkInterfaces, which replace.
    "associatePublicIpAddress",
    # CloudFormation has no such property of the type.
    "instanceMarketOptions",
    "gatewayId",
    "groupName",
}
IN_PLACE_WITH_PULUMI = {
    # The real plugin changes these, or CloudFormation's word is of another thing than pulumi-aws's.
    ("aws:ec2/keyPair:KeyPair", "tags"),
    ("aws:ec2/instance:Instance", "securityGroups"),
    # Not used here, and so unknown to the double.
    ("aws:ec2/instance:Instance", "cpuOptions"),
    ("aws:ec2/instance:Instance", "enclaveOptions"),
    ("aws:ec2/instance:Instance", "hostResourceGroupArn"),
    ("aws:ec2/instance:Instance", "ipv6AddressCount"),
    ("aws:ec2/instance:Instance", "ipv6Addresses"),
    ("aws:ec2/instance:Instance", "launchTemplate"),
    ("aws:ec2/instance:Instance", "networkInterfaces"),
    ("aws:ec2/route:Route", "destinationIpv6CidrBlock"),
    ("aws:ec2/route:Route", "destinationPrefixListId"),
    ("aws:ec2/subnet:Subnet", "ipv4IpamPoolId"),
    ("aws:ec2/subnet:Subnet", "ipv4NetmaskLength"),
    ("aws:ec2/subnet:Subnet", "ipv6IpamPoolId"),
    ("aws:ec2/subnet:Subnet", "ipv6Native"),
    ("aws:ec2/subnet:Subnet", "ipv6NetmaskLength"),
    ("aws:ec2/subnet:Subnet", "outpostArn"),
    ("aws:ec2/vpc:Vpc", "ipv4IpamPoolId"),
    ("aws:ec2/vpc:Vpc", "ipv4NetmaskLength"),
}


@pytest.mark.parametrize("token", SAME)
def test_what_replaces(token: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, SAME[token]).schema
    always = {path.rpartition("/")[2] for path in schema.get("createOnlyProperties", [])}
    sometimes = {path.rpartition("/")[2] for path in schema.get("conditionalCreateOnlyProperties", [])}
    replaces = RESOURCES[token].replaces
    for name in replaces - PULUMI_ALONE:
        assert _theirs(token, name) in always | sometimes, f"{name} does not replace"
    for name in _types.input_type_types(declared.args_class(token)):
        if _theirs(token, name) in always and (token, name) not in IN_PLACE_WITH_PULUMI:
            assert name in replaces, f"{name} replaces"


def _theirs(token: str, name: str) -> str:
    if name == "name" and token in NAMED:
        return NAMED[token]
    if name == "description" and token != "aws:ec2/securityGroup:SecurityGroup":
        return "Description"
    return NAMES.get(name, name[0].upper() + name[1:])


@pytest.mark.parametrize("token", RESOURCES)
def test_the_double_knows_only_what_the_sdk_knows(token: str) -> None:
    resource = RESOURCES[token]
    known = _types.input_type_types(declared.args_class(token))
    used = resource.required | resource.replaces | resource.defaults.keys() | resource.unordered
    assert used <= set(known)
