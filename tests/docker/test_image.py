"""Does the Dockerfile build from what is there, and run without privileges?"""

import fnmatch
import re
from pathlib import Path

import pytest

from exporter.core.kernels import READY_MADE

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    pairs = (line.partition(" ") for line in lines)
    return [(name, rest.strip()) for name, _, rest in pairs if name]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_every_line_is_an_instruction() -> None:
    known = "FROM WORKDIR COPY RUN LABEL ENV USER VOLUME EXPOSE ENTRYPOINT CMD"
    assert {name for name, _ in instructions()} == set(known.split())


def test_both_stages_start_from_one_pinned_image() -> None:
    images = {line.split()[0] for line in of("FROM")}
    assert len(of("FROM")) == 2
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", images.pop())


def test_the_last_stage_is_left_to_an_unprivileged_user() -> None:
    last_stage = [name for name, _ in instructions()]
    last_stage = last_stage[len(last_stage) - last_stage[::-1].index("FROM") :]
    assert "RUN" not in last_stage[last_stage.index("USER") :]
    user, _, group = of("USER")[-1].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert f"--uid {user} " in " ".join(of("RUN"))


def test_programs_are_started_without_a_shell_in_between() -> None:
    """A shell would not pass SIGTERM on, so that the daemons would be killed instead of drained."""
    assert of("ENTRYPOINT") == ['["anomaly-exporter"]']
    assert all(command.startswith("[") for command in of("CMD"))


def test_machine_code_is_looked_for_where_it_was_made_and_for_the_same_processor() -> None:
    made = next(line for line in of("RUN") if "exporter.loops.compiling" in line)
    settings = " ".join(of("ENV"))
    assert f"{READY_MADE}=/opt/anomaly/kernels " in settings
    assert "XDG_CACHE_HOME=/opt/anomaly/kernels " in made
    assert "chmod -R a+rX /opt/anomaly/kernels" in made
    assert settings.count("NUMBA_CPU_NAME=generic") == len(of("FROM"))


def copied() -> list[str]:
    """Return what the image takes from the tree."""
    lines = [line.split() for line in of("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in line[:-1]]


@pytest.mark.parametrize("source", copied())
def test_copied_file_is_there_and_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    allowed = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed)
