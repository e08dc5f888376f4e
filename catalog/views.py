"""Pages of the catalog: read the request, ask one query or presenter, pick a template."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page."""
    return render(request, "catalog/home.html")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the index."""
    return render(request, "catalog/index.html")


@require_safe
def entity(request: HttpRequest, namespace: str, kind: str, name: str) -> HttpResponse:
    """Show one entity."""
    return render(request, "catalog/entity.html", {"ref": (namespace, kind, name)})
