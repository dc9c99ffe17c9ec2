"""How does the recording get into an empty Prometheus, so that it ends now?"""

import gzip
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from exporter.cli import main as exporter_main
from quickstart.stack import ROOT

RECORDING = ROOT / "quickstart" / "recording"
READY_SECONDS = 60


class BackfillFailed(Exception):
    """The recording did not get into Prometheus; says at which step."""


def backfill(
    run_folder: Path,
    programs: Mapping[str, Path],
    command: list[str],
    url: str,
    *,
    configs: Path,
    say: Callable[[str], None],
) -> None:
    """Fill an empty Prometheus with the recording and with the scores of its hours.

    Parameters
    ----------
    run_folder : state of the stack
    programs : with promtool
    command : starts the Prometheus to be filled
    url : of that Prometheus
    configs : where exporter.yml lies

    Raises
    ------
    BackfillFailed
        A step failed; the next try starts over.
    """
    done = run_folder / "backfilled"
    if done.exists():
        return
    run_folder.mkdir(parents=True, exist_ok=True)
    # What a try that was interrupted left: a second copy of the recording, shifted otherwise,
    # would interleave with the first.
    shutil.rmtree(run_folder / "prometheus", ignore_errors=True)
    incidents = yaml.safe_load((RECORDING / "incidents.yml").read_text(encoding="utf-8"))
    shift = int(time.time()) - int(incidents["end"])
    start = int(incidents["start"]) + shift
    hours = (incidents["end"] - incidents["start"]) / 3600
    say(f"backfilling {hours:.1f} hours of recorded node_exporter metrics")
    samples = run_folder / "recording.om"
    samples.write_text("".join(shifted(RECORDING / "node.om.gz", shift)), encoding="utf-8")
    _load(programs["promtool"], samples, run_folder)
    moved = [
        {**one, "start": one["start"] + shift, "end": one["end"] + shift}
        for one in incidents["incidents"]
    ]
    known = run_folder / "incidents.yml"
    known.write_text(yaml.safe_dump({"incidents": moved}), encoding="utf-8")
    say("scoring them as the exporter would have")
    scores = run_folder / "scores.om"
    with _running(_quiet(command, run_folder), url):
        code = exporter_main(
            [
                "backtest",
                f"--config.file={configs / 'exporter.yml'}",
                f"--start={start}",
                f"--incidents={known}",
                f"--openmetrics={scores}",
                "--label=job=anomaly-exporter",
                "--forecast-time=0",
            ]
        )
    if code:
        raise BackfillFailed("backtest failed, its message stands above")
    _load(programs["promtool"], scores, run_folder)
    done.write_text(f"{int(time.time())}\n", encoding="utf-8")


def shifted(recording: Path, seconds: int) -> Iterator[str]:
    """Yield the recording's lines, every timestamp moved by so many whole seconds."""
    with gzip.open(recording, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#"):
                yield line
            else:
                sample, _, instant = line.rpartition(" ")
                whole, dot, fraction = instant.partition(".")
                yield f"{sample} {int(whole) + seconds}{dot}{fraction}"


def _load(promtool: Path, samples: Path, run_folder: Path) -> None:
    command = [
        str(promtool),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(samples),
        str(run_folder / "prometheus"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackfillFailed(f"promtool refused {samples}: {done.stderr.strip()[-500:]}")
    samples.unlink()


def _quiet(command: list[str], run_folder: Path) -> list[str]:
    """Return the command with a configuration that scrapes nothing and runs no rules."""
    config = run_folder / "backfill.yml"
    config.write_text("global: {}\n", encoding="utf-8")
    kept = [part for part in command if not part.startswith("--config.file=")]
    return [*kept, f"--config.file={config}"]


@contextmanager
def _running(command: list[str], url: str) -> Iterator[None]:
    """Run a Prometheus for as long as the context lasts."""
    with subprocess.Popen(command) as process:
        try:
            _wait_until_ready(process, url)
            yield
        finally:
            process.terminate()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BackfillFailed(f"prometheus stopped with exit code {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise BackfillFailed(f"prometheus was not ready within {READY_SECONDS} s")
