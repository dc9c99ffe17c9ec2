"""What may be said in the configuration about the content of messages?"""

from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from promkit.durations import Duration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import ConfigPath, StrictModel
from webhook.core.samples import samples
from webhook.core.sandbox import TemplateProblem
from webhook.core.templates import Template

DAY = 86_400.0
SLACK_HOST = "hooks.slack.com"


def _zone(name: str) -> str:
    if name not in available_timezones():
        near = get_close_matches(name, available_timezones(), 1)
        hint = f"did you mean {near[0]}?" if near else "such as Europe/Berlin or UTC"
        raise ValueError(f"found {name!r}, which is no time zone of the IANA database; {hint}")
    return name


def _links_valid(seconds: float) -> float:
    if not 3600 <= seconds <= 365 * DAY:
        raise ValueError(f"found {format_duration(seconds)}; allowed: 1h to 365d")
    return seconds


TimeZone = Annotated[str, AfterValidator(_zone)]


class TemplatesConfig(StrictModel):
    """Words of the user's own.

    Parameters
    ----------
    title, body : Jinja, tried on messages of every kind when the configuration is read
    """

    title: str | None = None
    body: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, source in (("title", self.title), ("body", self.body)):
            if source is not None:
                try:
                    Template(source, is_title=name == "title", samples=samples())
                except TemplateProblem as error:
                    raise FieldProblem((name,), f"found a template that fails: {error}") from None
        return self


class LinksConfig(StrictModel):
    """Links of the user's own.

    Parameters
    ----------
    panel : Jinja for the address of a Grafana panel; besides the names of messages it has from_ms
        and to_ms
    """

    panel: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.panel is None:
            return self
        try:
            template = panel_template(self.panel)
            shown = [template.render(sample, from_ms=0, to_ms=0) for sample in samples()]
        except TemplateProblem as error:
            raise FieldProblem(("panel",), f"found a template that fails: {error}") from None
        if not all(url.startswith(("http://", "https://")) for url in shown):
            message = f"found a template that makes {shown[0]!r}; allowed: http:// or https://"
            raise FieldProblem(("panel",), message)
        return self


class FeedbackConfig(StrictModel):
    """How people say what an incident was.

    Parameters
    ----------
    secret_file : one line that signs links, and perhaps a second that was used before; without it
        the store keeps one of its own
    links_valid : for how long a link in a message can be used
    slack_signing_secret_file : of the Slack app whose buttons are answered; without it they are not
    slack_hosts : where answers to Slack may be sent
    """

    secret_file: ConfigPath | None = None
    links_valid: Annotated[Duration, AfterValidator(_links_valid)] = timedelta(30).total_seconds()
    slack_signing_secret_file: ConfigPath | None = None
    slack_hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = (SLACK_HOST,)


def panel_template(source: str) -> Template:
    """Return the template of a link, whose values are written as an address needs them.

    Raises
    ------
    TemplateProblem
        If it cannot be used.
    """
    return Template(source, is_url=True, more=("from_ms", "to_ms"))
