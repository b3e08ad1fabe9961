from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import demo

FIRST = """\
Updating (dev):

 +  pulumi:pulumi:Stack lab-dev creating (0s)
 +  pulumi-python:dynamic/lab:SandboxHost sandbox creating (0s)
 +  pulumi-python:dynamic/lab:SandboxHost sandbox creating (1s) starting sandbox dev
 +  pulumi-python:dynamic/lab:SandboxHost sandbox created (2.31s)
 +  pulumi:pulumi:Stack lab-dev created (0.38s)
Resources:
    + 2 created

Duration: 3s
"""
SECOND = """\
Updating (dev):

 ~  pulumi:pulumi:Stack lab-dev refreshing (0s)
 ~  pulumi-python:dynamic/lab:Bridge VMnet2 refreshing (0s)
 ~  pulumi-python:dynamic/lab:Bridge VMnet2 refresh (0.01s)
    pulumi:pulumi:Stack lab-dev running
    pulumi:pulumi:Stack lab-dev running importing image simpleweb
    pulumi-python:dynamic/lab:Bridge VMnet2
@ updating....
    pulumi:pulumi:Stack lab-dev
Resources:
    2 unchanged


Duration: 1s
"""
FAILED = """\
Updating (dev):
 +  pulumi-python:dynamic/lab:Bridge VMnet2 creating (0s)
 +  pulumi-python:dynamic/lab:Bridge VMnet2 **creating failed**
Diagnostics:
  pulumi-python:dynamic/lab:Bridge (VMnet2):
    error: HostError: bridge VMnet2 exists already and belongs to nobody
"""


def test_what_was_done_is_shown_and_what_only_began_is_not() -> None:
    assert list(demo.worth_reading(FIRST.splitlines())) == [
        "Updating (dev):",
        "",
        " +  pulumi-python:dynamic/lab:SandboxHost sandbox created (2.31s)",
        " +  pulumi:pulumi:Stack lab-dev created (0.38s)",
        "Resources:",
        "    + 2 created",
        "",
        "Duration: 3s",
    ]


def test_a_run_without_changes_is_short() -> None:
    assert list(demo.worth_reading(SECOND.splitlines())) == [
        "Updating (dev):",
        "",
        "Resources:",
        "    2 unchanged",
        "",
        "Duration: 1s",
    ]


def test_failures_are_shown_whole() -> None:
    assert list(demo.worth_reading(FAILED.splitlines())) == [
        line for line in FAILED.splitlines() if not line.endswith("creating (0s)")
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"same": 37}, "Nothing changed: 37 resources are as declared."),
        ({"same": 1}, "Nothing changed: 1 resource is as declared."),
        ({"create": 37}, "Changed: 37 created."),
        ({"same": 35, "update": 1, "replace": 1}, "Changed: 1 updated, 1 replaced; 35 resources as declared."),
    ],
)
def test_changes_in_a_line(changes: dict[str, int], line: str) -> None:
    assert demo.describe_changes(changes) == line


@pytest.mark.parametrize(("optional", "routers"), [(["dynamips"], "dynamips"), ([], "frr")])
def test_the_demo_s_routers_are_emulated_where_they_can_be(
    optional: list[str],
    routers: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps({"optional": optional}))
    monkeypatch.setattr(demo, "ensure", lambda: tmp_path)
    assert demo.demo_routers() == routers
    assert ("carries no Dynamips" in capsys.readouterr().out) == (routers == "frr")


SLOW_PULUMI = """\
#!/bin/sh
trap 'echo "cancelling"; echo "Resources:"; exit 255' INT
echo "Updating (dev):"
while :; do read line; done
"""


def test_an_interrupted_pulumi_ends_in_good_order(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    program.write_text(SLOW_PULUMI)
    program.chmod(0o755)
    source = "import sys; from cli import demo, main; sys.exit(main.guarded(lambda: demo.live('up')))"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    # A test runner in the background may have ^C ignored, which children would inherit.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, handler)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Updating (dev):\n"
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert output.splitlines() == ["cancelling", "Resources:"]
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize("name", ["Dev", "a_b", "-a", "a-", "a--b", "x" * 33, ""])
def test_stack_names_that_are_no_sandbox_names(name: str) -> None:
    assert not demo.STACK_NAME.fullmatch(name)
