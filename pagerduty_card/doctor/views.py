"""What is wrong between the portal and PagerDuty."""

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from pagerduty_card.accounts import all_accounts
from pagerduty_card.doctor.accounts import examine_accounts, examine_portal
from pagerduty_card.doctor.entities import examine_entity
from pagerduty_card.doctor.findings import PERMISSION as RUN_DOCTOR
from pagerduty_card.doctor.findings import worst_of
from pagerduty_card.doctor.paging_keys import known_keys
from pagerduty_card.doctor.probing import Probe, probe_all
from portal.redirects import see_other


@never_cache
@login_required
@permission_required(RUN_DOCTOR, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def doctor(request: HttpRequest) -> HttpResponse:
    """Show what is wrong between the portal and PagerDuty; a POST asks PagerDuty first."""
    accounts = [one for _, one in sorted(all_accounts().items())]
    if any(one.is_configured for one in accounts):
        accounts = [one for one in accounts if not one.is_unset]
    ref = request.GET.get("entity", "").strip()
    if request.method == "POST":
        asked = [one for one in accounts if one.is_configured]
        probes = probe_all(asked, known_keys([one.name for one in asked], ref))
        # In the reader's session: it shows also where the cache is what is wrong.
        request.session[_PROBES] = [one.to_json() for one in probes.values()]
        return see_other(request.get_full_path())
    kept = [Probe.from_json(one) for one in request.session.get(_PROBES, [])]
    now = timezone.now()
    findings = [
        examine_portal(now),
        *examine_accounts(accounts, {one.account: one for one in kept}, now),
    ]
    walked = examine_entity(ref, now) if ref else []
    context = {
        "findings": findings,
        "walked": walked,
        "ref": ref,
        "verdict": worst_of(one.verdict for one in findings),
        "wrong_count": sum(step.is_wrong for one in findings for step in one.steps),
    }
    return render(request, "pagerduty_card/doctor.html", context)


_PROBES = "pagerduty_probes"
