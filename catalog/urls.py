"""Addresses of the catalog; namespace first, then kind, then name, as the peer has them."""

from django.urls import path

from catalog import views

app_name = "catalog"
urlpatterns = [
    path("", views.home, name="home"),
    path("catalog/", views.index, name="index"),
    path("catalog/<slug:namespace>/<slug:kind>/<str:name>/", views.entity, name="entity"),
]
