"""Where do Prometheus, Alertmanager and node_exporter come from on a fresh machine?

As a program: gets them, and stress-ng, PostgreSQL and Chromium beside them, for the tests.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from quickstart.stack import PACKAGES, ROOT, find_program

FOLDER = ROOT / ".run" / "programs"


class ProgramsMissing(Exception):
    """No way to get the programs; the message says which packages to install."""


def obtain(folder: Path, say: Callable[[str], None]) -> dict[str, Path]:
    """Return every program of `PACKAGES`: from PATH, from an earlier run, else from Debian.

    Packages are downloaded and unpacked below `folder`, not installed: that needs no root, changes
    nothing on the machine, and starts no second Prometheus on the ports that ours needs.

    Raises
    ------
    ProgramsMissing
        There is no apt-get, or it cannot get the packages.
    """
    search = os.pathsep.join(
        [os.environ.get("PATH", ""), str(folder / "usr/bin"), str(folder / "usr/sbin")]
    )
    found = {name: find_program(name, search) for name in PACKAGES}
    packages = sorted({PACKAGES[name] for name, path in found.items() if path is None})
    if packages:
        say(f"getting {', '.join(packages)} from Debian's packages")
        _unpack(packages, folder)
        found = {name: find_program(name, search) for name in PACKAGES}
    missing = sorted({PACKAGES[name] for name, path in found.items() if path is None})
    if missing:
        raise ProgramsMissing(_advice(missing, "the packages do not hold the programs"))
    return {name: path for name, path in found.items() if path is not None}


def has_docker_engine() -> bool:
    """Return whether `docker compose` could start the stack instead."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = [[docker, "info"], [docker, "compose", "version"]]
    return all(
        subprocess.run(one, capture_output=True, check=False).returncode == 0 for one in asked
    )


def _unpack(packages: list[str], folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ProgramsMissing(_advice(packages, "this machine has no apt-get"))
    folder.mkdir(parents=True, exist_ok=True)
    error = _download(packages, folder)
    if error and (update := _update_command()):
        # A fresh container has no package lists yet.
        subprocess.run(update, capture_output=True, check=False)
        error = _download(packages, folder)
    if error:
        raise ProgramsMissing(_advice(packages, f"apt-get download failed: {error}"))
    for archive in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
        archive.unlink()


def _download(packages: list[str], folder: Path) -> str:
    """Return apt-get's complaint, "" when all went well."""
    # The sandbox user of apt may not write to our folder; as root that is only a warning.
    command = ["apt-get", "download", "-q", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()[-300:] or "no reason given"


def _update_command() -> list[str] | None:
    if os.geteuid() == 0:
        return ["apt-get", "update", "-q"]
    sudo = shutil.which("sudo")
    return [sudo, "-n", "apt-get", "update", "-q"] if sudo else None


def _advice(packages: list[str], why: str) -> str:
    return (
        f"Cannot get {', '.join(packages)}: {why}.\n"
        f"Install by hand and try again: sudo apt-get install {' '.join(packages)}\n"
        "On other systems put the programs of the same names on the PATH."
    )


def postgres_program(name: str) -> Path | None:
    """Return one of PostgreSQL's programs, also where Debian keeps them: apart for each version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    found = shutil.which(name, path=os.pathsep.join(map(str, folders))) or shutil.which(name)
    return None if found is None else Path(found)


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def install(package: str, is_there: Callable[[], bool]) -> None:
    """Install what needs libraries beside it and so a root.

    Raises
    ------
    ProgramsMissing
        Neither root nor sudo without a password, or apt-get cannot get it.
    """
    if is_there():
        return
    update = _update_command()
    if update is None or shutil.which("apt-get") is None:
        raise ProgramsMissing(_advice([package], "installing it needs root or sudo"))
    command = [*update[: update.index("update")], "install", "-qy", "--no-install-recommends"]
    for attempt in ([*command, package], update, [*command, package]):
        done = subprocess.run(attempt, capture_output=True, text=True, check=False)
        if is_there():
            return
    raise ProgramsMissing(_advice([package], done.stderr.strip()[-300:]))


def main() -> int:
    """Get every program that the tests need."""
    try:
        obtain(FOLDER, lambda text: print(text, flush=True))
        install("stress-ng", lambda: shutil.which("stress-ng") is not None)
        install("postgresql", lambda: postgres_program("initdb") is not None)
        install("chromium", lambda: shutil.which("chromium") is not None)
    except ProgramsMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
