"""`lab:imagePlugin`: images that are pulled and built by pulumi-docker, over SSH on the lab host's Docker.

The plugin is this project's double (tests/docker_plugin), unless EXAM_LAB_DOCKER_PLUGIN=real: then the engine looks for the real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest

from tests.e2e.livelab import Topology
from tests.e2e.stack import PROJECT, on_host
from tests.hostsnapshot import differences, snapshot
from tests.machines import machine

PLUGINS = PROJECT / "tests" / "docker_plugin" / "plugins"
REGISTRY = PROJECT / "tests" / "registry.py"

pytestmark = pytest.mark.thorough


def topology(reference: str) -> Topology:
    """Two containers in one network, of a pulled and of a built image, each with the command of its image.

    The one could also be of a root file system, which is not there.
    """
    return {
        "topology": "images",
        "networks": {"Left": {"bridge": "left", "subnet": "10.10.1.0/24"}},
        "images": {"pulled": {"pull": reference, "rootfs": "nowhere"}, "built": {"build": "context"}},
        "containers": {
            name: {
                "image": name,
                **({"command": ["/bin/false"]} if name == "pulled" else {}),
                "capabilities": ["NET_BIND_SERVICE"],
                "interfaces": {"eth0": {"network": "Left", "address": f"10.10.1.{number}/24"}},
            }
            for number, name in ((2, "pulled"), (3, "built"))
        },
        "checks": [
            {"http": "http://10.10.1.2/hello.html", "from": "built", "contains": "Hello from a registry"},
            {"http": "http://10.10.1.3/hello.html", "from": "pulled", "contains": "Hello from a build"},
        ],
    }


def test_pulled_and_built_by_the_plugin(tmp_path: Path) -> None:
    with machine("e2e-image-plugin-host", tmp_path) as host, contextlib.ExitStack() as ending:
        channel = host.connection.channel(["python3", "-c", REGISTRY.read_text()])
        ending.callback(channel.close)
        channel.settimeout(20)
        about = json.loads(channel.makefile("rb", 0).readline())
        before = snapshot(host.run)
        reference = f"127.0.0.1:{about['port']}/web@{about['digest']}"
        context = tmp_path / "context"
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM {reference}\nCOPY hello.html /www/hello.html\n")
        (context / "hello.html").write_text("Hello from a build\n")
        file = tmp_path / "topology.yaml"
        file.write_text(json.dumps(topology(reference)))
        stack = ending.enter_context(on_host("e2e-image-plugin", tmp_path, host, str(file)))
        stack.configure("imagePlugin", "true")
        stack.configure("pull", "true")
        if os.environ.get("EXAM_LAB_DOCKER_PLUGIN") != "real":
            path = (str(PLUGINS), str(Path(sys.executable).parent), os.environ["PATH"])
            stack.environment["PATH"] = os.pathsep.join(path)
        assert set(stack.up()) == {"create"}
        checked = stack.run("lab", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert stack.up() == {}

        # Another content is another image, under the container and its links.
        (context / "hello.html").write_text("Hello from a build, again\n")
        assert stack.up() == {
            "create-replacement": ["built"],
            "replace": ["built"],
            "delete-replaced": ["built"],
            "update": ["built"],
        }
        assert stack.run("lab", "check").returncode == 0

        # What is removed by hand is pulled again.
        host.run(f"docker image rm --force {reference}")
        assert "pulled" in stack.up()["create"]
        assert stack.run("lab", "check").returncode == 0
        stack.destroy()
        assert differences(before, snapshot(host.run)) == ""
