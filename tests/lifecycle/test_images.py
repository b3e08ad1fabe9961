"""Images that are pulled and built: by the host's own Docker, from a registry on the host's loopback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from dynamic_providers.base import HostError, Properties
from dynamic_providers.image import ImageProvider, digest
from tests.lifecycle.lab import Lab, differences

REGISTRY = Path(__file__).parent.parent / "registry.py"
PULLED = "/var/lib/exam-lab/pulled-images"


@pytest.fixture
def registry(lab: Lab) -> Iterator[dict[str, str]]:
    """A registry on the lab host: `web` by its tag, and by its digest."""
    channel = lab.agent.connection.channel(["python3", "-c", REGISTRY.read_text()])
    with contextlib.closing(channel):
        about = json.loads(_line(channel))
        name = f"127.0.0.1:{about['port']}/web"
        yield {"tag": f"{name}:latest", "digest": f"{name}@{about['digest']}", "gone": f"{name}@sha256:{'0' * 64}"}


def _line(channel: paramiko.Channel) -> str:
    channel.settimeout(20)
    with channel.makefile("rb", 0) as output:
        return bytes(output.readline()).decode()


def images(lab: Lab) -> set[str]:
    return set(lab.run("docker", "image", "ls", "--all", "--quiet", "--no-trunc").split())


def life(lab: Lab, args: Properties) -> Properties:
    """Make an image twice, and see it as declared; all its properties."""
    made, state = lab.create(ImageProvider(), args)
    assert lab.create(ImageProvider(), args)[0] == made
    shown = ImageProvider().read(made, state)
    assert differences(shown.inputs, lab.inputs(ImageProvider(), args)) == []
    return state


def served(lab: Lab, image: object) -> str:
    """What the image's own command serves as /hello.html."""
    page = "for _ in $(seq 50); do /bin/busybox wget -qO- http://127.0.0.1/hello.html && exit; /bin/busybox usleep 100000; done"
    pause = lab.create(
        ImageProvider(),
        {
            "name": "pause",
            "rootfs_sha256": digest(REGISTRY.parent.parent / "images" / "pause"),
            "host_files": {"/bin/busybox": "/bin/busybox"},
        },
    )[1]["image_id"]
    lab.add("container", name="web", image=image, pause_image=pause, capabilities=["NET_BIND_SERVICE"])
    return lab.run("docker", "exec", f"exam-lab-{lab.lease}-web", "/bin/busybox", "sh", "-c", page)


def test_pulled_by_its_digest(lab: Lab, registry: dict[str, str]) -> None:
    before = images(lab)
    state = life(lab, {"name": "web", "reference": registry["digest"]})
    assert state["digest"] == registry["digest"]
    assert served(lab, state["image_id"]) == "Hello from a registry\n"
    lab.close()
    assert images(lab) == before
    assert lab.run("ls", PULLED) == ""


def test_a_tag_is_what_it_was_at_first(lab: Lab, registry: dict[str, str]) -> None:
    state = life(lab, {"name": "web", "reference": registry["tag"]})
    assert state["digest"] == registry["digest"]


def test_what_was_there_before_stays(lab: Lab, registry: dict[str, str]) -> None:
    before = images(lab)
    lab.run("docker", "pull", registry["digest"])
    with_theirs = images(lab)
    life(lab, {"name": "web", "reference": registry["digest"]})
    lab.close()
    assert images(lab) == with_theirs
    lab.run("docker", "image", "rm", registry["digest"])
    assert images(lab) == before


def test_two_labs_pull_the_same(lab: Lab, registry: dict[str, str]) -> None:
    before = images(lab)
    other = Lab(lab.endpoint, "another")
    life(lab, {"name": "web", "reference": registry["digest"]})
    life(other, {"name": "web", "reference": registry["digest"]})
    lab.close()
    assert other.run("docker", "image", "ls", "--quiet", f"exam-lab-{other.lease}/web")
    other.close()
    assert images(other) == before


def test_built_and_built_anew(lab: Lab, registry: dict[str, str], tmp_path: Path) -> None:
    before = images(lab)
    context = tmp_path / "context"
    context.mkdir()
    (context / "page.html").write_text("Hello from a build\n")
    (context / "Dockerfile").write_text(
        f"FROM {registry['tag']} AS base\n"
        'RUN ["/bin/busybox", "sh", "-c", "echo made > /made"]\n'
        "FROM base\nCOPY page.html /www/hello.html\n"
    )
    args: Properties = {"name": "web", "context_sha256": digest(context)}
    state = life(lab, args)
    assert served(lab, state["image_id"]) == "Hello from a build\n"

    (context / "page.html").write_text("Hello again\n")
    again: Properties = {"name": "web", "context_sha256": digest(context)}
    updated = ImageProvider().update("", {**args, **lab.common}, lab.inputs(ImageProvider(), again)).outs
    assert updated is not None
    assert updated["image_id"] != state["image_id"]
    lab.close()
    assert images(lab) == before


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ('FROM {tag}\nRUN ["/bin/busybox", "false"]\n', "returned a non-zero code: 1"),
        ("FROM {tag}\nBOGUS x\n", "unknown instruction: BOGUS"),
        ("FROM {gone}\n", "manifest unknown"),
        ("", "no Dockerfile"),
    ],
)
def test_what_docker_refuses_is_told_and_leaves_nothing(
    lab: Lab, registry: dict[str, str], tmp_path: Path, dockerfile: str, said: str
) -> None:
    before = images(lab)
    if dockerfile:
        (tmp_path / "Dockerfile").write_text(dockerfile.format(**registry))
    with pytest.raises(HostError, match=f"image web: .*{said}"):
        lab.create(ImageProvider(), {"name": "web", "context_sha256": digest(tmp_path)})
    lab.close()
    assert images(lab) == before


def test_a_digest_that_is_not_there(lab: Lab, registry: dict[str, str]) -> None:
    with pytest.raises(HostError, match=r"image web: Docker does not build it: .*manifest unknown"):
        lab.create(ImageProvider(), {"name": "web", "reference": registry["gone"]})


def test_many_go_at_once(lab: Lab) -> None:
    """Docker stumbles over an image that goes while it looks through all of them."""
    before = images(lab)
    for number in range(12):
        lab.create(
            ImageProvider(),
            {
                "name": f"web-{number}",
                "rootfs_sha256": digest(REGISTRY.parent.parent / "images" / "simpleweb"),
                "host_files": {f"/{number}": "/etc/hostname"},
            },
        )
    assert len(images(lab) - before) == 12
    lab.close()
    assert images(lab) == before
