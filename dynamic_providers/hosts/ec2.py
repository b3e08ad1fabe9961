"""What AWS is asked before a host is made: who we are, which image, which zone, how much is left. Read-only, by boto3.

boto3 takes its credentials from where the AWS command line has them, and AWS_ENDPOINT_URL where that is set. It is imported on first use (0.3 s).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from host_agent.errors import HostError

IMAGES = {
    "debian-12": ("136693071363", "debian-12-{debian}-*"),
    "ubuntu-24.04": ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{debian}-server-*"),
}
"""Owner and name of the distributions' own images, the newest of which is taken."""
DEBIAN_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True)
class Quota:
    """A limit of an account in a region, by its service and code in Service Quotas."""

    service: str
    code: str
    what: str


VPCS = Quota("vpc", "L-F678F1CE", "VPCs of a region")
VCPUS = Quota("ec2", "L-1216C47A", "vCPUs of on-demand instances (A, C, D, H, I, M, R, T, Z)")
ADDRESSES = Quota("ec2", "L-0263D0A3", "Elastic IPs")

Answer = Mapping[str, object]


class AwsError(HostError):
    """AWS did not do, or does not have, what was asked."""


class Call(Protocol):
    """A method of a client of boto3, which makes them at run time."""

    def __call__(self, **parameters: object) -> Answer: ...


@dataclass(frozen=True)
class InstanceType:
    """What is asked of an instance type. `architectures` in EC2's words: x86_64, arm64."""

    name: str
    vcpus: int
    memory_mib: int
    architectures: tuple[str, ...]


@dataclass(frozen=True)
class Image:
    """A machine image (AMI)."""

    id: str
    name: str
    architecture: str


def require_region(region: str) -> None:
    """Raises AwsError for one that is not among those that boto3 knows. Asks nobody."""
    import boto3

    session = boto3.Session()
    if not any(region in session.get_available_regions("ec2", name) for name in session.get_available_partitions()):
        raise AwsError(f"aws:region: AWS has no region {region!r}, as far as boto3 knows; one is eu-central-1")


class Account:
    """An AWS account in one region, with the credentials of `profile` ("": as the environment says). Raises AwsError."""

    def __init__(self, region: str, profile: str = "") -> None:
        self.region = region
        import boto3
        import botocore.exceptions

        try:
            self._session = boto3.Session(profile_name=profile or None, region_name=region)
        except botocore.exceptions.ProfileNotFound:
            raise AwsError(
                f"aws:profile: there is no profile {profile!r} on this machine; `aws configure list-profiles` shows them"
            ) from None
        require_region(region)

    def ask(self, service: str, operation: str, **parameters: object) -> Answer:
        """One read-only request, such as `ask("ec2", "describe_images", ImageIds=[…])`. Raises AwsError in one line."""
        with self._errors(f"{service} {operation}"):
            return cast(Call, getattr(self._client(service), operation))(**parameters)

    def identity(self) -> tuple[str, str]:
        """Account number, and ARN of who we are."""
        answer = self.ask("sts", "get_caller_identity")
        return str(answer["Account"]), str(answer["Arn"])

    def instance_type(self, name: str) -> InstanceType:
        """What a type has. Raises AwsError where the region has none of that name."""
        try:
            answer = self.ask("ec2", "describe_instance_types", InstanceTypes=[name])
        except AwsError as error:
            if "InvalidInstanceType" not in str(error):
                raise
            raise AwsError(
                f"lab:instanceType: {self.region} has no instance type {name!r}; one is m7i-flex.large"
            ) from None
        [found] = cast("list[dict[str, dict[str, object]]]", answer["InstanceTypes"])
        return InstanceType(
            name,
            vcpus=int(cast(int, found["VCpuInfo"]["DefaultVCpus"])),
            memory_mib=int(cast(int, found["MemoryInfo"]["SizeInMiB"])),
            architectures=tuple(cast("list[str]", found["ProcessorInfo"]["SupportedArchitectures"])),
        )

    def zones(self, instance_type: str) -> list[str]:
        """The availability zones that offer a type."""
        filters = [{"Name": "instance-type", "Values": [instance_type]}]
        answer = self.ask("ec2", "describe_instance_type_offerings", LocationType="availability-zone", Filters=filters)
        offerings = cast("list[dict[str, str]]", answer["InstanceTypeOfferings"])
        return sorted(offering["Location"] for offering in offerings)

    def zone(self, wanted: str, instance_type: str) -> str:
        """The zone to use: `wanted`, or the first that offers the type. Raises AwsError."""
        offered = self.zones(instance_type)
        if wanted and wanted not in offered:
            there = f"there it is in {', '.join(offered)}" if offered else "nor does any other zone of this region"
            raise AwsError(f"lab:zone: {wanted} does not offer {instance_type}; {there}")
        if not offered:
            raise AwsError(f"lab:instanceType: no zone of {self.region} offers {instance_type}")
        return wanted or offered[0]

    def image(self, wanted: str, instance_type: InstanceType) -> Image:
        """The image `wanted` (ami-…), or the newest of a distribution's, for the type's processors. Raises AwsError."""
        architectures = [name for name in DEBIAN_ARCHITECTURES if name in instance_type.architectures]
        if wanted.startswith("ami-"):
            image = self._given_image(wanted)
            if image.architecture not in instance_type.architectures:
                runs = ", ".join(instance_type.architectures)
                raise AwsError(f"lab:image: {wanted} is for {image.architecture}, but {instance_type.name} is {runs}")
            return image
        if not architectures:
            raise AwsError(
                f"lab:instanceType: {instance_type.name} is {', '.join(instance_type.architectures)}, for which there is no image"
            )
        owner, pattern = IMAGES[wanted]
        name = pattern.format(debian=DEBIAN_ARCHITECTURES[architectures[0]])
        filters = [
            {"Name": "name", "Values": [name]},
            {"Name": "architecture", "Values": [architectures[0]]},
            {"Name": "state", "Values": ["available"]},
        ]
        answer = self.ask("ec2", "describe_images", Owners=[owner], Filters=filters)
        images = cast("list[dict[str, str]]", answer["Images"])
        if not images:
            raise AwsError(f"lab:image: {self.region} has no image {name} of owner {owner}; give one as ami-…")
        newest = max(images, key=lambda image: image["CreationDate"])
        return Image(newest["ImageId"], newest["Name"], newest["Architecture"])

    def room(self, quota: Quota, used: int, needed: int) -> str:
        """How much of a quota is used, for people. Raises AwsError where what is needed does not fit."""
        try:
            answer = self.ask("service-quotas", "get_service_quota", ServiceCode=quota.service, QuotaCode=quota.code)
        except AwsError as error:
            if "NoSuchResource" in str(error) or "AccessDenied" in str(error):
                return f"{used} used, {needed} wanted; how many there may be can't be asked"
            raise
        most = float(cast(float, cast("dict[str, object]", answer["Quota"])["Value"]))
        if used + needed > most:
            raise AwsError(
                f"{used} of {most:g} {quota.what} are used, and {needed} more wanted: ask for more (Service Quotas, {quota.code}), or free some"
            )
        return f"{used} of {most:g} used, {needed} wanted"

    def has(self, instance: str) -> bool:
        """Whether an instance is there, running or stopped."""
        try:
            answer = self.ask("ec2", "describe_instances", InstanceIds=[instance])
        except AwsError as error:
            if "InvalidInstanceID" in str(error):
                return False
            raise
        reservations = cast("list[dict[str, list[dict[str, dict[str, str]]]]]", answer["Reservations"])
        states = [found["State"]["Name"] for reservation in reservations for found in reservation["Instances"]]
        return any(state not in {"shutting-down", "terminated"} for state in states)

    def vpcs(self) -> int:
        """How many VPCs there are."""
        return len(cast("list[object]", self.ask("ec2", "describe_vpcs")["Vpcs"]))

    def addresses(self) -> int:
        """How many Elastic IPs there are."""
        return len(cast("list[object]", self.ask("ec2", "describe_addresses")["Addresses"]))

    def vcpus(self) -> int:
        """How many vCPUs run, or are about to, in instances of the standard families."""
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        reservations = cast(
            "list[dict[str, object]]", self.ask("ec2", "describe_instances", Filters=states)["Reservations"]
        )
        instances = [
            instance
            for reservation in reservations
            for instance in cast("list[dict[str, object]]", reservation["Instances"])
            if str(instance["InstanceType"])[0] in "acdhimrtz"
        ]
        return sum(self._vcpus(instance) for instance in instances)

    def _vcpus(self, instance: Mapping[str, object]) -> int:
        options = cast("Mapping[str, int] | None", instance.get("CpuOptions"))
        if options and "CoreCount" in options:
            return options["CoreCount"] * options.get("ThreadsPerCore", 1)
        return self.instance_type(str(instance["InstanceType"])).vcpus

    def _given_image(self, ami: str) -> Image:
        try:
            images = cast("list[dict[str, str]]", self.ask("ec2", "describe_images", ImageIds=[ami])["Images"])
        except AwsError as error:
            if "InvalidAMIID" not in str(error):
                raise
            images = []
        if not images:
            raise AwsError(
                f"lab:image: {self.region} has no image {ami} that this account may use; an image belongs to one region"
            )
        return Image(ami, images[0].get("Name", ""), images[0]["Architecture"])

    @functools.cache  # noqa: B019 - an account lives as long as its process
    def _client(self, service: str) -> object:
        from botocore.config import Config

        return self._session.client(service, config=Config(retries={"mode": "standard"}, connect_timeout=10))

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, TokenRetrievalError

        try:
            yield
        except (NoCredentialsError, TokenRetrievalError) as error:
            raise AwsError(
                f"AWS: {str(error).rstrip('.')}; `aws configure` or `aws sso login` brings credentials, aws:profile names others"
            ) from None
        except ClientError as error:
            about = error.response.get("Error", {})
            raise AwsError(f"AWS ({what} in {self.region}): {about.get('Code')}: {about.get('Message')}") from None
        except BotoCoreError as error:
            raise AwsError(f"AWS ({what} in {self.region}): {error}") from None
