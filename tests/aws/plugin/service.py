"""Pulumi's provider protocol for the resources and functions of this plugin."""

from __future__ import annotations

import functools
import json
import random
import traceback
from collections.abc import Callable
from typing import Any, TypeVar, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from tests.aws.plugin import declared
from tests.aws.plugin.aws import Aws, AwsError
from tests.aws.plugin.functions import FUNCTIONS
from tests.aws.plugin.resource import Resource
from tests.aws.plugin.resources import RESOURCES
from tests.plugin_double import UNKNOWN, Plugin, Properties, properties_of, some, struct_of

Answered = TypeVar("Answered")
Method = Callable[["Provider", Any, grpc.ServicerContext], Answered]


def _answering(method: Method[Answered]) -> Method[Answered]:
    """A failure is the call's status, with a message for users."""

    @functools.wraps(method)
    def answer(self: Provider, request: Any, context: grpc.ServicerContext) -> Answered:
        try:
            return method(self, request, context)
        except AwsError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception:  # noqa: BLE001 - a mistake of this double's, which nobody else would hear of
            context.abort(grpc.StatusCode.UNKNOWN, traceback.format_exc())
        raise AssertionError("abort raises")

    return answer


class Provider(Plugin):
    """`aws`, as far as this project uses it."""

    version = declared.sdk_version()

    def __init__(self) -> None:
        self._region = ""
        self._default_tags: dict[str, str] = {}
        self._aws = functools.cache(Aws)

    @_answering
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        news = properties_of(request.news)
        region = str(news.get("region", ""))
        failures = []
        if region != UNKNOWN and region not in declared.regions():
            reason = f"invalid AWS Region: {region}" if region else "Missing region configuration. Set `aws:region`"
            failures.append(provider_pb2.CheckFailure(property="region", reason=reason))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @_answering
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds, news = properties_of(request.olds), properties_of(request.news)
        replaces = ["region"] if olds.get("region") != news.get("region") else []
        return provider_pb2.DiffResponse(replaces=replaces, changes=some(olds != news))

    @_answering
    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        arguments = properties_of(request.args)
        self._region = str(arguments["region"])
        tags = arguments.get("defaultTags", {})
        # What is nested comes as JSON.
        self._default_tags = (json.loads(tags) if isinstance(tags, str) and tags else tags or {}).get("tags", {})
        self._aws(self._region).call("sts", "get_caller_identity")
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False)

    @_answering
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        arguments = properties_of(request.args)
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise AwsError(f"the double of the plugin has no function {request.tok}")
        answer = function(self._aws(arguments.get("region") or self._region), arguments)
        return provider_pb2.InvokeResponse(**{"return": struct_of({"region": self._region, **arguments, **answer})})

    @_answering
    def Check(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        resource, olds, news = _resource(request.urn), properties_of(request.olds), properties_of(request.news)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f'Missing required argument: "{name}" is required')
            for name in resource.required
            if news.get(name) is None
        ]
        failures += [
            provider_pb2.CheckFailure(property=path, reason=reason)
            for path, reason in declared.problems(resource.token, news)
        ]
        if resource.named_by and news.get(resource.named_by) is None:
            kept = olds.get(resource.named_by)
            # From the engine's seed, so that a preview and its update make the same.
            digits = random.Random(request.randomSeed or None).getrandbits(28)
            news[resource.named_by] = kept or f"{request.urn.rpartition('::')[2]}-{digits:07x}"
        news.setdefault("region", self._region)
        if resource.taggable:
            tags = news.get("tags", {})
            news["tagsAll"] = UNKNOWN if tags == UNKNOWN else {**self._default_tags, **tags}
        return provider_pb2.CheckResponse(inputs=struct_of(news), failures=failures)

    @_answering
    def Diff(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        resource = _resource(request.urn)
        olds, old_inputs, news = map(properties_of, (request.olds, request.old_inputs, request.news))
        for name in request.ignoreChanges:
            news[name] = old_inputs.get(name)
        changed = resource.changes(olds, old_inputs, news)
        replaces = [name for name in changed if self._replaces(resource, name, olds, news)]
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=some(changed),
            diffs=changed,
            replaces=replaces,
            # Two can't have one name at the same time.
            deleteBeforeReplace=bool(replaces) and bool(resource.named_by) and resource.named_by not in replaces,
            detailedDiff={
                name: kinds(kind=kinds.Kind.UPDATE_REPLACE if name in replaces else kinds.Kind.UPDATE)
                for name in changed
            },
            hasDetailedDiff=True,
        )

    @_answering
    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        resource, inputs = _resource(request.urn), properties_of(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        aws = self._aws(inputs["region"])
        id_ = resource.create(aws, inputs)
        return provider_pb2.CreateResponse(id=id_, properties=struct_of(_now(resource, aws, id_, inputs)))

    @_answering
    def Read(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        resource = _resource(request.urn)
        known, inputs = properties_of(request.properties), properties_of(request.inputs)
        aws = self._aws(known.get("region") or self._region)
        seen = resource.state(aws, request.id, known)
        if seen is None:
            return provider_pb2.ReadResponse(id="")
        tags = {name: value for name, value in self._split_tags(seen).items() if value or name in known}
        observed = {**known, **seen, **tags}
        read = {name: observed.get(name, value) for name, value in inputs.items()}
        # Tags that nobody declared are drift as well.
        read.update({name: value for name, value in tags.items() if value})
        return provider_pb2.ReadResponse(id=request.id, properties=struct_of(observed), inputs=struct_of(read))

    @_answering
    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        resource = _resource(request.urn)
        olds, old_inputs, news = map(properties_of, (request.olds, request.old_inputs, request.news))
        for name in request.ignoreChanges:
            news[name] = old_inputs.get(name)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct_of({**olds, **news}))
        aws = self._aws(news["region"])
        changed = frozenset(resource.changes(olds, old_inputs, news))
        if changed & {"tags", "tagsAll"}:
            resource.set_tags(aws, request.id, olds.get("tagsAll") or {}, news["tagsAll"])
        resource.update(aws, request.id, olds, news, changed)
        return provider_pb2.UpdateResponse(properties=struct_of(_now(resource, aws, request.id, {**olds, **news})))

    @_answering
    def Delete(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        known = properties_of(request.properties)
        _resource(request.urn).delete(self._aws(known.get("region") or self._region), request.id, known)
        return empty_pb2.Empty()

    def _replaces(self, resource: Resource, name: str, olds: Properties, news: Properties) -> bool:
        if name == "userData":
            return bool(news.get("userDataReplaceOnChange"))
        return name in resource.replaces or name == "region"

    def _split_tags(self, seen: Properties) -> Properties:
        """`tags` and `tagsAll` of what was seen, the provider's own among the latter only."""
        if "tagsAll" not in seen:
            return {}
        everything = cast("dict[str, str]", seen["tagsAll"])
        own = {key: value for key, value in everything.items() if self._default_tags.get(key) != value}
        return {"tags": own, "tagsAll": everything}


def _resource(urn: str) -> Resource:
    token = urn.split("::")[2].rpartition("$")[2]
    resource = RESOURCES.get(token)
    if resource is None:
        raise AwsError(f"the double of the plugin has no resource {token}")
    return resource


def _now(resource: Resource, aws: Aws, id_: str, known: Properties) -> Properties:
    seen = resource.state(aws, id_, known)
    if seen is None:
        raise AwsError(f"{resource.token} {id_} is gone right after it was made or changed")
    return {**known, **seen}
