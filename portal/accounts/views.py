"""Signing in, and what people do with their own account."""

import math
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.forms import OwnPasswordForm, SignInForm
from portal.accounts.sessions import end_sessions


class SignInView(LoginView):
    """The only door for people; the admin leads here as well."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; with 429 if too many passwords were tried."""
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = 429
            response.headers["Retry-After"] = str(math.ceil(form.wait.total_seconds()))
        return response


@sensitive_post_parameters()
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password, which ends one's other sessions."""
    data = request.POST if request.method == "POST" else None
    user: Any = request.user
    form = OwnPasswordForm(user, data)
    if form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(
            request, "Your password was changed. You are signed out everywhere but here."
        )
        return redirect("password")
    return render(
        request, "accounts/password.html", {"form": form}, status=200 if data is None else 422
    )


@login_required
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End all of one's sessions, this one too."""
    if isinstance(request.user, User):
        end_sessions([request.user])
    logout(request)
    return redirect("sign-in")
