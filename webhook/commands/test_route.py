"""Where would an alert go, when, and why not elsewhere? `anomaly-webhook test-route`."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from promkit.clock import SystemClock
from promkit.durations import format_duration
from promkit.labels import parse_matchers
from webhook.commands.check_config import in_order, quiet_line
from webhook.config import WebhookConfig
from webhook.core.quiet import quiet_until
from webhook.core.routing import Routed
from webhook.core.severity import Level

_DESCRIPTION = """\
Say where an alert with these labels would go: its level and why, the route that decides, the
channels that are told and why the others are not, and what would hold it back. Asks nobody and
sends nothing.

Exit code 0: a channel is told; 1: none is; 2: the command line or the configuration is wrong.
"""
_EXAMPLE = """\
example:
  anomaly-webhook test-route --labels severity=warning,team=db --at 2026-11-21T03:00+01:00
"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLE
    parser.add_argument(
        "--labels",
        type=_labels,
        default={},
        metavar="NAME=VALUE,…",
        help='the alert\'s labels; quote values with commas: team="a,b"',
    )
    parser.add_argument(
        "--score", type=float, metavar="NUMBER", help="how confident the anomaly is, 0 to 1"
    )
    parser.add_argument(
        "--sigmas", type=float, metavar="NUMBER", help="how far off, in standard deviations"
    )
    parser.add_argument(
        "--at", type=_instant, metavar="TIME", help="when; without an offset in UTC (default: now)"
    )


def run(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Print where it goes; return the exit code."""
    labels: Mapping[str, str] = options.labels
    numbers = {"score": options.score, "sigmas": options.sigmas}
    annotations = {name: str(value) for name, value in numbers.items() if value is not None}
    routed = config.routing.route(labels, annotations)
    now = SystemClock().now() if options.at is None else options.at
    for line in _explained(config, labels, routed, now):
        print(line)
    if routed.channels:
        return 0
    print("Next: add a route or a channel that takes it, if somebody should be told.")
    return 1


def _explained(
    config: WebhookConfig, labels: Mapping[str, str], routed: Routed, now: float
) -> Iterator[str]:
    given = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    yield f"alert     {given or 'without labels'}"
    yield f"level     {routed.severity.level}: {routed.severity.why}"
    yield f"route     {_route(config, routed)}"
    kinds = {channel.name: channel.kind for channel in config.channels}
    yield "channels" if routed.channels else "channels  nobody is told"
    for name, refusal in routed.refusals.items():
        yield f"  {name} ({kinds[name]}): " + ("yes" if refusal is None else f"no, {refusal}")
    if routed.channels:
        yield f"quiet     {_quiet(config, routed.severity.level, now)}"
        yield from _throttled(config, labels, routed.severity.level)


def _route(config: WebhookConfig, routed: Routed) -> str:
    if routed.route is None:
        return "none accepts it, so every channel is asked"
    route = config.routes[routed.route]
    to = ", ".join(route.channels) or "nobody"
    return f"{routed.route + 1}. {', '.join(route.matchers)} -> {to}"


def _quiet(config: WebhookConfig, level: Level, now: float) -> str:
    until = quiet_until(config.gate_rules.quiet, level, now)
    if until is None:
        asked = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"no quiet hours for {level} at {asked}"
    hours = next(
        each
        for each in config.quiet_hours
        if level in each.levels and each.period.until(now) is not None
    )
    end = datetime.fromtimestamp(until, ZoneInfo(hours.timezone))
    text = end.strftime("%a %Y-%m-%d %H:%M")
    return f"held until {text} ({hours.timezone}), then named in a digest; {quiet_line(hours)}"


def _throttled(config: WebhookConfig, labels: Mapping[str, str], level: Level) -> Iterator[str]:
    throttle = config.throttle
    if level in throttle.bypass:
        yield f"throttle  no limit holds {in_order(throttle.bypass)}"
        return
    metric = labels.get("query") or labels.get("alertname") or "alerts without a name"
    lines: list[str] = []
    if throttle.per_metric_and_severity is not None:
        every = format_duration(throttle.per_metric_and_severity)
        lines.append(f"held if {metric} was announced as {level} less than {every} before")
    if (total := throttle.total) is not None:
        per = format_duration(total.per)
        lines.append(f"held if {total.count - 1} others went out in the {per} before")
    if (flapping := throttle.flapping) is not None:
        within = format_duration(flapping.within)
        lines.append(f"held if it opens for the {flapping.changes}th time in {within} or more")
    if config.correlation is not None:
        within = format_duration(config.correlation.within)
        lines.append(
            f"held if as bad a one of the same cause was announced, {within} apart at most"
        )
    if not lines:
        yield "throttle  no limits, it goes out at once"
        return
    yield f"throttle  {lines[0]}"
    yield from (f"          {line}" for line in lines[1:])
    yield f"          what is held is named in a digest after {format_duration(throttle.digest)}"


def _labels(text: str) -> dict[str, str]:
    try:
        matchers = parse_matchers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if unclear := [matcher for matcher in matchers if matcher.op != "="]:
        found = f"{unclear[0].name}{unclear[0].op}{unclear[0].value}"
        raise argparse.ArgumentTypeError(f"found {found!r}; an alert's labels need '='")
    return {matcher.name: matcher.value for matcher in matchers}


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found {text!r}; write for example 2026-11-21T03:00 or 2026-11-21T03:00+01:00"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
