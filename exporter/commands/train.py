"""The command `train`: history in, a folder with a model out."""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporter.adapters.csvhistory import read_csv
from exporter.backtest import FETCH_TIMEOUT
from exporter.commands.flags import add_range, check_range, duration, read_config, source_of
from exporter.config import QueryConfig, milliseconds
from exporter.errors import ConfigError
from exporter.training import (
    MIN_DURATION,
    MIN_SAMPLES,
    History,
    Settings,
    check_history,
    check_installed,
    save,
    train,
)
from promkit.cliargs import add_config_flags
from promkit.durations import format_duration

if TYPE_CHECKING:
    from exporter.lstm import Progress


def add_train(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "train",
        help="train a model for the detector lstm_autoencoder on your own history",
        description="Trains an LSTM autoencoder on the series of one query, or of a CSV file, and "
        "writes model.onnx and model.json into a folder for the setting `model` of the detector "
        "lstm_autoencoder. Needs the extra `train` (PyTorch); serving the model does not.",
    )
    add_config_flags(parser, "exporter.yml")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to")
    parser.add_argument(
        "--query",
        metavar="NAME",
        help="query of the configuration that has detectors (default: its only one)",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="train on `timestamp,<series...>` instead; needs no configuration",
    )
    add_range(parser, "-14d")
    parser.add_argument(
        "--min-duration",
        type=duration,
        default=format_duration(MIN_DURATION),
        metavar="DURATION",
        help="refuse a history that is shorter (default: %(default)s)",
    )
    parser.add_argument(
        "--min-samples",
        type=_number,
        default=MIN_SAMPLES,
        metavar="NUMBER",
        help="refuse a history with fewer samples in all (default: %(default)s)",
    )
    for name, meaning in (
        ("window", "samples that the model looks at, at least 8"),
        ("hidden", "size of the LSTM's state; the cost of serving grows with its square"),
        ("epochs", "passes over the training windows"),
        ("windows", "training windows at most, drawn evenly from all"),
        ("seed", "of all that is random: the same gives the same model"),
    ):
        parser.add_argument(
            f"--{name}",
            type=_number,
            default=getattr(Settings, name),
            metavar="NUMBER",
            help=f"{meaning} (default: %(default)s)",
        )
    parser.set_defaults(action=_train)


def _number(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a whole number, 0 or more")
    return int(text)


def _train(flags: argparse.Namespace) -> int:
    settings = Settings(
        window=flags.window,
        hidden=flags.hidden,
        epochs=flags.epochs,
        windows=flags.windows,
        seed=flags.seed,
    )
    _check(settings)
    check_installed()
    history = read_csv(flags.csv) if flags.csv else _from_prometheus(flags)
    check_history(history, flags.min_duration, flags.min_samples)
    try:  # rather than after minutes of training
        flags.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [f"--output: {flags.output} cannot be made: {error.strerror}; name another folder"]
        ) from error
    print(
        f"training on {len(history.series)} series with {history.samples} samples "
        f"from {history.source}",
        file=sys.stderr,
    )
    began = time.monotonic()

    def report(done: "Progress") -> None:
        left = (time.monotonic() - began) / done.epoch * (done.epochs - done.epoch)
        print(
            f"epoch {done.epoch}/{done.epochs}, loss {done.loss:.4f}, {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    model = train(history, settings, datetime.now(UTC), report)
    save(flags.output, model)
    told = model.metadata
    print(
        f"wrote {flags.output} in {time.monotonic() - began:.1f} s: an error {told.threshold:.3g} "
        "times a series' usual one scores 0.6"
    )
    return 0


def _check(settings: Settings) -> None:
    lowest = {"window": 8, "hidden": 1, "epochs": 1, "windows": 1}
    problems = [
        f"--{name}: found {getattr(settings, name)}; allowed: {least} or more"
        for name, least in lowest.items()
        if getattr(settings, name) < least
    ]
    if problems:
        raise ConfigError(problems)


def _from_prometheus(flags: argparse.Namespace) -> History:
    check_range(flags)
    config = read_config(flags)
    query = _chosen(config.all_queries(), flags.query)
    source = source_of(config)
    step = milliseconds(query.step)
    start, end = (milliseconds(instant) // step * step for instant in (flags.start, flags.end))
    # So that nobody waits as long as a history may take for a server that is not there.
    source.fetch(query.expr, end, end, step, query.timeout)
    batch = source.fetch(query.expr, start, end, step, FETCH_TIMEOUT)
    present = np.flatnonzero(np.isfinite(batch.values).any(0))
    if not len(present):
        raise ConfigError([f"query {query.name} has no samples in this range; check --start"])
    first, last = batch.times[present[[0, -1]]] / 1000
    return History(f"query {query.name}", list(batch.values), float(first), float(last))


def _chosen(queries: tuple[QueryConfig, ...], name: str | None) -> QueryConfig:
    scored = {query.name: query for query in queries if query.detectors}
    if not scored:
        message = (
            "--query: found `ensemble: none` in every query, so no detectors to train; give one "
            "query detectors, or name a history with --csv"
        )
        raise ConfigError([message])
    if name is None and len(scored) == 1:
        return next(iter(scored.values()))
    if name not in scored:
        found = "is missing" if name is None else f"found {name!r}"
        if name in [query.name for query in queries]:
            found += ", whose `ensemble: none` leaves no detectors to train"
        raise ConfigError([f"--query: {found}; allowed: {', '.join(scored)}"])
    return scored[name]
