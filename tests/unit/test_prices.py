from __future__ import annotations

import datetime

import pytest

from components import prices

SINCE = datetime.datetime(2030, 6, 28, 8, tzinfo=datetime.UTC)


def estimate(region: str, instance_type: str, hours: float) -> prices.Estimate | None:
    return prices.estimate(
        region=region,
        instance_type=instance_type,
        disk_gib=20,
        since=SINCE,
        expiry=SINCE + datetime.timedelta(hours=hours),
    )


def test_instance_disk_and_address() -> None:
    price = estimate("us-east-1", "m7i-flex.large", 10)
    assert price is not None
    # By hand: 0.09576 + 20 × 0.08 / 730 + 0.005 = 0.10295 per hour.
    assert price.hourly == pytest.approx(0.103)
    assert price.until_expiry == pytest.approx(1.03)
    said = prices.words(price, "m7i-flex.large", "us-east-1")
    assert "estimate" in said
    assert prices.AS_OF in said


def test_a_dearer_region_costs_more_and_a_past_expiry_nothing() -> None:
    there, here = estimate("eu-central-1", "m7i-flex.large", 10), estimate("us-east-1", "m7i-flex.large", 10)
    assert there is not None
    assert here is not None
    assert there.hourly > here.hourly
    past = estimate("us-east-1", "m7i-flex.large", -1)
    assert past is not None
    assert past.until_expiry == 0


@pytest.mark.parametrize(("region", "instance_type"), [("us-east-1", "x99.large"), ("moon-1", "m7i-flex.large")])
def test_what_is_not_in_the_table_has_no_estimate(region: str, instance_type: str) -> None:
    assert estimate(region, instance_type, 1) is None
    assert "no estimate" in prices.words(None, instance_type, region)
