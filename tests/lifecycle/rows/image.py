"""An image from a folder of this machine."""

from __future__ import annotations

from pathlib import Path

from dynamic_providers.base import Properties
from dynamic_providers.image import ImageProvider, digest
from tests.lifecycle.lab import Drift, Lab, Needs, Row

IMAGES = Path(__file__).parents[3] / "images"
BUSYBOX = {"/bin/busybox": "/bin/busybox"}


def args(_needs: Needs) -> Properties:
    return {"name": "web", "rootfs_sha256": digest(IMAGES / "simpleweb"), "host_files": BUSYBOX}


def tag(lab: Lab) -> str:
    return f"exam-lab-{lab.lease}/web:latest"


def add(lab: Lab, name: str = "web") -> str:
    """An image for other rows: its id."""
    return str(lab.create(ImageProvider(), {**args({}), "name": name})[1]["image_id"])


ROW = Row(
    kind="image",
    needs=lambda lab: {},
    args=args,
    provider=ImageProvider,
    seen=lambda lab, needs: lab.look("docker", "image", "inspect", "--format", "{{.Id}} {{.RepoTags}}", tag(lab)),
    look_alike=lambda lab, needs: lab.run(
        "sh", "-c", f"tar --create --files-from /dev/null | docker import - {tag(lab)}"
    ),
    clear_look_alike=lambda lab, needs: lab.run("docker", "image", "rm", tag(lab)),
    edits={
        "another root file system": lambda needs: {**args(needs), "rootfs_sha256": digest(IMAGES / "pause")},
        "another file of the host": lambda needs: {
            **args(needs),
            "host_files": {**BUSYBOX, "/srv/passwd": "/etc/passwd"},
        },
        "no files of the host": lambda needs: {**args(needs), "host_files": {}},
    },
    replacing={"name": lambda needs: {**args(needs), "name": "other"}},
    drifts={"untagged": Drift(lambda lab, needs: lab.run("docker", "image", "rm", "--force", tag(lab)), ())},
)
