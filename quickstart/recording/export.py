"""Write the recording of one host out of a Prometheus, as files to commit.

A recording has to be small enough for a git repository and has to load into
any Prometheus, so this takes the raw samples (not query_range, which would
resample them) of the few metric families that the rules and dashboards need
and writes them as gzip'd OpenMetrics, which `promtool tsdb create-blocks-from
openmetrics` reads. Next to it goes incidents.yml: the true times of the
incidents, as noted by scenario.py while it made them.

    export.py --start UNIX_SECONDS --incidents WORKDIR/incidents.jsonl
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

# Each family, and which of its series are worth keeping.
DISK = 'device="vda"'
NETWORK = 'device=~"eth.*"'
FAMILIES: dict[str, str] = {
    "up": "",
    "node_boot_time_seconds": "",
    "node_context_switches_total": "",
    "node_cpu_seconds_total": "",
    "node_disk_io_time_seconds_total": DISK,
    "node_disk_io_time_weighted_seconds_total": DISK,
    "node_disk_read_bytes_total": DISK,
    "node_disk_reads_completed_total": DISK,
    "node_disk_writes_completed_total": DISK,
    "node_disk_written_bytes_total": DISK,
    "node_filefd_allocated": "",
    "node_filesystem_avail_bytes": 'fstype="ext4"',
    "node_filesystem_size_bytes": 'fstype="ext4"',
    "node_intr_total": "",
    "node_load1": "",
    "node_load15": "",
    "node_load5": "",
    "node_memory_Buffers_bytes": "",
    "node_memory_Cached_bytes": "",
    "node_memory_MemAvailable_bytes": "",
    "node_memory_MemFree_bytes": "",
    "node_memory_MemTotal_bytes": "",
    "node_memory_SwapFree_bytes": "",
    "node_memory_SwapTotal_bytes": "",
    "node_netstat_Tcp_CurrEstab": "",
    "node_network_receive_bytes_total": NETWORK,
    "node_network_receive_drop_total": NETWORK,
    "node_network_receive_packets_total": NETWORK,
    "node_network_transmit_bytes_total": NETWORK,
    "node_network_transmit_drop_total": NETWORK,
    "node_network_transmit_packets_total": NETWORK,
    "node_procs_blocked": "",
    "node_procs_running": "",
    "node_sockstat_TCP_inuse": "",
    "node_time_seconds": "",
    "node_vmstat_pgmajfault": "",
    "node_vmstat_pgpgin": "",
    "node_vmstat_pgpgout": "",
}
SELECTOR = 'job="node",instance="recorded-host"'

Series = dict[str, Any]


def get(url: str, path: str, **parameters: str) -> Any:
    """The `data` of one answer of Prometheus' HTTP API."""
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=60) as answer:
        return json.load(answer)["data"]


def raw(url: str, name: str, only: str, start: float, end: float) -> list[Series]:
    """The series of one family, each with its raw samples from start to end."""
    matchers = f"{SELECTOR},{only}" if only else SELECTOR
    found = get(url, "query", query=f"{name}{{{matchers}}}[3h]")["result"]
    for series in found:
        series["values"] = [(t, v) for t, v in series["values"] if start <= t <= end]
    return [series for series in found if series["values"]]


def family_text(name: str, metadata: list[dict[str, str]], found: list[Series]) -> str:
    """One family in OpenMetrics. A counter's family is named without `_total`."""
    about = metadata[0] if metadata else {"type": "gauge", "help": "1 if the scrape succeeded."}
    kind = {"untyped": "unknown", "": "unknown"}.get(about["type"], about["type"])
    family = name.removesuffix("_total") if kind == "counter" else name
    description = about["help"].replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    lines = [f"# TYPE {family} {kind}", f"# HELP {family} {description}"]
    for series in found:
        labels = {k: v for k, v in sorted(series["metric"].items()) if k != "__name__"}
        text = ",".join(f"{k}={json.dumps(v)}" for k, v in labels.items())
        lines += [f"{name}{{{text}}} {v} {t:.3f}" for t, v in series["values"]]
    return "\n".join(lines) + "\n"


def incidents_text(path: Path, first: float, last: float, host: str) -> str:
    """incidents.yml. JSON strings are valid YAML, which saves a dependency."""
    lines: list[str] = []
    for noted in path.read_text().splitlines():
        if noted and (one := json.loads(noted))["start"] >= first and one["end"] <= last:
            lines.append(
                f"  - {{kind: {one['kind']}, start: {one['start']}, end: {one['end']},"
                f" command: {json.dumps(one['command'])}}}"
            )
    head = [f"start: {first:.3f}", f"end: {last:.3f}", "scrape_interval: 5", f"host: {host}"]
    head.append("incidents:" if lines else "incidents: []")
    return "\n".join(head + lines) + "\n"


def main() -> None:
    """Read the options, then write both files and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:19090")
    parser.add_argument("--start", type=float, default=0.0, help="drop samples before this")
    parser.add_argument("--end", type=float, default=float("inf"), help="drop samples after this")
    parser.add_argument("--incidents", type=Path, required=True, help="what scenario.py noted")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()

    metadata = get(options.url, "metadata")
    found = {
        name: raw(options.url, name, only, options.start, options.end)
        for name, only in FAMILIES.items()
    }
    if missing := [name for name, series in found.items() if not series]:
        parser.error(f"no samples of {', '.join(missing)}")

    text = "".join(family_text(name, metadata.get(name, []), found[name]) for name in found)
    packed = gzip.compress((text + "# EOF\n").encode(), compresslevel=9, mtime=0)
    (options.output / "node.om.gz").write_bytes(packed)

    times = [t for t, _ in found["up"][0]["values"]]
    cpus = len({series["metric"]["cpu"] for series in found["node_cpu_seconds_total"]})
    memory = float(found["node_memory_MemTotal_bytes"][0]["values"][-1][1])
    uname = get(options.url, "query", query="last_over_time(node_uname_info[3h])")["result"]
    kernel = uname[0]["metric"]["release"]
    host = f'{{cpus: {cpus}, memory_bytes: {memory:.0f}, kernel: "{kernel}"}}'
    report = incidents_text(options.incidents, times[0], times[-1], host)
    (options.output / "incidents.yml").write_text(report)

    count = sum(map(len, found.values()))
    sys.stdout.write(f"{count} series, {len(packed)} bytes of gzip\n{report}")


if __name__ == "__main__":
    main()
