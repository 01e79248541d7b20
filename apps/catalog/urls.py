from django.urls import path

from apps.catalog.views import datasets, looks, stewards, uploads, versions

app_name = "catalog"
urlpatterns = [
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/new/", datasets.dataset_create, name="dataset_create"),
    path("datasets/<slug:slug>/", datasets.dataset, name="dataset"),
    path("datasets/<slug:slug>/edit/", datasets.dataset_edit, name="dataset_edit"),
    path("datasets/<slug:slug>/quorum/", stewards.quorum, name="quorum"),
    path("datasets/<slug:slug>/stewards/new/", stewards.steward_appoint, name="steward_appoint"),
    path("datasets/stewards/<uuid:pk>/dismiss/", stewards.steward_dismiss, name="steward_dismiss"),
    path("datasets/<slug:slug>/versions/new/", versions.version_start, name="version_start"),
    path("datasets/<slug:slug>/versions/<int:number>/", versions.version, name="version"),
    path("datasets/<slug:slug>/versions/<int:number>/croissant/", versions.version_croissant, name="version_croissant"),
    path("datasets/<slug:slug>/versions/<int:number>/dcat/", versions.version_dcat, name="version_dcat"),
    path("datasets/<slug:slug>/versions/<int:number>/edit/", versions.version_edit, name="version_edit"),
    path("datasets/<slug:slug>/versions/<int:number>/upload/", uploads.version_upload, name="version_upload"),
    path("datasets/<slug:slug>/versions/<int:number>/publish/", versions.version_publish, name="version_publish"),
    path("datasets/<slug:slug>/versions/<int:number>/withdraw/", versions.version_withdraw, name="version_withdraw"),
    path(
        "datasets/<slug:slug>/versions/<int:number>/files/<uuid:pk>/drop/",
        versions.file_drop,
        name="file_drop",
    ),
    path("datasets/<slug:slug>/versions/<int:number>/looks/", looks.version_looks, name="version_looks"),
    path("datasets/<slug:slug>/versions/<int:number>/looks/ask/", looks.looks_ask, name="looks_ask"),
    path("datasets/<slug:slug>/versions/<int:number>/looks/<uuid:pk>.png", looks.look_picture, name="look_picture"),
]
