"""The catalog's pages: what each person finds there, and what a steward does through them."""

import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.alliance.roles import Role
from apps.catalog.gateways import DatasetStore
from apps.catalog.models import Dataset, DatasetVersion
from tests.factories import CenterFactory, MemberFactory, holder
from tests.factories_catalog import DatasetFactory, FileFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
DICTIONARY = {
    "rows": 60,
    "ragged_rows": 0,
    "separator": ",",
    "columns": [
        {
            "name": "stage",
            "kind": "text",
            "missing": 0,
            "distinct": 3,
            "distinct_is_exact": True,
            "values": [["early", 40], ["late", 17], ["vanishing", 3]],
        },
        {
            "name": "age",
            "kind": "whole number",
            "missing": 4,
            "distinct": 45,
            "distinct_is_exact": True,
            "numbers": {
                "low": 31,
                "quartiles": [40, 50, 60],
                "high": 82,
                "around": 10,
                "edges": [50],
                "counts": [30, 26],
            },
        },
        {"name": "code", "kind": "text", "missing": 0, "distinct": 60, "distinct_is_exact": True},
    ],
}


def data(**facts):
    """A published dataset with one table."""
    version = VersionFactory(dataset=DatasetFactory(**facts))
    FileFactory(version=version, path="table.csv", bytes=3_000_000, dictionary=DICTIONARY)
    return published(version, bytes=3_000_000).dataset


def page(browse, member, path, status=200):
    answer = browse(member).get(path)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.fixture
def member(db):
    return MemberFactory()


# ── the catalog ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_catalog_says_what_there_is_and_on_what_terms(browse, member):
    data(title="Lung registry", center=CenterFactory(short_name="Northern"))

    text = page(browse, member, "/datasets/")

    for words in ("Lung registry", "Northern", "Health records", "120 patients", "GRU", "PUB", "3.0 MB", "version 1"):
        assert words in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("words=lung", {"lung"}),
        ("words=adenocarc", {"lung"}),
        ("words=registries", {"lung", "breast"}),
        ("words=lung+breast", set()),
        ("words=the", set()),
        ("modality=pathology", {"breast"}),
        ("center=northern", {"lung"}),
        ("term=DUO:0000004", {"breast"}),
        ("term=DUO:0000042", {"lung"}),
        ("modality=pathology&center=northern", set()),
        ("", {"lung", "breast"}),
    ],
)
def test_it_is_searched_by_words_and_facets(browse, member, query, found):
    northern = CenterFactory(slug="northern")
    data(title="Of the lung", slug="lung", description="A registry: adenocarcinoma.", center=northern)
    breast = DatasetFactory(title="Of the breast", slug="breast", description="A registry.", modality="pathology")
    published(VersionFactory(dataset=breast, terms=[{"code": "DUO:0000004"}]))

    text = page(browse, member, f"/datasets/?{query}")

    assert {slug for slug in ("lung", "breast") if f'href="/datasets/{slug}/"' in text} == found


def test_a_term_is_looked_for_in_the_newest_version_alone(browse, member):
    dataset = data(slug="moved")
    published(VersionFactory(dataset=dataset, number=2, terms=[{"code": "DUO:0000004"}]))

    assert "/datasets/moved/" in page(browse, member, "/datasets/?term=DUO:0000004")
    assert "/datasets/moved/" not in page(browse, member, "/datasets/?term=DUO:0000042")


def test_search_finds_datasets(browse, member):
    data(title="Lung registry", slug="lung")
    DatasetFactory(title="Lung draft", slug="hidden")

    text = page(browse, member, "/search/?q=lung")

    assert "/datasets/lung/" in text
    assert "/datasets/hidden/" not in text


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────
DRAFT_PAGES = ["", "edit/", "versions/1/", "versions/1/edit/", "versions/1/upload/", "versions/1/publish/"]


@pytest.mark.parametrize("path", DRAFT_PAGES)
def test_a_draft_is_there_for_the_owner_s_stewards_alone(browse, center, steward, path):
    FileFactory(version=VersionFactory(dataset__slug="hidden", dataset__center=center))
    others = [
        MemberFactory(center=center),
        holder(Role.CENTER_MANAGER, center),
        holder(Role.AUDITOR, center),
        holder(Role.DATA_STEWARD),
    ]

    page(browse, steward, f"/datasets/hidden/{path}")
    for other in others:
        page(browse, other, f"/datasets/hidden/{path}", status=404)


def test_a_draft_beside_a_published_version_stays_hidden(browse, member, steward, center):
    dataset = data(slug="both", center=center)
    VersionFactory(dataset=dataset, number=2, changes="Secret plans.")

    assert "Secret plans" in page(browse, steward, "/datasets/both/")
    assert "Secret plans" not in page(browse, member, "/datasets/both/")
    page(browse, member, "/datasets/both/versions/2/", status=404)


def test_a_withdrawn_version_says_so_and_why(browse, member):
    dataset = data(slug="gone")
    version = dataset.versions.get()
    version.status, version.reason = "withdrawn", "Two patients objected."
    version.withdrawn_at, version.withdrawn_by = version.published_at, version.published_by
    version.save()

    text = page(browse, member, "/datasets/gone/")

    assert "Withdrawn" in text
    assert "Two patients objected." in text
    assert "What you would need" not in text


# ── one dataset ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_dataset_s_page_says_all_that_one_asks_first(browse, member):
    dataset = data(owner_basis="Collected in our clinic.")

    text = page(browse, member, f"/datasets/{dataset.slug}/")

    for words in (
        "Collected in our clinic.", "CC-BY-4.0", "The clinic, 2026.", "General research use", "Publication required",
        "table.csv", dataset.versions.get().files.get().sha256, "What you would need", "Agreement in force",
        "by 1 data steward of", "Legal basis", "Pseudonymised.",
    ):  # fmt: skip
        assert words in text


def test_counts_below_the_floor_are_not_there(browse, member, steward, center):
    for who in (member, steward):
        dataset = data(center=center)
        text = page(browse, who, f"/datasets/{dataset.slug}/")
        assert "early 40" in text
        assert "vanishing" not in text
        assert "late" not in text.split("Tables")[1].split("Files of")[0]
        assert "other values together 20" in text
        assert "mostly from 31 to 82, missing fewer than 10" in text
        assert "Text, not shown" in text


def test_one_s_own_center_needs_no_agreement(browse, center):
    dataset = data(center=center)

    assert "Agreement in force" not in page(browse, MemberFactory(center=center), f"/datasets/{dataset.slug}/")


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "{{ 7*7 }}", "' onload='x"])
def test_what_a_steward_writes_is_shown_as_text(browse, member, nasty):
    version = VersionFactory(
        dataset=DatasetFactory(title=nasty, description=nasty, owner_basis=nasty),
        citation=nasty,
        records={nasty: 3, "items": 2, "values": 1},
        source={"repository": nasty, "conversion": nasty, "licence": {"name": nasty}},
    )
    columns = [{**DICTIONARY["columns"][0], "name": nasty, "values": [[nasty, 60]]}]
    FileFactory(version=version, path="table.csv", dictionary={**DICTIONARY, "columns": columns})
    dataset = published(version).dataset

    for path in ("/datasets/", f"/datasets/{dataset.slug}/", f"/datasets/{dataset.slug}/versions/1/"):
        text = page(browse, member, path)
        assert "<script>alert" not in text
        assert "' onload='" not in text
        assert "<h1>49" not in text


def test_an_apostrophe_in_a_title_reads_as_one(browse, member):
    dataset = data(title="Radiologists' readings")

    for path in ("", "versions/1/"):
        text = page(browse, member, f"/datasets/{dataset.slug}/{path}")
        assert "&amp;#x27;" not in text
        assert "<h1>Radiologists&#x27; readings" in text


# ── a steward's way ─────────────────────────────────────────────────────────────────────────────────────────────────
def upload(name, body):
    return SimpleUploadedFile(name, body, "application/octet-stream")


def test_from_nothing_to_a_published_version(browse, steward):
    browser = browse(steward)
    from tests.attacks.posts_catalog import DATASET, VERSION

    own = {"center": "owner", "slug": "newest", "modality": "ehr", "owner_basis": "Ours."}
    made = browser.post("/datasets/new/", {**DATASET, **own, "smallest_count": "10", "quorum": "1"})
    assert made.headers["Location"] == "/datasets/newest/versions/new/"
    browser.post("/datasets/newest/versions/new/", VERSION)
    address = page(browse, steward, "/datasets/newest/versions/1/upload/").split('action="?')[1].split('"')[0]
    files = [upload("a.csv", b"x,y\n1,2\n"), upload("b.bin", b"\x00" * 3_000_000)]
    browser.post(f"/datasets/newest/versions/1/upload/?{address}", {"uploads": files, "folder": "tables"})
    answer = browser.post("/datasets/newest/versions/1/publish/", {"is_checked": "on"})

    assert answer.headers["Location"] == "/datasets/newest/"
    version = DatasetVersion.objects.get()
    assert version.status == "published"
    assert version.terms[0] == {"code": "DUO:0000007", "diseases": ["MONDO:0004992"]}
    assert {file.path for file in version.files.all()} == {"tables/a.csv", "tables/b.bin"}
    assert all(DatasetStore().has(file.sha256, file.bytes) for file in version.files.all())


def test_a_manifest_sent_along_is_kept_to(browse, steward, center):
    draft = VersionFactory(dataset__slug="checked", dataset__center=center)
    good, other = b"as it should be", b"something else"
    lines = [{"path": "a.txt", "bytes": len(good), "sha256": hashlib.sha256(good).hexdigest()}]
    manifest = json.dumps({"files": lines}).encode()

    def send(name, body):
        sent = {"uploads": upload(name, body), "folder": "", "manifest": upload("dataset.json", manifest)}
        return browse(steward).post("/datasets/checked/versions/1/upload/", sent)

    wrong, unnamed, right = send("a.txt", other), send("b.txt", good), send("a.txt", good)

    assert (wrong.status_code, unnamed.status_code, right.status_code) == (422, 422, 302)
    assert b"a.txt has" in wrong.content
    assert b"not named in the manifest" in unnamed.content
    assert [file.path for file in draft.files.all()] == ["a.txt"]


@pytest.mark.parametrize("sent", [{}, {"folder": ""}, {"uploads": ""}])
def test_an_upload_without_a_file_says_so(browse, steward, center, sent):
    VersionFactory(dataset__slug="empty", dataset__center=center)

    assert browse(steward).post("/datasets/empty/versions/1/upload/", sent).status_code == 422


def test_what_lacks_something_is_not_published_by_the_page(browse, steward, center):
    VersionFactory(dataset__slug="bare", dataset__center=center, dataset__retention="")

    text = page(browse, steward, "/datasets/bare/versions/1/publish/")
    answer = browse(steward).post("/datasets/bare/versions/1/publish/", {"is_checked": "on"})

    assert "files: a version holds at least one; retention (for the register)" in text
    assert answer.status_code == 422
    assert Dataset.objects.get().versions.get().status == "draft"


def test_a_draft_waits_on_its_steward_s_home(browse, steward, center, member):
    draft = VersionFactory(dataset__title="Waiting data", dataset__slug="waiting", dataset__center=center)

    assert "Bring in files" in page(browse, steward, "/")
    FileFactory(version=draft)
    assert "Look and publish" in page(browse, steward, "/")
    assert "Waiting data" not in page(browse, member, "/")


def test_home_names_no_draft_of_another_center(browse):
    VersionFactory(dataset__title="Waiting data")

    assert "Waiting data" not in page(browse, holder(Role.DATA_STEWARD), "/")
