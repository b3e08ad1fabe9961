"""Functions of pulumi-aws that look something up."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.aws.plugin.aws import Answer, Aws, AwsError, tag_map
from tests.plugin_double import Properties


def _filters(arguments: Properties) -> list[Answer]:
    return [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]


def get_ami(aws: Aws, arguments: Properties) -> Properties:
    request: Answer = {"Filters": _filters(arguments)}
    if arguments.get("owners"):
        request["Owners"] = arguments["owners"]
    images = aws.call("ec2", "describe_images", **request)["Images"]
    if arguments.get("nameRegex"):
        images = [image for image in images if re.search(arguments["nameRegex"], image.get("Name", ""))]
    if not images:
        raise AwsError("Your query returned no results. Please change your search criteria and try again.", "NoResults")
    if len(images) > 1 and not arguments.get("mostRecent"):
        raise AwsError("Your query returned more than one result. Please try a more specific search criteria", "Many")
    image = max(images, key=lambda image: str(image["CreationDate"]))
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "name": image["Name"],
        "ownerId": image["OwnerId"],
        "architecture": image["Architecture"],
        "creationDate": image["CreationDate"],
        "description": image.get("Description", ""),
        "rootDeviceName": image["RootDeviceName"],
        "rootDeviceType": image["RootDeviceType"],
        "virtualizationType": image["VirtualizationType"],
        "state": image["State"],
        "arn": f"arn:aws:ec2:{aws.region}::image/{image['ImageId']}",
        "tags": tag_map(image.get("Tags")),
        "blockDeviceMappings": [],
        "productCodes": [],
    }


def get_parameter(aws: Aws, arguments: Properties) -> Properties:
    parameter = aws.call("ssm", "get_parameter", Name=arguments["name"])["Parameter"]
    return {
        "id": parameter["Name"],
        "value": parameter["Value"],
        "type": parameter["Type"],
        "version": parameter["Version"],
        "arn": parameter["ARN"],
    }


def get_availability_zones(aws: Aws, arguments: Properties) -> Properties:
    zones = aws.call("ec2", "describe_availability_zones", Filters=_filters(arguments))["AvailabilityZones"]
    state = arguments.get("state")
    chosen = sorted((zone for zone in zones if state in (None, zone["State"])), key=lambda zone: str(zone["ZoneName"]))
    return {
        "id": aws.region,
        "names": [zone["ZoneName"] for zone in chosen],
        "zoneIds": [zone["ZoneId"] for zone in chosen],
        "groupNames": sorted({aws.region}),
    }


def get_instance_type(aws: Aws, arguments: Properties) -> Properties:
    name = arguments["instanceType"]
    about = aws.call("ec2", "describe_instance_types", InstanceTypes=[name])["InstanceTypes"][0]
    return {
        "id": name,
        "defaultVcpus": about["VCpuInfo"]["DefaultVCpus"],
        "memorySize": about["MemoryInfo"]["SizeInMiB"],
        "supportedArchitectures": about["ProcessorInfo"]["SupportedArchitectures"],
        "currentGeneration": about["CurrentGeneration"],
        "hypervisor": about.get("Hypervisor", ""),
    }


def get_instance_type_offerings(aws: Aws, arguments: Properties) -> Properties:
    location = arguments.get("locationType", "region")
    answer = aws.call("ec2", "describe_instance_type_offerings", LocationType=location, Filters=_filters(arguments))
    offered = answer["InstanceTypeOfferings"]
    return {
        "id": aws.region,
        "instanceTypes": [item["InstanceType"] for item in offered],
        "locationTypes": [item["LocationType"] for item in offered],
        "locations": [item["Location"] for item in offered],
    }


def get_caller_identity(aws: Aws, arguments: Properties) -> Properties:
    who = aws.call("sts", "get_caller_identity")
    return {"id": who["Account"], "accountId": who["Account"], "arn": who["Arn"], "userId": who["UserId"]}


def get_region(aws: Aws, arguments: Properties) -> Properties:
    return {
        "id": aws.region,
        "name": aws.region,
        "description": "",
        "endpoint": f"ec2.{aws.region}.amazonaws.com",
    }


FUNCTIONS: dict[str, Callable[[Aws, Properties], Properties]] = {
    "aws:ec2/getAmi:getAmi": get_ami,
    "aws:ssm/getParameter:getParameter": get_parameter,
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
    "aws:ec2/getInstanceType:getInstanceType": get_instance_type,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": get_instance_type_offerings,
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getRegion:getRegion": get_region,
}
