from django.urls import path

from apps.workspaces.views import inner, pages

app_name = "workspaces"
urlpatterns = [
    path("workspaces/", pages.workspaces, name="workspaces"),
    path("projects/<uuid:pk>/workspace/", pages.workspace, name="workspace"),
    path("projects/<uuid:pk>/workspace/start/", pages.start, name="start"),
    path("runs/", pages.runs, name="runs"),
    path("runs/<uuid:pk>/", pages.run, name="run"),
    path("runs/<uuid:pk>/stop/", pages.stop, name="stop"),
    path("runs/<uuid:pk>/resume/", pages.resume, name="resume"),
    path("runs/<uuid:pk>/code/", pages.code, name="code"),
    path("internal/heartbeat", inner.heartbeat_of_host, name="heartbeat"),
    path("internal/runs/<uuid:pk>/plan", inner.plan, name="plan"),
    path("internal/runs/<uuid:pk>/events", inner.events, name="events"),
    path("internal/workspaces/<uuid:pk>/erased", inner.erased, name="erased"),
]
