"""What keeps a lab on its host while nobody runs Pulumi: the links of its containers, and the process that sees to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from dynamic_providers import connection
from dynamic_providers.base import HostProvider
from tests.lifecycle.lab import Lab
from tests.lifecycle.rows import image

UNIT = "/etc/systemd/system/exam-lab.service"


@pytest.fixture
def kept(lab_host: connection.Endpoint, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab with a container `web`, linked to a namespace `R1`, which has a route by that link."""
    lab = Lab(lab_host, request.node.name, kept=True)
    pause = image.add(lab)
    router = lab.add("network_namespace", name="R1")
    web = lab.add(
        "container",
        name="web",
        image=pause,
        pause_image=pause,
        command=["/bin/busybox", "httpd", "-f", "-h", "/www"],
    )
    ends = [
        {
            "namespace": web,
            "ifname": "web-dev",
            "addresses": ["192.168.10.100/24"],
            "mac": "02:00:00:00:00:01",
            "default_via": "192.168.10.10",
        },
        {"namespace": router, "ifname": "Fa0", "addresses": ["192.168.10.10/24"]},
    ]
    link = lab.add("veth_pair", endpoints=ends)
    assert link
    lab.add("route", namespace=router, dst="10.9.0.0/16", via="192.168.10.100")
    yield lab
    lab.close()


def docker_name(lab: Lab, suffix: str = "") -> str:
    return f"exam-lab-{lab.lease}-web{suffix}"


def within(limit_s: float, is_so: Callable[[], bool]) -> float:
    """Seconds until it is so. AssertionError after `limit_s`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < limit_s, f"not within {limit_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - began


def pinged(lab: Lab) -> bool:
    """Over the link, answered by the namespace of the container."""
    return lab.try_run("ping", "-c", "1", "-W", "1", "192.168.10.100", netns="R1")[0] == 0


def served(lab: Lab) -> bool:
    """Over the link, answered by the container itself."""
    fetch = ("busybox", "wget", "-q", "-O", "-", "http://192.168.10.100/hello.html")
    return lab.try_run(*fetch, netns="R1")[0] == 0


def as_declared(lab: Lab) -> bool:
    ledger = lab.agent.call("ledger", {"lease": lab.lease})
    objects = cast(list[dict[str, object]], ledger["objects"])
    return all(entry["present"] and entry["args"] == entry["declared"] for entry in objects)


def keepers(lab: Lab) -> list[str]:
    return lab.look("pgrep", "-f", r"run\.py keep$").split()


def test_a_container_that_restarts_keeps_its_links(kept: Lab) -> None:
    before = kept.ip_json("link", "show", "web-dev", netns="web")
    kept.run("docker", "restart", "--time=0", docker_name(kept))
    assert kept.ip_json("link", "show", "web-dev", netns="web") == before
    within(2, lambda: served(kept))
    assert as_declared(kept)


@pytest.mark.parametrize("end", ["kill", "stop", "restart"])
def test_a_container_whose_namespace_ended_has_its_links_again_within_two_seconds(kept: Lab, end: str) -> None:
    within(5, lambda: served(kept))
    kept.run("docker", end, docker_name(kept, "-pause"))
    within(2, lambda: pinged(kept) and served(kept))
    within(2, lambda: as_declared(kept))
    assert "via 192.168.10.10 " in kept.run("ip", "route", "show", "default", netns="web")
    assert "10.9.0.0/16" in kept.run("ip", "route", netns="R1")


def test_what_was_removed_is_left_to_pulumi(kept: Lab) -> None:
    kept.run("docker", "rm", "--force", docker_name(kept), docker_name(kept, "-pause"))
    # An event later than that one: what was to be done for it is done.
    pause = image.add(kept)
    command = ["/bin/busybox", "sleep", "1000"]
    assert kept.add("container", name="other", image=pause, pause_image=pause, command=command)
    inspect = ("docker", "inspect", "--format", "{{.State.Running}}", f"exam-lab-{kept.lease}-other-pause")
    kept.run("docker", "kill", f"exam-lab-{kept.lease}-other-pause")
    within(5, lambda: kept.look(*inspect) == "true\n")
    assert kept.try_run("docker", "inspect", docker_name(kept, "-pause"))[0] == 1


def test_one_process_until_the_last_lease_ends(kept: Lab, lab_host: connection.Endpoint) -> None:
    [keeper] = keepers(kept)
    other = Lab(lab_host, "another", kept=True)
    assert keepers(kept) == [keeper]
    other.close()
    assert keepers(kept) == [keeper]
    assert kept.run("ls", UNIT, "/run/exam-lab/restored")


def test_it_ends_without_a_trace(lab_host: connection.Endpoint) -> None:
    lab = Lab(lab_host, "short", kept=True)
    assert keepers(lab)
    lab.close()
    assert keepers(lab) == []
    assert lab.look("sh", "-c", f"ls -d {UNIT} /run/exam-lab 2>/dev/null") == ""


def test_its_end_is_drift_and_is_repaired(kept: Lab) -> None:
    provider = HostProvider("lease")
    inputs = {**kept.owner, **kept.common}
    for pid in keepers(kept):
        kept.run("kill", "-9", pid)
    within(1, lambda: keepers(kept) == [])
    seen = provider.read("", inputs)
    assert seen.inputs is not None
    assert seen.inputs["kept"] is False
    provider.update("", cast(dict[str, object], seen.inputs | inputs | {"kept": False}), inputs)
    assert len(keepers(kept)) == 1
    again = provider.read("", inputs)
    assert again.inputs is not None
    assert again.inputs["kept"] is True
