"""The machine images that the cloud has, in every region, as moto's MOTO_AMIS_PATH wants them."""

from __future__ import annotations

import json
from pathlib import Path

DEBIAN, UBUNTU = "136693071363", "099720109477"
"""Accounts that publish the distributions' images."""

_IMAGES = (
    ("ami-0deb12a0000000001", "debian-12-amd64-20260706-2165", DEBIAN, "x86_64", "/dev/xvda", "2026-07-06"),
    ("ami-0deb12a0000000002", "debian-12-amd64-20261005-2256", DEBIAN, "x86_64", "/dev/xvda", "2026-10-05"),
    ("ami-0deb12a0000000003", "debian-12-arm64-20261005-2256", DEBIAN, "arm64", "/dev/xvda", "2026-10-05"),
    ("ami-0deb13a0000000004", "debian-13-amd64-20261006-2257", DEBIAN, "x86_64", "/dev/xvda", "2026-10-06"),
    (
        "ami-024040a0000000005",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001",
        UBUNTU,
        "x86_64",
        "/dev/sda1",
        "2026-10-01",
    ),
)


DEBIAN_12 = _IMAGES[1][0]
"""The newest, for x86_64."""
DEBIAN_ARM64 = _IMAGES[2][0]
"""Of Debian 12."""


def write(path: Path) -> None:
    """Write moto's file of images."""
    images = [
        {
            "ami_id": id_,
            "name": name,
            "owner_id": owner,
            "architecture": architecture,
            "root_device_name": root_device,
            "creation_date": f"{date}T00:00:00.000Z",
            "description": name,
            "image_location": f"{owner}/{name}",
            "image_type": "machine",
            "hypervisor": "xen",
            "platform": None,
            "public": True,
            "root_device_type": "ebs",
            "sriov": "simple",
            "state": "available",
            "virtualization_type": "hvm",
        }
        for id_, name, owner, architecture, root_device, date in _IMAGES
    ]
    path.write_text(json.dumps(images))
