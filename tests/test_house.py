"""Does the tree keep to its own house rules?"""

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("exporter", "webhook", "promkit")
FOLDERS = (*PACKAGES, "benchmarks", "quickstart", "tests")
LONGEST_FILE = 300
FORBIDDEN_IMPORTS = {"pickle", "joblib", "dill", "shelve", "marshal"}


def python_files(folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def imported_modules(file: Path) -> set[str]:
    """Return the top-level names of everything a file imports, inside functions too."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def project(requirement: str) -> str:
    return normalized(re.split(r"[<>=!~\[;( ]", requirement)[0])


def requirements(section: str, option: str) -> set[str]:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = config[section][option].split()
    return {project(line) for line in lines}


def requirements_of(distribution: str) -> set[str]:
    try:
        lines = requires(distribution) or ()
    except PackageNotFoundError:  # an extra that is not installed
        return set()
    return {project(line) for line in lines if "extra ==" not in line}


RUNTIME = requirements("options", "install_requires")
EXTRAS = {
    name
    for extra in ("apprise", "plots", "postgres", "run", "train")
    for name in requirements("options.extras_require", extra)
}


def test_files_are_short_enough_to_read_in_one_go() -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in python_files()}
    too_long = [
        f"{file.relative_to(ROOT)}: {length} lines"
        for file, length in lengths.items()
        if length > LONGEST_FILE
    ]
    assert lengths
    assert not too_long, f"split by idea, {LONGEST_FILE} lines are the most: {too_long}"


def test_no_file_is_called_after_nothing_in_particular() -> None:
    names = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert not [file for file in python_files() if file.name in names]


def test_nothing_is_pickled() -> None:
    guilty = [file for file in python_files() if imported_modules(file) & FORBIDDEN_IMPORTS]
    assert not guilty


def test_what_the_packages_import_is_declared_and_what_is_declared_is_imported() -> None:
    imported = set[str]().union(*(imported_modules(file) for file in python_files(PACKAGES)))
    foreign = imported - sys.stdlib_module_names - {*PACKAGES}
    providers = packages_distributions()
    # A module of an extra that is not installed goes by its own name.
    needed = {normalized(providers.get(module, [module])[0]) for module in foreign}
    # urllib3 is part of what requests is, pydantic_core of what pydantic is.
    brought_along = set[str]().union(*(requirements_of(name) for name in RUNTIME | EXTRAS))
    assert needed - RUNTIME - EXTRAS - brought_along == set()
    assert RUNTIME - needed == {"tzdata"}  # zoneinfo reads it, nobody imports it


def test_every_dependency_is_defended() -> None:
    text = (ROOT / "docs/decisions/dependencies.md").read_text()
    defended = {normalized(name) for name in re.findall(r"^- \*\*([^*]+)\*\*", text, re.MULTILINE)}
    assert defended == RUNTIME | EXTRAS


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda p: p.stem
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]
