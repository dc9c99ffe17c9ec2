import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.adapters.matrix import decode_matrix
from exporter.errors import DataError
from tests.reference import matrix as reference


def as_prometheus_writes(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")


values = st.floats(allow_subnormal=True).map(as_prometheus_writes)
times = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)
series = st.fixed_dictionaries(
    {
        "metric": st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3),
        "values": st.lists(st.tuples(times, values), max_size=5),
    }
)


def answer(result: object, **more: object) -> bytes:
    data = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data, **more}).encode()


@given(st.lists(series, max_size=5), st.sampled_from([None, 1]))
def test_reads_what_reading_value_by_value_reads(
    result: list[dict[str, object]], indent: int | None
) -> None:
    body = json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": result}},
        ensure_ascii=False,
        indent=indent,
    ).encode()
    matrix = decode_matrix(body)
    expected = reference.read(body)
    assert [json.loads(key) for key in matrix.keys] == [labels for labels, _ in expected]
    assert matrix.lengths == [len(samples) for _, samples in expected]
    flat = [sample for _, samples in expected for sample in samples]
    assert matrix.times.tolist() == [time for time, _ in flat]
    np.testing.assert_array_equal(matrix.values, [value for _, value in flat])


def test_keys_are_the_bytes_that_the_server_wrote() -> None:
    written = b'{"b":"x\\u00e9","a":"{[1,\\"2\\"]}"}'
    body = answer([]).replace(b"[]", b'[{"metric":%b,"values":[[1,"2"]]}]' % written)
    assert decode_matrix(body).keys == (written,)


def test_series_of_histograms_alone_are_left_out() -> None:
    histogram = {"metric": {"a": "1"}, "histograms": [[1, {"count": "5"}]]}
    plain = {"metric": {"a": "2"}, "values": [[1, "2"]]}
    matrix = decode_matrix(answer([histogram, plain]))
    assert matrix.keys == (b'{"a": "2"}',)
    assert matrix.histograms == 1
    named_so = {"metric": {"histograms": "1"}, "values": [[1, "2"]]}
    assert decode_matrix(answer([named_so])).histograms == 0


def test_tells_warnings_and_partial_answers() -> None:
    matrix = decode_matrix(answer([], warnings=["one store is down"], isPartial=True))
    assert matrix.warnings == ("one store is down",)
    assert matrix.is_partial
    assert not decode_matrix(answer([])).is_partial


WELL = [[1, "2"], [2, "3"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Please log in</body></html>",
        answer([{"metric": {}, "values": WELL}])[:-9],
        b'{"status":"success","data":{"resultType":"vector","result":[]}}',
        b'{"status":"success"}',
        answer({"metric": {}, "values": WELL}),
        answer([{"values": WELL}]),
        answer([{"metric": "up", "values": WELL}]),
        answer([{"metric": {}, "values": "12"}]),
        answer([{"metric": {}, "values": [[1, "x"]]}]),
        answer([{"metric": {}, "values": [[1, "Infinite"]]}]),
        answer([{"metric": {}, "values": [[1, ""]]}]),
        answer([{"metric": {}, "values": [[1, "2", "3"]]}]),
        answer([{"metric": {}, "values": [1, "2"]}]),
        answer([{"metric": {}, "values": [[None, "2"]]}]),
        answer([{"metric": {}, "values": [[1e300, "2"]]}]),
        b'\xff{"data":{"resultType":"matrix","result":[]}}',
    ],
    ids=range(17),
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(DataError):
        decode_matrix(body)
