"""SecurityGroup, with its rules inside or as resources of their own."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

from tests.aws.plugin.aws import Answer, Aws, AwsError, tag_map, tag_specifications, wait
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties

EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def _permission(rule: Properties) -> Answer:
    """What AWS calls a rule that stands in a SecurityGroup."""
    about = {"Description": rule["description"]} if rule.get("description") else {}
    permission: Answer = {"IpProtocol": str(rule["protocol"])}
    if rule["protocol"] != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    if rule.get("cidrBlocks"):
        permission["IpRanges"] = [{"CidrIp": cidr, **about} for cidr in rule["cidrBlocks"]]
    if rule.get("ipv6CidrBlocks"):
        permission["Ipv6Ranges"] = [{"CidrIpv6": cidr, **about} for cidr in rule["ipv6CidrBlocks"]]
    groups = [{"GroupId": group, **about} for group in rule.get("securityGroups") or []]
    if groups:
        permission["UserIdGroupPairs"] = groups
    return permission


def _rules(permissions: list[Answer]) -> list[Properties]:
    """AWS's permissions as rules of a SecurityGroup: those of one port range and description are one."""
    rules: dict[tuple[object, ...], Properties] = {}
    for permission in permissions:
        for list_, name, key in (
            ("IpRanges", "CidrIp", "cidrBlocks"),
            ("Ipv6Ranges", "CidrIpv6", "ipv6CidrBlocks"),
            ("UserIdGroupPairs", "GroupId", "securityGroups"),
        ):
            for source in permission.get(list_, []):
                ports = (permission.get("FromPort", 0), permission.get("ToPort", 0))
                about = source.get("Description", "")
                rule = rules.setdefault(
                    (permission["IpProtocol"], *ports, about),
                    {"protocol": permission["IpProtocol"], "fromPort": ports[0], "toPort": ports[1]},
                )
                if about:
                    rule["description"] = about
                rule[key] = sorted([*rule.get(key, []), source[name]])
    return list(rules.values())


class SecurityGroup(Resource):
    token = "aws:ec2/securityGroup:SecurityGroup"
    replaces = frozenset({"name", "namePrefix", "description", "vpcId"})
    defaults = MappingProxyType({"description": "Managed by Pulumi"})
    unordered = frozenset({"ingress", "egress"})
    named_by = "name"

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call(
            "ec2",
            "create_security_group",
            GroupName=inputs["name"],
            Description=inputs.get("description", self.defaults["description"]),
            VpcId=inputs["vpcId"],
            **tag_specifications("security-group", inputs["tagsAll"]),
        )
        id_ = str(made["GroupId"])
        # The real provider takes away AWS's own rule, which lets everything out.
        aws.call("ec2", "revoke_security_group_egress", GroupId=id_, IpPermissions=[EVERYTHING])
        self.update(aws, id_, {}, inputs, frozenset({"ingress", "egress"}) & inputs.keys())
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("ec2", "describe_security_groups", GroupIds=[id_])
        if found is None:
            return None
        [group] = found["SecurityGroups"]
        return {
            "name": group["GroupName"],
            "description": group["Description"],
            "vpcId": group["VpcId"],
            "ingress": _rules(group["IpPermissions"]),
            "egress": _rules(group["IpPermissionsEgress"]),
            "arn": f"arn:aws:ec2:{aws.region}:{group['OwnerId']}:security-group/{id_}",
            "ownerId": group["OwnerId"],
            "tagsAll": tag_map(group.get("Tags")),
        }

    def same(self, key: str, old: object, new: object) -> bool:
        if key in self.unordered and isinstance(old, list) and isinstance(new, list):
            return super().same(key, _rules([_permission(r) for r in old]), _rules([_permission(r) for r in new]))
        return super().same(key, old, new)

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        for way in changed & {"ingress", "egress"}:
            # As they are now: what is no drift of this rule may have drifted with it.
            seen = self.state(aws, id_, olds)
            old = [_permission(rule) for rule in seen[way]] if seen else []
            new = [_permission(rule) for rule in _rules([_permission(rule) for rule in news.get(way) or []])]
            gone = [permission for permission in old if permission not in new]
            if gone:
                aws.call("ec2", f"revoke_security_group_{way}", GroupId=id_, IpPermissions=gone)
            come = [permission for permission in new if permission not in old]
            if come:
                aws.call("ec2", f"authorize_security_group_{way}", GroupId=id_, IpPermissions=come)

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        def deleted() -> bool:
            try:
                aws.found("ec2", "delete_security_group", GroupId=id_)
            except AwsError as error:
                if error.code == "DependencyViolation":
                    return False
                raise
            return True

        wait(f"the end of what uses security group {id_}", deleted)


class _Rule(Resource):
    """One rule: one source."""

    way: ClassVar[str]
    required = frozenset({"securityGroupId", "ipProtocol"})
    # In place in AWS too, by ModifySecurityGroupRules, which moto has not.
    replaces = frozenset(
        {"securityGroupId", "ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "referencedSecurityGroupId"}
    )

    def create(self, aws: Aws, inputs: Properties) -> str:
        about = {"Description": inputs["description"]} if inputs.get("description") else {}
        permission: Answer = {"IpProtocol": inputs["ipProtocol"]}
        if inputs["ipProtocol"] != "-1":
            permission |= {"FromPort": inputs["fromPort"], "ToPort": inputs["toPort"]}
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **about}]
        if inputs.get("cidrIpv6"):
            permission["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **about}]
        if inputs.get("referencedSecurityGroupId"):
            permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **about}]
        made = aws.call(
            "ec2",
            f"authorize_security_group_{self.way}",
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            **tag_specifications("security-group-rule", inputs["tagsAll"]),
        )
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        filters = [{"Name": "group-id", "Values": [known["securityGroupId"]]}]
        for rule in aws.call("ec2", "describe_security_group_rules", Filters=filters)["SecurityGroupRules"]:
            if rule["SecurityGroupRuleId"] == id_:
                seen = {
                    "securityGroupId": rule["GroupId"],
                    "securityGroupRuleId": id_,
                    "ipProtocol": rule["IpProtocol"],
                    "cidrIpv4": rule.get("CidrIpv4"),
                    "cidrIpv6": rule.get("CidrIpv6"),
                    "description": rule.get("Description") or "",
                    "arn": rule.get("SecurityGroupRuleArn", ""),
                    "tagsAll": tag_map(rule.get("Tags")) or known["tagsAll"],
                }
                ports = {} if rule["IpProtocol"] == "-1" else {"fromPort": rule["FromPort"], "toPort": rule["ToPort"]}
                return {**seen, **ports}
        return None

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found(
            "ec2",
            f"revoke_security_group_{self.way}",
            GroupId=known["securityGroupId"],
            SecurityGroupRuleIds=[id_],
        )


class IngressRule(_Rule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    way = "ingress"


class EgressRule(_Rule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    way = "egress"
