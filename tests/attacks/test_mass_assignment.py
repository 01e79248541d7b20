"""E59: what a form does not ask for changes nothing: the same change results with and without the extra fields."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from tests.attacks.posts import FOR_MACHINES, SENT, poison
from tests.house.samples import World, undone
from tests.house.site import routes

pytestmark = [pytest.mark.slow]

ROUTES = {route.name: route for route in routes()}
OUR_APPS = ("access:", "agreements:", "alliance:", "catalog:", "home:", "jobs:", "projects:", "workspaces:")
OURS = [name for name in ROUTES if name.startswith(OUR_APPS) and name not in FOR_MACHINES]
ELSEWHERE = {  # tried in tests/signin
    "alliance:factor_setup", "alliance:session_end", "alliance:invitation_accept", "alliance:demo_sign_in",
    "alliance:identity_provider", "alliance:identity_provider_end", "alliance:person_factors_reset",
}  # fmt: skip
# They change a cookie, a date, the record alone; no file of the sample is worth a look.
NO_ROWS = {"home:theme", "home:notices_read", "home:record_verify", "catalog:looks_ask"}
LEFT_OUT = {"django_session", "usersessions_usersession"}


def path_of(world: World, name: str) -> str:
    arguments = SENT[name].arguments
    return reverse(name, kwargs=arguments(world)) if arguments else ROUTES[name].path(world)


def contents(known: set[str]) -> list[str]:
    """All rows of all tables; what is new and differs each time (moments, new ids) reads as such."""
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public' order by 1")
        tables = [name for (name,) in cursor.fetchall() if name not in LEFT_OUT]
        rows = []
        for table in tables:
            cursor.execute(f'select to_jsonb(t)::text from "{table}" t')
            rows += [f"{table} {_plain(text, known)}" for (text,) in cursor.fetchall()]
    return sorted(rows)


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"20[0-9]{2}-[0-9-]{5}T[0-9:.]+(\+00:00|Z)?")
# A PDF holds the identifier of its signature.
OF_A_PDF = r'"(document_)?sha256": ?"[0-9a-f]{64}"|"content": ?"[^"]*"|'
# A project's and a job's come from sequences, which go on whatever is rolled back.
NUMBER = r'"number": [0-9]+(?=, "reason": )|"uid": [0-9]+(?=, "cpus": )|'
RANDOM = re.compile(
    OF_A_PDF + NUMBER + r'"(request_id|session|last_error)": ?"[^"]*"|"age_s": ?[0-9.]+|"id": ?[0-9]+|![A-Za-z0-9]{40}'
)


def _plain(text: str, known: set[str]) -> str:
    text = UUID.sub(lambda found: found.group() if found.group() in known else "new", text)
    return RANDOM.sub("*", MOMENT.sub("now", text))


KNOWN = (
    "agreements_agreement", "agreements_agreementversion", "agreements_templateversion", "alliance_center",
    "alliance_grant", "alliance_invitation", "alliance_member", "alliance_trainingrecord", "alliance_trainingtype",
    "catalog_dataset", "catalog_datasetfile", "catalog_datasetversion", "projects_accessrequest",
    "projects_amendment", "projects_edition", "projects_project", "projects_teammember",
    "workspaces_run", "workspaces_workspace",
)  # fmt: skip


def ids() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(" union ".join(f"select id::text from {table}" for table in KNOWN))
        return {found for (found,) in cursor.fetchall()}


def test_every_form_is_tried(world):
    takes_posts = set()
    for name in OURS:
        with undone():
            answer = world.browser("alliance_manager").post(ROUTES[name].path(world))
        if answer.status_code != 405:
            takes_posts.add(name)

    assert takes_posts - ELSEWHERE == set(SENT) - ELSEWHERE


@pytest.mark.parametrize("name", sorted(SENT))
def test_fields_that_nobody_asked_for_change_nothing(world, name):
    after = []
    for dirty in (False, True):
        with undone():
            known = ids()
            SENT[name].ready(world)
            path = path_of(world, name)
            before = contents(known)
            typed = SENT[name].typed(world)
            answer = world.browser(SENT[name].by).post(path, poison(world, typed) if dirty else typed)
            assert answer.status_code == 302, answer.content.decode()[:2000]
            after.append(contents(known))
            assert name in NO_ROWS or after[-1] != before, "the form itself does nothing"

    clean, dirty = after
    assert dirty == clean
