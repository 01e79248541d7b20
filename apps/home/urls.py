from django.urls import path

from apps.home import record_views, views

app_name = "home"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("notices/", views.notices, name="notices"),
    path("notices/read/", views.notices_read, name="notices_read"),
    path("theme/", views.theme, name="theme"),
    path("record/", record_views.record, name="record"),
    path("record/verify/", record_views.record_verify, name="record_verify"),
    path("record/verified/<uuid:pk>/", record_views.record_verified, name="record_verified"),
    path("record/<uuid:pk>/", record_views.event, name="event"),
    path("record/<uuid:pk>/bundle/", record_views.event_bundle, name="event_bundle"),
    path("platform/", views.platform, name="platform"),
    path("help/", views.help_page, name="help"),
    path("gallery/", views.gallery, name="gallery"),
]
