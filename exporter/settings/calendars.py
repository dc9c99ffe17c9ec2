"""Which days are special? The `calendars` of the YAML as frozen models."""

from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import holidays
from annotated_types import Ge
from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from promkit.durations import Duration, PositiveDuration
from promkit.errors import FieldProblem
from promkit.httpconfig import HttpConfig
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath

_SOURCES: Final = ("country", "dates", "ics", "ics_url_file")


def is_http_url(text: str) -> bool:
    """Tell whether a text is a URL that can be asked."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()
    except ValueError:  # such as brackets that hold no address
        return False


def _located(value: Secret | None, info: ValidationInfo) -> Secret | None:
    """Return a URL as it is, and a path relative to the configuration's folder."""
    text = "" if value is None else value.get_secret_value()
    if value is None or is_http_url(text):
        return value
    if not text or "://" in text:
        raise ValueError("found no http:// or https:// URL and no path to a file; write either")
    folder = (info.context or {}).get("folder") or Path()
    return Secret(str(folder / Path(text)))


def _known(country: str | None) -> str | None:
    known = list(holidays.list_supported_countries(include_aliases=False))
    if country is not None and country not in known:
        near = get_close_matches(country.upper(), known, 1)
        hint = f"did you mean {near[0]}?" if near else "such as DE, FR or US"
        raise ValueError(
            f"found {country!r}, which is no country whose holidays are known; "
            f"allowed: two letters of ISO 3166, {hint}"
        )
    return country


class CalendarConfig(HttpConfig):
    """Special days under a name; the keys beside these are Prometheus' own `http_config`."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.-]*$", max_length=128)]
    """By which forecasts refer to it; the value of the label `calendar`."""
    country: Annotated[str | None, AfterValidator(_known)] = None
    """Its public holidays, by the two letters of ISO 3166."""
    subdivision: str | None = None
    """Those of one of its states or provinces as well, such as BY."""
    dates: tuple[date, ...] = ()
    """Days, written out."""
    ics: Annotated[Secret | None, AfterValidator(_located)] = None
    """An iCalendar file, or the http(s) URL of one; never shown, since it may hold a token."""
    ics_url_file: ConfigPath | None = None
    """A file with that URL in it."""
    refresh: Annotated[Duration, Ge(60)] = 86_400.0
    """How often a URL is asked again; files are looked at every minute."""
    timeout: PositiveDuration = 30.0
    """Deadline of one such request."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [key for key in _SOURCES if getattr(self, key)]
        if not given:
            message = "found none of country, dates, ics and ics_url_file; set one of them"
            raise FieldProblem((), message)
        if len(given) > 1:
            message = f"found beside {given[0]}; keep one, or make it a calendar of its own"
            raise FieldProblem((given[1],), message)
        if self.subdivision is not None:
            self._check_subdivision(self.subdivision)
        return self

    def _check_subdivision(self, subdivision: str) -> None:
        if self.country is None:
            message = f"found {subdivision!r} without a country; add it, or leave this out"
            raise FieldProblem(("subdivision",), message)
        known = holidays.list_supported_countries()[self.country]
        if subdivision not in known:
            allowed = ", ".join(known) or "none, leave it out"
            message = f"found {subdivision!r}, which {self.country} has not; allowed: {allowed}"
            raise FieldProblem(("subdivision",), message)
