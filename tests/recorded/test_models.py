"""A model that goes bad, in the whole exporter, on a real Prometheus that holds its past."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from exporter.cli import main
from exporter.core.series import Floats
from tests.recorded.exporter import free_port, row_of, running
from tests.recorded.test_drift import take_baseline

HOUR = 3_600
DAYS = 60
CUSTOMERS = 8

CONFIG = """
prometheus: {{url: "{url}"}}
watched_models:
  - name: churn
    version: "3"
    features:
      - {{name: tenure, expr: tenure_days}}
      - mood
    prediction: churn_score
    label: churned
    on: [customer]
    label_delay: 1d
    step: 1h
    drift: {{step: 1h, reference: 14d, window: 1d}}
  - name: lost
    version: "1"
    prediction: churn_score
    label: churned
    step: 1h
    drift: {{step: 1h, reference: 14d, window: 1d}}
  - {{name: blind, version: "1", features: [mood], drift: {{step: 1h, reference: 14d}}}}
state: {{path: {folder}/exporter.state}}
"""
LABELS = 'model="churn",model_version="3"'


class Life:
    """What the model was given and said every hour until now, and what came of it a day later.

    Attributes
    ----------
    end : unix seconds of the last hour
    scores, truths, tenure, mood : float64 [CUSTOMERS, 24 DAYS]
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        shape = (CUSTOMERS, 24 * DAYS)
        self.end = int(time.time() - 2) // HOUR * HOUR  # so that it is over for the exporter, too
        self.truths: Floats = (rng.random(shape) < 0.4).astype(np.float64)
        wrong = np.full(shape[1], 0.1)
        wrong[-9 * 24 :] = 0.3
        self.scores = 0.4 * rng.random(shape) + np.where(
            (self.truths == 1) ^ (rng.random(shape) < wrong), 0.55, 0.05
        )
        self.tenure = rng.normal(100.0, 10.0, shape)
        self.tenure[:, -48:] += 30.0
        self.mood = rng.normal(0.0, 1.0, shape)

    def times(self) -> list[int]:
        return list(range(self.end - (24 * DAYS - 1) * HOUR, self.end + 1, HOUR))

    def openmetrics(self) -> Iterator[str]:
        for name, values, more, late in (
            ("churn_score", self.scores, 'pod="a"', 0),
            ("churned", self.truths, 'source="crm"', 24 * HOUR),
            ("mood", self.mood, 'pod="a"', 0),
            ("tenure_days", self.tenure, 'pod="a"', 0),
        ):
            yield f"# TYPE {name} gauge\n"
            for row in range(CUSTOMERS):
                for instant, value in zip(self.times(), values[row].tolist(), strict=True):
                    if instant + late <= self.end:
                        series = f'{name}{{customer="{row}",{more}}}'
                        yield f"{series} {value} {instant + late}\n"
        yield "# EOF\n"

    def f1(self, days: int) -> float:
        """Return F1 of the newest days whose truth is known."""
        newest = (self.end - 24 * HOUR) // 86_400
        numbers = np.array(self.times()) // 86_400
        is_in = (numbers > newest - days) & (np.array(self.times()) <= self.end - 24 * HOUR)
        says, is_true = self.scores[:, is_in] >= 0.5, self.truths[:, is_in] == 1
        return float(2 * (says & is_true).sum() / (says.sum() + is_true.sum()))


@pytest.fixture(scope="module")
def life() -> Life:
    return Life()


@pytest.fixture(scope="module")
def url(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    samples = folder / "life.om"
    samples.write_text("".join(life.openmetrics()))
    data = folder / "data"
    # One block for all of it is quicker than one for every two hours.
    blocks = ["--max-block-duration=2400h", "--quiet"]
    command = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        *blocks,
        "openmetrics",
        str(samples),
        str(data),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    address = f"127.0.0.1:{free_port()}"
    server = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=1y",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    with subprocess.Popen(server) as process:
        try:
            wait_until_ready(f"http://{address}")
            yield f"http://{address}"
        finally:
            process.terminate()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/-/ready", timeout=1).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError("Prometheus did not start")


@pytest.fixture
def config(url: str, tmp_path: Path) -> Path:
    path = tmp_path / "exporter.yml"
    path.write_text(CONFIG.format(url=url, folder=tmp_path))
    for part in ("tenure", "mood", "prediction"):
        take_baseline(path, f"churn.3.{part}", time.time() - 12 * 86_400)
    return path


async def test_it_is_seen_to_go_bad_and_what_to_do_is_said(
    config: Path, life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(config) as exporter:
        await exporter.until('anomaly_exporter_model_quality_checks_total{model="lost"}')
        for part in ("tenure", "mood", "prediction"):
            await exporter.until(f'anomaly_exporter_drift_checks_total{{query="churn.3.{part}"}}')
        page = await exporter.page()
        _, overview = await exporter.ask("/")
        text = config.read_text()
        config.write_text(text.replace('"3"', '"4"').replace("name: lost", "name: found"))
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        await exporter.until_without('anomaly_model_f1_ratio{model="churn",model_version="3"')
        after = await exporter.until('anomaly_exporter_model_quality_checks_total{model="found"}')
        config.write_text(text)
    for window, days in (("7d", 7), ("30d", 30), ("90d", 90)):
        found = page[f'anomaly_model_f1_ratio{{{LABELS},window="{window}"}}']
        assert found == pytest.approx(life.f1(days))
    assert page[f"anomaly_model_degradation_severity{{{LABELS}}}"] == 3
    assert page[f'anomaly_model_reference_f1_ratio{{{LABELS},reference="first_days"}}'] > 0.85
    assert 0.6 < page[f'anomaly_model_roc_auc_ratio{{{LABELS},window="7d"}}'] < 0.8
    tenure = f'query="churn.3.tenure",{LABELS},part="feature",feature="tenure"'
    drifted = [
        value
        for name, value in page.items()
        if name.startswith(f"anomaly_drift_severity{{{tenure},")
    ]
    assert len(drifted) == CUSTOMERS
    assert min(drifted) >= 2
    lost = 'model="lost",model_version="1",window="7d"'
    assert page[f"anomaly_model_predictions{{{lost}}}"] > 1_000
    assert page[f"anomaly_model_labelled_predictions{{{lost}}}"] == 0
    assert row_of(overview, "quality of churn 3")[0] == "ok"
    assert not [name for name in after if 'model="lost"' in name]
    html = config.parent / "models.html"
    flags = [f"--config.file={config}"]
    assert main(["model-report", *flags, "--model", "churn", "--html", str(html)]) == 0
    said = capsys.readouterr().out
    assert "\n  RETRAIN: it has become worse, and what it reads has drifted" in said
    assert "  CRITICAL    feature tenure\n    8 series: 8 critical\n" in said
    assert "<strong>Retrain</strong>" in html.read_text()
    config.write_text(text.replace('version: "3"', 'version: "4"'))
    assert main(["model-report", *flags]) == 0
    said = capsys.readouterr().out
    assert "\n  30d of 3 " in said
    assert "\n  no `label`, so that nobody knows whether it is right\n" in said


def test_what_the_configuration_means_is_said(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-config", f"--config.file={config}", "--try-queries"]) == 0
    said = capsys.readouterr().out
    assert "  quality every 1h: predictions in steps of 1h, 1 from 0.5, beside the truth of" in said
    assert "  label answers with " in said


@pytest.mark.parametrize(
    ("text", "arguments", "code", "said"),
    [
        ("presets: [node]", [], 2, "there are no `watched_models`; add one"),
        (None, ["--model", "x"], 2, "--model: found 'x'; allowed: churn, lost, blind"),
    ],
)
def test_what_cannot_be_reported_is_said(
    text: str | None,
    arguments: list[str],
    code: int,
    said: str,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if text is not None:
        config.write_text(text)
    assert main(["model-report", *arguments, f"--config.file={config}"]) == code
    assert said in capsys.readouterr().err


def test_what_fails_is_said_in_its_place(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = config.read_text()
    config.write_text(text.replace("label: churned", "label: sum(").replace("- mood", "- max("))
    assert main(["model-report", f"--config.file={config}", "--model", "churn"]) == 1
    said = capsys.readouterr().out
    assert "  WATCH: there is drift, and whether it is still right is not known" in said
    assert "\n  FAILED: " in said
    assert "\n  FAILED      feature feature_2\n" in said
