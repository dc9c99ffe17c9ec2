"""Which time zones are there?"""

from difflib import get_close_matches
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator


def _zone_exists(name: str) -> str:
    if name not in available_timezones():
        near = get_close_matches(name, available_timezones(), 1)
        hint = f"did you mean {near[0]}?" if near else "such as Europe/Berlin or UTC"
        raise ValueError(f"found {name!r}, which is no time zone of the IANA database; {hint}")
    return name


ZoneName = Annotated[str, AfterValidator(_zone_exists)]
"""A name of the IANA database."""
