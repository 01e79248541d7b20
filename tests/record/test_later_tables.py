"""Raw SQL as the portal's role on the tables of later apps: nothing changes without an event."""

from decimal import Decimal

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from apps.alliance.roles import Role
from apps.jobs.actors import DISPATCHER
from apps.jobs.actors import HOST as JOB_HOST
from apps.jobs.asked import Code, Wish
from apps.jobs.models import Erasure
from apps.jobs.services import attempts, bookkeeping, submitting
from apps.projects.actors import ACCESS_CLOCK, METER
from apps.projects.services import closing, ending, proposals, stand_ins
from apps.workspaces.actors import INSTALLER
from apps.workspaces.services import hub, reports
from apps.workspaces.told import events_of
from tests.factories import alliance, arranged, holder
from tests.factories_catalog import LookFactory, steward_of
from tests.factories_workspaces import run as running
from tests.factories_workspaces import workspace
from tests.projects.world import changed, in_days, make_world, second_steward
from tests.record.test_raw_sql import LATER

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ELSE = (  # what else may stand before the rule: no right, a row that stays, a column that PostgreSQL computes
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.IntegrityError,
    psycopg.errors.GeneratedAlways,
    psycopg.errors.DatatypeMismatch,  # another's table counts its rows
)


@pytest.fixture
def portal():
    world = make_world()
    steward_of(world.dataset)
    LookFactory(version=world.version)
    ending.begin(world.project, by=ACCESS_CLOCK)
    proposals.remark(world.project, by=world.lead, text="To whom it may concern.")
    deputy = second_steward(world.owner)
    stand_ins.name_stand_in(world.steward, by=world.steward, stand_in=deputy, starts_on=in_days(0), ends_on=in_days(9))
    closing.use_gpu(world.project, by=METER, hours=Decimal(2), of="A job")
    changed(world, methods="Others.")
    run = running(workspace(world.lead, world.project), data=[world.version])
    cell = {"seq": 1, "at": "2027-01-04T09:00:00Z", "kind": "cell", "kernel": "k", "code": "1", "sha256": "0" * 64}
    hub.register(alliance(), by=INSTALLER, secret="none", redirect_uri="http://workspaces.localhost/hub/oauth_callback")
    reports.take(run, events_of({"events": [cell]}))
    finish_a_job(world)
    words = {"learned": "It works.", "confirmed": ["outputs", "copies", "publications"]}
    closing.close(world.project, by=world.lead, **words)
    parts = connections["default"].get_connection_params()
    known = {name: parts[name] for name in ("host", "port", "user", "password", "dbname")}
    with psycopg.connect(**known, autocommit=True) as connection:
        yield connection


def finish_a_job(world):
    """One job to its end, with a result; and a share of its center."""
    host = attempts.announce(alliance(), by=JOB_HOST, name="h1", offer=attempts.Offer(1, 10**9))
    wish = Wish("train", ("python", "train.py"), cpus=1, memory=10**9, seconds=60)
    job = submitting.submit(
        world.project, by=world.lead, code=Code("a" * 64, 1, 1), wish=wish, datasets=[world.dataset.pk]
    )
    attempts.dispatch(job, by=DISPATCHER, host=host)
    ending = attempts.Ending("finished", exit_code=0, results=(("model", "b" * 64, 1),))
    attempts.end(job.attempts.get(), by=JOB_HOST, ending=ending)
    with arranged():
        Erasure.objects.create(project=world.project, host=host)
    bookkeeping.set_budget(
        world.home, by=holder(Role.CENTER_MANAGER, world.home), resource="cpu", hours=9, reason="As agreed."
    )
    bookkeeping.set_share(world.home, by=holder(Role.ALLIANCE_MANAGER, alliance()), weight=2.0, reason="As agreed.")


def digests(portal):
    found = {}
    for table in LATER:
        rows = portal.execute("select row_id, digest from audit.row_digests(%s::regclass)", [table]).fetchall()
        assert rows, f"{table} has a row to be changed"
        found[table] = sorted(rows)
    return found


@pytest.mark.parametrize(
    "change",
    [
        "update {0} set id = gen_random_uuid()",
        "update {0} set id = id",
        "delete from {0}",
        "insert into {0} select * from {0} limit 1",
    ],
)
def test_no_statement_changes_a_row_without_an_event(portal, change):
    before = digests(portal)

    for table in LATER:
        with pytest.raises(psycopg.Error) as refusal, portal.transaction():
            portal.execute(sql.SQL(change).format(sql.Identifier(table)))
        is_refused = "nothing changes without an event" in str(refusal.value)
        assert is_refused or isinstance(refusal.value, ELSE), refusal.value

    assert digests(portal) == before


def test_every_table_is_refused_by_the_rule_itself_where_nothing_else_stands_before_it(portal):
    by_the_rule = set()
    for table in LATER:
        try:
            with portal.transaction():
                portal.execute(sql.SQL("update {0} set id = id").format(sql.Identifier(table)))
        except psycopg.Error as refusal:
            if "nothing changes without an event" in str(refusal):
                by_the_rule.add(table)

    assert set(LATER) - by_the_rule == {
        # What is never changed, event or not.
        "agreements_keptdocument",
        "agreements_kepttext",
        "agreements_scopeline",
        "agreements_signature",
        "agreements_termsacceptance",
        "catalog_datasetfile",
        "jobs_erasure",
        "jobs_jobdata",
        "jobs_result",
        "jobs_snapshot",
        "jobs_usage",
        "projects_closeout",
        "projects_edition",
        "projects_gpuuse",
        "projects_judge",
        "projects_remark",
        "projects_vote",
        "workspaces_cellcode",
        "workspaces_runevent",
    }
