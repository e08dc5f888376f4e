"""Addresses of the catalog; namespace first, then kind, then name, as in Backstage."""

from django.urls import include, path

from catalog.views import (
    entity,
    export,
    home,
    index,
    inspect,
    issues,
    locations,
    refresh,
    relations,
    search,
    stars,
)

app_name = "catalog"
entity_patterns = [
    path("", entity.entity, name="entity"),
    path("dependencies/", relations.dependencies, name="dependencies"),
    path("members/", relations.members, name="members"),
    path("ownership/", relations.ownership, name="ownership"),
    path("api/", entity.api, name="api"),
    path("api/download/", entity.api_download, name="api-download"),
    path("refresh/", refresh.refresh, name="refresh"),
    path("star/", stars.star, name="star"),
    path("inspect/", inspect.inspect, name="inspect"),
    path("history/", inspect.history_page, name="history"),
]
urlpatterns = [
    path("", home.home, name="home"),
    path("search/", search.quick_search, name="quick-search"),
    path("catalog/", index.index, name="index"),
    path("catalog/export/", export.export, name="export"),
    path("catalog/locations/register/", locations.register, name="register"),
    path("catalog/locations/", locations.locations, name="locations"),
    path("catalog/locations/dead/", locations.dead, name="dead-locations"),
    path("catalog/locations/<int:pk>/", locations.location, name="location"),
    path("catalog/locations/<int:pk>/refresh/", refresh.location_refresh, name="location-refresh"),
    path(
        "catalog/locations/<int:pk>/unregister/", locations.unregister, name="location-unregister"
    ),
    path("catalog/issues/", issues.issues, name="issues"),
    path("catalog/hooks/refresh/", refresh.refresh_hook, name="refresh-hook"),
    path("catalog/<slug:namespace>/<slug:kind>/<str:name>/", include(entity_patterns)),
]
