from exporter.core.limits import limits_of

KEYS = (
    b'{"__name__":"used","host":"a","disk":"1"}',
    b'{"__name__":"used","host":"a","disk":"2"}',
    b'{"__name__":"used","host":"b","disk":"1"}',
    b'{"__name__":"used"}',
)


def test_a_limit_holds_for_all_that_have_its_labels_and_the_most_exact_one_wins() -> None:
    exact = b'{"__name__":"size","disk":"2","host":"a"}'
    host = b'{"host":"a"}'
    assert limits_of(KEYS, (host, exact)).tolist() == [0, 1, -1, -1]
    assert limits_of(KEYS, (b'{"other":"x"}',)).tolist() == [-1] * 4
    assert limits_of(KEYS, (b'{"disk":"1"}', b"{}", host)).tolist() == [0, 2, 0, 1]


def test_a_limit_without_labels_holds_for_all_and_none_for_none() -> None:
    assert limits_of(KEYS, (b'{"__name__":"size"}',)).tolist() == [0] * 4
    assert limits_of(KEYS, ()).tolist() == [-1] * 4
    assert limits_of((), (b"{}",)).tolist() == []
