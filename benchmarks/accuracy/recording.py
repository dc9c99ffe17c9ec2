"""Where do the recorded host's metrics come from? A real Prometheus that holds the recording."""

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.accuracy.files import BadInput
from benchmarks.speed.server import prometheus
from exporter.adapters.prometheus import PrometheusSource
from quickstart.backfill import RECORDING

INCIDENTS = RECORDING / "incidents.yml"


@contextmanager
def recorded_source() -> Iterator[PrometheusSource]:
    """Load the recording, at the time it was made, into a Prometheus for as long as this lasts.

    Raises
    ------
    BadInput
        `prometheus` or `promtool` is not in PATH, or does not take the recording.
    """
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            raise BadInput(f"{program} is not in PATH; make programs gets it into .run/programs")
    with tempfile.TemporaryDirectory() as folder:
        samples, blocks = Path(folder) / "recording.om", Path(folder) / "blocks"
        with gzip.open(RECORDING / "node.om.gz") as packed, samples.open("wb") as file:
            shutil.copyfileobj(packed, file)
        command = [
            "promtool",
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(samples),
            str(blocks),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BadInput(f"promtool refused {samples.name}: {done.stderr.strip()[-500:]}")
        with prometheus(blocks) as server, requests.Session() as session:
            yield PrometheusSource(server.url, session)
