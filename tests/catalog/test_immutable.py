"""What was published stays, by raw SQL too: as the portal's role and as the owner of the tables."""

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from tests import database
from tests.factories_catalog import FileFactory, VersionFactory, published

ON_VERSION = [
    "update catalog_datasetversion set licence = 'CC0-1.0'",
    "update catalog_datasetversion set terms = '[]'",
    "update catalog_datasetversion set bytes = bytes + 1",
    "update catalog_datasetversion set number = 9",
    "update catalog_datasetversion set published_at = now() - interval '1 day'",
    "update catalog_datasetversion set status = 'draft', published_at = null, published_by_id = null",
    "update catalog_datasetfile set sha256 = repeat('0', 64)",
    "update catalog_datasetfile set path = 'other.csv'",
    "delete from catalog_datasetfile",
    "insert into catalog_datasetfile (id, version_id, path, bytes, sha256, media_type, role, stored_at) "
    "select gen_random_uuid(), id, 'more.csv', 1, repeat('0', 64), 'text/csv', '', now() from catalog_datasetversion",
]
ERASING = ["delete from catalog_datasetversion", "delete from catalog_dataset", "truncate catalog_dataset cascade"]


@pytest.fixture
def version(center):
    made = VersionFactory(dataset__center=center)
    FileFactory(version=made)
    return published(made, bytes=12)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ON_VERSION)
def test_the_portal_s_role_changes_nothing_that_was_published(version, statement):
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ERASING)
def test_the_portal_s_role_erases_no_dataset(version, statement):
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", ON_VERSION)
def test_nor_does_the_owner_of_the_tables(version, statement):
    with database.owner() as owner, pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
        owner.execute(statement)


@pytest.mark.django_db
def test_a_withdrawal_is_final(version):
    with connection.cursor() as cursor:
        cursor.execute(
            "update catalog_datasetversion set status = 'withdrawn', withdrawn_at = now() + interval '1 minute', "
            "withdrawn_by_id = published_by_id, reason = 'Wrong.'"
        )
    for statement in ("set reason = ''", "set status = 'published', withdrawn_at = null, withdrawn_by_id = null"):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"update catalog_datasetversion {statement}")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/a", "a/../b", "../a", "a//b", "a\\b", ".", "a/.", "", "a\x01"])
def test_the_database_takes_no_path_that_leaves_its_folder(path):
    with pytest.raises(DatabaseError), transaction.atomic():
        FileFactory(path=path)
