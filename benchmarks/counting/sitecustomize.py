"""Counts, in the provider process, connections and calls to agents: a line of $BENCH_COUNTS for each (`connect PID`, `add bridge`, …).

Python imports this by its name when this folder is on PYTHONPATH, which it is in counted runs alone: timed runs and the product have none of it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

COUNTED = "dynamic_providers.connection"


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _count(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != COUNTED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _count(module: ModuleType) -> None:
    file = os.open(os.environ["BENCH_COUNTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    call, connect = module.Agent.call, module.Connection.__init__

    def counted_call(self: object, method: str, parameters: Mapping[str, object], **options: Any) -> object:  # noqa: ANN401 - passed on as they are
        os.write(file, f"{method} {parameters.get('kind', '')}\n".encode())
        return call(self, method, parameters, **options)

    def counted_connect(self: object, *arguments: object) -> None:
        os.write(file, f"connect {os.getpid()}\n".encode())
        connect(self, *arguments)

    module.Agent.call, module.Connection.__init__ = counted_call, counted_connect


if "BENCH_COUNTS" in os.environ:
    sys.meta_path.insert(0, _Finder())
