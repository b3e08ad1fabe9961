"""Instance."""

from __future__ import annotations

import base64
from types import MappingProxyType

from tests.aws.plugin.aws import Answer, Aws, AwsError, tag_map, tag_specifications, wait
from tests.aws.plugin.resource import Resource
from tests.plugin_double import Properties

_METADATA = {
    "httpEndpoint": "HttpEndpoint",
    "httpTokens": "HttpTokens",
    "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "httpProtocolIpv6": "HttpProtocolIpv6",
    "instanceMetadataTags": "InstanceMetadataTags",
}
_VOLUME = {
    "volumeSize": "VolumeSize",
    "volumeType": "VolumeType",
    "encrypted": "Encrypted",
    "iops": "Iops",
    "throughput": "Throughput",
    "kmsKeyId": "KmsKeyId",
    "deleteOnTermination": "DeleteOnTermination",
}
_RUNNING = frozenset({"pending", "running", "stopping", "stopped"})


class Instance(Resource):
    token = "aws:ec2/instance:Instance"
    replaces = frozenset(
        {
            "ami",
            "associatePublicIpAddress",
            "availabilityZone",
            "hibernation",
            "instanceMarketOptions",
            "keyName",
            "placementGroup",
            "privateIp",
            "subnetId",
            "tenancy",
        }
    )
    defaults = MappingProxyType({"disableApiTermination": False, "sourceDestCheck": True})
    cleared = frozenset({"tags", "volumeTags", "iamInstanceProfile"})
    unordered = frozenset({"vpcSecurityGroupIds"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        made = aws.call("ec2", "run_instances", **_request(aws, inputs))
        id_ = str(made["Instances"][0]["InstanceId"])
        wait(f"instance {id_} to run", lambda: _running(aws, id_))
        if inputs.get("sourceDestCheck") is False:
            aws.call("ec2", "modify_instance_attribute", InstanceId=id_, SourceDestCheck={"Value": False})
        return id_

    def state(self, aws: Aws, id_: str, known: Properties) -> Properties | None:
        instance = _instance(aws, id_)
        if instance is None or instance["State"]["Name"] not in _RUNNING:
            return None
        metadata = instance["MetadataOptions"]
        return {
            "ami": instance["ImageId"],
            "instanceType": instance["InstanceType"],
            "instanceState": instance["State"]["Name"],
            "subnetId": instance.get("SubnetId", ""),
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "keyName": instance.get("KeyName", ""),
            "publicIp": instance.get("PublicIpAddress", ""),
            "publicDns": instance.get("PublicDnsName", ""),
            "privateIp": instance.get("PrivateIpAddress", ""),
            "privateDns": instance.get("PrivateDnsName", ""),
            "primaryNetworkInterfaceId": instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
            "vpcSecurityGroupIds": [group["GroupId"] for group in instance["NetworkInterfaces"][0]["Groups"]],
            "sourceDestCheck": instance.get("SourceDestCheck", True),
            "metadataOptions": {ours: metadata[theirs] for ours, theirs in _METADATA.items() if theirs in metadata},
            "rootBlockDevice": _root_volume(aws, instance),
            "iamInstanceProfile": instance.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2],
            "monitoring": instance["Monitoring"]["State"] == "enabled",
            "disableApiTermination": _attribute(aws, id_, "disableApiTermination", False),
            "instanceInitiatedShutdownBehavior": _attribute(aws, id_, "instanceInitiatedShutdownBehavior", "stop"),
            **_user_data(aws, id_, known),
            "arn": f"arn:aws:ec2:{aws.region}:{_owner(aws)}:instance/{id_}",
            "tagsAll": tag_map(instance.get("Tags")),
        }

    def changes(self, olds: Properties, old_inputs: Properties, news: Properties) -> list[str]:
        # It says what a change of user data does, and is nothing by itself.
        return [name for name in super().changes(olds, old_inputs, news) if name != "userDataReplaceOnChange"]

    def update(self, aws: Aws, id_: str, olds: Properties, news: Properties, changed: frozenset[str]) -> None:
        def modify(**attribute: object) -> None:
            aws.call("ec2", "modify_instance_attribute", InstanceId=id_, **attribute)

        if "disableApiTermination" in changed:
            modify(DisableApiTermination={"Value": news.get("disableApiTermination", False)})
        if "instanceInitiatedShutdownBehavior" in changed:
            modify(InstanceInitiatedShutdownBehavior={"Value": news["instanceInitiatedShutdownBehavior"]})
        if "vpcSecurityGroupIds" in changed:
            modify(Groups=news["vpcSecurityGroupIds"])
        if "sourceDestCheck" in changed:
            modify(SourceDestCheck={"Value": news.get("sourceDestCheck", True)})
        if "metadataOptions" in changed:
            options = {_METADATA[name]: value for name, value in news["metadataOptions"].items()}
            aws.call("ec2", "modify_instance_metadata_options", InstanceId=id_, **options)
        if "rootBlockDevice" in changed:
            _modify_volume(aws, olds, news)
        if changed & {"instanceType", "userData", "userDataBase64"}:
            # As the real provider does it: a host that is changed so is restarted.
            aws.call("ec2", "stop_instances", InstanceIds=[id_])
            wait(f"instance {id_} to stop", lambda: _state_name(aws, id_) == "stopped")
            if "instanceType" in changed:
                modify(InstanceType={"Value": news["instanceType"]})
            if changed & {"userData", "userDataBase64"}:
                modify(UserData={"Value": _raw_user_data(news)})
            aws.call("ec2", "start_instances", InstanceIds=[id_])
            wait(f"instance {id_} to run", lambda: _running(aws, id_))

    def delete(self, aws: Aws, id_: str, known: Properties) -> None:
        if aws.found("ec2", "terminate_instances", InstanceIds=[id_]) is not None:
            wait(f"instance {id_} to end", lambda: _state_name(aws, id_) in {"terminated", ""})


def _request(aws: Aws, inputs: Properties) -> Answer:
    request: Answer = {
        "ImageId": inputs["ami"],
        "MinCount": 1,
        "MaxCount": 1,
        **tag_specifications("instance", inputs["tagsAll"]),
    }
    for ours, theirs in (
        ("instanceType", "InstanceType"),
        ("keyName", "KeyName"),
        ("disableApiTermination", "DisableApiTermination"),
        ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"),
    ):
        if inputs.get(ours) is not None:
            request[theirs] = inputs[ours]
    if inputs.get("userData") or inputs.get("userDataBase64"):
        request["UserData"] = _raw_user_data(inputs).decode()
    if inputs.get("availabilityZone"):
        request["Placement"] = {"AvailabilityZone": inputs["availabilityZone"]}
    if inputs.get("iamInstanceProfile"):
        request["IamInstanceProfile"] = {"Name": inputs["iamInstanceProfile"]}
    if inputs.get("metadataOptions"):
        request["MetadataOptions"] = {_METADATA[name]: value for name, value in inputs["metadataOptions"].items()}
    interface: Answer = {"DeviceIndex": 0, "DeleteOnTermination": True}
    if inputs.get("subnetId"):
        interface["SubnetId"] = inputs["subnetId"]
    if inputs.get("vpcSecurityGroupIds"):
        interface["Groups"] = inputs["vpcSecurityGroupIds"]
    if inputs.get("associatePublicIpAddress") is not None:
        interface["AssociatePublicIpAddress"] = inputs["associatePublicIpAddress"]
    if inputs.get("privateIp"):
        interface["PrivateIpAddress"] = inputs["privateIp"]
    if inputs.get("associatePublicIpAddress") is None and not inputs.get("privateIp"):
        request |= {"SubnetId": inputs.get("subnetId", ""), "SecurityGroupIds": inputs.get("vpcSecurityGroupIds") or []}
    else:
        request["NetworkInterfaces"] = [interface]
    root = inputs.get("rootBlockDevice")
    if root:
        image = aws.call("ec2", "describe_images", ImageIds=[inputs["ami"]])["Images"][0]
        volume = {_VOLUME[name]: value for name, value in root.items() if name in _VOLUME}
        request["BlockDeviceMappings"] = [{"DeviceName": image["RootDeviceName"], "Ebs": volume}]
        volume_tags = {**(inputs.get("volumeTags") or {}), **(root.get("tags") or {})}
        if volume_tags:
            specifications = tag_specifications("volume", volume_tags)["TagSpecifications"]
            request["TagSpecifications"] = [*request.get("TagSpecifications", []), *specifications]  # type: ignore[misc]
    return request


def _raw_user_data(inputs: Properties) -> bytes:
    if inputs.get("userDataBase64"):
        return base64.b64decode(inputs["userDataBase64"])
    return str(inputs.get("userData") or "").encode()


def _user_data(aws: Aws, id_: str, known: Properties) -> Properties:
    value = aws.call("ec2", "describe_instance_attribute", InstanceId=id_, Attribute="userData")
    encoded = value.get("UserData", {}).get("Value", "")
    if known.get("userDataBase64"):
        return {"userDataBase64": encoded}
    return {"userData": base64.b64decode(encoded).decode()}


def _instance(aws: Aws, id_: str) -> Answer | None:
    found = aws.found("ec2", "describe_instances", InstanceIds=[id_])
    for reservation in found["Reservations"] if found else []:
        for instance in reservation["Instances"]:
            return dict(instance)
    return None


def _state_name(aws: Aws, id_: str) -> str:
    instance = _instance(aws, id_)
    return str(instance["State"]["Name"]) if instance else ""


def _running(aws: Aws, id_: str) -> bool:
    name = _state_name(aws, id_)
    if name not in {"pending", "running"}:
        instance = _instance(aws, id_) or {}
        reason = instance.get("StateReason", {}).get("Message", "")
        raise AwsError(f"waiting for EC2 Instance ({id_}) create: unexpected state '{name or 'none'}': {reason}")
    return name == "running"


def _attribute(aws: Aws, id_: str, name: str, default: object) -> object:
    answer = aws.call("ec2", "describe_instance_attribute", InstanceId=id_, Attribute=name)
    return answer.get(name[0].upper() + name[1:], {}).get("Value", default)


def _owner(aws: Aws) -> str:
    return str(aws.call("sts", "get_caller_identity")["Account"])


def _root_volume(aws: Aws, instance: Answer) -> Properties:
    for device in instance["BlockDeviceMappings"]:
        if device["DeviceName"] == instance["RootDeviceName"]:
            id_ = device["Ebs"]["VolumeId"]
            volume = aws.call("ec2", "describe_volumes", VolumeIds=[id_])["Volumes"][0]
            return {
                "volumeId": id_,
                "volumeSize": volume["Size"],
                "volumeType": volume["VolumeType"],
                "encrypted": volume["Encrypted"],
                "deleteOnTermination": device["Ebs"]["DeleteOnTermination"],
                "deviceName": device["DeviceName"],
                "tags": tag_map(volume.get("Tags")),
            }
    return {}


def _modify_volume(aws: Aws, olds: Properties, news: Properties) -> None:
    old, new = olds["rootBlockDevice"], news["rootBlockDevice"]
    id_ = old["volumeId"]
    change = {
        _VOLUME[name]: new[name] for name in ("volumeSize", "volumeType") if name in new and new[name] != old[name]
    }
    if change:
        change = {"Size" if name == "VolumeSize" else name: value for name, value in change.items()}
        aws.call("ec2", "modify_volume", VolumeId=id_, **change)
    if "tags" in new and new["tags"] != old.get("tags"):
        aws.call("ec2", "create_tags", Resources=[id_], Tags=[{"Key": k, "Value": v} for k, v in new["tags"].items()])
