"""The admin site: what its pages mask, its addresses do not answer either."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.filters import SimpleListFilter
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

# What Django's filters and date hierarchies ask by. Others could read a value letter by letter, and
# a regular expression can be an error or endless work of the database.
_ENDINGS = frozenset(
    {"exact", "in", "isnull", "gt", "gte", "lt", "lte", "year", "month", "day", "id", "pk"}
)


class ReadOnly:
    """For rows that the portal writes and people only read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds one by hand."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes one: it is the record of what happened."""
        del request, obj
        return False


class FilteredAsShown(admin.ModelAdmin[Any]):
    """Lets a list be narrowed by the filters beside it, and by nothing else.

    Django itself allows any comparison with any column of the model: with ``?column__startswith=``
    a person could read, letter by letter, a value that the page masks.

    An admin's ``also_filtered_by`` names lookups of links to its list which no filter has.
    """

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Read the list, see Django.

        Raises:
            DisallowedModelAdminLookup: The database or its driver can't compare with a value that
                Django let pass: a number, year or date that is too large, a NUL. Answered by 400.
        """
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, ValueError, DataError) as error:
            raise DisallowedModelAdminLookup(f"not a value to filter by: {error}") from error

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Whether ``lookup`` belongs to a filter, or to the date hierarchy, and Django agrees."""
        if lookup in getattr(self, "also_filtered_by", ()):
            return True
        allowed = [self.date_hierarchy] if self.date_hierarchy else []
        for one in self.get_list_filter(request):
            if isinstance(one, type) and issubclass(one, SimpleListFilter):
                allowed.append(str(one.parameter_name))
            else:
                allowed.append(str(one[0] if isinstance(one, tuple | list) else one))
        is_filter = any(
            lookup == one
            or (
                lookup.startswith(f"{one}{LOOKUP_SEP}") and lookup.split(LOOKUP_SEP)[-1] in _ENDINGS
            )
            for one in allowed
        )
        return is_filter and super().lookup_allowed(lookup, value, request)


class PortalAdminSite(admin.AdminSite):
    """Gives every registered admin, those of other packages too, the rules of this module.

    People sign in and change their password on the portal's pages, which limit and record it.
    """

    def register(
        self,
        model_or_iterable: type[Model] | Iterable[type[Model]],
        admin_class: type[admin.ModelAdmin[Any]] | None = None,
        **options: Any,
    ) -> None:
        """Register models, see Django; ``FilteredAsShown`` goes before the admin's own class."""
        given = admin_class or admin.ModelAdmin
        ruled = type(given.__name__, (FilteredAsShown, given), {"__module__": given.__module__})
        super().register(model_or_iterable, ruled, **options)

    @login_not_required
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the portal's sign-in.

        Raises:
            PermissionDenied: Somebody is signed in who may not use the admin.
        """
        del extra_context
        page = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(page)
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:index"))

    def password_change(  # type: ignore[override]  # the stubs know Django's own page alone
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the portal's page."""
        del request, extra_context
        return HttpResponseRedirect(reverse("password"))
