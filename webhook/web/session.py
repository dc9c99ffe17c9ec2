"""May whoever asks change something, and did they press the button on a page of ours?

See `webhook.web.visit` for how a session is found.
"""

from aiohttp import web
from markupsafe import Markup

from webhook.core.sessions import is_form_token
from webhook.web.origin import form_fields, is_foreign
from webhook.web.shell import page
from webhook.web.visit import (
    CONSOLE,
    FORM_FIELD,
    csrf_field,
    find_visit,
    may_write,
    person,
)

__all__ = ["checked_form", "csrf_field", "may_write", "person"]


async def checked_form(request: web.Request, *, needs_login: bool = True) -> dict[str, str]:
    """Return the fields of a form that a page of ours holds, and that its reader has sent.

    Parameters
    ----------
    needs_login : whether only those may send it who may write

    Raises
    ------
    web.HTTPException
        A page that says what to do, if another site sent it, it is too old, or nobody has logged
        in.
    """
    visit = await find_visit(request)
    fields = await form_fields(request)
    if needs_login and not may_write(request):
        raise _refusal(request, 403, "Log in to change something; then press the button again.")
    if is_foreign(request, request.app[CONSOLE].settings().external_url, needs_origin=True):
        raise _refusal(request, 403, "This form was sent by another site. Use the form of ours.")
    if not visit.keys:
        text = "Forms cannot be checked now; the log of the webhook says why."
        raise _refusal(request, 503, text)
    token = fields.pop(FORM_FIELD, "")
    if not is_form_token(token, visit.keys, visit.user, visit.nonce):
        text = (
            "This form is not of your session, or older than it. Go back, load the page anew, and "
            "press the button again; cookies must be allowed."
        )
        raise _refusal(request, 403, text)
    return fields


def _refusal(request: web.Request, status: int, text: str) -> web.HTTPException:
    body = Markup("<p>{}</p>").format(text)
    shown = page(request, "Nothing was changed", body, status=status)
    kinds = {403: web.HTTPForbidden, 503: web.HTTPServiceUnavailable}
    headers = {name: value for name, value in shown.headers.items() if name != "Content-Type"}
    return kinds[status](text=shown.text, content_type="text/html", headers=headers)
