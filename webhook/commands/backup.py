"""How does the store get into a file, and back? `anomaly-webhook backup` and `restore`."""

import argparse
import logging
from pathlib import Path

from promkit.clock import SystemClock
from webhook.adapters.backup import Manifest, backup
from webhook.adapters.restore import restore
from webhook.config import WebhookConfig

_BACKUP = """\
Write everything that the store holds at this moment to one file: a zip of JSON lines with
checksums. The daemon may go on meanwhile. The file moves a store from SQLite to PostgreSQL, too, or
back.

Exit code 0: done; 1: it did not work; 2: the command line or the configuration is wrong.
"""
_RESTORE = """\
Fill the store that the configuration names from a backup, wholly or not at all. Stop the daemon
first, all of its replicas.

Exit code 0: done; 1: it did not work, nothing was changed; 2: the command line or the configuration
is wrong.
"""


def add_backup_flags(parser: argparse.ArgumentParser) -> None:
    """Describe `backup` and its flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _BACKUP
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that does not exist yet")


def add_restore_flags(parser: argparse.ArgumentParser) -> None:
    """Describe `restore` and its flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _RESTORE
    parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    parser.add_argument(
        "--replace", action="store_true", help="throw away what the store holds already"
    )


def run_backup(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Write the backup; return the exit code."""
    manifest = backup(config.store.database, options.file, SystemClock().now())
    print(f"{options.file}: {_described(manifest)} of {config.store.database.name}")
    return 0


def run_restore(options: argparse.Namespace, config: WebhookConfig) -> int:
    """Fill the store; return the exit code."""
    # Its INFO lines say how it works, not what it did.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database = config.store.database
    now = SystemClock().now()
    manifest = restore(database, options.file, now, is_replacing=options.replace)
    print(f"{database.name}: {_described(manifest)} from {options.file}")
    return 0


def _described(manifest: Manifest) -> str:
    incidents = manifest.tables["incidents"].rows
    return f"{manifest.rows} rows, {incidents} incidents, schema {manifest.schema}"
