"""What was an incident? `anomaly-webhook verdict`, for those who have a shell and no browser."""

import argparse

from promkit.clock import SystemClock
from webhook.adapters.feedback import Given, judge
from webhook.commands.flags import add_who
from webhook.commands.storejob import ask
from webhook.config import WebhookConfig
from webhook.core.present import VERDICTS as WORDS
from webhook.core.verdicts import VERDICTS, judgement_of
from webhook.settings.tuning import TuningConfig

_DESCRIPTION = """\
Say what an incident was. One incident has one verdict, the last one counts. The daemon may go on
meanwhile: it publishes what the store holds, and moves thresholds by it within a minute.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
example:
  anomaly-webhook verdict 812 false_alarm --author ana --reason "nightly backup"
"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    parser.add_argument("incident", type=int, metavar="INCIDENT", help="its number")
    parser.add_argument("verdict", choices=VERDICTS, metavar="VERDICT", help=", ".join(VERDICTS))
    add_who(parser)


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Store the verdict, and say what follows from it; return the exit code."""
    judgement = judgement_of(options.verdict, options.reason, options.author, "cli")
    now = SystemClock().now()
    given = ask(
        config.store.database,
        lambda connection: judge(connection, options.incident, judgement, now),
        is_writing=True,
    )
    if given is None:
        print(
            f"nothing was changed: there is no incident {options.incident}, or it is older than "
            "what the store keeps"
        )
        return 1
    incident = given.incident
    named = incident.query or incident.alertname
    print(f"incident {incident.id} ({named}) is {WORDS[judgement.verdict]}{_before(given)}")
    print(_follows(given, config.tuning))
    return 0


def _before(given: Given) -> str:
    if given.before is None:
        return ""
    if not given.is_changed:
        return ", as it was before"
    return f"; before: {WORDS[given.before]}"


def _follows(given: Given, tuning: TuningConfig) -> str:
    incident = given.incident
    if not tuning.enabled:
        return "verdicts move no thresholds here (tuning.enabled)"
    if incident.alertname not in tuning.alertnames or not incident.query:
        return "this alert does not come from a score, so no threshold is moved"
    return "its threshold is looked at by the running daemon within a minute"
