"""What can go wrong in the webhook, and what each failure costs.

::

    WebhookError
      DeliveryError         the body is not Alertmanager's JSON: 400, kept in quarantine
      StoreError            the store cannot be used
        StoreUnusable       cannot be opened: locked, damaged, newer; the daemon does not start
        StoreUnavailable    cannot commit now: disk full, stage full; 503, Alertmanager retries
        StoreRefused        will never take this row: a defect of ours; 400 and quarantine
        ArchiveError        what is old cannot be archived: it stays, and tomorrow is another try
        BackupError         a backup cannot be written or restored; nothing was changed
      LookupFailed          Prometheus or Alertmanager cannot be asked now; asked again later
      ChannelError          one attempt to notify failed; `is_permanent` decides about a retry

A wrong configuration is `promkit.errors.ConfigProblems`: exit 2, or on reload the old one stays.
"""

from typing import Literal

FailureReason = Literal[
    "rejected",
    "redirected",
    "rate_limited",
    "server_error",
    "timeout",
    "unreachable",
    "tls",
    "secret",
    "internal",
]

LookupReason = Literal["unavailable", "rejected", "bad_answer", "secret", "store"]


class WebhookError(Exception):
    """Anything the webhook raises on purpose."""


class DeliveryError(WebhookError):
    """A request body holds nothing that could be stored as alerts."""


class StoreError(WebhookError):
    """The store cannot be used."""


class StoreUnusable(StoreError):
    """The store cannot be opened at all."""


class StoreUnavailable(StoreError):
    """The store cannot commit at the moment; trying again may help."""


class StoreRefused(StoreError):
    """The store works, but does not take this: trying again cannot help."""


class LookupFailed(WebhookError):
    """Prometheus or Alertmanager did not tell what we asked.

    Parameters
    ----------
    reason : label on the failure counter
    message : what happened, free of secrets
    """

    def __init__(self, reason: LookupReason, message: str) -> None:
        super().__init__(message)
        self.reason: LookupReason = reason


class ArchiveError(StoreError):
    """What retention wants to delete cannot be written to the archive; it stays in the store."""


class BackupError(StoreError):
    """A backup cannot be written or restored."""


class ChannelError(WebhookError):
    """One attempt to send a notification failed.

    Parameters
    ----------
    reason : label on the failure counter
    message : what happened, free of secrets; shown on the page and by send-test
    is_permanent : whether sending the same again cannot succeed
    retry_after : seconds that the other side asked us to wait, if it did
    """

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        *,
        is_permanent: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.reason: FailureReason = reason
        self.is_permanent = is_permanent
        self.retry_after = retry_after
