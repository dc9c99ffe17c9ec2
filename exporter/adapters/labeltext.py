"""How does a series' label set become text, ready for a number?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from exporter.core.labelnames import named, published_labels

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def labels_of(
    query: str,
    keys: Sequence[bytes],
    known: Mapping[bytes, bytes] = MappingProxyType({}),
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[bytes]:
    """Return the labels that each series is published under: `{query="…",…} `.

    They are the series' own, without the metric's name, plus `query`. A label that would clash
    with one of ours gets the prefix `exported_`, as in a scrape. Where two series differ in
    nothing but their name, it is kept as `metric_name`.

    known : series whose text need not be rendered again
    more : labels that go before their own, like `query`
    """
    ours = {"query": query, **more}
    labels = [known.get(key) or _labels(ours, key) for key in keys]
    if len(set(labels)) == len(labels):
        return labels
    uses = Counter(labels)
    return [
        text if uses[text] == 1 else _labels(ours, key, with_name=True)
        for key, text in zip(keys, labels, strict=True)
    ]


def _labels(ours: Mapping[str, str], key: bytes, *, with_name: bool = False) -> bytes:
    own = named(key)
    name = own.pop("__name__", "")
    if with_name:
        ours = {**ours, "metric_name": name}
    return braced(published_labels(own, ours))


def braced(labels: Mapping[str, str]) -> bytes:
    """Return `{name="value",…} `."""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return "{{{}}} ".format(",".join(pairs)).encode(errors="replace")


def with_label(labels: list[bytes], name: str, value: str) -> list[bytes]:
    """Return texts of `braced` with a label more."""
    tail = f',{name}="{value}"}} '.encode()
    return [text[:-2] + tail for text in labels]
