"""What `make bench` runs: python -m benchmarks [--write] [--labs ccna_ch8 …] [--repetitions N]."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks import emulated, measure, report
from benchmarks.hosts import bench_host, prepare
from benchmarks.labs import PROJECT
from benchmarks.measure import COURSES, Runner, say
from benchmarks.timing import BenchError

STATE = PROJECT / ".state" / "bench"
RESULTS = PROJECT / ".state" / "bench.json"
DOCUMENT = PROJECT / "docs" / "benchmarks.md"
DYNAMIPS = "dynamips"
"""Not a lab beside others: emulated routers have a section of their own."""


def main() -> int:
    """Returns the exit status: 1 where a contestant failed or what is asserted does not hold."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the project beside others.")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    parser.add_argument(
        "--labs", nargs="+", choices=[*(course.lab for course in COURSES), DYNAMIPS], help="these alone"
    )
    parser.add_argument("--repetitions", type=int, help="so many of everything; the table says so")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run measured of other labs")
    arguments = parser.parse_args()
    # Started in the background of a script, this process ignores SIGINT, and so would all that it starts; but SIGINT is how the engine
    # ends its providers, and it would wait five seconds for each.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = measure.read(RESULTS) if arguments.resume and RESULTS.exists() else {}
    prepare(STATE)
    machine, routers_text = report.describe_machine(), ""
    try:
        with bench_host(STATE) as host:
            runner = Runner(host, STATE, say, arguments.repetitions)
            # The longest first; in the table, the smallest is first.
            for course in reversed(COURSES):
                if not arguments.labs or course.lab in arguments.labs:
                    say(f"lab {course.lab}")
                    kept[course.lab] = runner.run(course)
                    measure.write(RESULTS, kept)
            if not arguments.labs or DYNAMIPS in arguments.labs:
                say("routers in Dynamips")
                routers = emulated.Runner(host, STATE, say, arguments.repetitions).run()
                routers_text = emulated.table(routers, machine)
    except BenchError as error:
        print(f"bench: error: {error}", file=sys.stderr)
        return 1
    results = [kept[course.lab] for course in COURSES if course.lab in kept]
    texts = {"measured": report.tables(results, machine) if results else "", "measured of Dynamips": routers_text}
    for name, text in texts.items():
        print(text)
        if arguments.write and text:
            write(DOCUMENT, name, text)
    broken = report.broken_promises(results)
    for promise in broken:
        print(f"bench: error: {promise}", file=sys.stderr)
    return 1 if broken else 0


def write(document: Path, name: str, text: str) -> None:
    """Replace what is between the marks of that name."""
    begin, end = f"<!-- {name}: written by make bench -->\n", f"<!-- end of what was {name} -->\n"
    old = document.read_text()
    before, _, rest = old.partition(begin)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{begin}{text}{end}{after}")


if __name__ == "__main__":
    sys.exit(main())
