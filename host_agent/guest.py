r"""What the key of a lease opens, on a host that labs of several stacks share: the agent and the consoles of that lease, and nothing else.

The key is a line of `authorized_keys` of the user as whom the stack that made the host logs in:

    restrict,pty,command="/usr/bin/python3 -I …/run.py guest a1b2c3d4 \"$SSH_ORIGINAL_COMMAND\"" ssh-ed25519 AAAA… exam-lab a1b2c3d4

so whatever is asked for by it comes here. Whoever has it can change the lab, and must not become root on the host by that, nor touch another
lab: what would lead there (the host's own namespace, folders of the host in a container, ids of others) is refused, and commands in a namespace
run as nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shlex
import stat
import sys
import time
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Union, get_args, get_origin, get_type_hints

from host_agent import kinds
from host_agent.errors import HostError
from host_agent.ledger import read_json, write_json
from host_agent.schema import ObjectId

if TYPE_CHECKING:
    import pwd

    from host_agent.context import Host

PYTHON = "/usr/bin/python3"
METHODS = frozenset({"add", "show", "set", "remove", "ledger", "missing_blobs", "put_blob"})
"""What a guest may ask for, of its own lease; `probe`, which names no lease, of its own namespaces."""
CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Those that Docker gives anyhow, and NET_ADMIN: none of them leads out of a container."""
ARRIVAL_TIMEOUT_S = 10.0
WORLD = "nobody"
KEY_FILE = "key.json"
"""In a lease's folder of the ledger: in which file its key is."""
_MADE_BY_US = "# Made by exam-lab, removed with its last key."


class Refused(HostError):
    """The key of a lease does not open that."""


def run(host: Host, lease: str, wanted: str) -> NoReturn:
    """Carry out a command that came by a lease's key; it is what `dynamic_providers.connection` would run with any other key."""
    words = shlex.split(wanted)
    with contextlib.suppress(ValueError):
        words = words[words.index("-I") + 1 :]
    program, arguments = (words[0], words[1:]) if words else ("", [])
    found = re.fullmatch(rf"{re.escape(str(host.root))}/agent/([0-9a-f]{{12}})/run\.py", program)
    if not found:
        sys.exit(f"this key opens lease {lease} by `lab` and `pulumi` alone, not a shell")
    if Path(program).resolve() != Path(__file__).resolve().parent.parent / "run.py":
        if not _arrived(Path(program)):
            sys.exit(f"version {found[1]} of the agent is not on the lab host: `pulumi up` brings it")
        os.execv(PYTHON, [PYTHON, "-I", program, "guest", lease, wanted])  # noqa: S606 - an argv, no shell
    if arguments == ["serve"]:
        from host_agent.server import serve

        serve(host)
    elif arguments[:1] in (["attach"], ["aux"], ["idle-pc"]) and arguments[1:2] == [lease]:
        from host_agent import idle_pc
        from host_agent.attach import attach

        if arguments[0] == "idle-pc":
            sys.exit(idle_pc.main(host, arguments[1:]))
        attach(host, arguments[1:], aux=arguments[0] == "aux")
    sys.exit(f"this key opens lease {lease} alone")


def _arrived(program: Path) -> bool:
    """Whether a version of the agent is there, now or soon: `pulumi` brings it by the host's own key while it asks for it by this one."""
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
    while not program.is_file():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def check(lease: str, method: str, parameters: Mapping[str, object]) -> None:
    """Whether a guest may ask for this. Raises Refused."""
    own_lease = method in METHODS and parameters.get("lease") == lease
    own_namespace = method == "probe" and _is_own_namespace(lease, parameters.get("netns"))
    if not own_lease and not own_namespace:
        raise Refused(f"the key of lease {lease} opens that lease alone, not `{method}` of anything else")
    if method in {"add", "set", "show", "remove"}:
        kind = str(parameters.get("kind"))
        if kind in {"lease", "forwarding"}:
            raise Refused(f"a {kind} is not for the key of a lease to change, but for the stack that made the host")
        args, schema = parameters.get("args"), kinds.load(kind).Args
        problems = [*_foreign(lease, schema, args), *_foreign(lease, schema, parameters.get("olds"))]
        if method in {"add", "set"}:
            # What is there already may be so by somebody else's hand, and is to be seen and put right.
            problems += _problems(lease, args, "")
        if problems:
            raise Refused(f"{kind}: {'; '.join(problems)}, on a host that is shared")


def _is_own_namespace(lease: str, netns: object) -> bool:
    return isinstance(netns, str) and bool(re.fullmatch(rf"{lease}-[A-Za-z0-9_-]+", netns))


def _foreign(lease: str, hint: object, value: object, name: str = "") -> Iterator[str]:
    """Ids of objects, wherever a kind's args have some, that are not the lease's."""
    if get_origin(hint) is Annotated:
        inner, *rules = get_args(hint)
        if get_args(ObjectId)[1] in rules and isinstance(value, str):
            if not value and name == "namespace":
                yield "the lab host's own namespace can't be changed"
            elif "/" in value and value.split("/")[0] != lease:  # else it is no id, as what is observed may be
                yield f"what belongs to {value.split('/')[0]!r} can't be used"
        yield from _foreign(lease, inner, value, name)
    elif get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        for item in value:
            yield from _foreign(lease, get_args(hint)[0], item, name)
    elif get_origin(hint) in {Union, types.UnionType} and value is not None:
        for inner in get_args(hint):
            yield from _foreign(lease, inner, value, name)
    elif dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        for field, inner in get_type_hints(hint, include_extras=True).items():
            yield from _foreign(lease, inner, value.get(field), field)


def _problems(lease: str, value: object, name: str) -> Iterator[str]:
    """What else in args would lead out of the lab."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _problems(lease, item, str(key))
        if name == "host_files":
            yield from (_unreadable(str(source)) for source in value.values() if _unreadable(str(source)))
    elif name == "mounts" and value:
        yield "folders of the lab host can't be in a container"
    elif name == "capabilities" and isinstance(value, (list, tuple)):
        more = sorted({str(item).upper().removeprefix("CAP_") for item in value} - CAPABILITIES)
        if more:
            yield f"capabilities {', '.join(more)} can't be given"
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _problems(lease, item, name)
    elif name in {"image", "pause_image", "reference"} and not is_own_image(lease, str(value)):
        yield f"the image {value} of another lab can't be used"
    elif name == "host_path" and isinstance(value, str) and _unreadable(value):
        yield _unreadable(value)


def is_own_image(lease: str, reference: str) -> bool:
    """Whether a guest may make something of an image: any but those that were made for other labs."""
    return not reference.startswith("exam-lab-") or reference.startswith(f"exam-lab-{lease}/")


def _unreadable(path: str) -> str:
    """Why not everybody may read a file of the host; "" if everybody may. A file that is not there is another matter."""
    real = Path(path).resolve()
    try:
        if real.exists() and not (
            real.stat().st_mode & stat.S_IROTH and all(parent.stat().st_mode & stat.S_IXOTH for parent in real.parents)
        ):
            return f"{path} of the lab host, which not everybody there may read, can't be used"
    except OSError as error:
        return f"{path} of the lab host can't be used: {error.strerror}"
    return ""


def confined(command: list[str], user: str) -> list[str]:
    """The argv that runs a command as `user`; nobody's has what it takes to look at a network namespace and to change it, and no more."""
    import pwd  # not everywhere where this module is imported

    login = pwd.getpwnam(user)
    capabilities = "-all,+net_admin,+net_raw,+net_bind_service" if user == WORLD else "-all"
    return [
        *("setpriv", f"--reuid={login.pw_uid}", f"--regid={login.pw_gid}", "--init-groups", "--no-new-privs"),
        *(f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}"),
        *("--", *command),
    ]


def authorize(host: Host, lease: str, public_key: str) -> None:
    """Let `public_key` open the lease, and no other key; "" is none."""
    import pwd

    with host.ledger.locked():
        _forget_key(host, lease)
        if not public_key:
            return
        login = pwd.getpwnam(os.environ.get("SUDO_USER") or "root")
        file = Path(login.pw_dir) / ".ssh" / "authorized_keys"
        write_json(host.ledger.leases / lease / KEY_FILE, {"file": str(file)})
        if not file.parent.exists():
            file.parent.mkdir(mode=0o700)
            os.chown(file.parent, login.pw_uid, login.pw_gid)
        lines = file.read_text().splitlines() if file.exists() else [_MADE_BY_US]
        _write(file, [*lines, _line(host, lease, public_key, sudo=login.pw_uid != 0)], login)


def authorized(host: Host, lease: str) -> str:
    """The key that opens the lease; "" where none does."""
    record = read_json(host.ledger.leases / lease / KEY_FILE)
    if record is None:
        return ""
    file = Path(str(record["file"]))
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.endswith(f" exam-lab {lease}"):
            return " ".join(line.split()[-4:-2])
    return ""


def withdraw(host: Host, lease: str) -> None:
    """No key opens the lease any more. Idempotent."""
    with host.ledger.locked():
        _forget_key(host, lease)


def versions(host: Host) -> set[str]:
    """The agents' versions that keys name: a key must not lead to nothing."""
    named: set[str] = set()
    for path in host.ledger.leases.glob(f"*/{KEY_FILE}"):
        record = read_json(path)
        file = Path(str(record["file"])) if record else None
        if file is not None and file.exists():
            named.update(re.findall(rf"{host.root}/agent/(\w+)/run\.py guest", file.read_text()))
    return named


def _forget_key(host: Host, lease: str) -> None:
    import pwd

    record = read_json(host.ledger.leases / lease / KEY_FILE)
    if record is None:
        return
    file = Path(str(record["file"]))
    if file.exists():
        status = file.stat()
        kept = [line for line in file.read_text().splitlines() if not line.endswith(f" exam-lab {lease}")]
        if kept == [_MADE_BY_US]:
            file.unlink()
            with contextlib.suppress(OSError):  # something else is in it
                file.parent.rmdir()
        else:
            _write(file, kept, pwd.getpwuid(status.st_uid))
    (host.ledger.leases / lease / KEY_FILE).unlink()


def _line(host: Host, lease: str, public_key: str, *, sudo: bool) -> str:
    program = Path(__file__).resolve().parent.parent / "run.py"
    command = f'{"sudo -n " if sudo else ""}{PYTHON} -I {program} guest {lease} \\"$SSH_ORIGINAL_COMMAND\\"'
    return f'restrict,pty,command="{command}" {public_key} exam-lab {lease}'


def _write(file: Path, lines: list[str], login: pwd.struct_passwd) -> None:
    # Beside and renamed: sshd never meets half a file, nor a host without its keys.
    beside = file.with_name(f".{file.name}.exam-lab")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write("".join(f"{line}\n" for line in lines))
    os.chown(beside, login.pw_uid, login.pw_gid)
    if file.exists():
        beside.chmod(stat.S_IMODE(file.stat().st_mode))
    beside.rename(file)
