"""Rule 6: the migrations are whole, linear and named."""

import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

OURS = [config.label for config in apps.get_app_configs() if config.name.startswith("apps.")]


@pytest.fixture
def loader(db: None) -> MigrationLoader:
    return MigrationLoader(None)


def test_no_migration_is_missing(db: None):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_each_app_has_one_head(loader: MigrationLoader):
    assert loader.detect_conflicts() == {}


def test_each_migration_follows_the_one_before(loader: MigrationLoader):
    for label, name in loader.disk_migrations:
        if label in OURS:
            own = [parent for parent in loader.disk_migrations[label, name].dependencies if parent[0] == label]
            assert len(own) <= 1, f"{label} {name} has two parents"


def test_each_migration_says_what_it_does(loader: MigrationLoader):
    unnamed = [
        f"{label}.{name}"
        for label, name in loader.disk_migrations
        if label in OURS
        and (re.search(r"_auto_|_merge_|_initial$", name) or not re.fullmatch(r"\d{4}_[a-z0-9_]{3,}", name))
    ]
    assert unnamed == []
