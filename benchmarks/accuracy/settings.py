"""Which ensemble is measured? An exporter's configuration, its defaults, or a list of kinds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter.config import Config, QueryConfig, parse_config
from exporter.errors import ConfigError

_ENSEMBLE: Final = ("detectors", "ensemble", "combine", "quorum")
"""What of a query says who votes, and how."""


def config_of(path: Path | None, detectors: Sequence[str] = (), ensemble: str = "") -> Config:
    """Return a configuration whose first query is what to measure.

    Parameters
    ----------
    path : an exporter's configuration; None is one query with every default
    detectors : kinds that replace the query's ensemble, each with its defaults
    ensemble : name of a known ensemble that replaces it

    Raises
    ------
    ConfigError
        Any of them is wrong.
    """
    chosen: dict[str, Any] = {}
    if detectors:
        chosen["detectors"] = [{"kind": kind} for kind in detectors]
    if ensemble:
        chosen["ensemble"] = ensemble
    query: dict[str, Any] = {"name": "accuracy", "expr": "vector(0)"}
    config = _read(path) if path else parse_config(_text(query), "defaults")
    if not chosen:
        return config
    measured = parse_config(_text(query | chosen), "command line").all_queries()[0]
    queries = (with_ensemble(config.all_queries()[0], measured),)
    return config.model_copy(update={"queries": queries, "presets": ()})


def with_ensemble(query: QueryConfig, other: QueryConfig) -> QueryConfig:
    """Return a resolved query judged by the ensemble of another."""
    return query.model_copy(update={name: getattr(other, name) for name in _ENSEMBLE})


def _read(path: Path) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    return parse_config(text, str(path))


def _text(query: dict[str, Any]) -> str:
    return msgspec.json.encode({"queries": [query]}).decode()
