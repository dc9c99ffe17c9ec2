"""What harmless patterns may silence, and what the configuration refuses."""

import pytest

from promkit.errors import ConfigProblems
from webhook.commands.check_config import pattern_line
from webhook.config import load_config
from webhook.core.patterns import Silencing
from webhook.core.severity import Level

PROMETHEUS = "prometheus: {url: http://p}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("patterns: {levels: []}", "patterns.levels: found an empty list, which silences nothing"),
        ("patterns: {levels: [warning]}", "patterns.levels"),
        ("patterns: {expire: 0s}", "patterns.expire"),
        ("patterns: {expires: 1d}", "patterns.expires"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_config(text, "webhook.yml")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PROMETHEUS, "harmless patterns silence high, medium, low for 30d"),
        (
            PROMETHEUS + "patterns: {expire: 7d, levels: [critical, low]}",
            "harmless patterns silence critical, low for 1w",
        ),
        (PROMETHEUS + "patterns: {enabled: false}", "no pattern is known as harmless"),
        ("{}", "without prometheus nothing is silenced as a harmless pattern"),
    ],
)
def test_what_it_means(text: str, line: str) -> None:
    config = load_config(text, "webhook.yml")
    assert pattern_line(config) == line
    assert (config.gate_rules.patterns is not None) == ("silence " in line)


def test_series_and_alerts_are_those_of_tuning() -> None:
    tuning = "tuning: {alertnames: [A, B], external_labels: [cluster]}"
    rules = load_config(PROMETHEUS + tuning, "webhook.yml").gate_rules.patterns
    levels: frozenset[Level] = frozenset({"high", "medium", "low"})
    assert rules == Silencing(levels, frozenset({"A", "B"}), frozenset({"cluster"}))
