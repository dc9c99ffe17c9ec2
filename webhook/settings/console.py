"""Who may look at the pages? What may be said of it in the configuration."""

from typing import Literal

from promkit.strictyaml import StrictModel


class ConsoleConfig(StrictModel):
    """The pages for people.

    Parameters
    ----------
    anonymous : what those may do who have not logged in, where the web configuration has users:
        `read` shows pages and what programs can read, `none` nothing but the login
    """

    anonymous: Literal["none", "read"] = "none"
