"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell that starts a job in the background has it ignore SIGINT, and all its children with it: ^C is tested here, so it must count.
signal.signal(signal.SIGINT, signal.default_int_handler)
