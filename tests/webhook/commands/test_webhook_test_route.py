"""Where an alert would go, as a person reads it."""

from pathlib import Path

import pytest

from webhook.cli import main

CONFIG = """
channels:
  - {kind: log, name: journal, severities: [info]}
  - {kind: log, name: pager, levels: [high, critical]}
  - {kind: log, name: ops}
  - {kind: log, name: nobody, levels: []}
routes:
  - {matchers: [team=db], channels: [ops, pager]}
  - {matchers: [env=test], channels: []}
severity: {labels: {p1: critical}, score: {medium: 0.5, high: 0.6, critical: 0.9}}
throttle: {bypass: [critical], flapping: {changes: 5}}
quiet_hours:
  - {days: [sat, fri], from: 22:00, to: "07:00", timezone: Europe/Berlin}
  - {from: "12:00", to: "13:00", levels: [high]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.yml"
    path.write_text(CONFIG)
    return path


def call(config: Path, *arguments: str) -> int:
    return main(["test-route", "--config.file", str(config), *arguments])


def test_it_says_where_and_why_and_when(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = 'severity=warning,team="db",query=cpu'

    assert call(config, "--labels", labels, "--at", "2026-11-21T03:00+01:00") == 0

    assert capsys.readouterr().out == (
        'alert     severity="warning", team="db", query="cpu"\n'
        "level     medium: the label severity is 'warning'\n"
        "route     1. team=db -> ops, pager\n"
        "channels\n"
        "  journal (log): no, the route does not name it\n"
        "  pager (log): no, it takes the levels critical, high\n"
        "  ops (log): yes\n"
        "  nobody (log): no, the route does not name it\n"
        "quiet     held until Sat 2026-11-21 07:00 (Europe/Berlin), then named in a digest; "
        "fri, sat from 22:00 to 07:00 (Europe/Berlin): medium, low wait\n"
        "throttle  held if cpu was announced as medium less than 5m before\n"
        "          held if 9 others went out in the 15m before\n"
        "          held if it opens for the 5th time in 1h or more\n"
        "          held if as bad a one of the same cause was announced, 5m apart at most\n"
        "          what is held is named in a digest after 5m\n"
    )


def test_a_level_that_nothing_holds(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "--labels", "severity=p1", "--at", "2026-11-21T12:30") == 0

    out = capsys.readouterr().out
    assert "route     none accepts it, so every channel is asked\n" in out
    assert "journal (log): no, it takes the severities info\n" in out
    assert "nobody (log): no, it takes the levels none at all\n" in out
    assert "quiet     no quiet hours for critical at 2026-11-21 12:30 UTC\n" in out
    assert out.endswith("throttle  no limit holds critical\n")


def test_score_and_deviation(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "--score", "0.7", "--sigmas", "2") == 0
    assert "level     high: there is no label severity; the score is 0.7\n" in (
        capsys.readouterr().out
    )


def test_nobody_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "--labels", "env=test") == 1

    out = capsys.readouterr().out
    assert "route     2. env=test -> nobody\nchannels  nobody is told\n" in out
    assert out.endswith(
        "Next: add a route or a channel that takes it, if somebody should be told.\n"
    )


def test_without_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "webhook.yml"
    limits = "{per_metric_and_severity: null, total: null, flapping: null}"
    path.write_text(f"throttle: {limits}\ncorrelation: null\n")

    assert call(path) == 0
    assert capsys.readouterr().out.endswith("throttle  no limits, it goes out at once\n")
    assert main(["check-config", "--config.file", str(path)]) == 0
    assert "throttle\n  no limits\n" in capsys.readouterr().out


def test_check_config_in_words(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--config.file", str(config)]) == 0

    out = capsys.readouterr().out
    assert "  critical: severity critical, emergency, fatal, page, p1\n" in out
    assert "by score medium from 0.5, high above 0.6, critical above 0.9;" in out
    assert "  pager (log): levels critical, high\n" in out
    assert "  none of this holds critical\n" in out
    assert "  every day from 12:00 to 13:00 (UTC): high wait\n" in out


def test_check_config_says_who_is_asked_and_who_hears_of_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "webhook.yml"
    path.write_text("channels: [{kind: log}]\n")
    assert main(["check-config", "--config.file", str(path)]) == 0
    assert (
        "correlation\n"
        "  one cause: the same instance, namespace, service, job, cluster, within 5m; "
        "without prometheus series are not compared\n"
        "reconcile\n"
        "  with nobody: without alertmanager, what no delivery tells of stays unknown\n"
        "dead man's switch\n"
        "  nobody is told when alerts stop arriving\n"
    ) in capsys.readouterr().out

    path.write_text(
        "channels: [{kind: log}]\n"
        "correlation: {by: [host]}\n"
        "prometheus: {url: http://p:9090}\n"
        "alertmanager: {url: 'http://me:s3cr3t@am:9093'}\n"
        "reconcile: {receiver: ours, matchers: ['team=\"db\"'], interval: 2m}\n"
        "dead_mans_switch: {channels: [log], after: 10m}\n"
    )
    assert main(["check-config", "--config.file", str(path)]) == 0
    assert (
        "correlation\n"
        "  one cause: the same host, within 5m; or only some of these, and series that correlate "
        "by 0.7\n"
        "reconcile\n"
        '  with http://am:9093 every 2m: alerts of receiver ours and those with team="db"\n'
        "  what came and went while we were away, up to 1d, is named in a digest\n"
        "dead man's switch\n"
        '  log hear when no alert with alertname="AnomalyWatchdog" came for 10m\n'
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--labels", "severity"], "goes wrong at 'severity'"),
        (["--labels", "severity!=info"], "found 'severity!=info'; an alert's labels need '='"),
        (["--at", "tomorrow"], "found 'tomorrow'; write for example 2026-11-21T03:00"),
    ],
)
def test_a_wrong_command_line(
    config: Path, arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(config, *arguments)

    assert stopped.value.code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("quiet_hours: [{from: 22, to: '07:00'}]", "quiet_hours[0].from: found 22; write a time"),
        ("quiet_hours: [{from: x, to: '07:00'}]", "quiet_hours[0].from: found 'x'; write a time"),
        ("quiet_hours: [{from: '22', to: '07:00'}]", "quiet_hours[0].from: found '22'"),
        (
            "quiet_hours: [{from: '22:00', to: '07:00', timezone: Europe/Brlin}]",
            "quiet_hours[0].timezone: found 'Europe/Brlin', which is no time zone",
        ),
        (
            "quiet_hours: [{from: '22:00', to: '07:00', levels: []}]",
            "quiet_hours[0].levels: found an empty list, which holds nothing back",
        ),
        ("throttle: {total: {count: 1}}", "throttle.total.count: found the number 1; allowed: 2"),
        (
            "severity: {sigmas: {medium: 3, critical: 5, high: 6}}",
            "severity.sigmas: found medium 3, critical 5, high 6; medium, high and critical must",
        ),
        ("severity: {labels: {p1: bad}}", "found the text 'bad'"),
    ],
)
def test_a_wrong_file(
    tmp_path: Path, text: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "webhook.yml"
    path.write_text(text)

    assert call(path) == 2
    assert problem in capsys.readouterr().err
