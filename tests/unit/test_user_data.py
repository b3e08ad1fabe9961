"""What cloud-init is given."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

from dynamic_providers.hosts import user_data
from host_agent import bootstrap, lifetime

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINRdN/otwkSt1ZjLXKV1MYDxgbU54sTWAiCdXZgV+vz8"


def text(port: int = 22) -> str:
    return user_data.user_data(authorized_key=KEY, host_key=KEY, host_private_key="-" * 400, port=port)


def test_it_fits_and_is_the_same_each_time() -> None:
    assert len(text().encode()) < user_data.LIMIT_BYTES
    assert text() == text()


def test_it_brings_the_scripts_as_they_are() -> None:
    head, _, body = text().partition("\n")
    assert head == "#cloud-config"
    config = json.loads(body)
    files = {file["path"]: file for file in config["write_files"]}
    for module, script in ((bootstrap, bootstrap.SCRIPT), (lifetime, lifetime.SCRIPT)):
        file = files[str(script)]
        assert file["encoding"] == "gz+b64"
        assert gzip.decompress(base64.b64decode(file["content"])) == Path(str(module.__file__)).read_bytes()
    assert config["runcmd"] == [["/usr/bin/python3", "-I", str(bootstrap.SCRIPT)]]


def test_sshd_listens_at_the_port_that_is_set() -> None:
    assert "Port" not in text()
    assert "Port 2222\\nMaxSessions" in text(port=2222)
