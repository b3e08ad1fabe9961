"""From a process in new namespaces to the PID 1 of a sandbox: its root, /dev, /proc, /sys, and what root in it must not do."""

import os
import shutil
import stat
from pathlib import Path

from sandbox import cgroups, init, kernel

# Numbers of linux/capability.h. dockerd, runc, FRR and sshd work without these; CAP_AUDIT_CONTROL stays, for PAM's login uid.
_DROPPED_CAPABILITIES = {
    "CAP_SYS_MODULE": 16,
    "CAP_SYS_RAWIO": 17,
    "CAP_SYS_PACCT": 20,
    "CAP_SYS_BOOT": 22,
    "CAP_SYS_TIME": 25,
    "CAP_SYS_TTY_CONFIG": 26,
    "CAP_MAC_OVERRIDE": 32,
    "CAP_MAC_ADMIN": 33,
    "CAP_SYSLOG": 34,
    "CAP_WAKE_ALARM": 35,
    "CAP_BLOCK_SUSPEND": 36,
    "CAP_AUDIT_READ": 37,
    "CAP_CHECKPOINT_RESTORE": 40,
}
_DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
    "net/tun": (10, 200),
}
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_QUIET = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def become_init(
    directory: Path, *, name: str, base: Path, boot_id: str, public_key: str, listener: int, report: int
) -> None:
    """Turn this process, alone in new namespaces, into PID 1 of the sandbox in STATE/NAME; does not return.

    listener and report are the descriptors that `init` takes over. OSError names the mount or call that failed.
    """
    kernel.make_mounts_private()
    kernel.set_hostname(name)
    here = cgroups.hierarchies()
    program = Path(init.__file__).read_bytes()
    root = directory / "root"
    _mount_root(directory, base)
    _fill_dev(root / "dev")
    _mount_kernel_file_systems(root, here)
    for place, mode in (("run", "755"), ("tmp", "1777")):
        kernel.mount("tmpfs", root / place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode={mode}")
    (root / "var/lib/docker").mkdir(mode=0o710, exist_ok=True)
    kernel.bind(directory / "disk/data", root / "var/lib/docker")
    run = root / init.RUN_DIRECTORY.relative_to("/")
    run.mkdir(mode=0o755)
    (run / "init.py").write_bytes(program)
    (run / "authorized_keys").write_text(public_key + "\n")
    (run / "boot_id").write_text(boot_id + "\n")
    kernel.bind(run / "boot_id", root / "proc/sys/kernel/random/boot_id")
    kernel.change_root(root)
    for capability in _DROPPED_CAPABILITIES.values():
        kernel.drop_from_bounding_set(capability)
    _exec(name, listener, report)


def _mount_root(directory: Path, base: Path) -> None:
    # Relative to the sandbox's directory: overlayfs' options cannot hold every path (':' and ',' separate), and are cut at a page.
    kernel.bind(base / "root", directory / "base")
    # Left by the option below, and refused by overlayfs at the next mount, for fear of files lost in a crash of the machine.
    incompatible = directory / "disk" / "work" / "work" / "incompat"
    if incompatible.exists():
        shutil.rmtree(incompatible)
    os.chdir(directory)
    # volatile: without it every fsync and the final unmount would wait for all that this machine writes to that disk.
    kernel.mount(
        "overlay",
        directory / "root",
        "overlay",
        kernel.MS_NODEV,
        "lowerdir=base,upperdir=disk/upper,workdir=disk/work,volatile",
    )


def _fill_dev(dev: Path) -> None:
    kernel.mount("tmpfs", dev, "tmpfs", kernel.MS_NOSUID, "mode=755,size=1m")
    for name in ("net", "pts", "shm", "mqueue"):
        (dev / name).mkdir(mode=0o755)
    old_mask = os.umask(0)
    for name, (major, minor) in _DEVICES.items():
        os.mknod(dev / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    os.umask(old_mask)
    for name, target in _DEVICE_LINKS.items():
        (dev / name).symlink_to(target)
    tty_group = 5
    options = f"newinstance,ptmxmode=0666,mode=0620,gid={tty_group}"
    kernel.mount("devpts", dev / "pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    kernel.mount("tmpfs", dev / "shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    kernel.mount("mqueue", dev / "mqueue", "mqueue", _QUIET)


def _mount_kernel_file_systems(root: Path, here: list[cgroups.Hierarchy]) -> None:
    """/proc and /sys, writable where they are about the network (of the namespace that writes) and read-only elsewhere."""
    kernel.mount("proc", root / "proc", "proc", _QUIET)
    kernel.mount("sysfs", root / "sys", "sysfs", _QUIET)
    kernel.bind(root / "proc/sys", root / "proc/sys")
    kernel.bind(root / "proc/sys/net", root / "proc/sys/net")
    kernel.make_read_only(root / "proc/sys")
    kernel.bind(root / "sys/devices/virtual/net", root / "sys/devices/virtual/net")
    kernel.make_read_only(root / "sys")
    cgroups.mount_inside(root / "sys/fs/cgroup", here)
    for masked in ("sysrq-trigger", "kcore", "kmsg"):
        if (root / "proc" / masked).exists():
            kernel.bind(root / "dev/null", root / "proc" / masked)


def _exec(name: str, listener: int, report: int) -> None:
    # Above the final numbers first, so that neither lands on the other.
    spare = 10
    os.dup2(listener, spare, inheritable=False)
    os.dup2(report, spare + 1, inheritable=False)
    os.dup2(spare, init.LISTENER_FD)
    os.dup2(spare + 1, init.REPORT_FD)
    program = str(init.RUN_DIRECTORY / "init.py")
    argv = ["python3", "-I", "-S", "-B", program, name]
    os.execve("/usr/bin/python3", argv, {"LANG": "C.UTF-8"})  # noqa: S606 - becoming another program is the point
