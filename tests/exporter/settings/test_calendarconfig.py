import re
from pathlib import Path

import pytest

from exporter.settings.calendars import CalendarConfig
from promkit.errors import ConfigProblems
from promkit.strictyaml import load_model


def load(text: str) -> CalendarConfig:
    return load_model(f"{{name: a, {text}}}", "/etc/exporter/exporter.yml", CalendarConfig)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timeout: 5s", "found none of country, dates, ics and ics_url_file; set one of them"),
        ("country: DE, ics: a.ics", "ics: found beside country; keep one"),
        ("dates: [2026-12-24], ics_url_file: a", "ics_url_file: found beside dates; keep one"),
        ("country: De", "country: found 'De', .* did you mean DE?"),
        ("country: '??'", "such as DE, FR or US"),
        ("country: DE, subdivision: Bayern", "has not; allowed: BB, BE, BW, BY"),
        ("country: VA, subdivision: A", "allowed: none, leave it out"),
        ("ics: a.ics, subdivision: BY", "subdivision: found 'BY' without a country"),
        ("ics: 'ftp://host/secret'", "ics: found no http:// or https:// URL"),
        ("ics: 'https://[secret'", "ics: found no http:// or https:// URL"),
        ("ics: ''", "ics: found no http:// or https:// URL and no path"),
        ("ics: 'https://host/secret', refresh: 10s", "refresh: .* allowed: 60 or more"),
        ("dates: [24.12.2026]", r"dates\[0\]: found the text '24.12.2026'"),
        ("ics: a.ics, basic_auth: {}", "basic_auth.username: found nothing"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write_and_without_secrets(
    text: str, problem: str
) -> None:
    with pytest.raises(ConfigProblems, match=problem) as caught:
        load(text)
    assert "secret" not in str(caught.value)


def test_files_stand_beside_the_configuration_and_urls_print_as_asterisks() -> None:
    path = load("ics: sales.ics").ics
    assert path is not None
    assert path.get_secret_value() == "/etc/exporter/sales.ics"
    assert load("ics_url_file: sales.url").ics_url_file == Path("/etc/exporter/sales.url")
    url = load("ics: 'https://host/secret.ics'")
    assert url.ics is not None
    assert url.ics.get_secret_value() == "https://host/secret.ics"
    assert "secret.ics" not in f"{url!r} {url.model_dump_json()}"


def test_norway_is_no_boolean() -> None:
    assert load("country: NO").country == "NO"


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/calendars.md").read_text(encoding="utf-8")
    table = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`(\w+)`", table)) == set(CalendarConfig.model_fields)
