"""How does a backtest read on a terminal, and where do the known incidents come from?"""

from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from exporter.backtest import Alarm, Incident, Report
from exporter.errors import ConfigError


class _Incident(BaseModel):
    kind: str
    start: float
    end: float


class _Incidents(BaseModel):
    incidents: list[_Incident]


def read_incidents(path: Path) -> list[Incident]:
    """Return the incidents of a YAML file; keys beside kind, start and end are ignored.

    Raises
    ------
    ConfigError
        The file cannot be read or is of another form.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = _Incidents.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    except ValidationError as error:
        raise ConfigError(
            [
                f"{path}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors()
            ]
        ) from error
    return [Incident(one.kind, one.start, one.end) for one in found.incidents]


def format_report(report: Report, with_incidents: bool) -> str:
    """Return the report as text, one line per incident and alarm."""
    lines = []
    if with_incidents:
        found = [finding for finding in report.findings if finding.alarms]
        lines.append(f"incidents found: {len(found)} of {len(report.findings)}")
        for finding in report.findings:
            incident = finding.incident
            head = f"  {_clock(incident.start)} to {_clock(incident.end)} {incident.kind:<8}"
            if finding.alarms:
                delay = max(0.0, finding.alarms[0].start - incident.start)
                queries = ", ".join(dict.fromkeys(alarm.query for alarm in finding.alarms))
                lines.append(f"{head} found after {delay:.0f} s by {queries}")
            else:
                lines.append(f"{head} MISSED")
        lines.append(
            f"false alarms: {len(report.false_alarms)} over {report.series} series and "
            f"{report.days:.3f} series-days, "
            f"{report.false_alarms_per_series_and_day:.2f} per series and day"
        )
        lines += [f"  {_alarm(alarm)}" for alarm in report.false_alarms]
    else:
        lines.append(
            f"alarms: {len(report.alarms)} over {report.series} series and "
            f"{report.days:.3f} series-days"
        )
        lines += [f"  {_alarm(alarm)}" for alarm in report.alarms]
    return "\n".join(lines)


def _alarm(alarm: Alarm) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in alarm.labels.items())
    return (
        f"{_clock(alarm.start)} for {alarm.end - alarm.start:.0f} s: {alarm.query} {{{labels}}} "
        f"score {alarm.score:.2f}: {alarm.reason}"
    )


def _clock(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S")
