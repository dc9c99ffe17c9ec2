"""What does the command line understand? Flags in, exit codes out.

0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from promkit.cliargs import add_common_flags, add_version_flag
from promkit.clock import SystemClock
from promkit.errors import ConfigProblems
from promkit.instants import with_joined_instants
from promkit.lifecycle import run_until_signal
from promkit.log import Logs
from promkit.logfiles import logging_to
from webhook.commands import (
    backup,
    missed,
    patterns,
    send_test,
    test_route,
    thresholds,
    verdict,
    weights,
)
from webhook.commands.check_config import summary
from webhook.config import WebhookConfig
from webhook.errors import StoreError
from webhook.service import Options, read_config, run

PROG = "anomaly-webhook"
DEFAULT_LISTEN = ":9854"
DEFAULT_CONFIG = "webhook.yml"

_DESCRIPTION = "Receive Alertmanager's alerts, keep every one of them, and notify people."
_EPILOG = """\
start here:
  1. write webhook.yml, e.g.   channels: [{kind: log}]
  2. check it                  anomaly-webhook check-config
  3. try a channel             anomaly-webhook send-test --channel log
  4. ask where alerts go       anomaly-webhook test-route --labels severity=warning
  5. run it                    anomaly-webhook run
  6. tell Alertmanager         receivers:
                                 - name: anomaly-webhook
                                   webhook_configs:
                                     - url: http://localhost:9854/api/v1/alerts
                                       send_resolved: true

once alerts have come (on the machine of the daemon, whether it runs or not):
  say what one was             anomaly-webhook verdict 812 false_alarm --author ana
  mark what nobody heard of    anomaly-webhook missed add node_cpu_busy --start -2h --end -90m
  see what verdicts moved      anomaly-webhook thresholds history, weights history, patterns list
  take a change back           anomaly-webhook thresholds undo 7
  choose a threshold           anomaly-webhook thresholds set node_cpu_busy 1.2

Every command has its own --help. All settings: docs/webhook.md.
"""
_RUN = """\
Serve until SIGTERM or Ctrl-C. An alert is answered with 200 only once it is on disk; what could not
be sent yet is sent after the next start. SIGHUP, POST /-/reload and a changed file reload the
configuration; a wrong one is reported and the old one stays.

  http://localhost:9854/                what is open, what was sent
  http://localhost:9854/api/v1/alerts   POST: Alertmanager's alerts, GET: what is stored
  http://localhost:9854/metrics         for Prometheus
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(with_joined_instants(given))
    try:
        if options.command == "run":
            return _run(options)
        config = read_config(options.config_file)
        return _COMMANDS[options.command](options, config)
    except ConfigProblems as error:
        print(error, file=sys.stderr)
        return 2
    except (StoreError, OSError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1


def _check(options: argparse.Namespace, config: WebhookConfig) -> int:
    print(summary(options.config_file, config))
    return 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, WebhookConfig], int]] = {
    "check-config": _check,
    "backup": backup.run_backup,
    "restore": backup.run_restore,
    "test-route": test_route.run,
    "thresholds": thresholds.run,
    "weights": weights.run,
    "patterns": patterns.run,
    "verdict": verdict.run,
    "missed": missed.run,
    "send-test": lambda options, config: send_test.run(options, config, PROG),
}


def _run(options: argparse.Namespace) -> int:
    with logging_to(
        options.log_level, options.log_format, options.log_directory, options.log_retention, PROG
    ) as logs:
        return _serve(options, logs)


def _serve(options: argparse.Namespace, logs: Logs) -> int:
    # Its INFO lines say how it works, not what it did.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # What was imported stays, and a request leaves hardly a cycle behind: less looking for garbage.
    gc.freeze()
    gc.set_threshold(10_000)
    chosen = Options(options.config_file, options.web_listen_address, options.web_config_file, logs)
    try:
        asyncio.run(run_until_signal(lambda stop: run(chosen, SystemClock(), stop)))
    except asyncio.CancelledError:
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version_flag(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    running = commands.add_parser(
        "run",
        help="run the daemon",
        description=_RUN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common_flags(running, DEFAULT_LISTEN, DEFAULT_CONFIG)
    checking = commands.add_parser(
        "check-config",
        help="check the configuration file and summarise what it means",
        description="Print what the configuration means, or every problem with file and line "
        "(exit code 2). Connects to nothing.",
    )
    testing = commands.add_parser(
        "send-test",
        help="send a test message through a channel",
    )
    send_test.add_flags(testing)
    routing = commands.add_parser(
        "test-route", help="say where an alert would go, and why not elsewhere"
    )
    test_route.add_flags(routing)
    saving = commands.add_parser("backup", help="write the whole store to a file")
    backup.add_backup_flags(saving)
    filling = commands.add_parser("restore", help="fill the store from such a file")
    backup.add_restore_flags(filling)
    moving = commands.add_parser(
        "thresholds", help="list, undo or choose changes of thresholds, which follow from verdicts"
    )
    actions = thresholds.add_flags(moving)
    weighing = commands.add_parser("weights", help="the same for the weights of detectors")
    actions += weights.add_flags(weighing)
    silencing = commands.add_parser(
        "patterns", help="list what stays silent as harmless, and take that back"
    )
    actions += patterns.add_flags(silencing)
    judging = commands.add_parser("verdict", help="say what an incident was, e.g. false_alarm")
    verdict.add_flags(judging)
    marking = commands.add_parser("missed", help="mark where an alert should have come")
    actions += [judging, *missed.add_flags(marking)]
    for command in (checking, testing, routing, saving, filling, *actions):
        command.add_argument(
            "--config.file",
            dest="config_file",
            type=Path,
            default=Path(DEFAULT_CONFIG),
            metavar="PATH",
            help="configuration file (default: %(default)s)",
        )
    return parser
