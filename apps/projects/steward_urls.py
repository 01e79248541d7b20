"""Addresses of those who decide, of auditors, and of the public."""

from django.urls import path

from apps.projects.views import access, calendar, register, stand_ins, stewards

app_name = "access"
urlpatterns = [
    path("requests/", stewards.requests, name="requests"),
    path("requests/<uuid:pk>/", stewards.request, name="request"),
    path("requests/<uuid:pk>/take/", stewards.request_take, name="request_take"),
    path("requests/<uuid:pk>/let-go/", stewards.request_let_go, name="request_let_go"),
    path("requests/<uuid:pk>/approve/", stewards.request_approve, name="request_approve"),
    path("requests/<uuid:pk>/refuse/", stewards.request_refuse, name="request_refuse"),
    path("requests/<uuid:pk>/ask/", stewards.request_ask, name="request_ask"),
    path("requests/<uuid:pk>/return/", stewards.request_return, name="request_return"),
    path("requests/<uuid:pk>/revoke/", stewards.request_revoke, name="request_revoke"),
    path("stand-ins/", stand_ins.stand_ins, name="stand_ins"),
    path("stand-ins/name/", stand_ins.stand_in_name, name="stand_in_name"),
    path("stand-ins/<uuid:pk>/end/", stand_ins.stand_in_end, name="stand_in_end"),
    path("audited/", access.audited, name="audited"),
    path("projects/<uuid:pk>/access/replay/", access.replay, name="replay"),
    path("my-data/", access.my_data, name="my_data"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar.ics", calendar.calendar_file, name="calendar_file"),
    path("register/", register.register, name="register"),
]
