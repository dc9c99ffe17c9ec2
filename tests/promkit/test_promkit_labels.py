import pytest

from promkit.labels import Matcher, parse_matchers


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("", []),
        ("{}", []),
        ("foo=bar", [("foo", "=", "bar")]),
        (' { foo = "bar" , } ', [("foo", "=", "bar")]),
        ('a!=b,c=~"d|e",f!~g.*', [("a", "!=", "b"), ("c", "=~", "d|e"), ("f", "!~", "g.*")]),
        ('"a b"="{c,d}"', [("a b", "=", "{c,d}")]),
        ('näme="wért"', [("näme", "=", "wért")]),
        (r'a="\"q\" \\ \n \x41 \u00e9 \U0001F600"', [("a", "=", '"q" \\ \n A é 😀')]),
        ('a=""', [("a", "=", "")]),
        ("instance=db-1:9100", [("instance", "=", "db-1:9100")]),
    ],
)
def test_parse_matchers(text: str, matchers: list[tuple[str, str, str]]) -> None:
    assert [(m.name, m.op, m.value) for m in parse_matchers(text)] == matchers


@pytest.mark.parametrize(
    "text",
    [
        "{foo=bar",
        "foo=bar}",
        "{foo=bar}}",
        "foo",
        "foo=",
        "=bar",
        "foo==bar",
        "foo=bar baz=qux",
        "foo=bar,,baz=qux",
        ",",
        "foo='bar'",
        'foo="bar',
        'foo="b\nar"',
        r'foo="\q"',
        r'foo="\U00110000"',
        'foo=~"("',
        '""=x',
        "foo=~[[:alpha:]]+",
    ],
)
def test_malformed_matchers_are_refused_with_what_was_found(text: str) -> None:
    with pytest.raises(ValueError, match="found"):
        parse_matchers(text)


@pytest.mark.parametrize(
    ("matcher", "labels", "matches"),
    [
        (Matcher("a", "=", "x"), {"a": "x"}, True),
        (Matcher("a", "=", "x.z"), {"a": "xyz"}, False),
        (Matcher("a", "!=", "x"), {"a": "x"}, False),
        (Matcher("a", "!=", "x"), {}, True),
        (Matcher("a", "=", ""), {}, True),
        (Matcher("a", "=~", "x.z"), {"a": "xyz"}, True),
        (Matcher("a", "=~", "x"), {"a": "xyz"}, False),  # anchored
        (Matcher("a", "=~", "x|y"), {"a": "xy"}, False),
        (Matcher("a", "=~", ".*"), {}, True),
        (Matcher("a", "=~", "x.z"), {"a": "x\nz"}, False),  # as Alertmanager has it
        (Matcher("a", "=", "x\nz"), {"a": "x\nz"}, True),
        (Matcher("a", "=~", r"\d\w"), {"a": "1a"}, True),
        (Matcher("a", "=~", r"\d+"), {"a": "\u0663"}, False),
        (Matcher("a", "=~", "(?i)\u00c9"), {"a": "\u00e9"}, True),
        (Matcher("a", "!~", "x.*"), {"a": "xyz"}, False),
        (Matcher("a", "!~", ".+"), {}, True),
    ],
)
def test_matches(matcher: Matcher, labels: dict[str, str], matches: bool) -> None:
    assert matcher.matches(labels) is matches
