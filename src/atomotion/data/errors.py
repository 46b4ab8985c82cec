"""The errors that a user sees. Each carries the exit code of the command line."""

from typing import ClassVar


class AtomotionError(Exception):
    """Something failed; the message says what, which value, where it came from and what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(AtomotionError):
    """The command or a parameter was wrong."""

    exit_code: ClassVar[int] = 2


class InputError(AtomotionError):
    """An input is missing, broken, or lacks a fact that the work needs."""

    exit_code: ClassVar[int] = 3
