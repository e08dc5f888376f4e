"""The addresses of the site; docs/architecture.md lists the pages."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from portal import views

admin.site.site_header = admin.site.site_title = f"{settings.PORTAL_NAME} admin"

urlpatterns = [
    path("", include("catalog.urls")),
    path("", include("portal.accounts.urls")),
    path("preference/", views.preference, name="preference"),
    path("healthz/live", views.live, name="live"),
    path("healthz/ready", views.ready, name="ready"),
    path("healthz/work", views.work, name="work"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("admin/", admin.site.urls),
]
if apps.is_installed("pagerduty_card"):
    urlpatterns += [
        path(
            "catalog/<slug:namespace>/<slug:kind>/<str:name>/pagerduty/",
            include("pagerduty_card.urls"),
        ),
        path("pagerduty/", include("pagerduty_card.site_urls")),
        path("", include("pagerduty_card.overview.urls")),
    ]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
