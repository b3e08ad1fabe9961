"""The agent's entry point on the lab host: `python3 -I run.py serve | keep | guest … | attach … | aux … | idle-pc … | line …`.

It lies beside the package `host_agent` and the libraries shipped with it.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main(argv: list[str]) -> None:
    if argv[:1] == ["serve"] and len(argv) == 1:
        from host_agent.context import Host
        from host_agent.server import serve

        serve(Host())
    elif argv[:1] == ["guest"] and len(argv) == 3:
        from host_agent import guest
        from host_agent.context import Host
        from host_agent.keeper import wait

        wait(Host())
        guest.run(Host(guest=argv[1]), argv[1], argv[2])
    elif argv == ["keep"]:
        from host_agent.context import Host
        from host_agent.keeper import keep

        keep(Host())
    elif argv[:1] in (["attach"], ["aux"]):
        from host_agent.attach import attach
        from host_agent.context import Host
        from host_agent.keeper import wait

        wait(Host())
        attach(Host(), argv[1:], aux=argv[0] == "aux")
    elif argv[:1] == ["idle-pc"]:
        from host_agent import idle_pc
        from host_agent.context import Host

        sys.exit(idle_pc.main(Host(), argv[1:]))
    elif argv[:1] == ["line"]:
        from host_agent import line

        sys.exit(line.main(argv[1:]))
    else:
        sys.exit(
            "usage: run.py serve | keep | guest LEASE COMMAND-LINE | attach LEASE DEVICE | aux LEASE DEVICE | idle-pc LEASE ROUTER | line NETNS PORT"
            f" [-- COMMAND…], not {argv!r}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
