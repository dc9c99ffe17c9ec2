"""Are the lines in docs/webhook-audit.md those that are written?"""

import json
import re
from pathlib import Path

from sqlalchemy import insert

from tests.webhook.adapters.storing import ROUTING
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters.auditfile import unwritten
from webhook.adapters.recording import Recording
from webhook.adapters.schema import audit
from webhook.adapters.store import Store
from webhook.settings.audit import AuditConfig

PAGE = (Path(__file__).parents[2] / "docs" / "webhook-audit.md").read_text()


async def test_the_examples_have_the_fields_of_real_lines(store: Store) -> None:
    row = {"at": NOW, "actor": "a", "action": "b", "subject": "c", "detail": "d"}
    await store.record(Recording(delivery(alert()), ROUTING, NOW))
    await store.write(lambda connection: connection.execute(insert(audit), row).rowcount)
    written = (await store.read(unwritten)).lines
    fields = {line["kind"]: list(line) for line in map(json.loads, written)}
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert {line["kind"] for line in examples} == set(fields)
    for line in examples:
        assert list(line) == fields[line["kind"]]
        assert re.fullmatch(r"(incident|change)-\d+-\d+", line["id"])


def test_every_key_is_documented() -> None:
    for name in AuditConfig.model_fields:
        assert f"| `audit.{name}` |" in PAGE
