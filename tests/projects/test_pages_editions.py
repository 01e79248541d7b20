"""Every text that was sent stands beside the one before it, for all who see the project."""

from django.urls import reverse

from apps.projects.models import Edition
from tests.factories import MemberFactory
from tests.projects.world import changed


def shown(client, project):
    return client.get(reverse("projects:editions", args=[project.pk]))


def test_the_first_text_stands_alone_with_the_word_of_its_owner(world, browse):
    page = shown(browse(world.lead), world.project)

    assert [one.number for one in page.context["listing"].rows] == [1]
    assert "This was the first." in page.content.decode()
    assert [one.status for one in page.context["listing"].rows[0].answers] == ["approved"]


def test_a_change_stands_above_with_what_differs(world, browse):
    changed(world, methods="Random forests.")

    newest, first = shown(browse(world.steward), world.project).context["listing"].rows

    assert [one.label for one in newest.differences] == ["Methods"]
    assert "".join(piece.words for piece in newest.differences[0].new) == "Random forests."
    assert [one.status for one in newest.answers] == ["waiting"]
    assert [one.status for one in first.answers] == ["approved"]


def test_what_was_never_sent_is_not_there(world, browse):
    changed(world, submit=False, methods="Random forests.")

    page = shown(browse(world.lead), world.project)

    assert Edition.objects.filter(project=world.project).count() == len(page.context["listing"].rows) == 1
    assert "Random forests" not in page.content.decode()


def test_who_does_not_see_the_project_does_not_see_its_texts(world, browse):
    assert shown(browse(MemberFactory()), world.project).status_code == 404
