"""The resource types that the double has, one module for those that belong together."""

from __future__ import annotations

from tests.aws.plugin.resource import of
from tests.aws.plugin.resources.elastic_ip import Eip, EipAssociation
from tests.aws.plugin.resources.iam import InstanceProfile, Role, RolePolicy, RolePolicyAttachment
from tests.aws.plugin.resources.instance import Instance
from tests.aws.plugin.resources.key_pair import KeyPair
from tests.aws.plugin.resources.record import Record
from tests.aws.plugin.resources.routes import Route, RouteTable, RouteTableAssociation
from tests.aws.plugin.resources.schedule import Schedule
from tests.aws.plugin.resources.security_group import EgressRule, IngressRule, SecurityGroup
from tests.aws.plugin.resources.vpc import InternetGateway, Subnet, Vpc

RESOURCES = of(
    (
        Vpc,
        Subnet,
        InternetGateway,
        RouteTable,
        Route,
        RouteTableAssociation,
        SecurityGroup,
        IngressRule,
        EgressRule,
        KeyPair,
        Instance,
        Eip,
        EipAssociation,
        Role,
        RolePolicy,
        RolePolicyAttachment,
        InstanceProfile,
        Schedule,
        Record,
    )
)
