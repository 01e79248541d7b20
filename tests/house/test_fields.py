"""Rule 5: of every stored field we have said whether it is personal, sensitive or plain."""

from django.apps import apps

from tests.house import tables

CLASSES = {
    "personal": "says something about a person who can be known by it",
    "sensitive": "a secret, or content that would harm somebody if others saw it",
    "plain": "neither",
}


def test_every_stored_field_is_classed():
    stored = {
        (model._meta.label, field.name)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        for field in model._meta.local_concrete_fields
    }
    rows = tables.read(tables.FIELDS)
    classed = {(row["model"], row["field"]) for row in rows}

    assert stored - classed == set(), f"Add these to {tables.FIELDS.name}, each as {', '.join(CLASSES)}."
    assert classed - stored == set(), f"These are gone; take them out of {tables.FIELDS.name}."
    assert len(classed) == len(rows)
    assert {row["class"] for row in rows} <= set(CLASSES)


def test_passwords_and_secrets_are_never_classed_plain():
    hints = ("password", "secret", "token", "session_key", "session_data", "evidence_key")
    rows = tables.read(tables.FIELDS)

    assert [row for row in rows if row["class"] == "plain" and any(hint in row["field"] for hint in hints)] == []
