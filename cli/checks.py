"""`lab check`: do the topology's checks hold? Each is asked again and again until it holds or its time is up."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from cli.stack import Check, Deployment
from cli.table import GREEN, RED, coloured, render
from dynamic_providers import connection
from dynamic_providers.connection import Agent, Unreachable
from host_agent.errors import HostError, ProtocolError
from host_agent.schema import JSON

TRY_TIMEOUT_S = 1.0
"""How long one try may take: a lab's round trip is a millisecond, and the next try finds what this one missed."""
PAUSE_S = 0.3
"""Between two tries of one check."""
PROGRESS_EVERY_S = 0.2


@dataclass(frozen=True)
class Verdict:
    """What came of a check. `seen` is what was found last, `time_s` how long it took to hold or was waited for."""

    check: Check
    passed: bool
    seen: str
    time_s: float


class Asks(Protocol):
    """One try: a probe's parameters to its answer (see `host_agent.probes`). Raises HostError."""

    def __call__(self, parameters: Mapping[str, object]) -> Mapping[str, JSON]: ...


def run(
    deployment: Deployment, *, timeout_s: float | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[Verdict]:
    """All checks at once, over one connection. `timeout_s` replaces their own time-outs. Raises Unreachable and Refused."""
    connection.agent(deployment.endpoint)  # so that no host is one error, not one for each check

    def ask(parameters: Mapping[str, object]) -> Mapping[str, JSON]:
        agent: Agent = connection.agent(deployment.endpoint)
        return agent.call("probe", parameters, timeout_s=TRY_TIMEOUT_S + 10)

    stop = threading.Event()
    started = time.monotonic()
    seen: dict[Check, str] = {}
    with ThreadPoolExecutor(max_workers=min(32, len(deployment.checks) or 1)) as threads:
        try:
            futures = [
                threads.submit(until_it_holds, check, deployment, ask, timeout_s, stop, seen)
                for check in deployment.checks
            ]
            while wait(futures, PROGRESS_EVERY_S, return_when=FIRST_EXCEPTION).not_done:
                if any(future.done() and future.exception() for future in futures):
                    break
                progress(progress_line(futures, seen, time.monotonic() - started))
        finally:
            stop.set()
            progress("")
    return [future.result() for future in futures]


def until_it_holds(
    check: Check,
    deployment: Deployment,
    ask: Asks,
    timeout_s: float | None,
    stop: threading.Event,
    seen: dict[Check, str],
) -> Verdict:
    """One check, tried at least once. `seen` is told what each try found. Ends early when `stop` is set."""
    limit_s = check.timeout_s if timeout_s is None else timeout_s
    parameters = probe_parameters(check, deployment)
    started = time.monotonic()
    while True:
        try:
            passed, found = judge(check, ask(parameters))
        except (Unreachable, ProtocolError):
            raise
        except HostError as error:
            passed, found = False, str(error)
        seen[check] = found
        taken_s = time.monotonic() - started
        if passed or taken_s + PAUSE_S > limit_s or stop.wait(PAUSE_S):
            return Verdict(check, passed, found, taken_s)


def probe_parameters(check: Check, deployment: Deployment) -> dict[str, object]:
    """What the agent's `probe` takes. Raises UsageError for a device that is not in the lab."""
    common = {"kind": check.kind, "netns": deployment.device(check.from_device).netns, "timeout_s": TRY_TIMEOUT_S}
    if check.kind == "ping":
        return {**common, "address": check.target}
    if check.kind == "http":
        return {**common, "url": check.url}
    return {**common, "dst": check.dst}


def expected(check: Check) -> str:
    """What must be seen, for people."""
    if check.kind == "ping":
        return "reply" if check.reply_ttl is None else f"reply with ttl {check.reply_ttl}"
    if check.kind == "http":
        return "an answer" if check.contains is None else f'"{check.contains}"'
    return "route" if check.via is None else f"via {check.via}"


def what(check: Check) -> str:
    """What is tried, for people: the command without the device."""
    return f"{check.kind} {check.target or check.url or check.dst}"


def judge(check: Check, answer: Mapping[str, JSON]) -> tuple[bool, str]:
    """Whether a probe's answer is what the check wants, and what it was, for people."""
    if not answer["ok"]:
        return False, str(answer.get("error") or "no answer")
    if check.kind == "ping":
        ttl = answer["reply_ttl"]
        passed = check.reply_ttl is None or ttl == check.reply_ttl
        return passed, "reply" if ttl is None else f"reply with ttl {ttl}"
    if check.kind == "http":
        body = str(answer["body"])
        if check.contains is None or check.contains in body:
            return True, f"status {answer['status']}" if check.contains is None else f'"{check.contains}"'
        return False, f"status {answer['status']}, {_first_line(body)}"
    via = str(answer["via"] or "")
    return check.via is None or via == check.via, f"via {via}" if via else f"dev {answer['dev']}"


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts for people, and as last line `N/N checks passed`."""
    lines = render(
        ("check", "from", "expected", "seen", "time", ""),
        [
            (
                what(verdict.check),
                verdict.check.from_device,
                expected(verdict.check),
                verdict.seen,
                f"{verdict.time_s:.1f} s",
                coloured("ok", GREEN) if verdict.passed else coloured("FAILED", RED),
            )
            for verdict in verdicts
        ],
    )
    return f"{lines}\n\n{summary(verdicts)}"


def summary(verdicts: Sequence[Verdict]) -> str:
    return f"{sum(verdict.passed for verdict in verdicts)}/{len(verdicts)} checks passed"


def all_passed(verdicts: Sequence[Verdict]) -> bool:
    return all(verdict.passed for verdict in verdicts)


def as_json(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """The verdicts for programs."""
    return [
        {
            "name": verdict.check.name,
            "kind": verdict.check.kind,
            "from": verdict.check.from_device,
            "expected": expected(verdict.check),
            "seen": verdict.seen,
            "passed": verdict.passed,
            "time_s": round(verdict.time_s, 3),
        }
        for verdict in verdicts
    ]


def progress_line(futures: Sequence[Future[Verdict]], seen: Mapping[Check, str], elapsed_s: float) -> str:
    """One line while some are waited for: `2/4 checks hold after 3 s; ping 10.1.1.2 from web: no reply`."""
    done = [future for future in futures if future.done() and not future.exception()]
    hold = sum(future.result().passed for future in done)
    finished = {future.result().check for future in done}
    waiting = [
        f"{what(check)} from {check.from_device}: {found}" for check, found in seen.items() if check not in finished
    ]
    return f"{hold}/{len(futures)} checks hold after {elapsed_s:.0f} s" + (f"; {waiting[0]}" if waiting else "")


def show_progress(text: str) -> None:
    """Keep one line of a terminal (stderr) up to date; nothing where stderr is no terminal."""
    if sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{text[: columns - 1]}")
        sys.stderr.flush()


def _first_line(body: str) -> str:
    first = next((line.strip() for line in body.splitlines() if line.strip()), "")
    return f'"{first[:40]}"' if first else "empty body"
