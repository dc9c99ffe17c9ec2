import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from exporter.adapters import statefile
from exporter.errors import StateCorrupt, StateError, StateTooNew

texts = st.text(max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
number_types = st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_])
numbers = number_types.flatmap(
    lambda kind: st_numpy.arrays(kind, st_numpy.array_shapes(max_dims=3, max_side=4, min_side=0))
)

MANIFEST = {"queries": ["load"]}
ARRAYS = {"0/mean": np.arange(6.0).reshape(2, 3), "0/seen": np.array([1, 2])}
KEYS = {"0": (b'{"a":"1"}', b'{"a":"22"}')}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(texts, json_values, max_size=4),
    st.dictionaries(texts, numbers, max_size=4),
    st.dictionaries(texts, st.lists(st.binary(max_size=9)).map(tuple), max_size=3),
)
def test_what_is_loaded_is_what_was_saved(
    path: Path,
    manifest: dict[str, Any],
    arrays: dict[str, npt.NDArray[Any]],
    keys: dict[str, tuple[bytes, ...]],
) -> None:
    size = statefile.save(path, manifest, arrays, keys)
    assert size == path.stat().st_size
    loaded = statefile.load(path)
    assert loaded.manifest == manifest
    assert loaded.keys == keys
    assert list(loaded.arrays) == list(arrays)
    for name, array in arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded.arrays[name], array)
        loaded.arrays[name][...] = 0  # and may be written to


def test_every_lost_tail_is_noticed(path: Path) -> None:
    statefile.save(path, MANIFEST, ARRAYS, KEYS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(StateCorrupt, match="is damaged"):
            statefile.load(path)


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    statefile.save(path, MANIFEST, ARRAYS, KEYS)
    content = bytearray(path.read_bytes())
    for position in range(len(content)):
        content[position] ^= 1 << position % 8
        path.write_bytes(content)
        with pytest.raises(StateCorrupt, match="is damaged"):
            statefile.load(path)
        content[position] ^= 1 << position % 8
    path.write_bytes(content + b"\0")
    with pytest.raises(StateCorrupt, match="is damaged"):
        statefile.load(path)


def sealed(path: Path, contents: object) -> None:
    """Write a file whose checksum is right, whatever stands in it."""
    statefile.save(path, {}, {}, {})
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"0" * 64
        archive.writestr("contents.json", json.dumps(contents))
    body = path.read_bytes()[:-64]
    path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())


def test_a_newer_version_is_refused_with_advice(path: Path) -> None:
    sealed(path, {"version": 2, "anything": "else"})
    with pytest.raises(StateTooNew, match=r"has version 2, this exporter reads up to 1; install"):
        statefile.load(path)


@pytest.mark.parametrize(
    "contents", [[], {}, {"version": "?"}, {"version": 1, "manifest": {}, "arrays": ["a"]}]
)
def test_a_well_sealed_file_of_something_else_is_corrupt(path: Path, contents: object) -> None:
    sealed(path, contents)
    with pytest.raises(StateCorrupt, match="is not one of ours"):
        statefile.load(path)


def test_numpy_opens_it_without_us(path: Path) -> None:
    statefile.save(path, MANIFEST, ARRAYS, KEYS)
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["arrays/0"], ARRAYS["0/mean"])


def test_objects_are_never_pickled(path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        statefile.save(path, {}, {"a": np.array([object()])}, {})
    assert list(path.parent.iterdir()) == []


def test_what_cannot_be_read_or_written_is_told(path: Path) -> None:
    with pytest.raises(StateError, match=r"cannot read the state file .*No such file"):
        statefile.load(path)
    with pytest.raises(
        StateError, match=r"cannot write .*No such file.*the last one stays\. Check"
    ):
        statefile.save(path / "deeper", {}, {}, {})


WITH_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from exporter.adapters import statefile
from exporter.errors import StateError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    statefile.save(Path(sys.argv[1]), {}, {"a": np.zeros(10_000)}, {})
except StateError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_last_state(path: Path) -> None:
    statefile.save(path, MANIFEST, ARRAYS, KEYS)
    told = subprocess.run(
        [sys.executable, "-c", WITH_A_FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "File too large; the last one stays" in told.stdout
    assert statefile.load(path).manifest == MANIFEST
    assert list(path.parent.iterdir()) == [path]
