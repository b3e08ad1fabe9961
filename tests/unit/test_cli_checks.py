from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from cli import checks
from cli.errors import UsageError
from cli.stack import Check, Deployment, Device
from dynamic_providers.connection import Endpoint, Lost
from host_agent.errors import Missing
from host_agent.schema import JSON

PING = Check(name="ping", kind="ping", from_device="host", timeout_s=5, target="10.1.1.2", reply_ttl=254)
HTTP = Check(name="page", kind="http", from_device="host", timeout_s=5, url="http://192.0.2.1/", contains="Hello")
ROUTE = Check(name="route", kind="route", from_device="host", timeout_s=5, dst="192.0.2.0/24", via="192.0.2.9")
LAB = Deployment("dev", Endpoint("127.0.0.1"), "a1b2", {"host": Device("host", "host", "a1b2-host", ())}, (PING,))


class Answers:
    """Gives one answer after the other, the last one again and again."""

    def __init__(self, *answers: Mapping[str, JSON] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Mapping[str, object]] = []

    def __call__(self, parameters: Mapping[str, object]) -> Mapping[str, JSON]:
        self.asked.append(parameters)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


NO_REPLY: dict[str, JSON] = {"ok": False, "reply_ttl": None, "rtt_ms": None, "error": "no reply"}
REPLY: dict[str, JSON] = {"ok": True, "reply_ttl": 254, "rtt_ms": 0.2, "error": ""}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAUSE_S", 0.001)


def attempt(check: Check, answers: Answers, timeout_s: float | None = None) -> checks.Verdict:
    return checks.until_it_holds(check, LAB, answers, timeout_s, threading.Event(), {})


def test_a_check_is_repeated_until_it_holds() -> None:
    answers = Answers(NO_REPLY, {**REPLY, "reply_ttl": 64}, Missing("namespace a1b2-host is not there"), REPLY)
    verdict = attempt(PING, answers)
    assert verdict.passed
    assert verdict.seen == "reply with ttl 254"
    assert len(answers.asked) == 4
    assert answers.asked[0] == {
        "kind": "ping",
        "netns": "a1b2-host",
        "address": "10.1.1.2",
        "timeout_s": checks.TRY_TIMEOUT_S,
    }


def test_a_check_whose_time_is_up_says_what_was_seen_last() -> None:
    verdict = attempt(replace(PING, timeout_s=0.05), Answers({**REPLY, "reply_ttl": 64}))
    assert not verdict.passed
    assert verdict.seen == "reply with ttl 64"


def test_no_time_is_one_try() -> None:
    answers = Answers(NO_REPLY)
    assert not attempt(PING, answers, timeout_s=0).passed
    assert len(answers.asked) == 1


def test_a_lost_connection_is_no_failed_check() -> None:
    with pytest.raises(Lost):
        attempt(PING, Answers(Lost("the connection broke")))


def test_a_stop_ends_the_wait() -> None:
    stop = threading.Event()
    stop.set()
    assert not checks.until_it_holds(PING, LAB, Answers(NO_REPLY), None, stop, {}).passed


@pytest.mark.parametrize(
    ("check", "answer", "verdict"),
    [
        (PING, REPLY, (True, "reply with ttl 254")),
        (PING, {**REPLY, "reply_ttl": 61}, (False, "reply with ttl 61")),
        (PING, NO_REPLY, (False, "no reply")),
        (replace(PING, reply_ttl=None), {**REPLY, "reply_ttl": 61}, (True, "reply with ttl 61")),
        (HTTP, {"ok": True, "status": 200, "body": "<p>Hello world", "error": ""}, (True, '"Hello"')),
        (HTTP, {"ok": True, "status": 200, "body": "\n<p>Bye", "error": ""}, (False, 'status 200, "<p>Bye"')),
        (HTTP, {"ok": True, "status": 200, "body": "", "error": ""}, (False, "status 200, empty body")),
        (HTTP, {"ok": False, "status": 404, "body": "", "error": "status 404"}, (False, "status 404")),
        (replace(HTTP, contains=None), {"ok": True, "status": 200, "body": "x", "error": ""}, (True, "status 200")),
        (ROUTE, {"ok": True, "via": "192.0.2.9", "dev": "eth0", "error": ""}, (True, "via 192.0.2.9")),
        (ROUTE, {"ok": True, "via": "192.0.2.8", "dev": "eth0", "error": ""}, (False, "via 192.0.2.8")),
        (replace(ROUTE, via=None), {"ok": True, "via": "", "dev": "eth0", "error": ""}, (True, "dev eth0")),
        (ROUTE, {"ok": False, "via": None, "dev": None, "error": ""}, (False, "no answer")),
    ],
)
def test_verdicts(check: Check, answer: Mapping[str, JSON], verdict: tuple[bool, str]) -> None:
    assert checks.judge(check, answer) == verdict


def test_an_unknown_device_is_a_mistake_of_the_topology() -> None:
    with pytest.raises(UsageError, match="no device 'web'"):
        checks.probe_parameters(replace(PING, from_device="web"), LAB)


def test_the_table_ends_with_the_count() -> None:
    verdicts = [checks.Verdict(PING, True, "reply with ttl 254", 0.21), checks.Verdict(HTTP, False, "no answer", 5.0)]
    assert checks.table(verdicts).splitlines() == [
        "check                   from  expected            seen                time",
        "ping 10.1.1.2           host  reply with ttl 254  reply with ttl 254  0.2 s  ok",
        'http http://192.0.2.1/  host  "Hello"             no answer           5.0 s  FAILED',
        "",
        "1/2 checks passed",
    ]
    assert not checks.all_passed(verdicts)
    assert checks.as_json(verdicts)[0] == {
        "name": "ping",
        "kind": "ping",
        "from": "host",
        "expected": "reply with ttl 254",
        "seen": "reply with ttl 254",
        "passed": True,
        "time_s": 0.21,
    }
