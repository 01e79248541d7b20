from django.urls import path

from apps.projects.views import changes, editions, looks, project, proposals

app_name = "projects"
urlpatterns = [
    path("projects/", project.projects, name="projects"),
    path("projects/propose/", proposals.propose, name="propose"),
    path("projects/ask/<slug:slug>/", proposals.ask, name="ask"),
    path("projects/<uuid:pk>/", project.project, name="project"),
    path("projects/<uuid:pk>/write/", proposals.write, name="write"),
    path("projects/<uuid:pk>/datasets/", proposals.datasets, name="datasets"),
    path("projects/<uuid:pk>/datasets/<uuid:asked>/reason/", proposals.request_reason, name="request_reason"),
    path("projects/<uuid:pk>/datasets/<uuid:asked>/drop/", proposals.request_drop, name="request_drop"),
    path("projects/<uuid:pk>/team/", proposals.team, name="team"),
    path("projects/<uuid:pk>/team/<uuid:person>/remove/", proposals.team_remove, name="team_remove"),
    path("projects/<uuid:pk>/submit/", proposals.submit, name="submit"),
    path("projects/<uuid:pk>/withdraw/", proposals.withdraw, name="withdraw"),
    path("projects/<uuid:pk>/remarks/", project.remark, name="remark"),
    path("projects/<uuid:pk>/start/", project.start, name="start"),
    path("projects/<uuid:pk>/suspend/", project.suspend, name="suspend"),
    path("projects/<uuid:pk>/reinstate/", project.reinstate, name="reinstate"),
    path("projects/<uuid:pk>/close/", changes.close, name="close"),
    path("projects/<uuid:pk>/hand-over/", changes.hand_over, name="hand_over"),
    path("projects/<uuid:pk>/change/", changes.change, name="change"),
    path("projects/<uuid:pk>/change/begin/", changes.change_begin, name="change_begin"),
    path("projects/<uuid:pk>/change/submit/", changes.change_submit, name="change_submit"),
    path("projects/<uuid:pk>/change/withdraw/", changes.change_withdraw, name="change_withdraw"),
    path("projects/<uuid:pk>/datasets/<uuid:asked>/renew/", changes.renew, name="renew"),
    path("projects/<uuid:pk>/editions/", editions.editions, name="editions"),
    path("projects/<uuid:pk>/access/", project.access, name="access"),
    path("projects/<uuid:pk>/data/<slug:slug>/look/", looks.look, name="look"),
    path("projects/<uuid:pk>/data/<slug:slug>/look/<uuid:of>.png", looks.look_picture, name="look_picture"),
]
