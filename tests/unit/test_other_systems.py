"""The examiner's machine may run macOS or Windows: what Linux alone has is not imported by the program, the providers and `lab`."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import builtins, importlib, os, select, signal, socket, sys

# What is not ours has been imported, with what it needs of this system.
for name in ("asyncio", "docker", "grpc", "paramiko", "pulumi.dynamic", "pulumi.provider", "pydantic", "ruamel.yaml", "requests"):
    importlib.import_module(name)
for module, names in {
    os: "fork getuid geteuid getgid mkfifo mknod O_DIRECTORY O_NOFOLLOW openpty pidfd_open sched_getaffinity setns setsid sysconf unshare",
    select: "epoll poll",
    signal: "SIGCHLD SIGHUP SIGKILL SIGPIPE SIGUSR1 SIGWINCH pidfd_send_signal",
    socket: "AF_NETLINK AF_PACKET AF_UNIX SO_PEERCRED TCP_USER_TIMEOUT",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
LINUX = {"fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
OURS = {"cli", "components", "dynamic_providers", "engine_watch", "host_agent", "sandbox"}
imported = builtins.__import__

def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    importer = str((globals or {}).get("__name__", "")).partition(".")[0]
    if level == 0 and name.partition(".")[0] in LINUX and importer in OURS:
        raise ModuleNotFoundError(f"{globals['__name__']} imports {name}")
    return imported(name, globals, locals, fromlist, level)

builtins.__import__ = guarded
"""
EVERYTHING = """
import pkgutil, components.program, components.topology.resolve, cli.main, dynamic_providers.hosts.lab_host, engine_watch, host_agent.kinds
for module in pkgutil.iter_modules(dynamic_providers.__path__, "dynamic_providers."):
    importlib.import_module(module.name)
for kind in host_agent.kinds.NAMES:
    host_agent.kinds.load(kind)
cli.main.parse(["status"])
engine_watch.start()
"""


def test_imports_without_what_linux_alone_has() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT + EVERYTHING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_linux_alone_has_is_missed() -> None:
    """The test of the test."""
    argv = [sys.executable, "-c", f"{WITHOUT}import sandbox.base"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "sandbox.base imports fcntl" in done.stderr
