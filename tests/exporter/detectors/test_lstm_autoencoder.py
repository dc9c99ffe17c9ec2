"""Does the served model find what it is for, stay quiet otherwise, and judge one way only?"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporter.config import Config, parse_config
from exporter.core.kernels import uncompiled
from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, Scores
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import errorjudge
from exporter.detectors.lstm_autoencoder import LstmAutoencoder
from exporter.detectors.onnxmodel import BLOCK, POOLED, pooled_model, predict
from exporter.errors import ConfigError
from exporter.planning import fingerprint

STEP = 60_000
DETECTOR = LstmAutoencoder()
PARTS = ("score", "expected", "lower", "upper", "sigmas")


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = (first + np.arange(values.shape[1], dtype=np.int64)) * STEP
    return SeriesBatch(keys, times, values, STEP)


def run(values: Floats, detector: LstmAutoencoder = DETECTOR) -> tuple[State, Scores]:
    return detector.advance(detector.fresh(len(values)), batch_of(values))


def daily(length: int = 400, series: int = 1) -> Floats:
    rng = np.random.default_rng(11)
    wave = 10.0 * np.sin(np.arange(length) / 6.0)
    return 100.0 + wave + rng.normal(size=(series, length))


def test_a_spike_is_found_at_once_and_what_follows_is_not_blamed() -> None:
    values = daily()
    values[0, 300] += 80.0
    _, scores = run(values)
    assert scores.score[0, 300] > 0.95
    assert scores.sigmas[0, 300] > 20
    assert np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist() == [300]


def test_the_model_knows_waves_better_than_the_last_value_does() -> None:
    values = daily(2000)
    _, scores = run(values)
    missed = np.abs(scores.expected - values)[0, 31:]
    assert missed.mean() < 0.9 * np.abs(np.diff(values[0]))[30:].mean()


def test_an_incident_is_anomalous_until_it_is_the_new_normal() -> None:
    values = daily(600)
    values[0, 300:] += 500.0
    _, scores = run(values)
    assert (scores.score[0, 300:330] > 0.9).all()  # 30 minutes are 30 samples
    assert np.isnan(scores.score[0, 331:361]).all()  # learns anew
    assert (scores.score[0, 362:] < ANOMALOUS).all()


def test_a_short_incident_leaves_the_band_as_it_was() -> None:
    values = daily(420)
    disturbed = values.copy()
    disturbed[0, 300:320] += 500.0
    (_, quiet), (_, after) = run(values), run(disturbed)
    width = (quiet.upper - quiet.lower)[0, 400]
    assert (after.upper - after.lower)[0, 400] == pytest.approx(width, rel=0.2)


def test_columns_at_once_or_one_by_one_give_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_t(2, (5, 150)) * 10.0 ** rng.integers(-3, 9, (5, 1))
    values[rng.random(values.shape) < 0.05] = np.nan
    values[3, 80:] += 1e12
    state, whole = run(values)
    step_by_step = DETECTOR.fresh(5)
    for column in range(values.shape[1]):
        step_by_step, one = DETECTOR.advance(
            step_by_step, batch_of(values[:, column : column + 1], first=column)
        )
        for name in PARTS:
            np.testing.assert_array_equal(
                getattr(whole, name)[:, column], getattr(one, name)[:, 0], err_msg=name
            )
    for name, array in state.items():
        np.testing.assert_array_equal(array, step_by_step[name], err_msg=name)


def test_a_window_is_judged_alike_in_any_company() -> None:
    past = np.random.default_rng(4).normal(size=(BLOCK + 40, 31)).astype(np.float32)
    whole = predict(pooled_model().graph, past)
    for start, stop in ((0, 1), (7, 10), (100, 117), (BLOCK - 1, BLOCK + 40)):
        alone = predict(pooled_model().graph, past[start:stop])
        np.testing.assert_array_equal(whole[start:stop], alone)


def test_the_compiled_judge_does_what_its_python_says(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).standard_t(2, (3, 120))
    values[0, :60] = 5.0
    values[1, 70:110] = 1e6
    values[2, 50:55] = [np.nan, np.inf, np.nan, 3.0, np.nan]
    detector = LstmAutoencoder(accept_after=1800.0)
    state, compiled = run(values, detector)
    for name in ("confidence_in", "clipped", "learn_error"):
        monkeypatch.setattr(errorjudge, name, uncompiled(getattr(errorjudge, name)))
    monkeypatch.setattr(
        "exporter.detectors.lstm_autoencoder.judge_columns", uncompiled(errorjudge.judge_columns)
    )
    with np.errstate(all="ignore"):
        other, python = run(values, detector)
    for part in PARTS:
        np.testing.assert_allclose(
            getattr(compiled, part), getattr(python, part), rtol=1e-9, atol=1e-12, err_msg=part
        )
    np.testing.assert_allclose(state["square"], other["square"], rtol=1e-9)


@pytest.mark.parametrize("glitch", [1e149, 1e200, -1e300, np.inf])
def test_a_huge_sample_in_the_first_window_silences_it_for_no_longer(glitch: float) -> None:
    values = daily(600)
    values[0, 5] = glitch
    state, scores = run(values)
    assert np.isfinite(state["square"]).all()
    assert np.isfinite(scores.score[0, 40:]).all()


def test_a_series_that_has_never_moved_cannot_be_judged_when_it_does() -> None:
    values = np.full((1, 60), 7.0)
    values[0, 50] = 8.0
    _, scores = run(values)
    assert (scores.score[0, 31:50] == 0.0).all()
    assert (scores.expected[0, 31:51] == 7.0).all()
    assert np.isnan(scores.score[0, 50])
    assert (scores.score[0, 51:] < ANOMALOUS).all()


@pytest.mark.parametrize(
    ("kind", "most"), [("t3", 3e-4), ("lognormal", 1e-4), ("bursts", 4e-4), ("steps", 1e-5)]
)
def test_false_alarms_are_rare_on_wild_noise(kind: str, most: float) -> None:
    rng = np.random.default_rng(8)
    shape = (40, 5000)
    match kind:
        case "t3":
            values = rng.standard_t(3, shape)
        case "lognormal":
            values = np.exp(rng.normal(0.0, 0.5, shape))
        case "bursts":
            values = (rng.random(shape) < 0.005) * rng.uniform(1.0, 5.0, shape)
        case _:
            values = rng.integers(0, 3, shape).astype(np.float64)
    _, scores = run(values)
    settled = scores.score[:, 2000:]  # after so long a series' own tail is known
    assert np.isfinite(settled).mean() > 0.99
    assert (settled >= ANOMALOUS).mean() < most


def config_of(model: object) -> Config:
    text = json.dumps(
        {"queries": [{"name": "q", "expr": "up", "detectors": [{"kind": "lstm_autoencoder"}]}]}
    )
    if model is not None:
        text = text.replace('"lstm_autoencoder"', f'"lstm_autoencoder", "model": "{model}"')
    return parse_config(text, "exporter.yml")


def test_the_packaged_model_is_whole_and_small() -> None:
    model = pooled_model()
    assert len(model.graph) < 200_000
    assert DETECTOR.fresh(1)["window"].shape == (1, model.metadata.window - 1)
    assert model.metadata.threshold == pytest.approx(
        model.metadata.error_tail().error_at(ANOMALOUS), rel=1e-3
    )


def test_a_folder_of_the_configuration_is_read_and_its_content_counts(tmp_path: Path) -> None:
    shutil.copytree(POOLED, tmp_path / "a")
    default = config_of(None).all_queries()[0]
    same = config_of(tmp_path / "a").all_queries()[0]
    assert fingerprint(default) == fingerprint(same)
    metadata = tmp_path / "a" / "model.json"
    metadata.write_text(metadata.read_text().replace('"seed": ', '"seed": 9'))
    assert fingerprint(config_of(tmp_path / "a").all_queries()[0]) != fingerprint(default)


def change(metadata: Path, **changes: Any) -> None:
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), **changes}))


def test_what_is_wrong_with_a_folder_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    def refused(said: str) -> None:
        with pytest.raises(ConfigError, match=said) as caught:
            config_of(tmp_path / "m")
        assert str(caught.value).startswith("exporter.yml:1: queries[0].detectors[0].model: ")
        assert "anomaly-exporter train" in str(caught.value)

    refused("No such file")
    shutil.copytree(POOLED, tmp_path / "m")
    graph, metadata = tmp_path / "m" / "model.onnx", tmp_path / "m" / "model.json"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1])
    refused("SHA-256")
    graph.write_bytes(whole)
    change(metadata, window="many")
    refused("window: ")
    change(metadata, window=32, error_quantiles=[2.0, 1.0])
    refused("quantiles")
    metadata.write_text("{")
    refused("model.json is damaged")


def test_a_graph_of_another_kind_is_refused(tmp_path: Path) -> None:
    shutil.copytree(POOLED, tmp_path / "m")
    change(tmp_path / "m" / "model.json", window=64)
    with pytest.raises(ConfigError, match="onnxruntime refuses the model"):
        config_of(tmp_path / "m")
    text = '{"queries": [{"name": "q", "expr": "up", "detectors": [%s]}]}'
    with pytest.raises(ConfigError, match="allowed: the path of a folder"):
        parse_config(text % '{"kind": "lstm_autoencoder", "model": 5}', "exporter.yml")
