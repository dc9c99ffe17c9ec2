"""What the webhook found out by itself during the whole story: nothing that was not so."""

import time

import pytest

from tests.e2e.receiver import Receiver
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def test_all_that_alertmanager_knows_was_delivered(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    succeeded = "anomaly_webhook_reconcile_last_success_timestamp_seconds"
    stack.wait_for(
        "a comparison of late", lambda: (stack.value(succeeded) or 0) > time.time() - 75, 90
    )
    assert stack.value("sum(anomaly_webhook_reconcile_failures_total)") == 0
    # All was delivered, if late: nothing that came and went was missed, no end made up.
    assert stack.value('anomaly_webhook_reconcile_recovered_total{state="ended"}') == 0
    assert stack.value("anomaly_webhook_reconcile_closed_total") == 0
    incidents = stack.get("webhook", "/api/v1/alerts?limit=1000").json()["alerts"]
    still_open = [one["fingerprint"] for one in incidents if one["status"] == "firing"]
    assert len(still_open) == len(set(still_open))


def test_the_watchdog_is_heard_and_told_to_nobody(stack: Stack, receiver: Receiver) -> None:
    heard = "anomaly_webhook_heartbeat_timestamp_seconds"
    stack.wait_for(
        "a heartbeat of late", lambda: (stack.value(heard) or 0) > time.time() - 100, 120
    )
    told = {one.body["alertname"] for one in receiver.deliveries}
    assert not {"AnomalyWatchdog", "AnomalyWebhookHeartbeatMissing"} & told
