"""Calls of AWS, through boto3: the one place that knows it, its errors and the limits of its model."""

from __future__ import annotations

import functools
import ipaddress
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import boto3
import botocore.exceptions
from botocore.model import ListShape, MapShape, Shape, StructureShape

Answer: TypeAlias = dict[str, Any]
"""What an operation answers: JSON-like, as botocore's model of the operation has it."""

WAIT_S = 120.0
"""For what takes a while, like an instance's start or end."""


class AwsError(Exception):
    """AWS refused, or was not reached; the message is the one that users see."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Aws:
    """One region, with the credentials of the environment."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._session = boto3.Session(region_name=region)
        self._client = functools.cache(self._new_client)

    def call(self, service: str, operation: str, **parameters: object) -> Answer:
        """One operation, e.g. call("ec2", "describe_vpcs", VpcIds=[…]). Raises AwsError."""
        client = self._client(service)
        name = client.meta.method_to_api_mapping[operation]
        shape = client.meta.service_model.operation_model(name).input_shape
        if shape is not None:
            check_values(shape, parameters, name)
        try:
            answer: Answer = getattr(client, operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            about = error.response["Error"]
            raise AwsError(
                f"operation error {service.upper()}: {name}, api error {about['Code']}: {about['Message']}",
                about["Code"],
            ) from None
        except botocore.exceptions.BotoCoreError as error:
            raise AwsError(f"operation error {service.upper()}: {name}, {error}") from None
        return answer

    def found(self, service: str, operation: str, **parameters: object) -> Answer | None:
        """As `call`, and None where what is asked for is not there."""
        try:
            return self.call(service, operation, **parameters)
        except AwsError as error:
            if "NotFound" in error.code or error.code in {"NoSuchEntity", "InvalidAllocationID.NotFound"}:
                return None
            raise

    def _new_client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        host = urllib.parse.urlsplit(endpoint).hostname or ""
        if not ipaddress.ip_address(host or "0.0.0.0").is_loopback:
            raise AwsError(f"this is the test double: AWS_ENDPOINT_URL must be on loopback, and it is {endpoint!r}")
        # One attempt: what fails here fails for good.
        return self._session.client(service, config=boto3.session.Config(retries={"total_max_attempts": 1}))


def check_values(shape: Shape, value: object, path: str) -> None:
    """Raise AwsError where a value is none of its enum in botocore's model, or out of its range: botocore itself lets these pass."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if name in value:
                check_values(member, value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            check_values(shape.member, item, path)
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for item in value.values():
            check_values(shape.value, item, path)
    else:
        allowed = shape.metadata.get("enum")
        if allowed and value not in allowed:
            raise AwsError(f"{path}: {value!r} is none of {', '.join(allowed)}", "InvalidParameterValue")
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if isinstance(value, int) and ((low is not None and value < low) or (high is not None and value > high)):
            raise AwsError(f"{path}: {value} is not between {low} and {high}", "InvalidParameterValue")


def wait(what: str, condition: Callable[[], bool]) -> None:
    """Return when the condition holds. Raises AwsError after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    pause = 0.02
    while not condition():
        if time.monotonic() > deadline:
            raise AwsError(f"waiting for {what}: timeout after {WAIT_S:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """AWS's own tags (aws:…) are not users'."""
    return {tag["Key"]: tag["Value"] for tag in tags or [] if not tag["Key"].startswith("aws:")}


def tag_specifications(kind: str, tags: Mapping[str, str]) -> dict[str, object]:
    """The argument TagSpecifications of operations of EC2 that make something, or nothing where there are no tags."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)}]} if tags else {}
