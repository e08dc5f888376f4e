"""Addresses of the catalog; namespace first, then kind, then name, as in Backstage."""

from django.urls import include, path

from catalog.views import entity, home, index, inspect, relations, stars

app_name = "catalog"
entity_patterns = [
    path("", entity.entity, name="entity"),
    path("dependencies/", relations.dependencies, name="dependencies"),
    path("members/", relations.members, name="members"),
    path("ownership/", relations.ownership, name="ownership"),
    path("api/", entity.api, name="api"),
    path("api/download/", entity.api_download, name="api-download"),
    path("star/", stars.star, name="star"),
    path("inspect/", inspect.inspect, name="inspect"),
    path("history/", inspect.history_page, name="history"),
]
urlpatterns = [
    path("", home.home, name="home"),
    path("catalog/", index.index, name="index"),
    path("catalog/<slug:namespace>/<slug:kind>/<str:name>/", include(entity_patterns)),
]
