"""What does a configuration file mean, in words? `anomaly-webhook check-config`."""

from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from promkit.durations import format_duration
from webhook.adapters.chart import can_draw
from webhook.channels.base import Channel
from webhook.config import WebhookConfig
from webhook.core.severity import LEVELS, Level
from webhook.settings.gate import BoundsConfig, QuietHoursConfig
from webhook.settings.messages import TemplatesConfig


def summary(path: Path, config: WebhookConfig) -> str:
    """Return what `check-config` prints."""
    store = config.store
    return "\n".join(
        [
            f"{path} is valid.",
            f"store     {store.url}, closed incidents are kept for "
            f"{format_duration(store.retention)}",
            f"links     start with {config.external_url}",
            "messages",
            *(f"  {line}" for line in message_lines(config)),
            "severity",
            *(f"  {line}" for line in severity_lines(config)),
            "channels",
            *(f"  {_described(channel)}" for channel in config.channels),
            "routes",
            *(f"  {line}" for line in _routes(config)),
            "throttle",
            *(f"  {line}" for line in throttle_lines(config)),
            "quiet hours",
            *(f"  {quiet_line(each)}" for each in config.quiet_hours),
            *([] if config.quiet_hours else ["  none"]),
            "correlation",
            f"  {correlation_line(config)}",
            "reconcile",
            *(f"  {line}" for line in reconcile_lines(config)),
            "dead man's switch",
            f"  {switch_line(config)}",
            "pages and files",
            *(f"  {line}" for line in keeping_lines(config)),
        ]
    )


def message_lines(config: WebhookConfig) -> Iterator[str]:
    """Say what messages can tell, and how they are answered."""
    if config.prometheus is None:
        yield "numbers of the alert alone: without prometheus there is no reason and no picture"
    elif can_draw():
        yield f"numbers, reasons and pictures from {_address(config.prometheus.url)}"
    else:
        where = _address(config.prometheus.url)
        yield f"numbers and reasons from {where}; for pictures install anomaly-exporter[plots]"
    yield f"times in {config.timezone}"
    own = [channel.name for channel in config.channels if channel.templates is not None]
    if config.templates != TemplatesConfig():
        yield "words of your own in every channel"
    elif own:
        yield f"words of your own in {', '.join(own)}"
    file = config.feedback.secret_file
    signed = "a secret that the store keeps" if file is None else f"the secret in {file}"
    yield f"verdicts by links of {format_duration(config.feedback.links_valid)}, signed by {signed}"
    if config.feedback.slack_signing_secret_file is not None:
        yield "verdicts by buttons in Slack, at /slack/interactions"
    yield from learning_lines(config)


def learning_lines(config: WebhookConfig) -> Iterator[str]:
    """Say what follows from verdicts, and what is compared."""
    tuning = config.tuning
    if not tuning.enabled:
        yield "verdicts move no thresholds"
    elif config.prometheus is None:
        yield "verdicts move thresholds; without prometheus nothing is replayed before"
    else:
        yield "verdicts move thresholds, after a replay of 14 days"
    if not tuning.enabled or not tuning.weights:
        yield "verdicts move no weights of detectors"
    elif config.prometheus is None:
        yield "without prometheus verdicts move no weights of detectors"
    else:
        yield "verdicts move weights of detectors, after a replay of 14 days"
    yield pattern_line(config)
    for each in config.shadow:
        whose = f" of {', '.join(each.queries)}" if each.queries else ""
        yield f"compared, alerting nobody: {each.name}, thresholds{whose} times {each.ratio:g}"


def pattern_line(config: WebhookConfig) -> str:
    """Say what harmless patterns may silence."""
    if not config.patterns.enabled:
        return "no pattern is known as harmless"
    if config.prometheus is None:
        return "without prometheus nothing is silenced as a harmless pattern"
    lasts = format_duration(config.patterns.expire)
    return f"harmless patterns silence {in_order(config.patterns.levels)} for {lasts}"


def correlation_line(config: WebhookConfig) -> str:
    """Say which incidents count as one cause."""
    if (cause := config.correlation) is None:
        return "each incident stands alone"
    line = f"one cause: the same {', '.join(cause.by)}, within {format_duration(cause.within)}"
    if config.prometheus is None:
        return f"{line}; without prometheus series are not compared"
    return f"{line}; or only some of these, and series that correlate by {cause.min_correlation:g}"


def reconcile_lines(config: WebhookConfig) -> Iterator[str]:
    """Say with whom we are compared, and what that finds."""
    rules = config.reconcile
    if config.alertmanager is None:
        yield "with nobody: without alertmanager, what no delivery tells of stays unknown"
        return
    whose = [f"receiver {rules.receiver}"] if rules.receiver is not None else []
    whose += [f"those with {', '.join(rules.matchers)}"] if rules.matchers else []
    every = format_duration(rules.interval)
    yield f"with {_address(config.alertmanager.url)} every {every}: alerts of {' and '.join(whose)}"
    if config.prometheus is None:
        yield "without prometheus, what came and went while we were away stays unknown"
    else:
        back = format_duration(rules.lookback)
        yield f"what came and went while we were away, up to {back}, is named in a digest"


def switch_line(config: WebhookConfig) -> str:
    """Say who is told when nothing arrives any more."""
    switch = config.dead_mans_switch
    if switch is None or not switch.channels:
        return "nobody is told when alerts stop arriving"
    after = format_duration(switch.after)
    told = ", ".join(switch.channels)
    return f"{told} hear when no alert with {', '.join(switch.matchers)} came for {after}"


def keeping_lines(config: WebhookConfig) -> Iterator[str]:
    """Say who may look, and what is written into files."""
    reads = "read the pages" if config.console.anonymous == "read" else "see the login only"
    yield f"without a login: everything; with users in --web.config.file: {reads}"
    if config.audit is None or config.audit_folder is None:
        hint = "" if config.audit is None else "; with PostgreSQL name audit.directory"
        yield f"no audit files are written{hint}"
    else:
        kept = format_duration(config.audit.retention)
        yield f"audit files in {config.audit_folder}, kept for {kept}"


def _address(url: str) -> str:
    """Return an address without the user and password that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def severity_lines(config: WebhookConfig) -> Iterator[str]:
    """Say what makes each level."""
    rules = config.severity.rules
    for level in LEVELS:
        labels = ", ".join(label for label, meant in rules.labels.items() if meant == level)
        yield f"{level}: severity {labels or 'none at all'}"
    score, sigmas = config.severity.score, config.severity.sigmas
    yield f"without such a label: by score {_bounds(score)}; by deviation {_bounds(sigmas)} sigmas"
    yield f"without these either: {rules.otherwise}"


def _bounds(bounds: BoundsConfig) -> str:
    high = "" if bounds.high is None else f", high above {bounds.high:g}"
    return f"medium from {bounds.medium:g}{high}, critical above {bounds.critical:g}"


def throttle_lines(config: WebhookConfig) -> Iterator[str]:
    """Say what is held back, and when it is named."""
    throttle = config.throttle
    if throttle.per_metric_and_severity is not None:
        every = format_duration(throttle.per_metric_and_severity)
        yield f"at most one in {every} for a metric and level"
    if (total := throttle.total) is not None:
        per = format_duration(total.per)
        yield f"at most {total.count} in {per} in all, the last place is kept for a digest"
    if (flapping := throttle.flapping) is not None:
        within = format_duration(flapping.within)
        yield f"an alert that opens {flapping.changes} times in {within} waits until it is calm"
    if (cause := config.correlation) is not None:
        within = format_duration(cause.within)
        yield (
            f"of one cause (same {', '.join(cause.by)}; within {within}) "
            "only the first goes out, and what is worse"
        )
    limits = (
        throttle.per_metric_and_severity,
        throttle.total,
        throttle.flapping,
        config.correlation,
    )
    if all(limit is None for limit in limits):
        yield "no limits"
    elif throttle.bypass:
        yield f"none of this holds {in_order(throttle.bypass)}"
    yield f"what is held is named in a digest after {format_duration(throttle.digest)}"


def quiet_line(hours: QuietHoursConfig) -> str:
    """Say when which levels are held."""
    days = "every day" if len(hours.days) == 7 else ", ".join(hours.period.ordered_days)
    span = f"{hours.start} to {hours.end} ({hours.timezone})"
    return f"{days} from {span}: {in_order(hours.levels)} wait"


def in_order(levels: Collection[Level]) -> str:
    """Name levels, the worst first."""
    return ", ".join(level for level in LEVELS if level in levels) or "none at all"


def _routes(config: WebhookConfig) -> Iterator[str]:
    for number, route in enumerate(config.routes, 1):
        to = ", ".join(route.channels) or "nobody"
        yield f"{number}. {', '.join(route.matchers)} -> {to}"
    yield (
        "otherwise -> every channel that takes the severity"
        if config.routes
        else "none: every alert -> every channel that takes the severity"
    )


def _described(channel: Channel) -> str:
    taken: list[str] = []
    if channel.severities is not None:
        taken.append(f"severities {', '.join(sorted(channel.severities)) or 'none at all'}")
    if channel.levels is not None:
        taken.append(f"levels {in_order(channel.levels)}")
    return f"{channel.name} ({channel.kind}): {' and '.join(taken) or 'every severity'}"
