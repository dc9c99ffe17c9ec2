"""Is anything lost or told twice when the webhook is killed under load, again and again?

The drill of tests/webhook/killing.py at full length: `python -m benchmarks.webhook.kills`.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.webhook.killing import Outcome, kill_again_and_again, people
from tests.webhook.postgres import running_postgres
from webhook.dispatcher import CONCURRENCY


async def _measure(options: argparse.Namespace, folder: Path, url: str) -> bool:
    async with people() as told:
        found = await kill_again_and_again(
            folder,
            url,
            told,
            random.Random(options.seed),
            kills=options.kills,
            longest_life=options.life,
            pace=options.rate / 10,
        )
    _report(options, found)
    return (
        found.lost == found.opened_twice == found.untold == 0
        and found.damage == "ok"
        and found.pages_twice == found.mail_ids_astray == 0
        and all(count <= options.kills * CONCURRENCY for count in found.twice.values())
    )


def _report(options: argparse.Namespace, found: Outcome) -> None:
    answers = ", ".join(f"{what} {count}" for what, count in found.answers.most_common())
    twice = ", ".join(f"{name} {count}" for name, count in found.twice.items())
    print(f"kills                      {options.kills}, seed {options.seed}")
    print(f"alerts accepted            {found.accepted} in {found.seconds:.0f} s", end=", ")
    print(f"{found.accepted / found.lived:.0f} per second in which it was up")
    print(f"lost, opened twice, untold {found.lost}, {found.opened_twice}, {found.untold}")
    print(f"database                   {found.damage}")
    print(f"told one by one            {found.sent} messages, and {found.digests} digests")
    print(f"messages sent twice        {twice}; at most {options.kills * CONCURRENCY} each")
    print(f"pages seen twice           {found.pages_twice}")
    print(f"mails with another id      {found.mail_ids_astray}")
    print(f"deliveries answered        {answers}")
    print(f"CPU of the daemons         {found.cpu_seconds:.0f} s, load {os.getloadavg()[0]:.1f}")


def main() -> int:
    """Measure and print; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--life", type=float, default=2.0, help="longest, in seconds")
    parser.add_argument("--rate", type=float, default=1_000, help="alerts per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.postgres:
            with running_postgres() as server:
                is_fine = asyncio.run(_measure(options, Path(folder), server.new_database()))
        else:
            url = f"sqlite:///{folder}/webhook.db"
            is_fine = asyncio.run(_measure(options, Path(folder), url))
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
