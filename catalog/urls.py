"""Addresses of the catalog; namespace first, then kind, then name, as in Backstage."""

from django.urls import include, path

from catalog import views

app_name = "catalog"
entity_patterns = [
    path("", views.entity, name="entity"),
    path("dependencies/", views.dependencies, name="dependencies"),
    path("members/", views.members, name="members"),
    path("api/", views.api, name="api"),
    path("api/download/", views.api_download, name="api-download"),
    path("inspect/", views.inspect, name="inspect"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("catalog/", views.index, name="index"),
    path("catalog/<slug:namespace>/<slug:kind>/<str:name>/", include(entity_patterns)),
]
