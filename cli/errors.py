"""The one error type of the command line."""


class UsageError(Exception):
    """What was asked can't be done as asked: the message is the one line that the user sees. Ends the command with status 2."""
