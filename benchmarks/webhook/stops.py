"""How long does the webhook take to stop under load, and is anything lost by it?

The drill of tests/webhook/stopping.py at full length: `python -m benchmarks.webhook.stops`.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.webhook.stopping import stop_again_and_again

_ALLOWED = {200, 503, "refused", "broken"}


def main() -> int:
    """Measure and print; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--rate", type=float, default=500, help="alerts per second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            stop_again_and_again(
                Path(folder), options.stops, pace=options.rate, alerts=int(options.rate)
            )
        )
    ordered = sorted(found.seconds)
    answers = ", ".join(f"{what} {count}" for what, count in found.answers.most_common())
    print(f"stops                      {len(ordered)}, exit codes {sorted(found.codes)}")
    print(f"seconds until the end      median {ordered[len(ordered) // 2]:.1f}", end=", ")
    print(f"longest {ordered[-1]:.1f}")
    print(f"alerts accepted            {found.accepted}, lost {found.lost}")
    print(f"deliveries answered        {answers}")
    print(f"load average               {os.getloadavg()[0]:.1f}")
    is_fine = found.lost == 0 and found.codes == {0} and ordered[-1] < 10
    return 0 if is_fine and found.answers.keys() <= _ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
