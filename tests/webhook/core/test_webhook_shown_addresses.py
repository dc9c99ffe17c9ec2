import pytest

from webhook.core.links import without_secrets
from webhook.settings.weburl import web_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://prometheus:9090", "http://prometheus:9090"),
        ("https://u:secret@prometheus/prefix/", "https://prometheus/prefix"),
        ("http://secret@[::1]:9090/?token=secret#secret", "http://[::1]:9090"),
    ],
)
def test_links_have_nothing_of_an_address_but_where_it_leads(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize("url", ["https://u:secret@alerts/", "https://alerts/?token=secret"])
def test_a_refused_address_is_not_repeated_where_it_may_hold_a_secret(url: str) -> None:
    with pytest.raises(ValueError, match="found an address; allowed: ") as caught:
        web_url(url)
    assert "secret" not in str(caught.value)
