"""The form of one link, as the admin shows it."""

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS

from pagerduty_card.accounts import all_accounts, names_of
from pagerduty_card.characters import TOO_LONG
from pagerduty_card.mapping.mistakes import is_service_id
from pagerduty_card.models import ServiceLink

_ONLY_ID = "Only the id, for example PABC123: the last part of the service's address."


class ServiceLinkForm(forms.ModelForm[ServiceLink]):
    """A link made in the admin: the account must be one that is configured."""

    class Meta:
        model = ServiceLink
        fields = ("entity", "account", "service_pd_id", "label")
        error_messages = {
            "account": {"max_length": TOO_LONG},
            "service_pd_id": {"max_length": _ONLY_ID},
            "label": {"max_length": TOO_LONG},
            NON_FIELD_ERRORS: {"unique_together": "The entity is linked to this service already."},
        }

    def clean_account(self) -> str:
        """Refuse a name no account has; the default account may go unnamed."""
        account: str = self.cleaned_data["account"].strip()
        known = all_accounts()
        if account and account not in known:
            raise forms.ValidationError(
                f"No PagerDuty account is called {account!r}; configured: {names_of(known)}."
            )
        return ServiceLink.stored_account(account)

    def clean_service_pd_id(self) -> str:
        """Refuse what cannot be an id, such as an address pasted whole."""
        pd_id: str = self.cleaned_data["service_pd_id"].strip()
        if not is_service_id(pd_id):
            raise forms.ValidationError(_ONLY_ID)
        return pd_id
