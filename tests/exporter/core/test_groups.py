import json

from exporter.core.groups import groups_by, members_of


def key_of(**labels: str) -> bytes:
    return json.dumps(labels).encode()


def test_series_that_agree_are_one_group_and_a_label_that_is_not_there_is_empty() -> None:
    keys = (key_of(a="x", b="1"), key_of(a="y"), key_of(a="x", b="2"), key_of(b="3"), key_of(a=""))
    assert groups_by(keys, ("a",)).tolist() == [0, 1, 0, 2, 2]
    assert [rows.tolist() for rows in members_of(groups_by(keys, ("a",)))] == [[0, 2], [1], [3, 4]]


def test_labels_that_are_no_text_are_labels_too() -> None:
    """Keys are what Prometheus wrote, byte for byte."""
    keys = (b'{"a":"\xff"}', b'{"a":"x\x01"}', b'{"a":"\xff"}')
    assert groups_by(keys, ("a",)).tolist() == [0, 1, 0]
