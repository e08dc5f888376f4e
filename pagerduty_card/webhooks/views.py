"""The door for PagerDuty's webhooks."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pagerduty_card.accounts import all_accounts
from pagerduty_card.webhooks.receiving import note_refused, receive
from pagerduty_card.webhooks.signatures import HEADER, is_signed

# PagerDuty sends nothing larger.
MAX_BODY_BYTES = 256 * 1024


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def webhook(request: HttpRequest, account: str) -> HttpResponse:
    """Take one delivery: 202 as soon as it is stored, also when it was stored before.

    404 for an account that is not configured; 503 for one that has no secret yet, because then
    PagerDuty keeps the event and tries again for two days; 411, 413 and 403 are final.

    Source: https://developer.pagerduty.com/docs/webhooks-overview
    """
    found = all_accounts().get(account)
    if found is None or (found.is_unset and not found.webhook_secrets):
        raise Http404
    if not found.webhook_secrets:
        return _answer(503, "no secret is configured for this account")
    if "Transfer-Encoding" in request.headers:
        # Of a body without a length nothing is read, and no signature would be right.
        return _answer(411, "the body has no length: let no proxy send it in chunks")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return _answer(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes")
    body = request.body
    if not is_signed(body, request.headers.get(HEADER, ""), found.webhook_secrets):
        note_refused(account)
        return _answer(403, "the signature is missing or wrong")
    receive(account, body)
    return HttpResponse(status=202)


def _answer(status: int, reason: str) -> HttpResponse:
    return JsonResponse({"error": reason}, status=status)
