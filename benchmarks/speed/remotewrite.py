"""How does a past that never was get into Prometheus? By its remote-write receiver."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import requests

from exporter.core.series import Floats, Ints

_SERIES_PER_REQUEST = 500
_COLUMNS_PER_REQUEST = 60
_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def write(url: str, label_sets: Sequence[Mapping[str, str]], times: Ints, values: Floats) -> None:
    """Send samples to the Prometheus at `url`.

    Parameters
    ----------
    label_sets : S
    times : int64 [T], unix milliseconds
    values : float64 [S, T]

    Notes
    -----
    Older columns of all series go before newer ones of any, since the head takes no sample that
    is more than an hour older than the newest.

    References
    ----------
    Prometheus Remote-Write 1.0, https://prometheus.io/docs/specs/prw/remote_write_spec/
    """
    encoded_labels = [_labels(labels) for labels in label_sets]
    for column in range(0, len(times), _COLUMNS_PER_REQUEST):
        columns = slice(column, column + _COLUMNS_PER_REQUEST)
        for row in range(0, len(label_sets), _SERIES_PER_REQUEST):
            rows = slice(row, row + _SERIES_PER_REQUEST)
            message = b"".join(
                _field(1, labels + samples.tobytes())
                for labels, samples in zip(
                    encoded_labels[rows],
                    _samples(times[columns], values[rows, columns]),
                    strict=True,
                )
            )
            answer = requests.post(
                f"{url}/api/v1/write", data=_snappy(message), headers=_HEADERS, timeout=60
            )
            answer.raise_for_status()


def _labels(labels: Mapping[str, str]) -> bytes:
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, labels[name].encode()))
        for name in sorted(labels)
    )


def _samples(times: Ints, values: Floats) -> npt.NDArray[np.uint8]:
    """Return uint8 [S, T, 18]: every sample as a protobuf field, all of one length."""
    groups = np.arange(6) * 7
    varints = ((times[:, None] >> groups) & 0x7F).astype(np.uint8)
    varints[:, :-1] |= 0x80
    fields = np.empty((*values.shape, 18), dtype=np.uint8)
    fields[..., 0] = 2 << 3 | 2  # TimeSeries.samples
    fields[..., 1] = 16
    fields[..., 2] = 1 << 3 | 1  # Sample.value
    fields[..., 3:11] = np.ascontiguousarray(values)[..., None].view(np.uint8)
    fields[..., 11] = 2 << 3 | 0  # Sample.timestamp
    fields[..., 12:] = varints
    return fields


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _snappy(content: bytes) -> bytes:
    """Wrap as a snappy block of one literal: valid, and not compressed at all."""
    return _varint(len(content)) + b"\xfc" + (len(content) - 1).to_bytes(4, "little") + content
