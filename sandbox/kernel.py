"""System calls that Python 3.11's standard library does not have: mount(2), unshare(2), pivot_root(2), prctl(2)."""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_MNT_DETACH = 2
_PR_CAPBSET_DROP = 24
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.unshare.argtypes = [ctypes.c_int]
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_libc.sethostname.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system. OSError names the target and the options."""
    result = _libc.mount(source.encode(), os.fsencode(target), kind.encode() or None, flags, options.encode() or None)
    _check(result, f"mount {kind or 'bind'} {source} on {target} ({options or hex(flags)})")


def bind(source: Path, target: Path) -> None:
    """Bind `source` (file or directory, without what is mounted below it) on `target`, which exists."""
    mount(str(source), target, flags=MS_BIND)


def make_read_only(mount_point: Path) -> None:
    """Make the one mount at `mount_point` read-only, not what is mounted below it."""
    mount("none", mount_point, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def make_mounts_private() -> None:
    """Cut this mount namespace off from the one it was copied from: nothing propagates either way."""
    mount("none", Path("/"), flags=MS_REC | MS_PRIVATE)


def unshare(flags: int) -> None:
    """Leave the namespaces that CLONE_NEW* flags name for new ones; a new PID namespace takes the next child."""
    _check(_libc.unshare(flags), f"unshare {flags:#x}")


def set_hostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    _check(_libc.sethostname(name.encode(), len(name.encode())), f"sethostname {name}")


def change_root(root: Path) -> None:
    """Make the mount at `root` this mount namespace's `/`, and detach everything that was mounted before."""
    machine = os.uname().machine
    if machine not in _SYS_PIVOT_ROOT:
        raise OSError(f"pivot_root: no system call number known for {machine}")
    os.chdir(root)
    # pivot_root(".", ".") stacks the old root on the new one, so that no directory for it is needed (see pivot_root(2)).
    _check(_libc.syscall(_SYS_PIVOT_ROOT[machine], b".", b"."), f"pivot_root {root}")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def drop_from_bounding_set(capability: int) -> None:
    """Take a capability (its number in linux/capability.h) from this process and all it will start."""
    _check(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), f"drop capability {capability}")
