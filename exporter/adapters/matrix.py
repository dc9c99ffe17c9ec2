"""What does an answer of Prometheus' range query say? Its JSON as flat arrays.

Decoding is what an evaluation spends most of its own time on, so nothing here builds an object
per sample but one float, nor a dictionary per series: a series is known by the bytes of its
label object, and all samples of an answer are decoded as one long list of numbers.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from exporter.core.series import Floats, Ints, Keys
from exporter.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The samples of a range query's answer, series after series.

    Parameters
    ----------
    keys : S label sets, as the bytes of their JSON object
    lengths : S numbers of samples
    times : int64 [sum of lengths], unix milliseconds
    values : float64 [sum of lengths]
    warnings : what the server wants the caller to know
    histograms : series that hold native histograms, and are left out unless they hold others, too
    is_partial : the server says that series or samples may be missing (VictoriaMetrics)
    """

    keys: Keys
    lengths: list[int]
    times: Ints
    values: Floats
    warnings: tuple[str, ...] = ()
    is_partial: bool = False
    histograms: int = 0


class _Series(msgspec.Struct, gc=False):
    metric: msgspec.Raw
    values: msgspec.Raw = msgspec.Raw(b"[]")  # absent when all samples are native histograms
    histograms: msgspec.Raw = msgspec.Raw(b"")


class _Data(msgspec.Struct, gc=False):
    resultType: str
    result: list[_Series]


class _Answer(msgspec.Struct, gc=False):
    data: _Data
    warnings: tuple[str, ...] | None = None
    isPartial: bool = False


_answers = msgspec.json.Decoder(_Answer)
_numbers = msgspec.json.Decoder(list[float | None])
_NESTING = b'[]" \t\r\n'
_SHORTEST = 3  # bytes of a list that is not empty
_BLOCK = 10_000  # samples
_LAST_SECOND = 1e12  # far beyond any clock, and safe to count in int64 milliseconds


def decode_matrix(body: bytes) -> Matrix:
    """Decode the body of a successful range query.

    Native histograms are left out: they are no single value that could be judged.

    Raises
    ------
    DataError
        If it is not a matrix of `[time, "value"]` pairs.
    """
    try:
        answer = _answers.decode(body)
        if answer.data.resultType != "matrix":
            raise DataError(
                f"a range query was answered with result type {answer.data.resultType!r} "
                "instead of 'matrix'"
            )
        series = answer.data.result
        histograms = 0
        if b'"histograms"' in body:
            histograms = sum(len(bytes(one.histograms)) >= _SHORTEST for one in series)
        texts = [bytes(one.values) for one in series]
        if min(map(len, texts), default=_SHORTEST) < _SHORTEST:
            series = [one for one in series if len(bytes(one.values)) >= _SHORTEST]
            texts = [bytes(one.values) for one in series]
        lengths = [text.count(b"[") - 1 for text in texts]
        flat = _decode_samples(texts, sum(lengths))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"the answer is not the JSON of a range query: {error}; "
            f"it begins with {body[:80].decode(errors='replace')!r}"
        ) from error
    keys = tuple([bytes(one.metric) for one in series])
    if not all([key[:1] == b"{" for key in keys]):
        raise DataError("the answer holds a series whose labels are not a JSON object")
    if not (np.abs(flat[::2]) < _LAST_SECOND).all():
        raise DataError("the answer holds a sample without a time")
    return Matrix(
        keys=keys,
        lengths=lengths,
        times=np.rint(flat[::2] * 1000).astype(np.int64),
        values=flat[1::2].copy(),
        warnings=answer.warnings or (),
        is_partial=answer.isPartial,
        histograms=histograms,
    )


def _decode_samples(texts: list[bytes], samples: int) -> Floats:
    """Return float64 [2 * samples]: a time and a value for each.

    A few series at a time: the list of Python's floats then stays in the processor's cache, which
    on long ranges is a third faster, and is never a multiple of the answer's own size.
    """
    flat = np.empty(2 * max(0, samples))
    rows = 1 + _BLOCK * len(texts) // max(1, samples)
    end = 0
    for row in range(0, len(texts), rows):
        block = _decode_numbers(b",".join(texts[row : row + rows]).translate(None, _NESTING))
        start, end = end, end + len(block)
        flat[start:end] = block
    if end != len(flat):
        raise ValueError("its samples are not pairs of a time and a value")
    return flat


def _decode_numbers(text: bytes) -> Floats:
    """Decode numbers separated by commas.

    A JSON decoder reads them several times faster than float() or numpy's own parser, but JSON
    knows neither NaN, which becomes null, nor infinity, for which the slow way is good enough.
    """
    if b"I" in text:
        return np.array([float(number) for number in text.split(b",")], dtype=np.float64)
    numbers = _numbers.decode(b"[%b]" % text.replace(b"NaN", b"null"))
    return np.array(numbers, dtype=np.float64)
