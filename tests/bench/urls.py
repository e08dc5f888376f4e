"""The product's addresses, and a signed-in view that does nothing."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.urls import handler400, handler403, handler404, handler500  # noqa: F401
from portal.urls import urlpatterns as product


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"signed in as {request.user.get_username()}")


urlpatterns = [path("bare/", bare), *product]
