"""Settings of target aws: typed, and all mistakes at once."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from components.aws_settings import AwsSettings, SettingsError

NOW = datetime.datetime(2030, 6, 28, 8, tzinfo=datetime.UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINRdN/otwkSt1ZjLXKV1MYDxgbU54sTWAiCdXZgV+vz8"
LEAST = {
    "aws:region": "eu-central-1",
    "lab:allow": "203.0.113.7/32",
    "lab:publicKey": KEY,
    "lab:expiry": "2030-06-28T18:00:00+02:00",
}


def read(**changes: str) -> AwsSettings:
    values = {**LEAST, **{name.replace("_", ":", 1): value for name, value in changes.items()}}
    return AwsSettings.read(values.get, NOW)


def test_what_is_not_set_has_a_default() -> None:
    settings = read()
    assert settings.expiry == datetime.datetime(2030, 6, 28, 16, tzinfo=datetime.UTC)
    assert (settings.allow, settings.public_key, settings.private_key_file) == (("203.0.113.7/32",), KEY, "")
    assert (settings.image, settings.instance_type, settings.zone) == ("debian-12", "m7i-flex.large", "")
    assert (settings.at_expiry, settings.running, settings.egress) == ("terminate", False, "web")
    assert (settings.port, settings.disk_gib, settings.deadline) == (22, 20, None)


def test_several_networks_and_a_comment_of_the_key() -> None:
    settings = read(lab_allow="203.0.113.7/32, 198.51.100.0/24", lab_publicKey=f"{KEY} ana@laptop")
    assert (settings.allow, settings.public_key) == (("203.0.113.7/32", "198.51.100.0/24"), KEY)


def test_the_key_may_be_a_file_and_its_private_part_is_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "id_ed25519.pub"
    file.write_text(f"{KEY} ana@laptop\n")
    settings = read(lab_publicKey=str(file))
    assert (settings.public_key, settings.private_key_file) == (KEY, str(tmp_path / "id_ed25519"))
    assert read(lab_publicKey=str(file), lab_privateKeyFile="~/.ssh/other").private_key_file == "~/.ssh/other"


def test_nothing_set_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        AwsSettings.read(lambda name: None, NOW)
    said = str(raised.value).splitlines()
    assert said[0] == "target aws:"
    assert {line.split()[0] for line in said[1:]} == {"aws:region", "lab:allow", "lab:publicKey", "lab:expiry"}
    assert all("pulumi config set" in line for line in said[1:])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lab:allow", "203.0.113.7/24", "has host bits set"),
        ("lab:allow", "2001:db8::/32", "an IPv4 network is wanted"),
        ("lab:allow", "everybody", "an IPv4 network is wanted"),
        ("lab:allow", "0.0.0.0/0", "pulumi config set allowTheWholeInternet true"),
        ("lab:allow", "0.0.0.0/1,128.0.0.0/1", "pulumi config set allowTheWholeInternet true"),
        ("lab:publicKey", "ssh-rsa AAAA", "no public key that EC2 takes"),
        ("lab:publicKey", KEY.replace("ed25519", "rsa", 1), "no public key that EC2 takes"),
        ("lab:publicKey", "/nowhere/key.pub", "no public key can be read from /nowhere/key.pub"),
        ("lab:expiry", "2030-06-28T18:00:00", "no time with its offset"),
        ("lab:expiry", "tomorrow", "no time with its offset"),
        ("lab:expiry", "2030-06-28T08:00:00Z", "is past"),
        ("lab:deadline", "2030-06-28T16:00:01Z", "is after lab:expiry"),
        ("lab:image", "debian-11", "debian-12, ubuntu-24.04"),
        ("lab:atExpiry", "hibernate", "terminate, stop"),
        ("lab:egress", "all", "web, none"),
        ("lab:running", "yes", "neither true nor false"),
        ("lab:diskGib", "4", "no number from 8 to 16384"),
        ("lab:port", "ssh", "no number from 1 to 65535"),
        ("lab:dnsName", "exam1.example.org", "set together"),
        ("lab:dnsName", "exam 1", "no name such as"),
    ],
)
def test_a_mistake_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        AwsSettings.read({**LEAST, name: value}.get, NOW)
    assert said in str(raised.value)


def test_the_whole_internet_has_to_be_spelled_out() -> None:
    assert read(lab_allow="0.0.0.0/0", lab_allowTheWholeInternet="true").allow == ("0.0.0.0/0",)
