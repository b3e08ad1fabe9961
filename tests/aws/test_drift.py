"""Each attribute of what the stack has in AWS, changed behind its back: a preview shows it, and `up` repairs it in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.aws import world
from tests.aws.world import Cloud
from tests.e2e.stack import Stack

pytestmark = pytest.mark.thorough

NAME = "e2e-aws-drift"
ELSEWHERE = "0.0.0.0/0"


class Account:
    """The one stack's things, as AWS has them."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.ec2, self.iam, self.scheduler = (cloud.client(name) for name in ("ec2", "iam", "scheduler"))

    @property
    def vpc(self) -> str:
        return str(self.cloud.instance()["VpcId"])

    @property
    def subnet(self) -> str:
        return str(self.cloud.instance()["SubnetId"])

    @property
    def instance(self) -> str:
        return str(self.cloud.instance()["InstanceId"])

    @property
    def group(self) -> str:
        group = self._one("describe_security_groups", "SecurityGroups", lambda group: group["GroupName"] != "default")
        return str(group["GroupId"])

    @property
    def gateway(self) -> str:
        return str(self._one("describe_internet_gateways", "InternetGateways", lambda _: True)["InternetGatewayId"])

    @property
    def table(self) -> dict[str, Any]:
        return dict(self._one("describe_route_tables", "RouteTables", lambda table: table["Tags"]))

    @property
    def volume(self) -> str:
        return str(self.cloud.instance()["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])

    @property
    def key(self) -> str:
        return str(self._one("describe_key_pairs", "KeyPairs", lambda _: True)["KeyPairId"])

    @property
    def role(self) -> str:
        return str(self.iam.list_roles()["Roles"][0]["RoleName"])

    @property
    def policy(self) -> str:
        return str(self.iam.list_role_policies(RoleName=self.role)["PolicyNames"][0])

    @property
    def schedule(self) -> dict[str, Any]:
        name = self.scheduler.list_schedules()["Schedules"][0]["Name"]
        seen: dict[str, Any] = self.scheduler.get_schedule(Name=name)
        return seen

    def reschedule(self, **changes: object) -> None:
        seen = self.schedule
        kept = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target", "State", "Description")
        self.scheduler.update_schedule(**{**{name: seen[name] for name in kept}, **changes})

    def tag(self, id_: str, key: str = "owner", value: str = "somebody else") -> None:
        self.ec2.create_tags(Resources=[id_], Tags=[{"Key": key, "Value": value}])

    def untag(self, id_: str) -> None:
        self.ec2.delete_tags(Resources=[id_], Tags=[{"Key": "owner"}])

    def modify(self, **attribute: object) -> None:
        self.ec2.modify_instance_attribute(InstanceId=self.instance, **attribute)

    def retype(self, name: str) -> None:
        id_ = self.instance
        self.ec2.stop_instances(InstanceIds=[id_])
        self.modify(InstanceType={"Value": name})
        self.ec2.start_instances(InstanceIds=[id_])

    def rules(self) -> list[dict[str, Any]]:
        [group] = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        permissions: list[dict[str, Any]] = group["IpPermissions"]
        return permissions

    def metadata(self, **options: object) -> None:
        self.ec2.modify_instance_metadata_options(InstanceId=self.instance, **options)

    def _one(self, operation: str, key: str, ours: Callable[[dict[str, Any]], object]) -> Any:  # noqa: ANN401
        [found] = [item for item in getattr(self.ec2, operation)()[key] if ours(item)]
        return found


def _permission(port: int) -> list[dict[str, object]]:
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": ELSEWHERE}]}]


NO_TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
NO_RIGHTS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'

DRIFTS: dict[str, tuple[str, Callable[[Account], object]]] = {
    "vpc: tag": ("Vpc exam-lab", lambda a: a.tag(a.vpc)),
    "vpc: DNS": ("Vpc exam-lab", lambda a: a.ec2.modify_vpc_attribute(VpcId=a.vpc, EnableDnsSupport={"Value": False})),
    "vpc: host names": (
        "Vpc exam-lab",
        lambda a: a.ec2.modify_vpc_attribute(VpcId=a.vpc, EnableDnsHostnames={"Value": False}),
    ),
    "subnet: tag": ("Subnet exam-lab", lambda a: a.untag(a.subnet)),
    "subnet: public addresses": (
        "Subnet exam-lab",
        lambda a: a.ec2.modify_subnet_attribute(SubnetId=a.subnet, MapPublicIpOnLaunch={"Value": False}),
    ),
    "gateway: tag": ("InternetGateway exam-lab", lambda a: a.tag(a.gateway, "more", "than declared")),
    "table: tag": ("RouteTable exam-lab", lambda a: a.tag(a.table["RouteTableId"])),
    "table: route gone": (
        "RouteTable exam-lab",
        lambda a: a.ec2.delete_route(RouteTableId=a.table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0"),
    ),
    "table: route more": (
        "RouteTable exam-lab",
        lambda a: a.ec2.create_route(
            RouteTableId=a.table["RouteTableId"], DestinationCidrBlock="198.51.100.0/24", GatewayId=a.gateway
        ),
    ),
    "group: tag": ("SecurityGroup exam-lab", lambda a: a.untag(a.group)),
    "group: rule gone": (
        "SecurityGroup exam-lab",
        lambda a: a.ec2.revoke_security_group_ingress(GroupId=a.group, IpPermissions=a.rules()),
    ),
    "group: rule more": (
        "SecurityGroup exam-lab",
        lambda a: a.ec2.authorize_security_group_ingress(GroupId=a.group, IpPermissions=_permission(3389)),
    ),
    "group: way out": (
        "SecurityGroup exam-lab",
        lambda a: a.ec2.authorize_security_group_egress(GroupId=a.group, IpPermissions=_permission(25)),
    ),
    "key: tag": ("KeyPair exam-lab", lambda a: a.tag(a.key)),
    "instance: tag": ("Instance exam-lab", lambda a: a.untag(a.instance)),
    "instance: tokens": ("Instance exam-lab", lambda a: a.metadata(HttpTokens="optional")),
    "instance: hop limit": ("Instance exam-lab", lambda a: a.metadata(HttpPutResponseHopLimit=5)),
    "instance: no metadata": ("Instance exam-lab", lambda a: a.metadata(HttpEndpoint="disabled")),
    "instance: protection": ("Instance exam-lab", lambda a: a.modify(DisableApiTermination={"Value": True})),
    "instance: shutdown": (
        "Instance exam-lab",
        lambda a: a.modify(InstanceInitiatedShutdownBehavior={"Value": "stop"}),
    ),
    "instance: groups": ("Instance exam-lab", lambda a: a.modify(Groups=[_default_group(a)])),
    "instance: forwarding check": ("Instance exam-lab", lambda a: a.modify(SourceDestCheck={"Value": False})),
    "instance: volume's tag": ("Instance exam-lab", lambda a: a.tag(a.volume)),
    "role: description": (
        "Role exam-lab-expiry",
        lambda a: a.iam.update_role(RoleName=a.role, Description="of somebody else"),
    ),
    "role: trust": (
        "Role exam-lab-expiry",
        lambda a: a.iam.update_assume_role_policy(RoleName=a.role, PolicyDocument=NO_TRUST),
    ),
    "role: tag": (
        "Role exam-lab-expiry",
        lambda a: a.iam.tag_role(RoleName=a.role, Tags=[{"Key": "owner", "Value": "somebody else"}]),
    ),
    "policy": (
        "RolePolicy exam-lab-expiry",
        lambda a: a.iam.put_role_policy(RoleName=a.role, PolicyName=a.policy, PolicyDocument=NO_RIGHTS),
    ),
    "schedule: time": (
        "Schedule exam-lab-expiry",
        lambda a: a.reschedule(ScheduleExpression="at(2099-01-01T00:00:00)"),
    ),
    "schedule: off": ("Schedule exam-lab-expiry", lambda a: a.reschedule(State="DISABLED")),
    "schedule: what it ends": (
        "Schedule exam-lab-expiry",
        lambda a: a.reschedule(Target={**a.schedule["Target"], "Input": '{"InstanceIds": []}'}),
    ),
}


def _default_group(account: Account) -> str:
    filters = [{"Name": "vpc-id", "Values": [account.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    return str(account.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])


@pytest.fixture(scope="module")
def host(aws: Cloud) -> Iterator[Stack]:
    with world.stack(NAME, aws, {"topology": "none"}) as stack:
        stack.up()
        yield stack


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_repaired_in_place(aws: Cloud, host: Stack, drift: str) -> None:
    account = Account(aws)
    resource, meddle = DRIFTS[drift]
    meddle(account)
    assert world.up(host) == {"update": [resource]}


def test_then_all_is_as_declared(host: Stack) -> None:
    assert world.preview(host) == {}


@pytest.mark.parametrize(
    ("gone", "made"),
    [
        (
            lambda a: a.ec2.disassociate_route_table(
                AssociationId=a.table["Associations"][0]["RouteTableAssociationId"]
            ),
            "RouteTableAssociation exam-lab",
        ),
        (lambda a: a.iam.delete_role_policy(RoleName=a.role, PolicyName=a.policy), "RolePolicy exam-lab-expiry"),
        (lambda a: a.scheduler.delete_schedule(Name=a.schedule["Name"]), "Schedule exam-lab-expiry"),
    ],
    ids=["association", "policy", "schedule"],
)
def test_what_is_gone_is_made_again(aws: Cloud, host: Stack, gone: Callable[[Account], object], made: str) -> None:
    before = Account(aws).instance
    gone(Account(aws))
    assert world.up(host)["create"] == [made]
    assert world.preview(host) == {}
    assert Account(aws).instance == before


def test_another_instance_type_by_hand_is_taken_back(aws: Cloud, host: Stack) -> None:
    """By a stop and a start, as EC2 has it: the address is another one then, and the lab host is known again."""
    account = Account(aws)
    before = account.instance
    account.retype("m7i.large")
    world.up(host)
    assert world.preview(host) == {}
    assert account.instance == before
    assert aws.instance()["InstanceType"] == "m7i-flex.large"
