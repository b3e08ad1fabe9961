"""What a host costs by the hour: an estimate, from a small table of AWS' list prices.

Linux on demand, in USD without taxes, traffic and credits. A table has its date, and a bill is the truth.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

AS_OF = "August 2026"
HOURLY = {
    "c7i.large": 0.08925,
    "c7i.xlarge": 0.1785,
    "m6i.large": 0.096,
    "m6i.xlarge": 0.192,
    "m7g.large": 0.0816,
    "m7g.xlarge": 0.1632,
    "m7i.large": 0.1008,
    "m7i.xlarge": 0.2016,
    "m7i.2xlarge": 0.4032,
    "m7i-flex.large": 0.09576,
    "m7i-flex.xlarge": 0.19152,
    "m7i-flex.2xlarge": 0.38304,
    "t3.medium": 0.0416,
    "t3.large": 0.0832,
    "t3.xlarge": 0.1664,
    "t3.2xlarge": 0.3328,
    "t4g.large": 0.0672,
}
"""Per hour, in us-east-1."""
GIB_MONTH = 0.08
"""A gp3 volume, in us-east-1."""
ADDRESS_HOURLY = 0.005
"""A public IPv4 address, used or not, everywhere."""
REGIONS = {
    "us-east-1": 1.0,
    "us-east-2": 1.0,
    "us-west-2": 1.0,
    "eu-north-1": 1.1,
    "eu-west-1": 1.15,
    "eu-west-2": 1.2,
    "eu-west-3": 1.2,
    "eu-central-1": 1.2,
    "ap-south-1": 1.05,
    "ap-southeast-1": 1.25,
    "ap-southeast-2": 1.25,
    "ap-northeast-1": 1.3,
}
"""About how much dearer a region is than us-east-1, rounded up."""
HOURS_OF_A_MONTH = 730


@dataclass(frozen=True)
class Estimate:
    """In USD."""

    hourly: float
    until_expiry: float

    def __str__(self) -> str:
        return f"about {self.hourly:.3f} USD per hour, {self.until_expiry:.2f} USD from the first up to the expiry"


def estimate(
    *, region: str, instance_type: str, disk_gib: int, since: datetime.datetime, expiry: datetime.datetime
) -> Estimate | None:
    """Instance, disk and one public address. None where the tables know no price."""
    if region not in REGIONS or instance_type not in HOURLY:
        return None
    machine = HOURLY[instance_type] + disk_gib * GIB_MONTH / HOURS_OF_A_MONTH
    hourly = machine * REGIONS[region] + ADDRESS_HOURLY
    hours = max((expiry - since).total_seconds() / 3600, 0.0)
    return Estimate(round(hourly, 3), round(hourly * hours, 2))


def words(price: Estimate | None, instance_type: str, region: str) -> str:
    """The estimate as the stack's output says it."""
    if price is None:
        return f"no estimate: {instance_type} in {region} is not in this project's table; see AWS' price list"
    return f"estimate: {price} (list prices of {AS_OF}, without traffic and taxes)"
