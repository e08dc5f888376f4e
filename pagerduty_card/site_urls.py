"""Addresses of PagerDuty that belong to no entity, included at ``/pagerduty/``."""

from django.urls import path

from pagerduty_card.doctor.views import doctor
from pagerduty_card.linking import views as linking
from pagerduty_card.webhooks.views import webhook

app_name = "pagerduty"
urlpatterns = [
    path("doctor/", doctor, name="doctor"),
    path("mapping/", linking.mapping_page, name="mapping"),
    path("mapping/preview/", linking.preview, name="mapping-preview"),
    path("mapping/apply/", linking.apply, name="mapping-apply"),
    path("mapping/patch/", linking.patch_of_preview, name="mapping-patch"),
    path("mapping/changes/", linking.changes, name="mapping-changes"),
    path("mapping/changes/<int:pk>/", linking.change, name="mapping-change"),
    path("mapping/changes/<int:pk>/undo/", linking.undo_change, name="mapping-undo"),
    path("mapping/changes/<int:pk>/patch/", linking.patch_of_change, name="mapping-change-patch"),
    path("webhooks/<str:account>/", webhook, name="webhook"),
]
