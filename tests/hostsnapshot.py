"""Everything that a lab may leave on its host, as text to compare: before and after must be byte-identical."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable

Run = Callable[[str], str]
"""Runs a shell command on the host as root; its output. Must raise where the command fails."""

COMMANDS = {
    "links": "ip -j link",
    "addresses": "ip -j address",
    "routes": "ip -j route show table all; ip -j -6 route show table all",
    "rules": "ip -j rule; ip -j -6 rule",
    "namespaces": "ip netns list; ls /run/netns 2>/dev/null || true",
    "nftables": "nft -j list ruleset",
    "containers": "docker ps --all --quiet --no-trunc",
    "images": "docker image ls --all --quiet --no-trunc | sort",
    # By name: Docker makes its bridge's id anew at each start.
    "networks": "docker network ls --format '{{.Name}} {{.Driver}}' | sort",
    "volumes": "docker volume ls --quiet | sort",
    "cgroups": "find /sys/fs/cgroup -type d -name 'exam-lab-*' | sort",
    "processes": "ps -eo args --no-headers | sort",
    # Without the numbers of devices, pipes and peer groups, which another boot gives anew.
    "mounts": "cut -d' ' -f4- /proc/self/mountinfo | sed -E 's/ (shared|master):[0-9]+|,pipe_ino=[0-9]+//g' | sort",
    "files": (
        "cd /var/lib/exam-lab 2>/dev/null; find leases blobs dynamips router-images /run/exam-lab /etc/frr /run/frr /root/.ssh"
        " /etc/systemd/system -type f ! -name .lock 2>/dev/null | sort"
    ),
    "units": (
        # Transient ones are logins.
        "if [ -d /run/systemd/system ]; then systemctl list-unit-files --no-legend --no-pager | grep -v transient; fi"
    ),
}
# What the observer itself is, and what the kernel does at its own pace.
OBSERVERS = ("ps -eo", "sort", "sshd", "/bin/sh -c", "bash -c", "sh -c", "[", "docker-init")
VOLATILE_LINK = {"stats", "stats64", "operstate"}


def snapshot(run: Run) -> dict[str, str]:
    """Of each subject the host's state."""
    return {subject: _stable(subject, run(command)) for subject, command in COMMANDS.items()}


def differences(before: dict[str, str], after: dict[str, str]) -> str:
    """What is not as it was, as a unified diff; "" where all is."""
    lines: list[str] = []
    for subject, state in before.items():
        lines += difflib.unified_diff(
            state.splitlines(), after[subject].splitlines(), f"{subject} before", "after", lineterm=""
        )
    return "\n".join(lines)


def _stable(subject: str, output: str) -> str:
    if subject == "processes":
        return "\n".join(line for line in output.splitlines() if not line.startswith(OBSERVERS))
    if subject in {"links", "addresses"}:
        links = json.loads(output)
        for link in links:
            if link.get("ifname") == "docker0":
                link["address"] = "another at each boot"
        return json.dumps([{k: v for k, v in link.items() if k not in VOLATILE_LINK} for link in links], indent=1)
    if subject == "nftables":
        # The first object is nft's own version; counters count what anybody sends, and handles whatever was made since boot.
        return re.sub(r'"(packets|bytes|handle)": \d+', "", json.dumps(json.loads(output)["nftables"][1:], indent=1))
    return output
