from django.urls import path

from apps.jobs.views import costs, inner, inside, pages, stream

app_name = "jobs"
urlpatterns = [
    path("jobs/", pages.jobs, name="jobs"),
    path("jobs/<uuid:pk>/", pages.job, name="job"),
    path("jobs/<uuid:pk>/cancel/", pages.cancel, name="cancel"),
    path("jobs/<uuid:pk>/log/", pages.log, name="log"),
    path("jobs/<uuid:pk>/crate/", pages.crate, name="crate"),
    path("attempts/<uuid:pk>/log/", stream.log_stream, name="log_stream"),
    path("projects/<uuid:pk>/jobs/new/", pages.new, name="new"),
    path("jobs/use/", costs.usage, name="usage"),
    path("jobs/use/usage.csv", costs.usage_csv, name="usage_csv"),
    path("jobs/use/<slug:slug>/", costs.center, name="center"),
    path("jobs/use/<slug:slug>/budget/", costs.budget, name="budget"),
    path("jobs/use/<slug:slug>/share/", costs.share, name="share"),
    path("internal/jobs/beat", inner.beat, name="beat"),
    path("internal/jobs/wait", inner.wait, name="wait"),
    path("internal/projects/<uuid:pk>/erased", inner.erased, name="erased"),
    path("internal/attempts/<uuid:pk>/plan", inner.plan, name="plan"),
    path("internal/attempts/<uuid:pk>/begun", inner.begun, name="begun"),
    path("internal/attempts/<uuid:pk>/ended", inner.ended, name="ended"),
    path("internal/attempts/<uuid:pk>/log", inner.log, name="log_told"),
    path("internal/runs/<uuid:pk>/jobs/submit", inside.submit, name="inside_submit"),
    path("internal/runs/<uuid:pk>/jobs/list", inside.list_jobs, name="inside_list"),
    path("internal/runs/<uuid:pk>/jobs/show", inside.show, name="inside_show"),
    path("internal/runs/<uuid:pk>/jobs/log", inside.log, name="inside_log"),
    path("internal/runs/<uuid:pk>/jobs/cancel", inside.cancel, name="inside_cancel"),
]
