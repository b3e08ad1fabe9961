"""The double of pulumi-docker's plugin, as the engine starts it: it drives the Docker of the host that it is told, over SSH."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from tests.plugin_double import UNKNOWN, Plugin, Properties, properties_of, serve, some, struct_of

REPLACES = ("name", "build", "triggers", "platform")
CONTEXT = {"keepLocally": False, "forceRemove": False}
Answered = TypeVar("Answered")


class Failed(Exception):
    """What the user is told."""


class Provider(Plugin):
    """`docker`, as far as this project uses it."""

    version = "5.2.0"

    def __init__(self) -> None:
        self._ssh: list[str] = []

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        changed = properties_of(request.olds) != properties_of(request.news)
        return provider_pb2.DiffResponse(changes=some(changed))

    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        arguments = properties_of(request.args)
        url = urllib.parse.urlsplit(str(arguments.get("host", "")))
        options = arguments.get("sshOpts", [])
        # What is nested comes as JSON.
        options = json.loads(options) if isinstance(options, str) and options not in {"", UNKNOWN} else options
        if url.scheme == "ssh" and isinstance(options, list):
            self._ssh = ["ssh", *options, "-p", str(url.port or 22), f"{url.username}@{url.hostname}", "--"]
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    def Check(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        failures = []
        if properties_of(request.news).get("name") is None:
            failures.append(provider_pb2.CheckFailure(property="name", reason='Missing required argument: "name"'))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds, news = properties_of(request.old_inputs), properties_of(request.news)
        changed = [name for name in (*REPLACES, *CONTEXT) if olds.get(name) != news.get(name)]
        return provider_pb2.DiffResponse(
            changes=some(bool(changed)), diffs=changed, replaces=[name for name in changed if name in REPLACES]
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        inputs = properties_of(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        return _told(context, lambda: self._create(inputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        known = properties_of(request.properties)
        seen = _told(context, lambda: self._look(str(known["name"])))
        if seen is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(id=request.id, properties=struct_of({**known, **seen}), inputs=request.inputs)

    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        return provider_pb2.UpdateResponse(
            properties=struct_of({**properties_of(request.olds), **properties_of(request.news)})
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        known = properties_of(request.properties)
        if not known.get("keepLocally"):
            _told(context, lambda: self._docker("image", "rm", str(known["name"])))
        return empty_pb2.Empty()

    def _create(self, inputs: Properties) -> provider_pb2.CreateResponse:
        name = str(inputs["name"])
        if build := inputs.get("build"):
            packed = io.BytesIO()
            # The command looks for a plain header first.
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
                tar.add(Path(build["context"]), arcname=".")
            self._docker("build", "--tag", name, "-", stdin=packed.getvalue())
        else:
            self._docker("pull", "--quiet", name)
        seen = self._look(name)
        if seen is None:
            raise Failed(f"Unable to find or pull image {name}")
        return provider_pb2.CreateResponse(id=f"{seen['imageId']}{name}", properties=struct_of({**inputs, **seen}))

    def _look(self, name: str) -> Properties | None:
        try:
            [image] = json.loads(self._docker("image", "inspect", name))
        except Failed as error:
            if "No such image" in str(error):
                return None
            raise
        return {"imageId": image["Id"], "repoDigest": next(iter(image["RepoDigests"]), "")}

    def _docker(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            [*self._ssh, shlex.join(["docker", *arguments])], input=stdin, capture_output=True, check=False
        )
        if done.returncode:
            raise Failed(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode()


def _told(context: grpc.ServicerContext, work: Callable[[], Answered]) -> Answered:
    try:
        return work()
    except Failed as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise AssertionError("abort raises") from error


if __name__ == "__main__":
    serve(Provider())
