"""Start the whole stack on this machine and stop it again with Ctrl-C."""

import argparse
import os
import shlex
import socket
import subprocess
import sys

from quickstart.backfill import BackfillFailed, backfill
from quickstart.fill import empty
from quickstart.programs import FOLDER, ProgramsMissing, has_docker_engine, obtain
from quickstart.stack import PORTS, ROOT, commands, render_configs

RUN = ROOT / ".run"


def main() -> int:
    """Prepare what is missing, start the five processes, and wait for them."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--port-offset",
        type=int,
        default=int(os.environ.get("PORT_OFFSET") or 0),
        help="added to every port, for machines where the usual ones are taken",
    )
    parser.add_argument("--prepare-only", action="store_true", help="backfill, but start nothing")
    flags = parser.parse_args()
    ports = {name: port + flags.port_offset for name, port in PORTS.items()}
    try:
        programs = obtain(FOLDER, _say)
    except ProgramsMissing as error:
        if has_docker_engine():
            _say("starting the stack with docker compose instead")
            return subprocess.run(["docker", "compose", "up"], cwd=ROOT, check=False).returncode
        print(error, file=sys.stderr)
        return 1
    taken = [f"{name} ({port})" for name, port in ports.items() if _is_taken(port)]
    if taken:
        print(
            f"These ports are in use on 127.0.0.1: {', '.join(taken)}.\n"
            "Stop what listens there, or choose others: make run PORT_OFFSET=10000",
            file=sys.stderr,
        )
        return 1
    configs = RUN / "config"
    render_configs(configs, RUN, ports)
    lines = commands(programs, configs, RUN, ports)
    try:
        backfill(
            RUN,
            programs,
            lines["prometheus"],
            f"http://127.0.0.1:{ports['prometheus']}",
            configs=configs,
            say=_say,
        )
    except BackfillFailed as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    if flags.prepare_only:
        return 0
    empty(RUN)
    procfile = RUN / "Procfile"
    procfile.write_text(
        "".join(f"{name}: exec {shlex.join(line)}\n" for name, line in lines.items()),
        encoding="utf-8",
    )
    _announce(ports)
    os.chdir(ROOT)
    runner = [sys.executable, "-m", "honcho", "start", "-f", str(procfile)]
    os.execve(sys.executable, runner, {**os.environ, "PYTHONUNBUFFERED": "1"})


def _announce(ports: dict[str, int]) -> None:
    _say(
        "starting; Ctrl-C stops everything, the state stays in .run/\n"
        f"  scores, bands, incidents  http://127.0.0.1:{ports['prometheus']}/graph\n"
        f"  what the exporter does    http://127.0.0.1:{ports['exporter']}/\n"
        f"  alerts received           http://127.0.0.1:{ports['webhook']}/\n"
        f"  alerts being routed       http://127.0.0.1:{ports['alertmanager']}/\n"
        "  make alerts of your own, from a second terminal: make incident, make fill"
    )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _say(text: str) -> None:
    print(f"make run: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
