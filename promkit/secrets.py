"""Where does a secret come from: the configuration (``x``) or a file (``x_file``)?"""

from pathlib import Path
from typing import Self

from pydantic import SecretStr, model_validator

from promkit.errors import FieldProblem, SecretUnavailable
from promkit.strictyaml import StrictModel

Secret = SecretStr
"""Text that prints as asterisks."""


class SecretModel(StrictModel):
    """A config model in which ``x`` and ``x_file`` are two ways to give one secret."""

    @model_validator(mode="after")
    def _at_most_one_source(self) -> Self:
        for name in type(self).model_fields:
            file = f"{name}_file"
            if getattr(self, name) is not None and getattr(self, file, None) is not None:
                raise FieldProblem((file,), f"found both {name} and {file}; keep one of them")
        return self


def read_secret(value: Secret | None, file: Path | None) -> str | None:
    """Return the secret, reading its file now so that it can be rotated; None when neither is set.

    Raises
    ------
    SecretUnavailable
        If the file cannot be read, is not UTF-8, or is empty.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SecretUnavailable(file, "is not UTF-8 text") from None
    except OSError as error:
        raise SecretUnavailable(file, error.strerror or "cannot be read") from error
    if not text:
        raise SecretUnavailable(file, "is empty; write the secret into it")
    return text
