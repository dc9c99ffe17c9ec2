"""A range query's answer, read value by value: the obvious twin of exporter.adapters.matrix."""

import json


def read(body: bytes) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    """Return each series' labels and its samples as (unix milliseconds, value)."""
    return [
        (
            series["metric"],
            [(round(time * 1000), float(value)) for time, value in series["values"]],
        )
        for series in json.loads(body)["data"]["result"]
        if series.get("values")
    ]
