"""A name for the host, in Route 53: what hand-outs that were printed the evening before say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws import world
from tests.aws.world import Cloud
from tests.e2e.stack import Stack

pytestmark = pytest.mark.thorough

NAME = "exam1.example.org"
UP = ("up", "--yes", "--skip-preview", "--exclude", "**LabHost::host", "--exclude-dependents")
"""Without what is on the host, which does not boot."""


@pytest.fixture
def zone(records: Cloud) -> Iterator[str]:
    """The hosted zone example.org."""
    route53 = records.client("route53")
    made = route53.create_hosted_zone(Name="example.org", CallerReference="test_dns")["HostedZone"]["Id"]
    yield made.rpartition("/")[2]
    route53.delete_hosted_zone(Id=made)


@pytest.fixture
def stack(records: Cloud, zone: str) -> Iterator[Stack]:
    settings = {"topology": "none", "dnsName": NAME, "dnsZone": zone}
    with world.stack("aws-dns", records, settings) as made:
        yield made


def addresses(records: Cloud, zone: str) -> list[str]:
    """What the name stands for."""
    found = records.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [value["Value"] for record in found if record["Name"] == f"{NAME}." for value in record["ResourceRecords"]]


def test_the_name_follows_the_host_and_goes_with_it(records: Cloud, zone: str, stack: Stack) -> None:
    stack.pulumi(*UP, "-s", stack.name)
    first = records.instance()["PublicIpAddress"]
    assert addresses(records, zone) == [first]
    assert str(stack.outputs()["ssh"]).endswith(f" lab@{NAME}")
    stack.configure("resetHost", "1")
    stack.pulumi(*UP, "-s", stack.name)
    second = records.instance()["PublicIpAddress"]
    assert second != first
    assert addresses(records, zone) == [second]
    stack.destroy()
    assert addresses(records, zone) == []
    assert records.left() == {}


def test_a_name_that_is_not_in_the_zone_is_told_beforehand(stack: Stack) -> None:
    stack.configure("dnsName", "exam1.example.com")
    told = stack.run("lab", "preflight")
    assert told.returncode == 1
    assert "exam1.example.com is not in the zone" in told.stdout
