"""As many resources as asked for; `edited` changes the first."""

from __future__ import annotations

import pulumi

from benchmarks.programs.engine.nothing import Nothing

config = pulumi.Config("bench")
edited = config.get_bool("edited")
for number in range(config.require_int("resources")):
    Nothing(f"nothing-{number}", value=1400 if edited and number == 0 else 1500)
