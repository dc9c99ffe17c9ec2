"""What promkit raises.

::

    ConfigProblems(problems)     a configuration was refused; every problem with its line
    FieldProblem(path, message)  a validator's finding about one field; becomes a line of the above
    SecretUnavailable(path)      a secret's file cannot be read now (it may be rotating)
    FileInUse(message)           another process writes to the same file; an OSError
"""

from collections.abc import Iterable
from pathlib import Path


class ConfigProblems(Exception):
    """A configuration that was refused, with all of its problems at once.

    Attributes
    ----------
    problems : lines of the form ``file:line: path: what was found; what is allowed``
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class FieldProblem(ValueError):
    """Raised by a validator that knows which field below it is at fault.

    Parameters
    ----------
    path : keys and indices from the validated model down to the field
    message : "what was found; what is allowed"
    """

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class SecretUnavailable(Exception):
    """A secret's file that could not be read; names the file, never its content."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"secret file {path}: {reason}")


class FileInUse(OSError):
    """A file that only one process may write to, and another one does."""
