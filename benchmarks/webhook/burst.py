"""How long until a storm of new alerts is durable, and does Alertmanager lose patience?

The real Alertmanager with `group_by: ['...']`, so that each alert is a request of its own, and a
webhook with its default configuration. Run `python -m benchmarks.webhook.burst`.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.e2e.burst import burst
from tests.e2e.programs import programs_in

_LONGEST = 30.0


def main() -> int:
    """Measure and print; 1 if it took too long or a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, programs_in(Path(folder)) as programs:
        found = burst(programs, options.alerts, longest=300)
    print(f"alerts                     {options.alerts}, stored {found.stored}")
    print(f"all durable after          {found.seconds:.1f} s")
    print(f"requests of Alertmanager   {found.requests:.0f}, failed {found.failed:.0f}")
    print(
        f"CPU of the webhook         {found.cpu_seconds:.1f} s, "
        f"{1e3 * found.cpu_seconds / options.alerts:.2f} ms per alert"
    )
    print(f"CPU of Alertmanager        {found.alertmanager_cpu_seconds:.1f} s on the same machine")
    print(f"memory of the webhook      {found.memory:.0f} MiB")
    print(f"load average               {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    return int(found.seconds > _LONGEST or found.failed > 0 or found.stored != options.alerts)


if __name__ == "__main__":
    sys.exit(main())
