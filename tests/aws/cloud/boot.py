"""What happens in an instance from power-on until it is up, run as root in a sandbox: boot.py, with `Machine` as JSON on standard input.

The network that EC2 gives an instance (an interface with its private address, a gateway, the metadata service), then Debian's cloud-init with
the instance's user data, stage by stage as systemd has it, and sshd after the stage that makes its host keys. There is no way further out.

Prints "up PORT…" once sshd listens, and goes on: the stages `config` and `final` run while one can log in.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

GATEWAY = "ec2"
"""Network namespace of all that is beyond the instance's interface."""
METADATA_ADDRESS = "169.254.169.254"
INTERFACE = "ens5"
SEED = Path("/var/lib/cloud/seed/nocloud")
OUTPUT = Path("/var/log/cloud-init-output.log")
CLOUD_CONFIG = """\
# As Debian's images for EC2 have it, but for where user data comes from.
datasource_list: [NoCloud]
locale: C.UTF-8
system_info: {default_user: {name: admin}}
output: {all: '| tee -a /var/log/cloud-init-output.log'}
"""
POWEROFF = """\
#!/bin/sh
# There is no systemd: the first process ends the machine.
kill -TERM 1
"""


def main() -> None:
    machine = json.load(sys.stdin)
    folder = Path(machine["folder"])
    network(machine["private_ip"], machine["prefix_length"])
    run(
        ["ip", "netns", "exec", GATEWAY, "setsid", "/usr/bin/python3", "-I", str(folder / "metadata.py"), str(folder)],
        background=True,
    )
    for name in ("poweroff", "shutdown"):
        path = Path("/usr/sbin") / name
        path.write_text(POWEROFF)
        path.chmod(0o755)
    Path("/etc/cloud/cloud.cfg.d/90-ec2.cfg").write_text(CLOUD_CONFIG)
    # What the VPC's DNS knows.
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"{machine['private_ip']} {machine['hostname']}\n")
    SEED.mkdir(parents=True, exist_ok=True)
    (SEED / "meta-data").write_text(
        json.dumps(
            {
                "instance-id": machine["instance_id"],
                "local-hostname": machine["hostname"],
                "public-keys": machine["public_keys"],
            }
        )
    )
    (SEED / "user-data").write_bytes((folder / "user-data").read_bytes())
    cloud_init("init", "--local")
    cloud_init("init")
    run(["/usr/sbin/sshd"])
    effective = subprocess.run(["/usr/sbin/sshd", "-T"], capture_output=True, text=True, check=True).stdout
    ports = [line.split()[1] for line in effective.splitlines() if line.startswith("port ")]
    print("up", *ports, flush=True)
    # Whoever waits for the line above goes.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    cloud_init("modules", "--mode=config")
    cloud_init("modules", "--mode=final")


def network(address: str, prefix_length: int) -> None:
    """The instance's interface, and beyond it its gateway and the metadata service."""
    first = ".".join([*address.split(".")[:3], "1"])
    for command in (
        f"ip netns add {GATEWAY}",
        f"ip link add {INTERFACE} type veth peer name gateway netns {GATEWAY}",
        f"ip link set {INTERFACE} addrgenmode none",
        f"ip address add {address}/{prefix_length} dev {INTERFACE}",
        f"ip link set {INTERFACE} up",
        f"ip -n {GATEWAY} link set lo up",
        f"ip -n {GATEWAY} address add {METADATA_ADDRESS}/32 dev lo",
        f"ip -n {GATEWAY} address add {first}/{prefix_length} dev gateway",
        f"ip -n {GATEWAY} link set gateway up",
        f"ip route add default via {first}",
    ):
        run(command.split())


def cloud_init(*arguments: str) -> None:
    """A stage; what fails in it is in its log, and the machine is up all the same."""
    with OUTPUT.open("a") as log:
        subprocess.run(["cloud-init", *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)


def run(argv: list[str], *, background: bool = False) -> None:
    if background:
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    main()
