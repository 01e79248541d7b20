"""A request as views behind `login_required` see it."""

from django.http import HttpRequest

from apps.alliance.models import Member


class MemberRequest(HttpRequest):
    """Somebody is signed in, so `user` is a member; the type of such a view's first argument, made by nobody."""

    user: Member
