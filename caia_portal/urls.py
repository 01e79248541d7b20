"""Every address of the portal, by app."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.home.urls")),
    path("", include("apps.alliance.urls")),
    path("", include("apps.agreements.urls")),
    path("", include("apps.projects.steward_urls")),
    path("", include("apps.alliance.signin.door_urls")),
    path("", include("apps.catalog.urls")),
    path("", include("apps.projects.urls")),
    path("", include("apps.workspaces.urls")),
    path("", include("apps.jobs.urls")),
    path("oidc/", include("apps.workspaces.oidc_urls")),
    path("health/", include("apps.core.urls")),
]

handler400 = "apps.core.error_pages.bad_request"
handler403 = "apps.core.error_pages.forbidden"
handler404 = "apps.core.error_pages.not_found"
handler500 = "apps.core.error_pages.server_error"
