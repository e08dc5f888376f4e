"""Addresses of PagerDuty that belong to no entity, included at ``/pagerduty/``."""

from django.urls import path

from pagerduty_card.doctor.views import doctor
from pagerduty_card.mapping_page import views as mapping_page
from pagerduty_card.webhooks.views import webhook

app_name = "pagerduty"
urlpatterns = [
    path("doctor/", doctor, name="doctor"),
    path("mapping/", mapping_page.mapping_page, name="mapping"),
    path("mapping/preview/", mapping_page.preview, name="mapping-preview"),
    path("mapping/apply/", mapping_page.apply, name="mapping-apply"),
    path("mapping/patch/", mapping_page.patch_of_preview, name="mapping-patch"),
    path("mapping/changes/", mapping_page.changes, name="mapping-changes"),
    path("mapping/changes/<int:pk>/", mapping_page.change, name="mapping-change"),
    path("mapping/changes/<int:pk>/undo/", mapping_page.undo_change, name="mapping-undo"),
    path(
        "mapping/changes/<int:pk>/patch/", mapping_page.patch_of_change, name="mapping-change-patch"
    ),
    path("webhooks/<str:account>/", webhook, name="webhook"),
]
