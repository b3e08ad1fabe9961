"""What set-up prints, and how it runs the commands that take long."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ALIVE_EVERY_S = 15
"""A command that runs longer than this shows that it is alive, again and again."""
SHOWN_LINES = 12
"""How much of a failed command's output is shown."""


class SetupError(Exception):
    """Set-up cannot go on. The message says what failed and why; `advice` says what the user can do."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True)
class Step:
    """One thing that is still missing on this machine, and what it takes to get it.

    `megabytes` stay on the disk, `megabytes_meanwhile` are needed on top while the step runs. `root_for` says what
    the step needs root for, or is None where it needs no root.
    """

    title: str
    minutes: float
    megabytes: int
    run: Callable[["Progress"], None]
    megabytes_meanwhile: int = 0
    root_for: str | None = None


@dataclass
class Progress:
    """Prints a line per step with the seconds since set-up began, and keeps the output of commands in `logs`."""

    logs: Path
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line, at once."""
        print(f"set-up {time.monotonic() - self.started:4.0f} s  {text}", flush=True)

    def command(
        self,
        argv: Sequence[str | Path],
        *,
        what: str,
        advice: str,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        state: Callable[[str], str] = lambda output: output.rstrip().rpartition("\n")[2][:100],
    ) -> str:
        """Run a command that takes a while and return its output (stdout and stderr).

        `what` names the command's purpose in messages. `environment` is added to the own one. `state` makes, from the
        output so far, the text that shows every ALIVE_EVERY_S seconds that something happens: by default the last line.

        Raises SetupError with the end of the output and `advice` if it fails or takes longer than `timeout_s`.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{what.replace(' ', '-')}.log"
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    env={**os.environ, **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise SetupError(f"{what} failed: {argv[0]}: {error.strerror}", advice) from error
            try:
                in_time = self._wait(process, what, log, timeout_s, state)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        text = log.read_text(errors="replace")
        if process.returncode != 0:
            end = "\n".join(f"    {line}" for line in text.splitlines()[-SHOWN_LINES:])
            why = f"exit {process.returncode}" if in_time else f"took longer than {timeout_s:g} s"
            command = " ".join(str(word) for word in argv)
            raise SetupError(f"{what} failed ({why}): {command}\n{end}\n    (all of it: {log})", advice)
        return text

    def _wait(
        self,
        process: subprocess.Popen[bytes],
        what: str,
        log: Path,
        timeout_s: float | None,
        state: Callable[[str], str],
    ) -> bool:
        """Wait for the end, at most `timeout_s`; False if that was too short."""
        began = time.monotonic()
        while True:
            left_s = ALIVE_EVERY_S if timeout_s is None else began + timeout_s - time.monotonic()
            if left_s <= 0:
                return False
            try:
                process.wait(min(left_s, ALIVE_EVERY_S))
            except subprocess.TimeoutExpired:
                self.say(f"    … {what}: {state(log.read_text(errors='replace'))}")
            else:
                return True
