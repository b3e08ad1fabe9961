"""The Pulumi program: what this stack's settings ask for, built. There is no logic here; see components/."""

from components.program import build

build()
