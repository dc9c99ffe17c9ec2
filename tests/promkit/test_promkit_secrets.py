from pathlib import Path

import pytest

from promkit.errors import ConfigProblems, SecretUnavailable
from promkit.secrets import Secret, SecretModel, read_secret
from promkit.strictyaml import ConfigPath, load_model


class Login(SecretModel):
    name: str = "x"
    password: Secret | None = None
    password_file: ConfigPath | None = None


def test_two_sources_for_one_secret_are_refused() -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_model("password: hunter2\npassword_file: p\n", "c.yml", Login)
    message = "c.yml:2: password_file: found both password and password_file; keep one of them"
    assert caught.value.problems == (message,)


def test_a_secret_is_not_printed() -> None:
    login = load_model("password: hunter2", "c.yml", Login)
    assert "hunter2" not in f"{login} {login!r} {login.model_dump_json()}"
    assert read_secret(login.password, login.password_file) == "hunter2"


def test_a_file_is_read_when_the_secret_is_needed(tmp_path: Path) -> None:
    login = load_model("password_file: p", str(tmp_path / "c.yml"), Login)
    (tmp_path / "p").write_text("first\n")
    assert read_secret(login.password, login.password_file) == "first"
    (tmp_path / "p").write_text("second\n")
    assert read_secret(login.password, login.password_file) == "second"


def test_no_source_is_no_secret() -> None:
    assert read_secret(None, None) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b" \n", "is empty"), (b"caf\xe9", "is not UTF-8 text")],
)
def test_an_unusable_file_is_named_and_not_quoted(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SecretUnavailable, match=reason) as caught:
        read_secret(None, file)
    assert str(file) in str(caught.value)
    assert "caf" not in str(caught.value)
