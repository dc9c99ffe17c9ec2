"""Which of Slack's refusals cannot get better?

A word that is not in the table is tried again: losing a message is worse than repeating a request.
Sources: the reference of chat.postMessage, chat.update and the files methods on docs.slack.dev, and
Slack's changelog of 2016-05-17 for incoming webhooks.
"""

import re
from typing import Final

from webhook.channels.http import one_line
from webhook.errors import ChannelError

# About the blocks; the same words without layout may be accepted.
LAYOUT: Final = frozenset(
    {
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "msg_blocks_too_long",
        "msg_too_long",
        "too_many_attachments",
    }
)
# The message that should be edited or answered is out of reach; a new one is not.
UNEDITABLE: Final = frozenset(
    {
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
        "cannot_reply_to_message",
        "is_inactive",
    }
)
PERMANENT: Final = frozenset(
    {
        *LAYOUT,
        *UNEDITABLE,
        "access_denied",
        "account_inactive",
        "action_prohibited",
        "as_user_not_supported",
        "channel_is_archived",
        "channel_not_found",
        "channel_type_not_supported",
        "enterprise_is_restricted",
        "invalid_arguments",
        "invalid_auth",
        "invalid_channel",
        "invalid_token",
        "is_archived",
        "method_deprecated",
        "missing_scope",
        "no_active_hooks",
        "no_permission",
        "no_service",
        "no_service_id",
        "no_team",
        "no_text",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "posting_to_general_channel_denied",
        "restricted_action",
        "restricted_action_read_only_channel",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "user_not_found",
    }
)
LIMITED: Final = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})


def incoming_failure(word: str) -> ChannelError:
    """Return what it means that an incoming webhook answered 200 with something else than "ok"."""
    shown = one_line(word, 100)
    return _failure(shown.partition(" ")[0], f"Slack answered {shown!r} rather than ok")


def api_failure(method: str, word: str, details: str) -> ChannelError:
    """Return what `{"ok": false, "error": word}` means.

    Parameters
    ----------
    details : what Slack adds, free of secrets
    """
    message = f"{method}: {one_line(word, 100)}"
    return _failure(word, f"{message}: {details}" if details else message)


def is_about_layout(error: ChannelError) -> bool:
    """Tell whether the same words without blocks may be accepted."""
    return _says(error, LAYOUT)


def is_uneditable(error: ChannelError) -> bool:
    """Tell whether the earlier message is out of reach, while a new one may not be."""
    return _says(error, UNEDITABLE)


def _says(error: ChannelError, words: frozenset[str]) -> bool:
    return error.is_permanent and not words.isdisjoint(re.findall(r"[a-z_]+", str(error)))


def _failure(word: str, message: str) -> ChannelError:
    if word in LIMITED:
        return ChannelError("rate_limited", message)
    if word in PERMANENT:
        return ChannelError("rejected", message, is_permanent=True)
    return ChannelError("server_error", message)
