"""Network namespaces, and rtnetlink(7) sockets in them.

A socket belongs to the namespace in which it was opened, whatever its thread does later. Opening one costs 45 µs, so each operation has its
own: nothing is shared between threads, and nothing keeps a deleted namespace alive. The codec is our own because that of pyroute2 takes 500 µs
for a request that the kernel answers in 9.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_agent.errors import HostError, Missing

NETNS_DIR = Path("/run/netns")

_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED, _MNT_DETACH = 0x1000, 0x4000, 0x100000, 0x2
_libc = ctypes.CDLL(None, use_errno=True)
_LOCK = Path("/run/exam-lab-netns.lock")
_MADE = Path("/run/exam-lab-netns.made")
"""Is there if the folder /run/netns, and its mount on itself, are our work: then they go with the last namespace."""


def netns_path(netns: str) -> Path:
    """The file that stands for a namespace, as ip-netns(8) keeps it; "" is the agent's own, the host's."""
    return NETNS_DIR / netns if netns else Path("/proc/thread-self/ns/net")


def exists(netns: str) -> bool:
    """Whether there is such a namespace; one that was attached is there as long as the process lives that it was attached from."""
    try:
        with handle(netns):
            return True
    except Missing:
        return False


@contextlib.contextmanager
def handle(netns: str) -> Iterator[int]:
    """A file descriptor of the namespace, for setns(2) and IFLA_NET_NS_FD. Raises Missing."""
    try:
        descriptor = os.open(netns_path(netns), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Missing(f"network namespace {netns} is not on this host") from None
    try:
        # A plain file is what stays of a namespace whose mount is gone, as after a reboot.
        if netns and not (_is_namespace(descriptor) and _is_held(netns, descriptor)):
            raise Missing(f"network namespace {netns} is not on this host any more")
        yield descriptor
    finally:
        os.close(descriptor)


def _is_namespace(descriptor: int) -> bool:
    return os.fstat(descriptor).st_dev == os.fstat(_home()).st_dev


def _is_held(netns: str, descriptor: int) -> bool:
    """Whether the process is alive that the namespace was attached from, if it was.

    Without its container a namespace is of no use, but its name alone would keep it and what is in it.
    """
    holder = _holder(netns)
    try:
        return not holder.is_symlink() or holder.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _holder(netns: str) -> Path:
    """A link to the namespace of the process that `attach` was given."""
    return Path(f"/run/exam-lab-netns.{netns}")


@contextlib.contextmanager
def inside(netns: str) -> Iterator[None]:
    """The calling thread, and it alone, is in the namespace for the time of the block. Raises Missing."""
    if not netns:
        yield
        return
    with handle(netns) as target:
        _check(_libc.setns(target, _CLONE_NEWNET), f"setns to {netns}")
        try:
            yield
        finally:
            _return_home()


@functools.cache
def _home() -> int:
    """The host's own namespace, which the process's first thread never leaves."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _return_home() -> None:
    _check(_libc.setns(_home(), _CLONE_NEWNET), "setns back to the host's own namespace")


@contextlib.contextmanager
def scratch() -> Iterator[None]:
    """The calling thread, and it alone, is in a new namespace for the time of the block, and what it makes there ends with it."""
    _home()  # known before the thread is elsewhere
    _check(_libc.unshare(_CLONE_NEWNET), "unshare")
    try:
        yield
    finally:
        _return_home()


def create(netns: str) -> None:
    """`ip netns add`. Raises FileExistsError."""
    with _mount_point(netns) as path, scratch():
        _bind(Path("/proc/thread-self/ns/net"), path)


def attach(netns: str, pid: int) -> None:
    """`ip netns attach`: give the namespace of a process a name, as long as the process lives. Raises FileExistsError."""
    source = Path(f"/proc/{pid}/ns/net")
    with _mount_point(netns) as path:
        _holder(netns).unlink(missing_ok=True)
        _holder(netns).symlink_to(source)
        _bind(source, path)


def delete(netns: str) -> None:
    """`ip netns del`: the name goes, and the namespace when nothing is in it. Idempotent."""
    path = netns_path(netns)
    with _folder_lock() as folder_is_ours:
        while netns and _is_mounted(path):
            _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), f"umount {path}")
        if netns:
            path.unlink(missing_ok=True)
            _holder(netns).unlink(missing_ok=True)
        if folder_is_ours() and not any(NETNS_DIR.iterdir()):
            _check(_libc.umount2(os.fsencode(NETNS_DIR), _MNT_DETACH), f"umount {NETNS_DIR}")
            NETNS_DIR.rmdir()
            _MADE.unlink()


def processes(netns: str) -> list[int]:
    """PIDs of what runs in a namespace. Raises Missing."""
    with handle(netns) as descriptor:
        inode = os.fstat(descriptor).st_ino
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # Ended meanwhile; or a process of the machine around this one, which even its root may not look at.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if (entry / "ns/net").stat().st_ino == inode:
                    found.append(int(entry.name))
    return found


@contextlib.contextmanager
def _folder_lock() -> Iterator[Callable[[], bool]]:
    """Alone, among all agents of this host, with /run/netns itself; yields what tells whether the folder is our work."""
    import fcntl  # not everywhere where this module is imported

    with _LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _MADE.exists


@contextlib.contextmanager
def _mount_point(netns: str) -> Iterator[Path]:
    """An empty file to mount a namespace on; it goes if the block fails.

    It is in a folder whose mounts are seen in all mount namespaces that know the folder, as ip-netns(8) wants it.
    """
    path = netns_path(netns)
    with _folder_lock():
        if not NETNS_DIR.exists():
            _MADE.touch()
            NETNS_DIR.mkdir()
        folder = os.fsencode(NETNS_DIR)
        if _libc.mount(b"", folder, b"none", _MS_SHARED | _MS_REC, None):
            _check(_libc.mount(folder, folder, b"none", _MS_BIND | _MS_REC, None), f"mount {NETNS_DIR}")
            _check(_libc.mount(b"", folder, b"none", _MS_SHARED | _MS_REC, None), f"mount --make-shared {NETNS_DIR}")
        if path.exists() and not _is_mounted(path):
            path.unlink()
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _is_mounted(path: Path) -> bool:
    # Path.is_mount of Python 3.11 is for folders alone.
    return path.exists() and path.stat().st_dev == os.fstat(_home()).st_dev


def _bind(source: Path, target: Path) -> None:
    _check(
        _libc.mount(os.fsencode(source), os.fsencode(target), b"none", _MS_BIND, None), f"mount {source} on {target}"
    )


def _check(status: int, what: str) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


# The codec. Numbers are those of linux/netlink.h; the messages' own are where they are used.

Attributes = Mapping[int, "bytes | int | str | Attributes | None"]
"""Attributes to send: int is a u32, str a C string, a mapping is nested; None leaves one out."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP = 0x1, 0x4, 0x300
_NLM_F_DUMP_INTR = 0x10
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
_NLMSGERR_ATTR_MSG = 1
_RECEIVE_SIZE = 32 * 1024  # the most that the kernel puts into one datagram of a dump
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
"""Flags of a request that makes something (NLM_F_REPLACE, …)."""
DUMP = _NLM_F_DUMP


class NetlinkError(HostError):
    """The kernel refused a request. `errno` is its number."""

    def __init__(self, number: int, what: str, reason: str) -> None:
        super().__init__(
            f"{what}: {reason or os.strerror(number)}" + (f" ({errno.errorcode.get(number, number)})" if reason else "")
        )
        self.errno = number


@dataclass(frozen=True)
class Request:
    """One message to the kernel: type (RTM_…), flags, the type's fixed header and its attributes; `what` is for error messages."""

    type: int
    flags: int
    body: bytes
    attributes: Attributes
    what: str

    def payload(self) -> bytes:
        """Fixed header and attributes, as they follow the netlink header."""
        return self.body + _encode_attributes(self.attributes)


@dataclass(frozen=True)
class Message:
    """One message from the kernel. Attributes are raw; a name is `text(message.attributes[…])`, a nested one `attributes(…)`."""

    type: int
    body: bytes
    attributes: dict[int, bytes]


@dataclass(frozen=True)
class Answer:
    """What the kernel sent for one request."""

    messages: list[Message]
    error: NetlinkError | None


class Rtnetlink:
    """A socket in one namespace, for one thread."""

    def __init__(self, netns: str) -> None:
        with inside(netns):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._socket.settimeout(30)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._socket.close()

    def exchange(self, requests: Sequence[Request]) -> list[Answer]:
        """Send all requests in one system call; the kernel carries them out in their order, also those after one that failed.

        A dump must be alone: the kernel answers it piecemeal.
        """
        if not requests:
            return []
        first = self._sequence + 1
        self._sequence += len(requests)
        self._socket.send(b"".join(_encode(request, first + index) for index, request in enumerate(requests)))
        answers = [Answer([], None) for _ in requests]
        open_answers, is_interrupted = len(requests), False
        while open_answers:
            received = self._socket.recv(_RECEIVE_SIZE)
            offset = 0
            while offset < len(received):
                length, kind, flags, sequence, _port = _HEADER.unpack_from(received, offset)
                payload = received[offset + _HEADER.size : offset + length]
                offset += (length + 3) & ~3
                index = sequence - first
                is_interrupted |= bool(flags & _NLM_F_DUMP_INTR)
                if kind in (_NLMSG_ERROR, _NLMSG_DONE):
                    open_answers -= 1
                    number = -struct.unpack_from("=i", payload)[0]
                    if number:
                        answers[index] = Answer(
                            answers[index].messages,
                            NetlinkError(number, requests[index].what, _reason(kind, flags, payload)),
                        )
                else:
                    size = _BODY_SIZES[kind]
                    answers[index].messages.append(Message(kind, payload[:size], attributes(payload[size:])))
        # Something changed while the kernel listed: the list may lack what was there all the time.
        return self.exchange(requests) if is_interrupted else answers

    def request(self, *requests: Request) -> list[Message]:
        """Like `exchange`, for requests that must succeed: all their messages. Raises the first NetlinkError."""
        answers = self.exchange(requests)
        for answer in answers:
            if answer.error is not None:
                raise answer.error
        return [message for answer in answers for message in answer.messages]


@contextlib.contextmanager
def rtnetlink(netns: str) -> Iterator[Rtnetlink]:
    """A socket in the namespace, for the time of the block. Raises Missing."""
    opened = Rtnetlink(netns)
    try:
        yield opened
    finally:
        opened.close()


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in raw bytes; of one that is repeated, the last."""
    found: dict[int, bytes] = {}
    offset, last, unpack = 0, len(data) - _ATTRIBUTE.size, _ATTRIBUTE.unpack_from
    while offset <= last:
        length, kind = unpack(data, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def text(data: bytes) -> str:
    """A C string."""
    return data.rstrip(b"\0").decode(errors="replace")


def number(data: bytes) -> int:
    """An unsigned number in the machine's byte order."""
    return int.from_bytes(data, "little" if _LITTLE_ENDIAN else "big")


def address(data: bytes) -> str:
    """An IPv4 address from its four bytes."""
    return ".".join(map(str, data))


_LITTLE_ENDIAN = struct.pack("=H", 1) == b"\x01\x00"
# Sizes of the fixed headers: ifinfomsg, ifaddrmsg, rtmsg and rtgenmsg (padded), by the types of their messages.
_BODY_SIZES = {16: 16, 17: 16, 20: 8, 21: 8, 24: 12, 25: 12, 88: 4}


def _encode(request: Request, sequence: int) -> bytes:
    payload = request.payload()
    # A dump ends with NLMSG_DONE; an acknowledgement beside it would be one end too many.
    flags = (
        _NLM_F_REQUEST
        | request.flags
        | (0 if request.flags & _NLM_F_DUMP == _NLM_F_DUMP and request.type in _GETS else _NLM_F_ACK)
    )
    message = _HEADER.pack(_HEADER.size + len(payload), request.type, flags, sequence, 0) + payload
    return message + b"\0" * (-len(message) % 4)


_GETS = {18, 22, 26}


def _encode_attributes(values: Attributes) -> bytes:
    chunks: list[bytes] = []
    for kind, value in values.items():
        if value is None:
            continue
        if isinstance(value, bytes):
            data = value
        elif isinstance(value, int):
            data = struct.pack("=I", value)
        elif isinstance(value, str):
            data = value.encode() + b"\0"
        else:
            data = _encode_attributes(value)
        chunks.append(_ATTRIBUTE.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4))
    return b"".join(chunks)


def _reason(kind: int, flags: int, payload: bytes) -> str:
    """What the kernel says beside the number (extended acknowledgement), or ""."""
    if not flags & _NLM_F_ACK_TLVS:
        return ""
    if kind == _NLMSG_DONE:
        start = 4
    elif flags & _NLM_F_CAPPED:
        start = 4 + _HEADER.size
    else:
        start = 4 + ((_HEADER.unpack_from(payload, 4)[0] + 3) & ~3)
    return text(attributes(payload[start:]).get(_NLMSGERR_ATTR_MSG, b""))
