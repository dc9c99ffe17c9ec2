from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from promkit.durations import PositiveDuration
from promkit.errors import ConfigProblems, FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath, StrictModel, load_model
from promkit.yamlnodes import plain_scalar, read_yaml


@dataclass(frozen=True)
class Near:
    kind: Literal["near"] = "near"
    sigmas: Annotated[float, Field(gt=0)] = 3.0


@dataclass(frozen=True)
class Far:
    kind: Literal["far"] = "far"
    near: int = 1  # named like the other's tag
    names: tuple[str, ...] = ()


AnyKind = Annotated[Near | Far, Field(discriminator="kind")]


class Limits(StrictModel):
    count: int


class Query(StrictModel):
    name: str
    step: PositiveDuration = 15.0
    detectors: Annotated[tuple[AnyKind, ...], Field(min_length=1)] = (Near(),)
    best: AnyKind = Near()
    range: tuple[float, float] | None = None
    keep: bool = True
    limit: Limits | float | None = None


class Root(StrictModel):
    queries: tuple[Query, ...]
    headers: dict[str, str] = Field(default_factory=dict)
    token: Secret | None = None
    mode: Literal["fast", "slow"] = "fast"
    ca_file: ConfigPath | None = None
    since: date | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [query.name for query in self.queries]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise FieldProblem(("queries", index, "name"), f"found {name!r} twice")
        return self


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        load_model(text, "c.yml", Root)
    return list(caught.value.problems)


def test_a_good_text_becomes_frozen_values() -> None:
    root = load_model(
        "queries:\n"
        "  - {name: no, step: 1m, detectors: [{kind: far, near: 2}], range: [0, 1e3]}\n"
        "ca_file: ca.pem\n",
        "etc/c.yml",
        Root,
    )
    assert root.queries == (
        Query(name="no", step=60.0, detectors=(Far(near=2),), range=(0.0, 1000.0)),
    )
    assert root.ca_file == Path("etc/ca.pem")


def test_an_absolute_path_stays_as_it_is() -> None:
    root = load_model("queries: []\nca_file: /ca.pem", "etc/c.yml", Root)
    assert root.ca_file == Path("/ca.pem")


def test_every_problem_is_reported_at_once_each_on_its_line() -> None:
    text = """\
headers: {on: 1.10, accept: no}
mode: fsat
token: 12345
queries:
  - name: 12
    nmae: x
    step: 15
    keep: yes
    detectors:
      - {kind: naer}
      - {sigmas: 1}
      - {kind: near, sigmas: -1, sgimas: 2}
      - kind: far
        near: 1.5
        names: [a, true]
        far: 1
  - best: {kind: far, near: "7"}
    range: [0, .nan]
    step: 0s
    range: 1
  - {name: a, range: [1], limit: x}
  - {name: a, limit: {count: 0123, cuont: 1}, best: [], detectors: near}
"""
    assert problems(text) == [
        "c.yml:1: headers.on: found the number 1.10; text is wanted, put it in quotes",
        "c.yml:2: mode: found the text 'fsat'; allowed: 'fast' or 'slow'",
        "c.yml:3: token: found a secret, not shown; text is wanted, put it in quotes",
        "c.yml:5: queries[0].name: found the number 12; text is wanted, put it in quotes",
        "c.yml:6: queries[0].nmae: found an unknown key, did you mean name; "
        "allowed: best, detectors, keep, limit, name, range, step",
        "c.yml:7: queries[0].step: found 15 without a unit, did you mean 15s? allowed: 0, or "
        "whole numbers with a unit (y, w, d, h, m, s, ms), largest unit first, such as 5m, 1h30m "
        "or 250ms",
        "c.yml:8: queries[0].keep: found the text 'yes'; true or false is wanted, write true",
        "c.yml:10: queries[0].detectors[0].kind: found 'naer', did you mean near; "
        "allowed: near, far",
        "c.yml:11: queries[0].detectors[1].kind: found nothing; this key is required; "
        "allowed: near, far",
        "c.yml:12: queries[0].detectors[2].sigmas: found the number -1; allowed: more than 0.0",
        "c.yml:12: queries[0].detectors[2].sgimas: found an unknown key, did you mean sigmas; "
        "allowed: kind, sigmas",
        "c.yml:14: queries[0].detectors[3].near: found the number 1.5; a whole number is wanted",
        "c.yml:15: queries[0].detectors[3].names[1]: found the truth value true; "
        "text is wanted, put it in quotes",
        "c.yml:16: queries[0].detectors[3].far: found an unknown key; allowed: kind, names, near",
        "c.yml:17: queries[1].name: found nothing; this key is required",
        "c.yml:17: queries[1].best.near: found the text '7'; a whole number is wanted, "
        "without quotes",
        "c.yml:18: queries[1].range[1]: found the number .nan; allowed: a finite number",
        "c.yml:19: queries[1].step: found the text '0s'; allowed: more than 0",
        "c.yml:20: queries[1].range: found this key twice, first on line 18; keep one of them",
        "c.yml:21: queries[2].range[1]: found nothing; this key is required",
        "c.yml:21: queries[2].limit: found the text 'x'; a mapping is wanted, or: "
        "a number is wanted",
        "c.yml:22: queries[3].detectors: found the text 'near'; a list is wanted, "
        "such as [one, two]",
        "c.yml:22: queries[3].best: found a list of 0; a mapping is wanted",
        "c.yml:22: queries[3].limit.count: found the text '0123'; a whole number is wanted, "
        "without leading zeros",
        "c.yml:22: queries[3].limit.cuont: found an unknown key, did you mean count; "
        "allowed: count",
    ]


def test_a_cross_check_points_at_the_field_it_names() -> None:
    text = "queries:\n- name: a\n- step: 1m\n  name: a\n"
    assert problems(text) == ["c.yml:4: queries[1].name: found 'a' twice"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yml:1: queries: found nothing; this key is required"),
        ("- a", "c.yml:1: top level: found a list of 1; a mapping is wanted"),
        ("~", "c.yml:1: top level: found nothing; a mapping is wanted"),
        ("a: 1\nqueries: [", "c.yml:2: top level: found YAML that cannot be read: "),
        ("a: b: c", "c.yml:1: top level: found YAML that cannot be read: "),
        ("\na: \x07", "c.yml:2: top level: found the control character 7; remove it"),
        ("--- {}\n--- {}", "c.yml:2: top level: found YAML that cannot be read: "),
        ("queries: !env X", "c.yml:1: queries: found the tag '!env'; tags are not supported here"),
        ("queries: !x {}", "c.yml:1: queries: found the tag '!x'; tags are not supported here"),
        ("queries: []\n? [a]\n: 1", "c.yml:2: top level: found a list or mapping as key"),
        ('queries: [{name: "\\ud800"}]', "c.yml:1: queries[0].name: found half of a UTF-16 pair"),
        ("queries: []\n<<: x", "c.yml:2: top level: found something else than a mapping to merge"),
        ("queries: &a [*a]", "c.yml:1: top level: found more than 100 levels, or an alias inside"),
        ("queries: " + "[" * 1000, "c.yml:1: top level: found YAML that is nested too deeply"),
        (
            "mode: http://me:pass@host\nqueries: []",
            "c.yml:1: mode: found a URL; allowed: 'fast' or 'slow'",
        ),
        ("queries: [{name: a, detectors: []}]", "c.yml:1: queries[0].detectors: found a list of 0"),
        ("queries: []\nsince: x", "c.yml:2: since: found the text 'x'; input"),
        (f"mode: {'x' * 99}\nqueries: []", f"c.yml:1: mode: found the text '{'x' * 60}…'; allowed"),
    ],
)
def test_hostile_and_broken_texts_end_in_a_message(text: str, message: str) -> None:
    assert any(problem.startswith(message) for problem in problems(text)), problems(text)


def test_aliases_cannot_blow_up() -> None:
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 9))
    (problem,) = problems("l0: &l0 [x]\n" + levels)
    assert "more than 100000 values once aliases are filled in" in problem
    merges = "".join(
        f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 10)}]}}\n" for i in range(1, 9)
    )
    (problem,) = problems("l0: &l0 {x: 1}\n" + merges)
    assert "more than 100000 values" in problem


def test_merge_keys_fill_in_what_a_mapping_leaves_out() -> None:
    text = (
        "headers: &h {a: x, b: y}\n"
        "queries:\n"
        "- &q {name: one, step: 1m}\n"
        "- {<<: *q, name: two}\n"
        "- {<<: [{keep: false}, *q], name: three}\n"
    )
    root = load_model(text, "c.yml", Root)
    assert root.queries[1] == Query(name="two", step=60.0)
    assert root.queries[2] == Query(name="three", step=60.0, keep=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("on", "on"),
        ("no", "no"),
        ("12", 12),
        ("-0", 0),
        ("0123", "0123"),
        ("9" * 30, float("9" * 30)),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1_000", "1_000"),
        ("22:30", "22:30"),
        ("2026-11-21", "2026-11-21"),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("0x1f", "0x1f"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_quoted_scalars_and_blocks_are_always_text() -> None:
    document = read_yaml('["1", \'true\', ""]')
    assert document.value == ["1", "true", ""]
    assert read_yaml("a: |\n  1\n").value == {"a": "1\n"}


@given(st.text(st.sampled_from("abk:-[]{}&*!|>'\"%@`#,? \n\t<1.~é\ud800\x00")))
def test_no_text_escapes_as_another_error(text: str) -> None:
    try:
        load_model(text, "c.yml", Root)
    except ConfigProblems as error:
        found = error.problems
    else:
        found = ("c.yml: fine",)
    assert found
    assert all(problem.startswith("c.yml:") for problem in found)


@pytest.mark.parametrize("text", ["[canary]", "[[canary]]", "{a: canary}", "1.5"])
def test_what_stands_where_a_secret_belongs_is_never_repeated(text: str) -> None:
    (problem,) = problems(f"queries: []\ntoken: {text}")
    assert "canary" not in problem
    assert "1.5" not in problem
