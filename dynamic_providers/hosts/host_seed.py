"""What an EC2 host is made from, chosen once and then kept: image, zone, SSH host key, user data.

Looked up or made anew at each `up` they would replace a host with a running lab as soon as a newer image is there, or this project's bootstrap is
another one. So they are a resource of their own, whose update is asked for: by another image, key, port or number.
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, cast

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, ReadResult, Resource, UpdateResult

from dynamic_providers.base import OneLine, Properties, SchemaProvider
from dynamic_providers.ssh_key import new_key
from host_agent.schema import REPLACE, between

if TYPE_CHECKING:
    from dynamic_providers.hosts.ec2 import Account, InstanceType

FRESH = ("ami", "host_key", "user_data", "since")
"""Outputs that are others only when a new host is asked for."""
OUTPUTS = (*FRESH, "availability_zone", "account")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """What is wished for."""

    region: Annotated[str, REPLACE]
    profile: str = ""
    """Of the AWS credentials; "" is as the environment says."""
    image: str
    """`debian-12`, `ubuntu-24.04`, or `ami-…`."""
    instance_type: str
    zone: str = ""
    """"" is the first that offers the instance type."""
    authorized_key: str
    """`ssh-ed25519 AAAA…`: who may log in."""
    port: Annotated[int, between(1, 65535)] = 22
    """sshd's."""
    number: int = 0
    """Another number is another host."""
    protected: bool = False
    """While an exam runs: what would replace or restart the host is refused, before anything is done."""


class HostSeedProvider(SchemaProvider):
    """Asks AWS when it is made, or told to choose anew; never otherwise."""

    common = OUTPUTS

    def args_class(self) -> type[Args]:
        return Args

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        result = super().check(_olds, {name: value for name, value in news.items() if name not in OUTPUTS})
        inputs = cast(Properties, result.inputs)
        # An update, in a preview, gives only what is among the inputs: the host would seem to be replaced.
        inputs.update({name: _olds[name] for name in _kept(_olds, inputs) if name in _olds})
        # Always among them, for Pulumi to know by the program's that it is a secret.
        inputs.setdefault("user_data", "")
        ending = _ending(_olds, inputs)
        if ending and (_olds.get("protected") or inputs.get("protected")):
            message = (
                "would replace or restart the host, and an exam runs there: set lab:running false and `pulumi up` first"
            )
            return CheckResult(inputs, [*result.failures, *(CheckFailure(name, message) for name in ending)])
        return result

    def create(self, props: Properties) -> CreateResult:
        from dynamic_providers.hosts.ec2 import VCPUS, VPCS

        args = self.args(props)
        with OneLine():
            account = _account(args)
            kind = account.instance_type(str(args["instance_type"]))
            # Before anything is made.
            account.room(VCPUS, account.vcpus(), kind.vcpus)
            account.room(VPCS, account.vpcs(), 1)
            return CreateResult(secrets.token_hex(4), _chosen({}, args, account, kind))

    def read(self, id_: str, props: Properties) -> ReadResult:
        # The next check gets the inputs alone.
        return ReadResult(id_, props, {**self.args(props), **{name: props[name] for name in OUTPUTS}})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        args = self.args(_news)
        with OneLine():
            account = _account(args)
            return UpdateResult(_chosen(_olds, args, account, account.instance_type(str(args["instance_type"]))))


class HostSeed(Resource, module="lab", name="HostSeed"):
    """What an EC2 host is made from.

    HostSeed("seed", region="eu-central-1", image="debian-12", instance_type="m7i-flex.large", authorized_key="ssh-ed25519 AAAA…")
    """

    ami: pulumi.Output[str]
    availability_zone: pulumi.Output[str]
    account: pulumi.Output[str]
    """The AWS account's number."""
    host_key: pulumi.Output[str]
    """The host's public SSH key. The private one is in the user data alone."""
    user_data: pulumi.Output[str]
    """A secret."""
    since: pulumi.Output[str]
    """When it was chosen, `2026-11-25T08:00:00+00:00`."""

    def __init__(
        self,
        resource_name: str,
        *,
        region: pulumi.Input[str],
        profile: pulumi.Input[str] = "",
        image: pulumi.Input[str],
        instance_type: pulumi.Input[str],
        zone: pulumi.Input[str] = "",
        authorized_key: pulumi.Input[str],
        port: pulumi.Input[int] = 22,
        number: pulumi.Input[int] = 0,
        protected: pulumi.Input[bool] = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Fields are those of `Args`."""
        args = {
            "region": region,
            "profile": profile,
            "image": image,
            "instance_type": instance_type,
            "zone": zone,
            "authorized_key": authorized_key,
            "port": port,
            "number": number,
            "protected": protected,
        }
        outputs: dict[str, object] = dict.fromkeys(OUTPUTS)
        # An input as well, which Pulumi encrypts only if it was a secret from the start.
        outputs["user_data"] = pulumi.Output.secret("")
        secret = pulumi.ResourceOptions(additional_secret_outputs=["user_data"])
        super().__init__(
            HostSeedProvider(), resource_name, {**args, **outputs}, pulumi.ResourceOptions.merge(opts, secret)
        )


def _account(args: Properties) -> Account:
    from dynamic_providers.hosts import ec2

    return ec2.Account(str(args["region"]), str(args["profile"]))


def _chosen(olds: Properties, args: Properties, account: Account, kind: InstanceType) -> Properties:
    """All properties: what stays, and what is chosen anew. Raises AwsError."""
    from dynamic_providers.hosts.user_data import user_data

    kept = {name: olds[name] for name in _kept(olds, args) if olds.get(name)}
    outputs: Properties = {
        "availability_zone": account.zone(str(kept.get("availability_zone") or args["zone"]), kind.name),
        "account": kept.get("account") or account.identity()[0],
        # An image of the old processors would not boot on the new ones: then this says so.
        "ami": account.image(str(kept.get("ami") or args["image"]), kind).id,
    }
    if "user_data" not in kept:
        private, public = (part.decode() for part in new_key())
        outputs["host_key"] = public
        outputs["since"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        outputs["user_data"] = user_data(
            authorized_key=str(args["authorized_key"]),
            host_key=public,
            host_private_key=private,
            port=int(cast(int, args["port"])),
        )
    return {**args, **kept, **outputs}


def _kept(olds: Mapping[str, object], news: Mapping[str, object]) -> tuple[str, ...]:
    """Which outputs stay as they are."""

    def same(*names: str) -> bool:
        return all(olds.get(name) == news.get(name) for name in names)

    if not same("region"):
        return ()
    same_place = same("zone") or news.get("zone") == olds.get("availability_zone")
    same_host = same("image", "authorized_key", "port", "number")
    return ("account", *(("availability_zone",) if same_place else ()), *(FRESH if same_host else ()))


def _ending(olds: Mapping[str, object], news: Mapping[str, object]) -> list[str]:
    """The fields whose change would end the host that there is, or stop it for a while."""
    if not olds.get("ami"):
        return []
    names = ["region", "image", "authorized_key", "port", "number", "instance_type"]
    if "availability_zone" not in _kept(olds, news):
        names.append("zone")
    return [name for name in names if olds.get(name) != news.get(name)]
