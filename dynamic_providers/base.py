"""The one generic provider: the only code that knows Pulumi's dictionaries.

A kind's resource class (`dynamic_providers.bridge.Bridge`) gives it keyword arguments that are the fields of the kind's `Args` (see
`host_agent.kinds`), beside `host` and `lease`. Everything else follows from the dataclass: check, diff, what replaces, what is an output.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from dynamic_providers import (
    engine,
    serialization,  # noqa: F401 - its import is what it is for
    workers,
)
from dynamic_providers.endpoint import Endpoint, OtherHost, Refused, Unreachable
from host_agent import kinds
from host_agent.errors import HostError as AgentError
from host_agent.schema import examine, replacements

if TYPE_CHECKING:
    from dynamic_providers.connection import Agent

Properties = dict[str, object]
HOST = "host"
LEASE = "lease"
PROVIDER = "__provider"


class HostError(Exception):
    """What the user sees of a failure: `error: HostError: …`, one line."""

    # Python shows the module of an exception's class unless it is a builtin; users have no use for ours.
    __module__ = "builtins"


@dataclasses.dataclass
class _Process:
    """What this provider process knows beside its resources."""

    delete_unreachable: bool = False
    delete_shared: bool = False
    warned: set[str] = dataclasses.field(default_factory=set)
    replaced_hosts: set[str] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def warn_once(self, subject: str, message: str) -> None:
        with self.lock:
            if subject in self.warned:
                return
            self.warned.add(subject)
        engine.log(message, warning=True)


process = _Process()


class SchemaProvider(ResourceProvider):
    """Check and diff of what a dataclass describes: the fields' types say what is wrong, and what replaces.

    `common` are properties beside the dataclass's fields; a subclass that has some compares them itself.
    """

    serialize_as_secret_always = False
    common: ClassVar[tuple[str, ...]] = ()

    def args_class(self) -> type[kinds.Dataclass]:
        """The dataclass of this provider's resources."""
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        configure_process(req)

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        # Everything, so that a property which is none of the resource's is a problem too.
        declared = {name: value for name, value in news.items() if name not in {*self.common, PROVIDER}}
        decoded, problems = examine(self.args_class(), declared, is_unknown)
        common = {name: news[name] for name in self.common if name in news}
        return CheckResult(
            {**plain(decoded), **common}, [CheckFailure(problem.path, problem.message) for problem in problems]
        )

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        old_args, new_args = self.args(_olds), self.args(_news)
        replaces: list[str] = []
        changes = False
        # What is alike letter by letter, as most is in most runs, need not be understood: that takes longer than all the rest of a diff.
        if plain(old_args) != plain(new_args):
            olds, _ = examine(self.args_class(), old_args, is_unknown)
            news, _ = examine(self.args_class(), new_args, is_unknown)
            replaces = replacements(self.args_class(), olds, news, is_unknown)
            changes = bool(replaces) or olds != news
        # Two objects of one name can't be there side by side.
        return DiffResult(changes=changes, replaces=replaces, delete_before_replace=True)

    def args(self, properties: Mapping[str, object]) -> Properties:
        """Of all properties those that are fields of the dataclass."""
        fields = {field.name for field in dataclasses.fields(self.args_class())}
        return {name: value for name, value in properties.items() if name in fields}


class HostProvider(SchemaProvider):
    """Check, diff, create, read, update and delete of one kind of object on a lab host.

    Its only state is the kind's name, which is no secret: so the pickled provider in each resource stays in the clear and is the same for all.
    """

    common = (HOST, LEASE)
    timeout_s: ClassVar[float] = 120.0
    """How long add and set may take, while the host lives."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def args_class(self) -> type[kinds.Dataclass]:
        return kinds.load(self.kind).Args

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        result = super().diff(_id, _olds, _news)
        replaces = list(result.replaces or [])
        # The lease's own id is an output.
        if self.kind != "lease" and _olds.get(LEASE) != _news.get(LEASE):
            replaces.append(LEASE)
        old_host, new_host = _olds.get(HOST), _news.get(HOST)
        if _identity(old_host) != _identity(new_host):
            replaces.append(HOST)
        result.changes = bool(replaces) or result.changes or old_host != new_host
        result.replaces = replaces
        return result

    def create(self, props: Properties) -> CreateResult:
        with OneLine():
            agent = _agent(_endpoint(props))
            args = self.args(props)
            self.prepare(agent, str(props.get(LEASE) or ""), args)
            answer = agent.call("add", self._request(props, args), timeout_s=self.timeout_s, progress=_progress)
            outputs = cast(Properties, answer["outputs"])
            return CreateResult(str(answer["id"]), {**self._state(props), **outputs})

    def read(self, id_: str, props: Properties) -> ReadResult:
        endpoint = _endpoint(props)
        with OneLine():
            try:
                answer = _agent(endpoint).call("show", self._request(props, self.args(props)))
            except OtherHost as error:
                process.warn_once(str(endpoint), f"{error}: everything that was on it counts as gone")
                return ReadResult("", {})
            except (Unreachable, Refused) as error:
                if _has_ended(props):
                    return ReadResult("", {})
                if isinstance(error, Refused):
                    raise
                process.warn_once(
                    str(endpoint), f"{error}. What is shown of it is what was recorded; it may have changed"
                )
                return ReadResult(id_, props)
        if not answer:
            return ReadResult("", {})
        if "unknown" in answer:
            reason = str(answer["unknown"])
            process.warn_once(
                f"{endpoint} {reason}", f"{endpoint}: {reason}. What is shown of what it runs is what was recorded"
            )
            return ReadResult(id_, props)
        observed = cast(Properties, answer["args"])
        common = {name: props[name] for name in (HOST, LEASE) if name in props}
        return ReadResult(
            id_,
            {**observed, **common, **cast(Properties, answer["outputs"])},
            _without_none(observed, common, self.kind),
        )

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        with OneLine():
            agent = _agent(_endpoint(_news))
            args = self.args(_news)
            self.prepare(agent, str(_news.get(LEASE) or ""), args)
            # The lease's own id is an output: after a check only the old properties have it.
            request = self._request({**_olds, **_news}, args)
            answer = agent.call(
                "set", {**request, "olds": self.args(_olds)}, timeout_s=self.timeout_s, progress=_progress
            )
            return UpdateResult({**self._state(_news), **cast(Properties, answer["outputs"])})

    def delete(self, _id: str, _props: Properties) -> None:
        endpoint = _endpoint(_props)
        with OneLine():
            try:
                _agent(endpoint).call("remove", self._request(_props, self.args(_props)))
            except OtherHost:
                return
            except Refused:
                if _has_ended(_props):
                    return
                raise
            except Unreachable as error:
                if process.delete_unreachable or _has_ended(_props):
                    return
                raise AgentError(
                    f"{error}. Nothing was removed there and it stays in the state; if the machine is gone for good, "
                    "set the environment variable LAB_DELETE_UNREACHABLE=true and run this again"
                ) from None

    def prepare(self, agent: Agent, lease: str, args: Properties) -> None:
        """What must be on the host before add or set; a kind with uploads overrides it."""

    def _state(self, properties: Mapping[str, object]) -> Properties:
        return {name: value for name, value in properties.items() if name != PROVIDER}

    def _request(self, properties: Mapping[str, object], args: Properties) -> Properties:
        return {"kind": self.kind, "lease": properties.get(LEASE) or "", "args": args}


class HostResource(Resource):
    """A resource on a lab host. Subclasses name the fields of their kind's Args as keyword arguments and its Outputs as attributes."""

    host: pulumi.Output[dict[str, object]]

    def __init__(
        self,
        provider: HostProvider,
        name: str,
        args: Mapping[str, pulumi.Input[object] | None],
        *,
        host: pulumi.Input[Mapping[str, object]],
        lease: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # An output exists as an attribute only where it has a place among the properties.
        outputs = {field.name: None for field in dataclasses.fields(kinds.load(provider.kind).Outputs)}
        properties = {**outputs, **args, HOST: host}
        if lease is not None:
            properties[LEASE] = lease
        super().__init__(provider, name, properties, opts)


def configure_process(request: ConfigureRequest) -> None:
    """Set this provider process up, whichever provider comes first: one-line errors, the engine's end is ours, the stack's settings."""
    if not os.environ.get("LAB_TRACE"):
        sys.tracebacklimit = 0
    engine.attach()
    workers.widen()
    # `pulumi destroy` runs no program, and then the settings are those of the last `up`: what is wanted of a destroy must come another way.
    process.delete_unreachable = (
        is_set("LAB_DELETE_UNREACHABLE") or request.config.get("lab:deleteUnreachable") == "true"
    )
    process.delete_shared = is_set("LAB_DELETE_SHARED")


def is_set(variable: str) -> bool:
    """Whether an environment variable asks for something."""
    return os.environ.get(variable, "").lower() in {"1", "true", "yes"}


class OneLine:
    """Turns what a host operation raises into the one error type that users see."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, AgentError):
            raise HostError(str(error)) from (error if os.environ.get("LAB_TRACE") else None)


def _progress(text: str) -> None:
    engine.log(text, ephemeral=True)


def _agent(endpoint: Endpoint) -> Agent:
    # Imported here: the program, which has these classes too, never connects.
    from dynamic_providers import connection

    return connection.agent(endpoint)


def _endpoint(properties: Mapping[str, object]) -> Endpoint:
    return Endpoint.from_properties(cast(Mapping[str, object], properties[HOST]))


def _has_ended(properties: Mapping[str, object]) -> bool:
    """Whether the host of a resource is known to be gone, or EC2 says so."""
    host = cast("Mapping[str, object]", properties[HOST])
    return host.get("identity") in process.replaced_hosts or is_gone(host)


def is_gone(instance: Mapping[str, object]) -> bool:
    """Whether EC2 has no such instance any more, `{machine, region, profile, …}`; one that can't be asked for is not known to be gone."""
    if not instance.get("region"):
        return False
    return _is_terminated(*(str(instance.get(name) or "") for name in ("machine", "region", "profile")))


@functools.cache
def _is_terminated(machine: str, region: str, profile: str) -> bool:
    from dynamic_providers.hosts import ec2

    try:
        return not ec2.Account(region, profile).has(machine)
    except ec2.AwsError as error:
        process.warn_once(f"{error}", f"{error}")
        return False


def is_unknown(value: object) -> bool:
    return isinstance(value, pulumi.output.Unknown)


def _identity(host: object) -> object:
    return host.get("identity") if isinstance(host, Mapping) else host


def plain(value: object) -> Properties:
    """Plain values of decoded fields, unknowns kept; what is None is left out, as Pulumi does."""

    def stripped(item: object) -> object:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return stripped({field.name: getattr(item, field.name) for field in dataclasses.fields(item)})
        if isinstance(item, Mapping):
            return {key: stripped(inner) for key, inner in item.items() if inner is not None}
        if isinstance(item, (list, tuple)):
            return [stripped(inner) for inner in item]
        return item

    return cast(Properties, stripped(value))


def _without_none(observed: Properties, common: Properties, kind: str) -> Properties:
    inputs = plain({**observed, **common})
    if kind == "lease":
        inputs.pop(LEASE, None)
    return inputs
