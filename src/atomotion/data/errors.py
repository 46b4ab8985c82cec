"""The errors that a user sees. Each carries the exit code of the command line."""


class AtomotionError(Exception):
    """Something failed; the message says what, which value, where it came from and what to do."""

    exit_code: int = 1


class UsageError(AtomotionError):
    """The command or a parameter was wrong."""

    exit_code = 2


class InputError(AtomotionError):
    """An input is missing, broken, or lacks a fact that the work needs."""

    exit_code = 3
