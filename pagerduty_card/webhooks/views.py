"""The door for PagerDuty's webhooks."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pagerduty_card.accounts import all_accounts
from pagerduty_card.webhooks.receiving import (
    MAX_AGE,
    is_too_old,
    note_no_secret,
    note_refused,
    receive,
)
from pagerduty_card.webhooks.signatures import HEADER, is_signed
from portal.numbers import whole_number

# PagerDuty sends nothing larger.
MAX_BODY_BYTES = 256 * 1024
_UNSIGNED = "the signature is missing or wrong"


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def webhook(request: HttpRequest, account: str) -> HttpResponse:
    """Take one delivery: 202 as soon as it is stored, also when it was stored before.

    All other answers are final: 400, 411, 413 and 403. An account that is not configured, and one
    without a secret, are answered like a wrong signature, so that strangers learn of neither; the
    log says which it was, and the doctor what is missing.

    Source: https://developer.pagerduty.com/docs/webhooks-overview
    """
    found = all_accounts().get(account)
    if found is None or not found.webhook_secrets:
        note_no_secret(found, account)
        return _answer(403, _UNSIGNED)
    if "Transfer-Encoding" in request.headers:
        # Of a body without a length nothing is read, and no signature would be right.
        return _answer(411, "the body has no length: let no proxy send it in chunks")
    length = whole_number(request.META.get("CONTENT_LENGTH") or "0")
    if length is None or length > MAX_BODY_BYTES:
        return _answer(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes")
    body = request.body
    if not is_signed(body, request.headers.get(HEADER, ""), found.webhook_secrets):
        note_refused(account)
        return _answer(403, _UNSIGNED)
    if is_too_old(body):
        return _answer(400, f"the event is older than {MAX_AGE.days} days, or lies in the future")
    receive(account, body)
    return HttpResponse(status=202)


def _answer(status: int, reason: str) -> HttpResponse:
    return JsonResponse({"error": reason}, status=status)
