"""The query of the access decision is planned once for each connection; that must never show in its answers."""

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.projects import facts
from apps.projects.access import may_use
from apps.projects.facts import Asked, facts_of


def plans():
    """How often each prepared query ran, by the connection's own account."""
    with connection.cursor() as cursor:
        cursor.execute("select generic_plans + custom_plans from pg_prepared_statements")
        return [count for (count,) in cursor.fetchall()]


@pytest.fixture
def ask(world):
    """A question whose answer is yes."""
    return lambda: bool(may_use(world.lead, world.version.dataset, world.project))


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_second_question_finds_the_plan_of_the_first(ask):
    assert ask()
    before = plans()
    assert ask()

    assert sum(plans()) == sum(before) + 1
    assert len(plans()) == len(before) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ["discard all", "deallocate all", "discard plans"])
def test_a_plan_that_was_taken_away_is_made_anew(ask, statement):
    for _ in range(3):
        run(statement)
        assert ask()
        assert ask()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_finds_its_plan_gone_fails_and_the_next_succeeds(ask):
    run("deallocate all")
    assert ask()
    run("deallocate all")

    with pytest.raises(ProgrammingError, match="does not exist"), transaction.atomic():
        ask()
    with transaction.atomic():
        assert ask()


def test_it_outlives_a_rollback_within_a_transaction(ask):
    assert ask()
    for _ in range(3):
        with transaction.atomic():
            assert ask()
            transaction.set_rollback(True)
        assert ask()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_new_connection_makes_its_own(ask):
    assert ask()
    for _ in range(3):
        connection.close()
        assert ask()
        with transaction.atomic():
            assert ask()


def test_a_debugger_sees_the_query(world, ask):
    with CaptureQueriesContext(connection) as queries:
        assert ask()

    (query,) = queries
    assert "with asked as" in query["sql"]
    assert world.lead.pk.hex in query["sql"]


def test_few_and_many_questions_get_the_same_facts(world, monkeypatch):
    now = timezone.now()
    questions = [Asked(one.pk, world.project.pk, world.version.dataset_id) for one in (world.lead, world.colleague)]
    few = facts_of(questions, now)
    monkeypatch.setattr(facts, "FEW", 0)

    assert facts_of(questions, now) == few
    assert len(few) == 2
