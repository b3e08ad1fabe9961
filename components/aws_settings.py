"""What target `aws` is told: the `aws:` and `lab:` settings of the stack, typed, with all mistakes at once and before anything is asked or made."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import ipaddress
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

from components import prices
from dynamic_providers.hosts import ec2

Get = Callable[[str], str | None]
"""The value of a setting, by `namespace:name`; None where it is not set."""

DEFAULT_IMAGE = "debian-12"
WIDEST_PREFIX = 8
"""A network that is larger is as good as everybody."""
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)


class SettingsError(Exception):
    """Settings that are missing or wrong: a line for each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AwsSettings:
    """Descriptions and defaults are in Pulumi.yaml and docs/aws.md."""

    region: str
    profile: str
    allow: tuple[str, ...]
    """Networks that may reach SSH, `203.0.113.0/24`."""
    public_key: str
    """`ssh-ed25519 AAAA…`, without a comment."""
    private_key_file: str
    """Of that key on this machine; "" is the SSH agent and the default keys."""
    port: int
    """sshd's."""
    deadline: datetime.datetime | None
    """When the exam ends; in UTC, as is the expiry."""
    expiry: datetime.datetime
    """When the host goes."""
    at_expiry: Literal["terminate", "stop"]
    running: bool
    """While an exam runs nothing may end the host."""
    image: str
    instance_type: str
    zone: str
    disk_gib: int
    elastic_address: bool
    dns_name: str
    dns_zone: str
    """Id of the hosted zone that `dns_name` is in."""
    egress: Literal["web", "none"]
    reset_host: int

    @classmethod
    def read(cls, get: Get, now: datetime.datetime) -> AwsSettings:
        """From the stack's settings. Raises SettingsError."""
        reader = _Reader(get)
        public_key, private_key_file = reader.key()
        deadline, expiry = reader.moment("lab:deadline"), reader.moment("lab:expiry")
        if not expiry and not reader.text("lab:expiry"):
            later = (now + datetime.timedelta(hours=8)).strftime("%Y-%m-%dT%H:00:00Z")
            reader.problem(f"lab:expiry is not set: when shall the host go? `pulumi config set expiry {later}`")
        if expiry and expiry <= now:
            reader.problem(
                f"lab:expiry {reader.text('lab:expiry')} is past: set a later one if the host shall live, else `pulumi destroy`"
            )
        if deadline and expiry and deadline > expiry:
            reader.problem("lab:deadline is after lab:expiry: the host would go before the exam ends")
        region = reader.text("aws:region")
        if not region:
            reader.problem("aws:region is not set: `pulumi config set aws:region eu-central-1`")
        image = reader.text("lab:image") or DEFAULT_IMAGE
        if image not in ec2.IMAGES and not re.fullmatch(r"ami-[0-9a-f]{8,17}", image):
            reader.problem(f"lab:image {image!r} is none; there are {', '.join(ec2.IMAGES)}, and images by id, ami-…")
        dns_name, dns_zone = reader.text("lab:dnsName"), reader.text("lab:dnsZone")
        if dns_name and not DOMAIN.fullmatch(dns_name):
            reader.problem(f"lab:dnsName {dns_name!r} is no name such as exam1.example.org")
        if bool(dns_name) != bool(dns_zone):
            reader.problem(
                "lab:dnsName and lab:dnsZone, the id of the hosted zone in Route 53 (Z…), are set together or not at all"
            )
        settings = cls(
            region=region,
            profile=reader.text("aws:profile"),
            allow=reader.networks(),
            public_key=public_key,
            private_key_file=private_key_file,
            port=reader.number("lab:port", 22, 1, 65535),
            deadline=deadline,
            # Without one there is a problem, and no settings.
            expiry=expiry or now,
            at_expiry=cast("Literal['terminate', 'stop']", reader.choice("lab:atExpiry", ("terminate", "stop"))),
            running=reader.switch("lab:running"),
            image=image,
            instance_type=reader.text("lab:instanceType") or "m7i-flex.large",
            zone=reader.text("lab:zone"),
            disk_gib=reader.number("lab:diskGib", 20, 8, 16384),
            elastic_address=reader.switch("lab:elasticAddress"),
            dns_name=dns_name,
            dns_zone=dns_zone,
            egress=cast("Literal['web', 'none']", reader.choice("lab:egress", ("web", "none"))),
            reset_host=reader.number("lab:resetHost", 0, 0, 2**31),
        )
        if reader.problems:
            raise SettingsError("target aws:\n" + "\n".join(f"  {problem}" for problem in reader.problems))
        return settings

    def price(self, since: datetime.datetime) -> str:
        """What the host costs from then to its expiry, in words."""
        estimate = prices.estimate(
            region=self.region,
            instance_type=self.instance_type,
            disk_gib=self.disk_gib,
            since=since,
            expiry=self.expiry,
        )
        return prices.words(estimate, self.instance_type, self.region)


class _Reader:
    """Settings one by one; `problems` collects what is wrong with them."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def text(self, name: str) -> str:
        return (self._get(name) or "").strip()

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not re.fullmatch(r"-?\d+", text) or not least <= int(text) <= most:
            self.problem(f"{name} {text!r} is no number from {least} to {most}")
            return default
        return int(text)

    def switch(self, name: str) -> bool:
        text = self.text(name) or "false"
        if text not in {"true", "false"}:
            self.problem(f"{name} {text!r} is neither true nor false")
        return text == "true"

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, of which the first is the default."""
        text = self.text(name) or choices[0]
        if text not in choices:
            self.problem(f"{name} {text!r} is none of {', '.join(choices)}")
        return text

    def moment(self, name: str) -> datetime.datetime | None:
        """A time with its offset, in UTC; None where it is not set, or wrong."""
        text = self.text(name)
        if not text:
            return None
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.problem(
                f"{name} {text!r} is no time with its offset, such as 2030-06-28T18:00:00+02:00 or 2030-06-28T16:00:00Z"
            )
            return None
        return moment.astimezone(datetime.UTC).replace(microsecond=0)

    def networks(self) -> tuple[str, ...]:
        """Who may reach SSH."""
        words = self.text("lab:allow").replace(",", " ").split()
        if not words:
            self.problem(
                "lab:allow is not set: who may reach SSH? `pulumi config set allow 203.0.113.7/32`, or several, with commas between"
            )
        for word in words:
            try:
                network = ipaddress.IPv4Network(word)
            except ValueError as error:
                self.problem(f"lab:allow {word}: {error}; an IPv4 network is wanted, such as 203.0.113.0/24")
                continue
            if network.prefixlen < WIDEST_PREFIX and not self.switch("lab:allowTheWholeInternet"):
                self.problem(
                    f"lab:allow {word} lets everybody try the login; name the networks, or say so: `pulumi config set allowTheWholeInternet true`"
                )
        return tuple(dict.fromkeys(words))

    def key(self) -> tuple[str, str]:
        """The public key, and the file of the private one where that is known."""
        text, private = self.text("lab:publicKey"), self.text("lab:privateKeyFile")
        if not text:
            self.problem(
                "lab:publicKey is not set: a public SSH key, or its file: `pulumi config set publicKey ~/.ssh/id_ed25519.pub`"
            )
            return "", private
        if not text.startswith(("ssh-", "ecdsa-", "sk-")):
            given, file = text, Path(text).expanduser()
            try:
                text = file.read_text(encoding="ascii").strip()
            except (OSError, ValueError) as error:
                self.problem(f"lab:publicKey: no public key can be read from {file}: {error}")
                return "", private
            private = private or (given.removesuffix(".pub") if given.endswith(".pub") else "")
        kind, _, rest = text.partition(" ")
        body = rest.split(" ", 1)[0]
        # What EC2 takes; the body begins with its own kind.
        if kind not in {"ssh-ed25519", "ssh-rsa"} or _kind(body) != kind:
            self.problem(
                f"lab:publicKey {text[:40]!r} is no public key that EC2 takes: `ssh-keygen -t ed25519` makes one"
            )
        return f"{kind} {body}", private


def _kind(body: str) -> str:
    """Which kind of key the base64 of one says that it is."""
    try:
        raw = base64.b64decode(body, validate=True)
        [length] = struct.unpack_from(">I", raw)
        return raw[4 : 4 + length].decode("ascii")
    except (binascii.Error, struct.error, ValueError):
        return ""
