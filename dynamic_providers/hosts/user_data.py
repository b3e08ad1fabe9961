"""What cloud-init does at the first boot of a host that a stack makes: the login, the SSH host key, sshd's limits, and the bootstrap.

All else goes over SSH. cloud-init reads JSON as the YAML that it is.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import host_agent
from host_agent.schema import JSON

USER = "lab"
"""Who logs in there: the same on every distribution, with sudo."""
SCRIPTS = "/usr/local/lib/exam-lab"
"""Where the host has them; its modules of those names say the same. They are read here, not imported: they are for Linux alone."""
LIMIT_BYTES = 16 * 1024
"""EC2 takes no more user data, as it is before base64."""

# One connection carries a whole lab: an agent, and a console or command per device.
SSHD_CONFIG = """\
MaxSessions 256
MaxStartups 64:30:256
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
"""


def user_data(*, authorized_key: str, host_key: str, host_private_key: str, port: int) -> str:
    """The user data, under 16 KiB. `authorized_key` opens the login. The host's own key comes with it: its first connection is pinned already."""
    sshd = SSHD_CONFIG if port == 22 else f"Port {port}\n{SSHD_CONFIG}"
    files: list[JSON] = [{"path": "/etc/ssh/sshd_config.d/exam-lab.conf", "content": sshd}]
    for script in ("bootstrap.py", "lifetime.py"):
        source = (Path(host_agent.__file__).parent / script).read_bytes()
        packed = base64.b64encode(gzip.compress(source)).decode()
        files.append({"path": f"{SCRIPTS}/{script}", "encoding": "gz+b64", "content": packed})
    config: JSON = {
        "users": [
            {
                "name": USER,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": [authorized_key],
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_keys": {"ed25519_private": host_private_key, "ed25519_public": host_key},
        "write_files": files,
        "runcmd": [["/usr/bin/python3", "-I", f"{SCRIPTS}/bootstrap.py"]],
    }
    text = f"#cloud-config\n{json.dumps(config, indent=1)}\n"
    assert len(text.encode()) <= LIMIT_BYTES
    return text
