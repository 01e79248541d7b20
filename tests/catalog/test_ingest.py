"""Bringing in a folder: whole, resumed, refused; what others have of it meanwhile, and what is erased."""

import hashlib
import io
import json

import pytest
from django.core.management import CommandError, call_command

from apps.alliance.roles import Role
from apps.audit.source import coming_from
from apps.catalog import ingest
from apps.catalog.gateways import DatasetStore
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion
from apps.catalog.selectors import visible_datasets
from apps.catalog.services import versions
from apps.core.errors import NeedsFreshFactor, NotAllowed, Unavailable
from tests.factories import MemberFactory, holder
from tests.factories_catalog import REGISTER, FileFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
FILES = {"table.csv": b"sex,age\nf,40\nm,50\n" * 20, "deep/er/note.txt": b"A note.", "empty.bin": b""}


@pytest.fixture
def bring_in(steward):
    """Run the command as the steward; what it said, and on stderr."""

    def run(folder, *, by=None, **options):
        said, progress = io.StringIO(), io.StringIO()
        call_command("catalog", "ingest", folder, by=by or steward.email, stdout=said, stderr=progress, **options)
        return said.getvalue() + progress.getvalue()

    return run


def test_a_folder_becomes_a_draft_that_only_stewards_see(folder_of, bring_in, steward):
    said = bring_in(folder_of(FILES))

    draft = DatasetVersion.objects.get()
    assert (draft.status, draft.licence, draft.records) == ("draft", "CC0-1.0", {"patients": 3})
    assert {file.path for file in draft.files.all()} == set(FILES)
    assert all(DatasetStore().has(file.sha256, file.bytes) for file in draft.files.all())
    assert "3 of 3 files" in said
    assert "waits to be published" in said
    assert draft.files.get(path="table.csv").dictionary["rows"] == 59
    assert list(visible_datasets(MemberFactory())) == []
    assert list(visible_datasets(steward)) == [draft.dataset]


def test_it_is_never_published_from_the_server(folder_of, bring_in, steward):
    """Whoever has a shell names any steward; publishing asks the steward for a second factor, on the page."""
    bring_in(folder_of(FILES, **REGISTER))
    draft = DatasetVersion.objects.get()

    assert draft.status == "draft"
    with coming_from(component="shell", auth={"method": "server", "factors": []}), pytest.raises(NeedsFreshFactor):
        versions.publish(draft, by=steward)


def test_brought_in_twice_it_is_there_once(folder_of, bring_in, steward):
    folder = folder_of(FILES, **REGISTER)
    bring_in(folder)
    versions.publish(DatasetVersion.objects.get(), by=steward)

    assert "nothing new" in bring_in(folder)
    assert DatasetVersion.objects.count() == 1


def test_a_changed_folder_becomes_the_next_version(folder_of, bring_in, steward):
    bring_in(folder_of(FILES, **REGISTER))
    versions.publish(DatasetVersion.objects.get(), by=steward)
    bring_in(folder_of({**FILES, "table.csv": b"sex,age\nf,41\n"}, **REGISTER))

    first, second = DatasetVersion.objects.order_by("number")
    assert first.files.get(path="table.csv").sha256 != second.files.get(path="table.csv").sha256
    assert Dataset.objects.count() == 1


def test_it_goes_on_with_the_files_that_are_not_there_yet(folder_of, bring_in, monkeypatch):
    folder, keep, asked = folder_of(FILES), DatasetStore.keep, []

    def breaks(self, file, *, path, **facts):
        if path == "empty.bin":
            raise Unavailable("The file storage does not answer.")
        return keep(self, file, path=path, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(DatasetStore, "keep", breaks)
        with pytest.raises(CommandError, match="does not answer"):
            bring_in(folder)
    assert DatasetFile.objects.count() == 2

    monkeypatch.setattr(DatasetStore, "keep", lambda self, *a, **k: asked.append(k["path"]) or keep(self, *a, **k))
    bring_in(folder)
    assert set(asked) == {"empty.bin"}
    assert DatasetFile.objects.count() == 3


def test_a_file_that_is_not_what_the_manifest_says_is_refused_and_named(folder_of, bring_in):
    folder = folder_of(FILES)
    (folder / "table.csv").write_bytes(FILES["table.csv"].replace(b"f,40", b"f,41", 1))

    with pytest.raises(CommandError, match=r"table\.csv has .* SHA-256"):
        bring_in(folder)

    assert not DatasetFile.objects.exists()


def test_bytes_that_the_storage_has_are_compared_all_the_same(folder_of, bring_in):
    """Another dataset holds the true bytes; here the file differs from its manifest."""
    body = FILES["table.csv"]
    DatasetStore().keep(io.BytesIO(body), path="x", size=len(body), sha256=hashlib.sha256(body).hexdigest())
    folder = folder_of(FILES)
    (folder / "table.csv").write_bytes(body[:-1] + b"!")

    with pytest.raises(CommandError, match=r"table\.csv has"):
        bring_in(folder)


def test_links_in_the_folder_are_refused(folder_of, bring_in, tmp_path):
    folder = folder_of(FILES)
    secret = tmp_path / "secret.csv"
    secret.write_bytes(FILES["table.csv"])
    (folder / "table.csv").unlink()
    (folder / "table.csv").symlink_to(secret)

    with pytest.raises(CommandError, match="no plain file"):
        bring_in(folder)


def test_a_draft_with_files_that_the_manifest_does_not_name_is_not_mixed_up(folder_of, bring_in):
    folder = folder_of(FILES)
    bring_in(folder)
    FileFactory(version=DatasetVersion.objects.get(), path="stray.csv")

    with pytest.raises(CommandError, match=r"stray\.csv"):
        bring_in(folder)


def test_nobody_but_a_steward_of_the_owner_brings_in(folder_of, bring_in, center):
    folder = folder_of(FILES)
    for other in (holder(Role.CENTER_MANAGER, center), holder(Role.DATA_STEWARD)):
        with pytest.raises(CommandError, match="Only a data steward of Owner"):
            bring_in(folder, by=other.email)

    assert not Dataset.objects.exists()


def test_a_dataset_of_another_center_is_not_taken_over(folder_of, bring_in):
    VersionFactory(dataset__slug="incoming-data")

    with pytest.raises(CommandError, match="is a dataset of"):
        bring_in(folder_of(FILES))


def test_the_manifest_is_read_as_json_and_nothing_else(folder_of, bring_in):
    folder = folder_of(FILES)
    (folder / "dataset.json").write_text("{not json")

    with pytest.raises(CommandError, match="not JSON"):
        bring_in(folder)


def test_a_refused_file_leaves_no_bytes_behind(center, folder_of):
    folder = folder_of(FILES)
    told = json.loads((folder / "dataset.json").read_text())["files"][1]
    line = ingest.Line(told["path"], told["bytes"], told["sha256"])
    draft = VersionFactory(dataset__center=center)

    with (folder / line.path).open("rb") as file, pytest.raises(NotAllowed):
        ingest.bring_in(draft, line, file, folder / line.path, by=MemberFactory(center=center))

    assert not DatasetStore().has(line.sha256, line.bytes)


def test_bytes_of_a_dropped_file_are_erased_unless_another_version_has_them(folder_of, bring_in, steward, deliver_all):
    bring_in(folder_of(FILES))
    draft = DatasetVersion.objects.get()
    kept, gone = draft.files.get(path="table.csv"), draft.files.get(path="deep/er/note.txt")
    other = VersionFactory(dataset__center=steward.center)
    FileFactory(version=other, path="same.csv", sha256=kept.sha256, bytes=kept.bytes)
    published(other, by=steward)

    for file in (kept, gone):
        versions.drop_file(draft, by=steward, file=file)
    deliver_all()

    assert DatasetStore().has(kept.sha256, kept.bytes)
    assert not DatasetStore().has(gone.sha256, gone.bytes)
