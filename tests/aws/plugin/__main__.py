"""The double of pulumi-aws' plugin, as the engine starts it."""

from __future__ import annotations

import logging

from tests.aws.plugin.service import Provider
from tests.plugin_double import serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    serve(Provider())
