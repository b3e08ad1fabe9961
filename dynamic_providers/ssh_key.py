"""SSH keys, Ed25519, in OpenSSH's form."""

from __future__ import annotations

import os
from pathlib import Path


def new_key() -> tuple[bytes, bytes]:
    """A new key: its private part, and its public one, `ssh-ed25519 AAAA…`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def make_key(path: Path) -> None:
    """A key pair, of this user alone, at `path` and beside it with the suffix .pub; kept where there is one."""
    if path.exists() and path.with_suffix(".pub").exists():
        return
    remove_key(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private, public = new_key()
    path.with_suffix(".pub").write_bytes(public + b" exam-lab\n")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)


def remove_key(path: Path) -> None:
    """Remove both files. Idempotent."""
    path.unlink(missing_ok=True)
    path.with_suffix(".pub").unlink(missing_ok=True)
