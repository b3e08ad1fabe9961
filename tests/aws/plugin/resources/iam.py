"""Role, RolePolicy, RolePolicyAttachment, InstanceProfile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from tests.aws.plugin.aws import Aws, tag_list, tag_map
from tests.aws.plugin.resource import Resource
from tests.plugin_double import UNKNOWN, Properties


def _same_document(old: object, new: object) -> bool:
    return isinstance(old, str) and isinstance(new, str) and new != UNKNOWN and json.loads(old) == json.loads(new)


class Role(Resource):
    token = "aws:iam/role:Role"
    required = frozenset({"assumeRolePolicy"})
    replaces = frozenset({"name", "namePrefix", "path"})
    defaults = MappingProxyType({"path": "/"})
    named_by = "name"

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.call(
            "iam",
            "create_role",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Path=inputs.get("path", "/"),
            Description=inputs.get("description", ""),
            Tags=tag_list(inputs["tagsAll"]),
        )
        for policy in inputs.get("inlinePolicies") or []:
            aws.call(
                "iam",
                "put_role_policy",
                RoleName=inputs["name"],
                PolicyName=policy["name"],
                PolicyDocument=policy["policy"],
            )
        return str(inputs["name"])

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("iam", "get_role", RoleName=id_)
        if found is None:
            return None
        role = found["Role"]
        return {
            "name": role["RoleName"],
            "path": role["Path"],
            "description": role.get("Description", ""),
            "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
            "arn": role["Arn"],
            "uniqueId": role["RoleId"],
            "tagsAll": tag_map(role.get("Tags")),
        }

    def same(self, key: str, old: object, new: object) -> bool:
        return super().same(key, old, new) or (key == "assumeRolePolicy" and _same_document(old, new))

    def set_tags(self, aws: Aws, id_: str, olds: Mapping[str, str], news: Mapping[str, str]) -> None:
        gone = [key for key in olds if key not in news]
        if gone:
            aws.call("iam", "untag_role", RoleName=id_, TagKeys=gone)
        aws.call("iam", "tag_role", RoleName=id_, Tags=tag_list(news))

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "assumeRolePolicy" in changed:
            aws.call("iam", "update_assume_role_policy", RoleName=id_, PolicyDocument=news["assumeRolePolicy"])
        if "description" in changed:
            aws.call("iam", "update_role", RoleName=id_, Description=news.get("description", ""))

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        names = aws.found("iam", "list_role_policies", RoleName=id_)
        for policy in known.get("inlinePolicies") or []:
            if names and policy["name"] in names["PolicyNames"]:
                aws.call("iam", "delete_role_policy", RoleName=id_, PolicyName=policy["name"])
        aws.found("iam", "delete_role", RoleName=id_)


class RolePolicy(Resource):
    token = "aws:iam/rolePolicy:RolePolicy"
    required = frozenset({"policy", "role"})
    replaces = frozenset({"name", "namePrefix", "role"})
    named_by = "name"
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        self.update(aws, "", {}, inputs, frozenset({"policy"}))
        return f"{inputs['role']}:{inputs['name']}"

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        role, _, name = id_.partition(":")
        found = aws.found("iam", "get_role_policy", RoleName=role, PolicyName=name)
        if found is None:
            return None
        return {"role": role, "name": name, "policy": json.dumps(found["PolicyDocument"])}

    def same(self, key: str, old: object, new: object) -> bool:
        return super().same(key, old, new) or (key == "policy" and _same_document(old, new))

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        aws.call(
            "iam", "put_role_policy", RoleName=news["role"], PolicyName=news["name"], PolicyDocument=news["policy"]
        )

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        role, _, name = id_.partition(":")
        aws.found("iam", "delete_role_policy", RoleName=role, PolicyName=name)


class RolePolicyAttachment(Resource):
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    required = frozenset({"policyArn", "role"})
    replaces = frozenset({"policyArn", "role"})
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.call("iam", "attach_role_policy", RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("iam", "list_attached_role_policies", RoleName=known["role"])
        attached = [policy["PolicyArn"] for policy in found["AttachedPolicies"]] if found else []
        return {"role": known["role"], "policyArn": known["policyArn"]} if known["policyArn"] in attached else None

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("iam", "detach_role_policy", RoleName=known["role"], PolicyArn=known["policyArn"])


class InstanceProfile(Resource):
    token = "aws:iam/instanceProfile:InstanceProfile"
    replaces = frozenset({"name", "namePrefix", "path"})
    named_by = "name"

    def create(self, aws: Aws, inputs: Properties) -> str:
        name = str(inputs["name"])
        aws.call("iam", "create_instance_profile", InstanceProfileName=name, Tags=tag_list(inputs["tagsAll"]))
        if inputs.get("role"):
            aws.call("iam", "add_role_to_instance_profile", InstanceProfileName=name, RoleName=inputs["role"])
        return name

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        found = aws.found("iam", "get_instance_profile", InstanceProfileName=id_)
        if found is None:
            return None
        profile = found["InstanceProfile"]
        return {
            "name": id_,
            "path": profile["Path"],
            "role": next((role["RoleName"] for role in profile["Roles"]), ""),
            "arn": profile["Arn"],
            "tagsAll": tag_map(profile.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "role" in changed:
            if olds.get("role"):
                aws.call("iam", "remove_role_from_instance_profile", InstanceProfileName=id_, RoleName=olds["role"])
            if news.get("role"):
                aws.call("iam", "add_role_to_instance_profile", InstanceProfileName=id_, RoleName=news["role"])

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        if known.get("role"):
            aws.found("iam", "remove_role_from_instance_profile", InstanceProfileName=id_, RoleName=known["role"])
        aws.found("iam", "delete_instance_profile", InstanceProfileName=id_)
