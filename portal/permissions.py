"""Rights in one query: every page of a signed-in person asks for them."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q


class OneQueryBackend(ModelBackend):
    """Django's own backend, except that a person's and their groups' rights come together."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """``app_label.codename`` of every right of an active user; kept with the user object."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_perm_cache"):
            rights = Permission.objects.all()
            if not user_obj.is_superuser:
                rights = rights.filter(Q(user=user_obj) | Q(group__user=user_obj)).distinct()
            user_obj._perm_cache = {
                f"{app_label}.{codename}"
                for app_label, codename in rights.order_by().values_list(
                    "content_type__app_label", "codename"
                )
            }
        kept: set[str] = user_obj._perm_cache
        return kept
