"""The AWS that the tests of target `aws` use, and stacks on it.

They reach it by AWS_ENDPOINT_URL alone. The plugin of pulumi-aws is this project's double (tests/aws/plugin), unless EXAM_LAB_AWS_PLUGIN=real:
then the engine looks for the real one, which is the same test of the real thing, on the same endpoint.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3

from tests.e2e.stack import PROJECT, Changes, Stack
from tests.machines import make_key

REGION = "eu-central-1"
START_S = 60.0
WAIT_S = 90.0
"""For what befalls an instance."""
PLUGINS = Path(__file__).parent / "plugins"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "for-tests", "AWS_SECRET_ACCESS_KEY": "for-tests-only"}
"""Any will do for moto."""


def plugin() -> str:
    """Which plugin of pulumi-aws is used, for people."""
    return "the real one" if os.environ.get("EXAM_LAB_AWS_PLUGIN") == "real" else "this project's double"


@dataclass(frozen=True)
class Cloud:
    """An AWS of a test's own."""

    url: str
    folder: Path
    """The test's, with the examiner's key pair."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes a command use it."""
        environment = {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}
        if plugin() != "the real one":
            environment["PATH"] = f"{PLUGINS}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return environment

    @functools.cached_property
    def key(self) -> Path:
        return make_key(self.folder)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="x", aws_secret_access_key="y"
        )

    def left(self) -> dict[str, list[str]]:
        """All that costs, or is in the way, by kind; what an account has from the beginning is left out. {} is nothing."""
        ec2, iam, scheduler = self.client("ec2"), self.client("iam"), self.client("scheduler")
        vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
        found: dict[str, list[str]] = {
            "vpcs": vpcs,
            "subnets": [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"] if not s["DefaultForAz"]],
            "gateways": [g["InternetGatewayId"] for g in ec2.describe_internet_gateways()["InternetGateways"]],
            "route tables": [
                table["RouteTableId"]
                for table in ec2.describe_route_tables()["RouteTables"]
                if not any(association["Main"] for association in table["Associations"])
            ],
            "groups": [
                g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"
            ],
            "keys": [key["KeyName"] for key in ec2.describe_key_pairs()["KeyPairs"]],
            "addresses": [address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]],
            "volumes": [volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]],
            "interfaces": [i["NetworkInterfaceId"] for i in ec2.describe_network_interfaces()["NetworkInterfaces"]],
            "instances": [
                instance["InstanceId"] for instance in self.instances() if instance["State"]["Name"] != "terminated"
            ],
            "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
            "schedules": [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]],
        }
        return {kind: names for kind, names in found.items() if names}

    def instances(self) -> list[dict[str, Any]]:
        reservations = self.client("ec2").describe_instances()["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def instance(self) -> dict[str, Any]:
        """The one instance that there is."""
        [instance] = [instance for instance in self.instances() if instance["State"]["Name"] != "terminated"]
        return instance

    def settings(self) -> dict[str, str]:
        """Settings of a stack with the least that target `aws` takes."""
        expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=5)
        return {
            "target": "aws",
            "aws:region": REGION,
            "allow": "127.0.0.0/8",
            "publicKey": str(self.key.with_suffix(".pub")),
            "privateKeyFile": str(self.key),
            "expiry": expiry.strftime("%Y-%m-%dT%H:%M:00Z"),
            # Many a machine has an sshd of its own on all addresses' port 22.
            "port": str(free_port()),
        }


@contextlib.contextmanager
def cloud(folder: Path, *, hosts: bool = True, quotas: Mapping[str, int] | None = None) -> Iterator[Cloud]:
    """An AWS with nothing in it, ended afterwards with all that it has. Without `hosts` nothing boots: instances are records.

    `quotas`: limits of the account, by code.
    """
    argv = [sys.executable, "-m", "tests.aws.cloud", "--until-eof", *([] if hosts else ["--no-hosts"])]
    argv += [f"--quota={code}={number}" for code, number in (quotas or {}).items()]
    log = folder / "cloud.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            argv,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        ) as process,
    ):
        try:
            yield Cloud(_first_line(process, log), folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            # A failed test shows it.
            print(log.read_text())


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(START_S)
    line = process.stdout.readline().strip() if ready else ""
    assert line, f"the cloud did not start within {START_S:g} s: {log.read_text()}"
    return line


@contextlib.contextmanager
def stack(name: str, cloud: Cloud, settings: Mapping[str, str | None]) -> Iterator[Stack]:
    """A stack of target `aws`; destroyed afterwards if it still is. A setting that is None is left out."""
    wanted = {**cloud.settings(), **settings}
    made = Stack(name, cloud.folder / name, {key: value for key, value in wanted.items() if value is not None})
    made.environment.update(cloud.environment)
    try:
        yield made
    finally:
        if made.settings.exists():
            made.destroy()


def preview(stack: Stack) -> Changes:
    """What an up would do, by kind of resource and name: `update: [Vpc exam-lab]`."""
    return _planned(stack.pulumi("preview", "-s", stack.name, "--json").output)


def up(stack: Stack) -> Changes:
    """`pulumi up`: what its preview says, as `preview` does. That it is what is done then, the engine sees to."""
    return _planned(stack.pulumi("up", "--yes", "-s", stack.name, "--json").output)


def _planned(output: str) -> Changes:
    # An up prints more than its preview's document.
    document, _ = json.JSONDecoder().raw_decode(output)
    changes: Changes = {}
    for step in document["steps"]:
        if step["op"] not in {"same", "refresh", "read"}:
            _, _, type_, name = cast(str, step["urn"]).split("::")
            changes.setdefault(step["op"], []).append(f"{type_.rpartition(':')[2]} {name}")
    return {op: sorted(names) for op, names in changes.items()}


def free_port() -> int:
    """A TCP port that nobody has on any address of this machine."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])
