import argparse
from importlib.metadata import version
from pathlib import Path

import pytest

from promkit.cliargs import add_common_flags


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="thing")
    add_common_flags(parser, ":9853", "thing.yml")
    return parser


def test_defaults(parser: argparse.ArgumentParser) -> None:
    assert vars(parser.parse_args([])) == {
        "config_file": Path("thing.yml"),
        "web_listen_address": (":9853",),
        "web_config_file": None,
        "log_level": "info",
        "log_format": "logfmt",
        "log_directory": None,
        "log_retention": 30 * 86_400.0,
    }


def test_listen_addresses_add_up_and_replace_the_default(parser: argparse.ArgumentParser) -> None:
    flags = ["--web.listen-address=127.0.0.1:1", "--web.listen-address", "[::1]:2"]
    assert parser.parse_args(flags).web_listen_address == ("127.0.0.1:1", "[::1]:2")
    assert parser.parse_args([]).web_listen_address == (":9853",)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--web.listen-address=9853", "found the listen address '9853'; allowed: host:port"),
        ("--log.level=loud", "invalid choice: 'loud'"),
        ("--log.retention=1h", "found 1h; allowed: 1d or more"),
        ("--log.retention=long", "found 'long', which is no duration"),
    ],
)
def test_bad_values_end_with_status_2(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str], flag: str, message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        parser.parse_args([flag])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_version(parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"thing {version('anomaly-exporter')}\n"
