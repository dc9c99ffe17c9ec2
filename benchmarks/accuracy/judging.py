"""What does somebody else's scorer say of the scores? It sees files only, as it sees anybody's."""

import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from benchmarks.accuracy.files import INDEX, BadInput
from benchmarks.accuracy.jobs import Job

REPORT: Final = "report.txt"


def run_scorer(scorer: Path, data: Path, out: Path, jobs: Sequence[Job]) -> str:
    """Run a scorer over what was scored and nothing else; return what it said, kept in `out` too.

    Parameters
    ----------
    scorer : a Python program that takes --labels and --scores, folders of data sets
    data : the labelled series
    out : their scores
    jobs : the series that were scored, which may be fewer than the index lists

    Raises
    ------
    BadInput
        The scorer failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for dataset, those in groupby(jobs, lambda job: job.dataset):
            _offer(data / dataset, Path(folder) / dataset, [job.name for job in those])
        names = ",".join(dict.fromkeys(job.dataset for job in jobs))
        command = [sys.executable, str(scorer), "--labels", folder, "--scores", str(out)]
        command += ["--datasets", names, "--json", str(out / "report.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadInput(f"{scorer} failed with exit code {done.returncode}: {done.stderr[-2000:]}")
    (out / REPORT).write_text(done.stdout, encoding="utf-8")
    return done.stdout


def _offer(source: Path, target: Path, names: Sequence[str]) -> None:
    """Make a data set that has only those series."""
    target.mkdir()
    for path in source.iterdir():
        if path.name != INDEX:
            (target / path.name).symlink_to(path.resolve())
    with (source / INDEX).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["series"] in set(names)]
        fields = list(reader.fieldnames or ())
    with (target / INDEX).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
