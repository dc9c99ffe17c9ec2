"""Is this YAML text a valid configuration? Every problem at once, each with its line."""

import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo

from promkit import yamlnodes
from promkit.errors import ConfigProblems
from promkit.problemtext import describe

M = TypeVar("M", bound=BaseModel)


class StrictModel(BaseModel):
    """Base of every config model: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def _below_config(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if folder is None else folder / path


ConfigPath = Annotated[Path, AfterValidator(_below_config)]
"""A path that is relative to the folder of the configuration file, as Prometheus has it."""


def load_model(text: str, source: str, model: type[M]) -> M:
    """Read a YAML text into a pydantic model, strictly.

    Parameters
    ----------
    text : the YAML document
    source : the file's name, for messages and as the origin of every `ConfigPath`
    model : what the document has to be

    Raises
    ------
    ConfigProblems
        With all problems: syntax, duplicate and unknown keys, wrong types, bounds, cross-checks.
    """
    document = yamlnodes.read_yaml(text)
    found = list(document.problems)
    if not found or document.lines:
        try:
            # As JSON, because strict JSON still turns lists into tuples and text into paths.
            result = model.model_validate_json(
                json.dumps(document.value), strict=True, context={"folder": Path(source).parent}
            )
        except ValidationError as error:
            found.extend(describe(error, document, model))
        else:
            if not found:
                return result
    raise ConfigProblems(
        f"{source}:{line}: {_dotted(path)}: {message}"
        for line, path, message in sorted(found, key=lambda problem: problem[0])
    )


def _dotted(path: yamlnodes.Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "top level"
