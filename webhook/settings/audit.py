"""Where are the audit files, and for how long are they kept?"""

from typing import Annotated

from pydantic import AfterValidator

from promkit.durations import Duration, format_duration
from promkit.rotating import DAY
from promkit.strictyaml import ConfigPath, StrictModel


def _retention(seconds: float) -> float:
    if seconds < DAY:
        raise ValueError(f"found {format_duration(seconds)}; allowed: 1d or more")
    return seconds


class AuditConfig(StrictModel):
    """What is written down in files for those who look after the system.

    Parameters
    ----------
    directory : by default the folder `audit` beside an SQLite file; with PostgreSQL none
    retention : how long rotated files stay
    """

    directory: ConfigPath | None = None
    retention: Annotated[Duration, AfterValidator(_retention)] = 90 * DAY
