"""What users' templates can say, and what they cannot do."""

from dataclasses import replace

import pytest

from webhook.core.samples import full_sample, samples
from webhook.core.sandbox import FILTERS, TemplateProblem
from webhook.core.templates import MAX_BODY, MAX_TITLE, NAMES, Template, context_of

FULL = full_sample()


def written(source: str, *, is_title: bool = False) -> str:
    return Template(source, is_title=is_title).render(FULL)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ severity|upper }} {{ labels.pod }}{{ labels.nobody }}", "CRITICAL pod-4"),
        ("{{ reading.value|amount(reading.unit) }} of {{ 2 * 3 }}", "1.84 s of 6"),
        ("{{ starts_at|moment(zone) }}", "21 Nov 10:53 UTC"),
        ("{{ 7800|span }} {{ 1.846|round(2) }} {{ 'abcdef'|truncate(3) }}", "2 h 10 min 1.85 ab…"),
        (
            "{% for name, text in facts %}{{ loop.index }}{{ name }} {% endfor %}",
            "1Value 2Last hours 3When 4Affected 5Why 6Forecast 7Cause 8History",
        ),
        ("{% for n, v in labels|dictsort %}{{ n[0] }},{% endfor %}", "a,p,q,s,s,"),
        ("{{ siblings.names|join(' + ') }}", "pod-4 + pod-7 + pod-9"),
        ("{{ query|replace('_', ' ') }}", "http latency p99"),
        ("{% if history.count > 1 and 'p' in labels.pod %}old{% else %}new{% endif %}", "old"),
        ("{{ digest is none }} {{ links.runbook }}", "True https://runbooks.example.org/latency"),
    ],
)  # fmt: skip
def test_a_template_says(source: str, text: str) -> None:
    assert written(source) == text


def test_the_documented_names_are_there_for_every_message() -> None:
    for message in samples():
        assert sorted(context_of(message)) == sorted(NAMES)


def test_labels_of_python_names_are_labels() -> None:
    message = replace(FULL, labels={"items": "a", "__class__": "b", "keys": "c"})
    template = Template("{{ labels.items }}{{ labels.__class__ }}{{ labels['keys'] }}")
    assert template.render(message) == "abc"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\n\n{{ foo }}", "line 3: found the name 'foo'; allowed: alertname, "),
        ("x\n{{ reading.foo }}", "line 2: 'dict object' has no attribute 'foo'"),
        ("{{ severity|shout }}", "line 1: found the filter 'shout'; allowed: abs, amount, "),
        ("{{ severity is odd }}", "line 1: found the test 'odd'; allowed: "),
        ("{% if %}", "line 1: Expected an expression"),
        ("a\nb {{ c", "line 2: unexpected end of template"),
        ("\n{{ 1 / 0 }}", "line 2: division by zero"),
        ("{{ labels.pod|amount }}", "line 1: could not convert string to float"),
        ("{{ ''.__class__.__mro__ }}", "line 1: 'str object' has no attribute '__class__'"),
        ("{{ title.format }}", "line 1: 'str object' has no attribute 'format'"),
        ("{{ labels.items() }}", "line 1: found call; "),
        ("{% for i in range(9) %}{% endfor %}", "line 1: found call; "),
        ("{% set a = 1 %}", "line 1: found assign; "),
        ("{% include '/etc/passwd' %}", "line 1: found include; "),
        ("{% macro a() %}{% endmacro %}", "line 1: found macro; "),
        ("{{ query % 1 }}", "line 1: found mod; "),
        ("{{ 9 ** 9 ** 9 }}", "line 1: found pow; "),
        ("{{ 'x' * 1000000000 }}", "line 1: * multiplies numbers, found str"),
        ("{{ 2|round(-1000000000) }}", "line 1: round to -1000000000 digits; allowed: -15 to 15"),
        ("{{ 'x'|_turns }}", "line 1: found the filter '_turns'"),
        ("{% for a in query ~ query %}{% endfor %}", "line 1: a loop goes over what"),
        (
            "{% for a in facts %}{% for b in facts %}{% for c in facts %}{% for d in facts %}"
            "{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
            "line 1: found loops 4 deep; allowed: 3",
        ),
        (
            "{% for a in why %}{% for b in why %}{% for c in why %}{% endfor %}"
            "{% endfor %}{% endfor %}",
            "line 1: its loops take more than 2000 turns",
        ),
        ("{{ 'a'" + 5 * f"|replace('a', '{50 * 'a'}')" + " }}", "a filter would return"),
        ("{{ why|join(why|join(why)) }}", "a filter would return"),
        ("x" * 10_001, "line 1: found 10001 characters; allowed: 10000"),
        ("{{" + "(" * 2_000 + "1" + ")" * 2_000 + "}}", "line 1: it is nested too deeply"),
        ("{{ none|sort }}", "line 1: "),
        ("{{ 1|dictsort }}", "line 1: "),
    ],
)  # fmt: skip
def test_a_template_cannot(source: str, problem: str) -> None:
    with pytest.raises(TemplateProblem) as raised:
        written(source)
    assert problem in str(raised.value)


def test_what_is_written_is_cut() -> None:
    flood = "{% for a in why %}{% for b in facts %}{{ why }}{{ why }}{% endfor %}{% endfor %}"
    assert len(written(flood)) == MAX_BODY
    assert len(written(flood, is_title=True)) == MAX_TITLE
    assert written("a\n  b\t{{ query }}\n", is_title=True) == "a b http_latency_p99"
    long = replace(FULL, labels={"pod": "x" * 16_000})
    assert len(Template("{{ labels.pod }}").render(long)) == 2_000


def test_an_address_has_its_values_escaped() -> None:
    evil = replace(FULL, query='a b&x=1#"><script>', labels={"pod": "javascript:"})
    link = Template(
        "https://g/?q={{ query }}&p={{ labels.pod }}&f={{ from_ms }}",
        is_url=True,
        more=("from_ms",),
    )
    assert link.render(evil, from_ms=5) == (
        "https://g/?q=a%20b%26x%3D1%23%22%3E%3Cscript%3E&p=javascript%3A&f=5"
    )  # fmt: skip
    with pytest.raises(TemplateProblem, match="an address of"):
        Template("https://g/{{ description }}", is_url=True).render(
            replace(FULL, annotations={"description": "x" * 3000})
        )


def test_every_documented_filter_exists() -> None:
    for name in FILTERS:
        argument = {"join": "facts", "dictsort": "labels", "items": "labels"}.get(name, "1")
        more = "('a', 'b')" if name == "replace" else ""
        Template(f"{{{{ {argument}|{name}{more} }}}}")
