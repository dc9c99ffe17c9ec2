"""Is the compose stack valid, pinned, closed to the outside, and configured soundly?"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]


def run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def binds(service: str) -> list[tuple[Path, str]]:
    """Return the files of this tree that a service mounts, and where."""
    return [
        (ROOT / source, target)
        for source, target, *_ in (mount.split(":") for mount in SERVICES[service]["volumes"])
        if source.startswith("./")
    ]


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The files of all services at the paths that they have in their containers."""
    for service in SERVICES:
        for source, target in binds(service):
            inside = tmp_path / target.lstrip("/")
            if source.is_dir():
                shutil.copytree(source, inside)
            else:
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, inside)
    return tmp_path


def test_it_follows_the_compose_specification() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    run(sys.executable, "-m", "check_jsonschema", *schema, COMPOSE)


def test_the_whole_path_is_there() -> None:
    assert set(SERVICES) == {
        "exporter",
        "webhook",
        "prometheus",
        "alertmanager",
        "node-exporter",
        "grafana",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_local_and_checked(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ()))
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert [source for source, _ in binds(name) if not source.exists()] == []


def test_every_dependency_waits_for_health() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            assert how == {"condition": "service_healthy"}


def test_volumes_are_declared() -> None:
    declared = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    mounts = (mount for service in SERVICES.values() for mount in service["volumes"])
    named = {mount.split(":")[0] for mount in mounts}
    assert {source for source in named if not source.startswith((".", "/"))} == declared


def test_prometheus_accepts_its_configuration(container: Path) -> None:
    """With the rules: promtool follows rule_files."""
    config = container / "etc/prometheus/prometheus.yml"
    assert list(config.parent.glob(yaml.safe_load(config.read_text())["rule_files"][0]))
    run("promtool", "check", "config", config)


def test_alertmanager_accepts_its_configuration(container: Path) -> None:
    run("amtool", "check-config", container / "etc/alertmanager/alertmanager.yml")


@pytest.mark.parametrize("program", ["exporter", "webhook"])
def test_daemon_accepts_its_configuration(program: str, container: Path) -> None:
    config = container / f"etc/anomaly/{program}.yml"
    run(sys.executable, "-m", program, "check-config", "--config.file", config)


def test_configurations_name_services_of_the_stack() -> None:
    """With the ports that these listen on."""
    ports = {
        "prometheus": "9090",
        "alertmanager": "9093",
        "node-exporter": "9100",
        "exporter": "9853",
        "webhook": "9854",
    }
    files = [COMPOSE, *(ROOT / "deploy" / "compose").iterdir()]
    text = "\n".join(path.read_text() for path in files)
    named = re.findall(r"\b([a-z][a-z-]+):(9\d{3})\b", text)
    assert {name for name, _ in named} - {"localhost"} == set(ports)
    assert {(name, port) for name, port in named if name != "localhost"} == set(ports.items())


def test_scrape_jobs_are_those_of_the_rules() -> None:
    config = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.alerts.yml"))
    assert set(re.findall(r'job="([\w-]+)"', rules)) <= set(jobs)
    assert jobs["anomaly-exporter"]["honor_labels"] is True
