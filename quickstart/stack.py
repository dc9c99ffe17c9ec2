"""What does the stack consist of: programs, ports, configurations, command lines."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PORTS: Mapping[str, int] = {
    "prometheus": 9090,
    "alertmanager": 9093,
    "node_exporter": 9100,
    "exporter": 9853,
    "webhook": 9854,
}

PACKAGES: Mapping[str, str] = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "node_exporter": "prometheus-node-exporter",
}
"""Program -> the Debian package that has it."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "node_exporter": ("node_exporter", "prometheus-node-exporter"),
}


def find_program(name: str, folders: str | None = None) -> Path | None:
    """Return a program by its upstream name, also where Debian calls it differently.

    folders : a search path like $PATH, which is the default
    """
    for candidate in _NAMES.get(name, (name,)):
        if found := shutil.which(candidate, path=folders):
            return Path(found)
    return None


def render_configs(into: Path, run_folder: Path, ports: Mapping[str, int]) -> None:
    """Write the configurations of this folder with other ports and a folder for the state."""
    into.mkdir(parents=True, exist_ok=True)
    for source in sorted((ROOT / "quickstart").glob("*.yml")):
        text = source.read_text(encoding="utf-8")
        for name, port in PORTS.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[name]}")
        text = text.replace("../.run/", f"{run_folder}/").replace("../rules/", f"{ROOT}/rules/")
        (into / source.name).write_text(text, encoding="utf-8")


def commands(
    programs: Mapping[str, Path], configs: Path, run_folder: Path, ports: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return the command line of each of the five processes.

    programs : name -> path, see `PACKAGES`
    """
    python = [sys.executable, "-m"]
    listen = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    return {
        "prometheus": [
            str(programs["prometheus"]),
            f"--config.file={configs / 'prometheus.yml'}",
            f"--storage.tsdb.path={run_folder / 'prometheus'}",
            "--storage.tsdb.retention.time=15d",
            f"--web.listen-address={listen['prometheus']}",
            "--web.enable-lifecycle",
            "--log.level=error",  # it warns every minute that backfilled blocks overlap
        ],
        "alertmanager": [
            str(programs["alertmanager"]),
            f"--config.file={configs / 'alertmanager.yml'}",
            f"--storage.path={run_folder / 'alertmanager'}",
            f"--web.listen-address={listen['alertmanager']}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
        "node_exporter": [
            str(programs["node_exporter"]),
            f"--web.listen-address={listen['node_exporter']}",
            f"--collector.textfile.directory={run_folder / 'textfile'}",
            "--no-collector.systemd",  # on in Debian's build, and noisy where there is no D-Bus
            "--log.level=warn",
        ],
        "webhook": [
            *python,
            "webhook",
            "run",
            f"--config.file={configs / 'webhook.yml'}",
            f"--web.listen-address={listen['webhook']}",
        ],
        "exporter": [
            *python,
            "exporter",
            "run",
            f"--config.file={configs / 'exporter.yml'}",
            f"--web.listen-address={listen['exporter']}",
        ],
    }
