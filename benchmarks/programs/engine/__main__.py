"""As many resources as asked for; an edit changes the first."""

from __future__ import annotations

from pathlib import Path

import pulumi

from benchmarks.programs.engine.nothing import Nothing

config = pulumi.Config("bench")
edited = Path(config.require("wanted")).read_text()
for number in range(config.require_int("resources")):
    Nothing(f"nothing-{number}", value=1400 if edited and number == 0 else 1500)
