"""Accounts in the admin: Django's own pages, signing people out, and the record."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from portal.accounts.models import AccountEvent
from portal.accounts.sessions import end_sessions
from portal.admin_site import ReadOnly

admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(UserAdmin[User]):
    """Django's page of accounts."""

    actions = ("sign_out",)

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """End the sessions of the chosen people."""
        ended = end_sessions(people)
        self.message_user(request, f"{ended:,} sessions were ended.", messages.SUCCESS)


@admin.register(AccountEvent)
class AccountEventAdmin(ReadOnly, admin.ModelAdmin[AccountEvent]):
    """The record; nobody writes it by hand."""

    list_display = ("at", "kind", "account", "by", "address", "detail")
    list_filter = ("kind", "in_sandbox")
    date_hierarchy = "at"
    search_fields = ("account", "by", "address")
    search_help_text = "Account, who did it, or address"
    show_full_result_count = False
    list_max_show_all = 0
