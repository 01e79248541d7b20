from django.urls import path

from apps.workspaces.views import inner

app_name = "workspaces"
urlpatterns = [
    path("internal/heartbeat", inner.heartbeat_of_host, name="heartbeat"),
    path("internal/runs/<uuid:pk>/plan", inner.plan, name="plan"),
    path("internal/runs/<uuid:pk>/events", inner.events, name="events"),
    path("internal/workspaces/<uuid:pk>/erased", inner.erased, name="erased"),
]
