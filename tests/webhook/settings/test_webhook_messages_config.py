"""What the configuration of messages refuses, with line and next step, and what it means."""

from pathlib import Path

import pytest

from promkit.errors import ConfigProblems
from webhook.commands.check_config import message_lines
from webhook.config import load_config


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("templates:\n  title: '{{ foo }}'", "webhook.yml:2: templates.title: found a template "
         "that fails: line 1: found the name 'foo'; allowed: alertname, "),
        ("templates:\n  body: |\n    a\n    {{ reading.value * 2 }}",
         "webhook.yml:2: templates.body: found a template that fails: line 2: * multiplies"),
        ("channels:\n- {kind: log, templates: {title: '{% if %}'}}",
         "webhook.yml:2: channels[0].templates.title: found a template that fails: line 1: "),
        ("links: {panel: 'https://g/{{ nobody }}'}", "links.panel: found a template that fails"),
        ("links: {panel: '/d/x'}", "links.panel: found a template that makes '/d/x'; allowed"),
        ("links: {panel: '{{ query }}://x'}", "allowed: http:// or https://"),
        ("timezone: Europe/Berlni", "did you mean Europe/Berlin?"),
        ("timezone: nowhere at all", "such as Europe/Berlin or UTC"),
        ("feedback: {links_valid: 1m}", "feedback.links_valid: found 1m; allowed: 1h to 365d"),
        ("feedback: {slack_hosts: ['https://x']}", "feedback.slack_hosts[0]"),
        ("prometheus: {url: http://p, external_url: 'http://p?x=1'}", "prometheus.external_url"),
        ("prometheus: {url: http://p, external_url: 'http://[p'}", "prometheus.external_url"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as raised:
        load_config(text, "webhook.yml")
    assert problem in str(raised.value)


def lines(text: str) -> list[str]:
    return list(message_lines(load_config(text, "folder/webhook.yml")))


def test_check_config_says_what_messages_can_tell() -> None:
    assert lines("{}") == [
        "numbers of the alert alone: without prometheus there is no reason and no picture",
        "times in UTC",
        "verdicts by links of 30d, signed by a secret that the store keeps",
        "verdicts move thresholds; without prometheus nothing is replayed before",
        "without prometheus verdicts move no weights of detectors",
        "without prometheus nothing is silenced as a harmless pattern",
    ]
    said = lines(
        "prometheus: {url: 'http://u:s3cr3t@p:9090/x'}\n"
        "timezone: Europe/Berlin\n"
        "channels: [{kind: log, templates: {title: x}}]\n"
        "feedback: {secret_file: links, links_valid: 1d, slack_signing_secret_file: slack}\n"
    )
    assert said == [
        "numbers, reasons and pictures from http://p:9090/x",
        "times in Europe/Berlin",
        "words of your own in log",
        f"verdicts by links of 1d, signed by the secret in {Path('folder/links')}",
        "verdicts by buttons in Slack, at /slack/interactions",
        "verdicts move thresholds, after a replay of 14 days",
        "verdicts move weights of detectors, after a replay of 14 days",
        "harmless patterns silence high, medium, low for 30d",
    ]
    assert "words of your own in every channel" in lines("templates: {body: x}")
