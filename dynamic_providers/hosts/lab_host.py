"""A lab host that is reached by SSH: ready, known, and with what labs need."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, cast

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import engine
from dynamic_providers.base import OneLine, Properties, SchemaProvider, is_gone, plain, process
from dynamic_providers.endpoint import Endpoint, OtherHost, Refused, Unreachable
from host_agent.errors import HostError, Missing
from host_agent.schema import REPLACE, between, examine

if TYPE_CHECKING:
    from dynamic_providers.connection import Agent

ABOUT = ("system", "kernel", "uplink", "memory_mib", "processors")
"""What the agent says of its host."""
NO_ADDRESS = (
    "{machine} has no address, as while it is stopped: start it (on EC2 `aws ec2 start-instances --instance-ids {machine}`, or its console), "
    "then run this again; nothing that is on it is lost"
)
REBOOT_TIMEOUT_S = 180.0
"""How long a host that was there before may take, at most."""
PATIENCE_S = 30.0
"""How long a host at its first boot may refuse the login."""
BOOTSTRAP_SPARE_S = 20.0
"""How long after the time is up the agent may take to say so."""
FEATURES = ("kernel", "iproute2", "nft", "docker", "frr", "busybox")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """How to reach a host, and what it must have."""

    address: str
    port: Annotated[int, between(1, 65535)] = 22
    user: str = "root"
    private_key_file: str = ""
    """Path on the machine that runs Pulumi; \"\" is the SSH agent and the user's default keys. The key itself is never in the state."""
    host_key: str = ""
    """`ssh-ed25519 AAAA…`; \"\" is the user's known_hosts, else the first key seen, which is pinned from then on."""
    requires: tuple[str, ...] = FEATURES
    """What is verified: names of `host_agent.hostinfo.REQUIREMENTS`."""
    timeout_s: float = 300.0
    """How long it may take to boot for the first time."""
    machine: Annotated[str, REPLACE] = ""
    """Id of the resource that made the machine; another one is another host."""
    boot: str = ""
    """Changes with every boot that the stack makes: then the update waits until what was on the host is back from its ledger."""
    stopped: tuple[str, ...] = ()
    """Observed: services that labs need and that do not run. Declared is none: they are started, where the host has systemd."""
    shared: bool = False
    """Whether other stacks have labs on it: then it is not deleted while one of them has."""
    bootstrap: bool = False
    """Whether it was made with our user data: the end of its first boot is waited for, and a failure told as it stands in its log."""
    deadline: str = ""
    """`2026-11-25T16:00:00Z`: then it tells everybody on it that the exam is over; \"\" is never. Observed."""
    expiry: str = ""
    """Then it powers off; \"\" is never. Observed."""
    region: str = ""
    """Where EC2 knows whether `machine` is still there, if it is an instance; \"\" is nowhere."""
    profile: str = ""
    """Of the AWS credentials for that; \"\" is as the environment says."""


OUTPUTS = ("host", *ABOUT)


class LabHostProvider(SchemaProvider):
    """Waits for a host, brings the agent, verifies what labs need."""

    common = OUTPUTS

    def args_class(self) -> type[Args]:
        return Args

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        result = super().check(_olds, news)
        inputs = cast(Properties, result.inputs)
        # An update, in a preview, gives only what is among the inputs: all that is on the host would seem to move to another one.
        if isinstance(_olds.get("host"), Mapping) and _olds.get("machine") == inputs.get("machine"):
            inputs.update({name: _olds[name] for name in OUTPUTS if name in _olds}, host=_predicted(_olds, inputs))
        if inputs.get("address") == "":
            result.failures.append(
                CheckFailure("address", NO_ADDRESS.format(machine=inputs.get("machine") or "the host"))
            )
        return result

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        result = super().diff(_id, _olds, _news)
        if result.replaces:
            # What is on it is deleted before it is itself.
            with process.lock:
                process.replaced_hosts.add(_id)
        return result

    def create(self, props: Properties) -> CreateResult:
        with OneLine():
            args, outputs, agent = self._ready(props, "")
            return CreateResult(agent.identity, {**plain(args), **outputs})

    def read(self, id_: str, props: Properties) -> ReadResult:
        from dynamic_providers import connection

        endpoint = _endpoint(props, identity=id_)
        with OneLine():
            try:
                agent = connection.agent(endpoint)
                answer = agent.call("services", {"requires": props["requires"]})
                held = agent.call("lifetime", {}) if props.get("expiry") else {}
            except OtherHost as error:
                process.warn_once(str(endpoint), f"{error}: everything that was on it counts as gone")
                return ReadResult("", {})
            except (Unreachable, Refused) as error:
                if is_gone(props):
                    # What is on it, and still recorded, needs no host to be deleted.
                    with process.lock:
                        process.replaced_hosts.add(id_)
                    process.warn_once(
                        str(endpoint), f"{props['machine']} is terminated: everything that was on it counts as gone"
                    )
                    return ReadResult("", {})
                if isinstance(error, Refused):
                    raise
                process.warn_once(
                    str(endpoint), f"{error}. What is shown of it is what was recorded; it may have changed"
                )
                return ReadResult(id_, props, _inputs(props))
        observed = {**props, "stopped": answer["stopped"], **held}
        return ReadResult(id_, observed, _inputs(observed))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        with OneLine():
            args, outputs, agent = self._ready(_news, _id)
            if _olds.get("boot") != _news.get("boot") or _olds.get("stopped"):
                agent.call("restore", {}, progress=_progress)
            return UpdateResult({**plain(args), **outputs})

    def delete(self, _id: str, _props: Properties) -> None:
        from dynamic_providers import connection

        # The machine stays: it is removed by what made it.
        if _props.get("shared") and not process.delete_shared:
            with OneLine():
                _refuse_while_leased(_endpoint(_props, identity=_id), _props)
        with process.lock:
            process.replaced_hosts.add(_id)
        connection.close(_endpoint(_props, identity=_id))

    def _ready(self, props: Properties, identity: str) -> tuple[Properties, Properties, Agent]:
        """Args and outputs of a host that answers and has what it must."""
        args, _ = examine(Args, self.args(props))
        timeout_s = cast(float, args["timeout_s"])
        if identity:
            # It was there before.
            timeout_s = min(timeout_s, REBOOT_TIMEOUT_S)
        agent = _connected(_endpoint(props, identity=identity), timeout_s, patient=bool(args["bootstrap"]))
        if args["bootstrap"]:
            _await_bootstrap(agent, timeout_s)
        if args["expiry"]:
            agent.call("lifetime", {name: args[name] for name in ("deadline", "expiry")})
        if identity:
            agent.call("services", {"requires": args["requires"], "start": True})
        about = agent.call("host", {"requires": args["requires"]})
        missing = cast("list[str]", about["missing"])
        if missing:
            raise Missing(f"{agent.endpoint} is not ready for labs: {'; '.join(missing)}")
        outputs: Properties = {name: about[name] for name in ABOUT}
        host: Properties = dataclasses.asdict(agent.pinned)
        if args["region"]:
            # For what is on the host to ask, should it be out of reach.
            host.update({name: args[name] for name in ("machine", "region", "profile")})
        return args, {**outputs, "host": host}, agent


class LabHost(Resource, module="lab", name="LabHost"):
    """A host that is ready for labs.

    LabHost("host", address="192.0.2.10", user="admin", private_key_file="~/.ssh/id_ed25519")
    """

    host: pulumi.Output[Mapping[str, object]]
    """What every resource on the host takes: address, port, user, private_key_file, host_key, identity."""
    system: pulumi.Output[str]
    kernel: pulumi.Output[str]
    uplink: pulumi.Output[str]
    """The interface of its default route; \"\" where it has none."""
    memory_mib: pulumi.Output[float]
    processors: pulumi.Output[float]
    machine: pulumi.Output[str]
    region: pulumi.Output[str]
    profile: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        address: pulumi.Input[str],
        port: pulumi.Input[int] = 22,
        user: pulumi.Input[str] = "root",
        private_key_file: pulumi.Input[str] = "",
        host_key: pulumi.Input[str] = "",
        requires: pulumi.Input[list[str]] | None = None,
        timeout_s: pulumi.Input[float] = 300.0,
        machine: pulumi.Input[str] = "",
        boot: pulumi.Input[str] = "",
        stopped: pulumi.Input[list[str]] | None = None,
        shared: pulumi.Input[bool] = False,
        bootstrap: pulumi.Input[bool] = False,
        deadline: pulumi.Input[str] = "",
        expiry: pulumi.Input[str] = "",
        region: pulumi.Input[str] = "",
        profile: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Fields are those of `Args`."""
        args = {
            "address": address,
            "port": port,
            "user": user,
            "private_key_file": private_key_file,
            "host_key": host_key,
            "requires": requires if requires is not None else list(FEATURES),
            "timeout_s": timeout_s,
            "machine": machine,
            "boot": boot,
            "stopped": stopped or [],
            "shared": shared,
            "bootstrap": bootstrap,
            "deadline": deadline,
            "expiry": expiry,
            "region": region,
            "profile": profile,
        }
        super().__init__(
            LabHostProvider(),
            resource_name,
            {**args, **dict.fromkeys(OUTPUTS)},
            opts,
        )


def _connected(endpoint: Endpoint, timeout_s: float, *, patient: bool) -> Agent:
    """The agent of a host that may still be booting. `patient`: a host at its first boot may refuse the login until its users may log in."""
    from dynamic_providers import connection

    patience: float | None = None
    while True:
        try:
            return connection.wait(endpoint, timeout_s, _progress)
        except Refused as error:
            now = time.monotonic()
            patience = patience or now + (PATIENCE_S if patient else 0)
            if now >= patience:
                raise
            _progress(f"waiting for {endpoint}: {error}")
            time.sleep(1)


def _await_bootstrap(agent: Agent, timeout_s: float) -> None:
    """Until the first boot is over. Raises HostError with the end of its log."""
    answer = agent.call(
        "bootstrap", {"timeout_s": timeout_s}, timeout_s=timeout_s + BOOTSTRAP_SPARE_S, progress=_progress
    )
    if answer["failure"]:
        raise HostError(
            f"{agent.endpoint} did not become a lab host: {answer['failure']}\n"
            "`pulumi up` has it tried again there; another number in lab:resetHost makes the host anew"
        )


def _refuse_while_leased(endpoint: Endpoint, props: Properties) -> None:
    """Raises HostError naming who has a lab on the host; a host that is out of reach may have some."""
    from dynamic_providers import connection

    force = "set the environment variable LAB_DELETE_SHARED=true and run this again"
    try:
        leases = cast("dict[str, dict[str, str]]", connection.agent(endpoint).call("leases", {}))
    except OtherHost:
        return
    except (Unreachable, Refused) as error:
        if process.delete_unreachable or is_gone(props):
            return
        raise HostError(
            f"{error}. Other stacks may have labs there; to let the host go all the same, {force}"
        ) from None
    if leases:
        held = ", ".join(sorted(f"{owner['stack']} (user {owner['user']})" for owner in leases.values()))
        raise HostError(
            f"{endpoint} is not let go: there are labs of other stacks on it: {held}. Destroy them first; or, to end them with it, {force}"
        )


def _inputs(properties: Properties) -> Properties:
    """What a read gives as inputs: also the outputs, for the next check to know."""
    args, _ = examine(Args, LabHostProvider().args(properties))
    return {**plain(args), **{name: properties[name] for name in OUTPUTS if name in properties}}


def _predicted(olds: Properties, news: Properties) -> Properties:
    """The output `host` after an update: another address may lead to the same machine."""
    known = cast("Mapping[str, object]", olds["host"])
    named: Properties = {name: news[name] for name in ("address", "port", "user", "private_key_file") if name in news}
    return {**known, **named, "host_key": news.get("host_key") or known.get("host_key", "")}


def _endpoint(properties: Mapping[str, object], identity: str) -> Endpoint:
    # The key that was pinned at the first connection is in the output.
    pinned = properties.get("host")
    host_key = properties.get("host_key") or (pinned.get("host_key") if isinstance(pinned, Mapping) else "") or ""
    return dataclasses.replace(Endpoint.from_properties({**properties, "host_key": host_key}), identity=identity)


def _progress(text: str) -> None:
    engine.log(text, ephemeral=True)
