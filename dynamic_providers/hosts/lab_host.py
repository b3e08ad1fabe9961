"""A lab host that is reached by SSH: ready, known, and with what labs need."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, cast

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from dynamic_providers import engine
from dynamic_providers.base import OneLine, Properties, SchemaProvider, plain, process
from dynamic_providers.endpoint import Endpoint, OtherHost, Unreachable
from host_agent.errors import Missing
from host_agent.schema import REPLACE, between, examine

if TYPE_CHECKING:
    from dynamic_providers.connection import Agent

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
    """How long it may take to boot."""
    machine: Annotated[str, REPLACE] = ""
    """Id of the resource that made the machine; another one is another host."""
    boot: str = ""
    """Changes with every boot that the stack makes: then the update waits until what was on the host is back from its ledger."""


class LabHostProvider(SchemaProvider):
    """Waits for a host, brings the agent, verifies what labs need."""

    def args_class(self) -> type[Args]:
        return Args

    def create(self, props: Properties) -> CreateResult:
        with OneLine():
            args, agent = self._ready(props, "")
            return CreateResult(agent.identity, {**plain(args), **_outputs(args, agent)})

    def read(self, id_: str, props: Properties) -> ReadResult:
        from dynamic_providers import connection

        endpoint = _endpoint(props, identity=id_)
        with OneLine():
            try:
                connection.agent(endpoint)
            except OtherHost as error:
                process.warn_once(str(endpoint), f"{error}: everything that was on it counts as gone")
                return ReadResult("", {})
            except Unreachable as error:
                process.warn_once(
                    str(endpoint), f"{error}. What is shown of it is what was recorded; it may have changed"
                )
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        with OneLine():
            args, agent = self._ready(_news, _id)
            if _olds.get("boot") != _news.get("boot"):
                agent.call("restore", {}, progress=_progress)
            return UpdateResult({**plain(args), **_outputs(args, agent)})

    def delete(self, _id: str, _props: Properties) -> None:
        from dynamic_providers import connection

        # The machine stays: it is removed by what made it.
        with process.lock:
            process.replaced_hosts.add(_id)
        connection.close(_endpoint(_props, identity=_id))

    def _ready(self, props: Properties, identity: str) -> tuple[Properties, Agent]:
        from dynamic_providers import connection

        args, _ = examine(Args, self.args(props))
        agent = connection.wait(_endpoint(props, identity=identity), cast(float, args["timeout_s"]), _progress)
        missing = cast("list[str]", agent.call("host", {"requires": args["requires"]})["missing"])
        if missing:
            raise Missing(f"{agent.endpoint} is no lab host yet: {'; '.join(missing)}")
        return args, agent


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
        }
        super().__init__(
            LabHostProvider(),
            resource_name,
            {**args, "host": None, "system": None, "kernel": None, "uplink": None},
            opts,
        )


def _endpoint(properties: Mapping[str, object], identity: str) -> Endpoint:
    # The key that was pinned at the first connection is in the output.
    pinned = properties.get("host")
    host_key = properties.get("host_key") or (pinned.get("host_key") if isinstance(pinned, Mapping) else "") or ""
    return dataclasses.replace(Endpoint.from_properties({**properties, "host_key": host_key}), identity=identity)


def _outputs(args: Properties, agent: Agent) -> Properties:
    about = agent.call("host", {})
    endpoint = dataclasses.replace(agent.endpoint, host_key=agent.connection.host_key, identity=agent.identity)
    return {
        "host": dataclasses.asdict(endpoint),
        "system": about["system"],
        "kernel": about["kernel"],
        "uplink": about["uplink"],
    }


def _progress(text: str) -> None:
    engine.log(text, ephemeral=True)
