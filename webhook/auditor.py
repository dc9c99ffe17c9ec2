"""How does all that alerted, and all that people changed, get into the audit files?"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Connection, insert, select

from promkit.clock import Clock
from promkit.rotating import DAY, RotatingFile
from webhook.adapters.auditfile import Unwritten, advance, unwritten
from webhook.adapters.schema import audit
from webhook.adapters.store import Store
from webhook.adapters.turns import take_turn
from webhook.config import WebhookConfig
from webhook.errors import StoreError
from webhook.periodic import run_every

log = logging.getLogger(__name__)

AUDIT_SECONDS = 2.0
_CONFIG = "config_loaded"
_TURN = "audit_writer"
_TURN_SECONDS = 60.0


class Auditor:
    """Follows the tables `incidents` and `audit`, and writes what is new into files.

    Parameters
    ----------
    store : what to write, and how far it has come
    clock : time
    registry : gets the metrics
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._file: RotatingFile | None = None
        self._written_for: tuple[Path, float] | None = None
        self._tidied_at = 0.0
        self._turn_until = 0.0
        self._failing_since: float | None = None
        self._lines = Counter(
            "anomaly_webhook_audit_lines_total",
            "Lines written into the audit files.",
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_audit_failures_total",
            "Attempts to write the audit files that failed.",
            registry=registry,
        )
        Gauge(
            "anomaly_webhook_audit_behind_seconds",
            "For how long the audit files could not be written; 0 when they can be.",
            registry=registry,
        ).set_function(self._behind)

    async def follow(self) -> None:
        """Write for ever what is new."""
        await run_every("write audit files", lambda: AUDIT_SECONDS, self.run, self._clock)

    async def run(self) -> None:
        """Write what is new, if it is this process that writes."""
        file = self._open()
        if file is None:
            self.close()
            return
        try:
            if not await self._has_turn():
                self.close()
                return
            while await self._write(file):
                pass
        except (StoreError, OSError) as error:
            self._failures.inc()
            if self._failing_since is None:
                self._failing_since = self._clock.now()
                problem = getattr(error, "strerror", None) or str(error)
                log.error(
                    "the audit files cannot be written; what belongs there waits in the store",
                    extra={"file": file.path, "problem": problem},
                )
            return
        if self._failing_since is not None:
            log.info("the audit files can be written again", extra={"file": file.path})
        self._failing_since = None

    async def loaded(self, text: str, source: str, before: WebhookConfig | None) -> None:
        """Put on record that a configuration was taken into use, if it is another one.

        Parameters
        ----------
        text : of the file
        source : its name
        before : what was in force, None at the start
        """
        after, now = {"sha256": hashlib.sha256(text.encode()).hexdigest()[:16]}, self._clock.now()
        config = self._config()
        words = "found at the start"
        if before is not None:
            names = sorted(
                name
                for name in WebhookConfig.model_fields
                if getattr(before, name) != getattr(config, name)
            )
            words = f"changed: {', '.join(names)}" if names else "nothing but its text changed"

        def note(connection: Connection) -> None:
            last = (
                select(audit.c.after)
                .where(audit.c.action == _CONFIG, audit.c.subject == source)
                .order_by(audit.c.id.desc())
                .limit(1)
            )
            if (known := connection.execute(last).scalar()) == after:
                return
            row = {
                "at": now,
                "actor": "reload",
                "action": _CONFIG,
                "subject": source,
                "before": known,
                "after": after,
                "detail": words,
            }
            connection.execute(insert(audit), row)

        try:
            await self._store.write(note)
        except StoreError as error:
            log.warning("cannot put the configuration on record", extra={"problem": str(error)})

    def _open(self) -> RotatingFile | None:
        config = self._config()
        folder = config.audit_folder
        if folder is None or config.audit is None:
            return None
        wanted = folder, config.audit.retention
        if wanted != self._written_for or self._file is None:
            self.close()
            self._file = RotatingFile(folder, "audit", "jsonl", config.audit.retention)
            self._written_for = wanted
        return self._file

    def close(self) -> None:
        """Let go of the file; a later run opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._failing_since = None

    async def _has_turn(self) -> bool:
        """Tell whether this process writes; another replica goes on as soon as it does not."""
        if not self._store.is_shared:
            return True
        now = self._clock.now()
        # Renewed at half time, and never relied on to the very end.
        left = self._turn_until - now
        # More than a whole turn is left where the clock has gone back.
        if _TURN_SECONDS / 2 < left <= _TURN_SECONDS:
            return True
        self._turn_until = 0.0
        self._turn_until = await self._store.write(
            lambda connection: take_turn(
                connection, _TURN, self._store.instance, now, _TURN_SECONDS
            )
        )
        return self._turn_until > 0.0

    async def _write(self, file: RotatingFile) -> bool:
        """Write some lines and how far that is; return whether there may be more."""
        found = await self._store.read(unwritten)
        await asyncio.to_thread(self._append, file, found)
        if found.after != found.before:
            now = self._clock.now()
            await self._store.write(lambda connection: advance(connection, found.after, now))
        self._lines.inc(len(found.lines))
        return bool(found.lines)

    def _append(self, file: RotatingFile, found: Unwritten) -> None:
        now = self._clock.now()
        if found.lines:
            has_rotated = file.append(b"".join(found.lines), now, durably=True)
        else:
            has_rotated = file.roll(now)
        if has_rotated or now >= self._tidied_at + DAY:
            file.tidy(now)
            self._tidied_at = now

    def _behind(self) -> float:
        since = self._failing_since
        return 0.0 if since is None else max(0.0, self._clock.now() - since)
