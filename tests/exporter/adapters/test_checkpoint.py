"""Which state files are warm? What the runners' tests do not say of it."""

from pathlib import Path

import numpy as np

from exporter.adapters import checkpoint, statefile
from exporter.adapters.checkpoint import Saved
from tests.exporter.arraysource import ArraySource
from tests.exporter.loops.test_runner import SECONDS, query_of, runner_of


def test_a_state_file_that_knows_of_no_forecasts_is_warm(tmp_path: Path) -> None:
    path = tmp_path / "exporter.state"
    values = np.random.default_rng(5).normal(10.0, 1.0, (3, 400))
    runner = runner_of(ArraySource(values))
    runner.run(100 * SECONDS)
    checkpoint.store(path, Saved({"q": (runner.fingerprint, runner.state)}))
    written = statefile.load(path)
    del written.manifest["forecasts"]
    statefile.save(path, *written)
    restored = checkpoint.restore(path, {"q": query_of(", forecast: {limit: 12}")})
    assert restored.forecasts == {}
    fingerprint, state = restored.queries["q"]
    assert (fingerprint, state.keys, state.until) == (
        runner.fingerprint,
        runner.state.keys,
        runner.state.until,
    )
    for name, arrays in runner.state.detectors.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(state.detectors[name][key], array)
