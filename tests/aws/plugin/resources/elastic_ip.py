"""Eip and EipAssociation: a public address that stays."""

from __future__ import annotations

from tests.aws.plugin.aws import Answer, Aws, tag_map, tag_specifications
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties


def _address(aws: Aws, allocation: str) -> Answer | None:
    found = aws.found("ec2", "describe_addresses", AllocationIds=[allocation])
    return found["Addresses"][0] if found and found["Addresses"] else None


class Eip(Resource):
    token = "aws:ec2/eip:Eip"
    replaces = frozenset({"domain"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call("ec2", "allocate_address", Domain="vpc", **tag_specifications("elastic-ip", inputs["tagsAll"]))
        id_ = str(made["AllocationId"])
        self.update(aws, id_, {}, inputs, frozenset({"instance"}) & inputs.keys())
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        address = _address(aws, id_)
        if address is None:
            return None
        return {
            "domain": address["Domain"],
            "publicIp": address["PublicIp"],
            "allocationId": id_,
            "associationId": address.get("AssociationId", ""),
            "instance": address.get("InstanceId", ""),
            "networkInterface": address.get("NetworkInterfaceId", ""),
            "tagsAll": tag_map(address.get("Tags")),
        }

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        if "instance" not in changed:
            return
        address = _address(aws, id_)
        if address and address.get("AssociationId"):
            aws.call("ec2", "disassociate_address", AssociationId=address["AssociationId"])
        if news.get("instance"):
            aws.call("ec2", "associate_address", AllocationId=id_, InstanceId=news["instance"])

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        address = _address(aws, id_)
        if address is None:
            return
        if address.get("AssociationId"):
            aws.call("ec2", "disassociate_address", AssociationId=address["AssociationId"])
        aws.call("ec2", "release_address", AllocationId=id_)


class EipAssociation(Resource):
    token = "aws:ec2/eipAssociation:EipAssociation"
    replaces = frozenset({"allocationId", "instanceId"})
    taggable = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call(
            "ec2", "associate_address", AllocationId=inputs["allocationId"], InstanceId=inputs["instanceId"]
        )
        return str(made["AssociationId"])

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        address = _address(aws, known["allocationId"])
        if address is None or address.get("AssociationId") != id_:
            return None
        return {"instanceId": address.get("InstanceId", ""), "publicIp": address["PublicIp"]}

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        aws.found("ec2", "disassociate_address", AssociationId=id_)
