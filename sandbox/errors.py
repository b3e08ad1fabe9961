"""The one error type of the package."""


class SandboxError(Exception):
    """What failed, on what, why and what to do, in a message made for the user (the log's tail may follow on further lines)."""
