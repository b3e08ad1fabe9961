"""The disk of the virtual machine: a stock Debian 12 with what labs need, in the user's cache by the hash of its recipe.

    CACHE/vm-bookworm-HASH/disk.ext4         the root file system, sparse
                           vmlinuz, initrd   Debian's kernel, which QEMU is given directly
                           id_ed25519        the key that logs in as `examiner`, who has sudo without a password

Built as root (`image.py CACHE`, through sudo) by mmdebstrap from the mirror that this machine's apt uses, in about 2 minutes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    # Run by path: through sudo, which keeps no PYTHONPATH.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sandbox import base, kernel

USER = "examiner"
SUITE = "bookworm"
PACKAGES = (
    "apparmor",
    "busybox-static",
    "ca-certificates",
    "dbus",
    "docker.io",
    "frr",
    "iproute2",
    "iptables",
    "iputils-ping",
    "libpam-systemd",
    "linux-image-cloud-amd64",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
    "udev",
)
DISK_MIB = 4096
FILES = {
    "etc/hostname": "vm\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 vm\n",
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n",
    "etc/resolv.conf": "",
    # No gateway: QEMU lets nothing out, and a test has an outside of its own.
    "etc/systemd/network/10-ethernet.network": "[Match]\nName=e*\n[Network]\nAddress=192.0.2.15/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    f"etc/sudoers.d/{USER}": f"{USER} ALL=(ALL) NOPASSWD: ALL\n",
}
COMMANDS = (
    ("systemctl", "enable", "systemd-networkd.service"),
    # They wait for, or ask, a world that is not there.
    ("systemctl", "mask", "systemd-networkd-wait-online.service", "apt-daily.timer", "apt-daily-upgrade.timer"),
    ("useradd", "--create-home", "--shell", "/bin/bash", USER),
    ("install", "-d", "-m", "700", "-o", USER, "-g", USER, f"/home/{USER}/.ssh"),
)


def directory(cache: Path) -> Path:
    """Where the disk of this recipe is, or will be."""
    recipe = repr((SUITE, PACKAGES, DISK_MIB, FILES, COMMANDS))
    return cache / f"vm-{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def ensure(cache: Path) -> Path:
    """The disk's directory, built first if need be."""
    path = directory(cache)
    if not path.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        program = [sys.executable, "-I", "-B", str(Path(__file__).resolve()), str(cache)]
        subprocess.run(program if os.geteuid() == 0 else ["sudo", "-n", "--", *program], check=True)
    return path


def _build(cache: Path) -> None:
    path = directory(cache)
    # Also on Ubuntu it is Debian's system that is looked for.
    wanted = base.Distribution("debian", SUITE, ("main",), "")
    sources = base.choose_sources(wanted, base.machine_sources())
    with _locked(cache) as lock:
        if path.is_dir():
            return
        # mmdebstrap's mounts, and those of the commands below, vanish with this process.
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.make_mounts_private()
        partial = path.with_name(f"{path.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            root = partial / "root"
            base._bootstrap(root, wanted, sources, None, PACKAGES, time.monotonic(), lock)
            _configure(root, partial / "id_ed25519")
            _pack(root, partial)
            shutil.rmtree(root)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _configure(root: Path, key: Path) -> None:
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        (root / name).write_text(text)
    (root / f"etc/sudoers.d/{USER}").chmod(0o440)
    (root / "etc/machine-id").write_text("")
    for command in COMMANDS:
        subprocess.run(["chroot", str(root), *command], check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vm", "-f", str(key)], check=True)
    authorized = root / f"home/{USER}/.ssh/authorized_keys"
    authorized.write_text(key.with_suffix(".pub").read_text())
    owner = authorized.parent.stat()
    os.chown(authorized, owner.st_uid, owner.st_gid)


def _pack(root: Path, folder: Path) -> None:
    """Kernel, initrd and disk, readable for the user who asked for them."""
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        [file] = (root / "boot").glob(pattern)
        shutil.copyfile(file, folder / name)
    disk = folder / "disk.ext4"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root), str(disk), f"{DISK_MIB}M"], check=True)
    for file in (folder, *(file for file in folder.iterdir() if file.is_file())):
        os.chown(file, int(os.environ.get("SUDO_UID", "0")), int(os.environ.get("SUDO_GID", "0")))


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[int]:
    with (cache / ".vm.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


if __name__ == "__main__":
    if sys.argv[1] == "--ensure":
        ensure(Path(sys.argv[2]))
    else:
        _build(Path(sys.argv[1]))
