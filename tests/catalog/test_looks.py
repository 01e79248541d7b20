"""First looks: made by a worker of real files, kept, shown with the owner's floor, each seeing on the record."""

import pytest

from apps.audit.models import Outcome
from apps.audit.selectors import entries
from apps.catalog import looking
from apps.catalog.gateways import DatasetStore
from apps.catalog.ingest import dataset_of, draft_of, fill
from apps.catalog.looks import looks_of, shown
from apps.catalog.manifest import read_folder
from apps.catalog.models import FirstLook
from apps.catalog.services import versions
from apps.catalog.services.looks import MOST_LOOKS, ask_for_looks
from apps.core.errors import NotAllowed, NotRecorded, Unavailable, WrongState
from tests.catalog.test_pages import DICTIONARY
from tests.catalog_lib.open_data import OPEN_DATA, here
from tests.factories import MemberFactory
from tests.factories_catalog import DatasetFactory, FileFactory, LookFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"
GUESS = {"chromosomes": [["1", 60], ["2", 40], ["X", 3], ["Y", 2]], "variants": 105, "samples": 2}


def version_with(center, *, dictionary=None, **facts):
    """A published version of one table."""
    version = VersionFactory(dataset=DatasetFactory(center=center, **facts))
    FileFactory(version=version, path="table.csv", dictionary=dictionary)
    return published(version)


def address(version, more=""):
    return f"/datasets/{version.dataset.slug}/versions/{version.number}/looks/{more}"


def seen(version):
    told = entries().filter(event="catalog.data.looked_at", target_ref=str(version.pk)).order_by("id")
    return [(event.outcome, event.details.get("part")) for event in told]


# ── made of what was published ──────────────────────────────────────────────────────────────────────────────────────
@here
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "path", "kind", "facts"),
    [
        ("pathology-fred-hutch-cmu1-small-region-svs", "cmu-1-small-region.svs", "slide", {"width": 2220}),
        ("radiology-msk-lidc-idri-chest-ct", "LIDC-IDRI-0001", "dicom", {"modality": "CT", "rows": 512}),
        ("genomics-dana-farber-hcc1395-vcf", "annotated.expression.vcf.gz", "variants", {"samples": 2}),
    ],
)
def test_a_published_dataset_is_shown_at_first_sight(center, steward, deliver_all, browse, name, path, kind, facts):
    told = read_folder(OPEN_DATA / name)
    told.about.update(dict.fromkeys(("legal_basis", "data_subjects", "data_categories", "recipients"), "As agreed."))
    told.about.update(dict.fromkeys(("transfers", "retention", "safeguards"), "As agreed."))
    draft = draft_of(dataset_of(told, center, by=steward), told, by=steward)
    list(fill(draft, told, OPEN_DATA / name, by=steward))

    versions.publish(draft, by=steward)
    deliver_all()

    look = FirstLook.objects.get(version=draft, path=path)
    assert (look.status, look.kind, look.reason) == ("made", kind, "")
    assert facts.items() <= look.facts.items()
    text = browse(steward).get(address(draft, f"?of={look.pk}")).content.decode()
    assert path in text
    assert look.has_picture is (kind != "variants")
    if look.has_picture:
        answer = browse(steward).get(address(draft, f"{look.pk}.png"))
        assert answer.content.startswith(PNG)
    else:
        assert "By chromosome" in text


@pytest.mark.slow
def test_what_can_not_be_shown_says_why(center, steward, browse):
    version = version_with(center)
    look = LookFactory(version=version, path="table.csv", kind="variants")
    DatasetStore().put(version.files.get().key, b"no variants", media_type="text/plain")

    looking.make(look.pk)

    look.refresh_from_db()
    assert (look.status, look.has_picture) == ("failed", False)
    assert "does not begin with ##fileformat=VCF" in look.reason
    assert look.reason in browse(steward).get(address(version)).content.decode()


def test_asking_makes_what_is_missing_and_tries_again_what_failed(center, steward):
    version = VersionFactory(dataset=DatasetFactory(center=center))
    for path, kind in (("a.svs", "image/tiff"), ("b/1.dcm", "application/dicom"), ("b/2.dcm", "application/dicom")):
        FileFactory(version=version, path=path, media_type=kind)
    published(version)
    failed = LookFactory(version=version, path="a.svs", status="failed", reason="Too long.")

    assert ask_for_looks(version, by=steward) == 2
    assert ask_for_looks(version, by=steward) == 0

    assert set(version.looks.values_list("path", "kind", "status")) == {
        ("a.svs", "slide", "waiting"),
        ("b", "dicom", "waiting"),
    }
    failed.refresh_from_db()
    assert failed.reason == ""


def test_a_version_with_many_slides_has_a_bounded_number_of_looks(center, steward):
    version = VersionFactory(dataset=DatasetFactory(center=center))
    for number in range(MOST_LOOKS + 3):
        FileFactory(version=version, path=f"{number:02}.svs", media_type="image/tiff")

    assert ask_for_looks(published(version), by=steward) == MOST_LOOKS


def test_nothing_is_made_of_a_draft(center, steward):
    with pytest.raises(WrongState, match="This is a draft"):
        ask_for_looks(VersionFactory(dataset=DatasetFactory(center=center)), by=steward)


def test_what_is_too_large_is_not_even_fetched(center, monkeypatch):
    version = VersionFactory(dataset=DatasetFactory(center=center))
    FileFactory(version=version, path="large.svs", bytes=looking.LARGEST + 1, media_type="image/tiff")
    look = LookFactory(version=published(version), path="large.svs")
    monkeypatch.setattr(DatasetStore, "open", lambda *_: pytest.fail("its bytes were asked for"))

    looking.make(look.pk)

    look.refresh_from_db()
    assert "too large for a first look" in look.reason


def test_a_storage_that_does_not_answer_leaves_it_for_another_try(center, monkeypatch):
    def down(self, key):
        raise Unavailable("The file storage does not answer. Try again in a minute.")

    look = LookFactory(version=version_with(center), path="table.csv")
    monkeypatch.setattr(DatasetStore, "open", down)

    with pytest.raises(Unavailable):
        looking.make(look.pk)

    look.refresh_from_db()
    assert look.status == "waiting"


@pytest.mark.parametrize(
    "facts",
    [
        {"width": "<script>"},
        {"width": True},
        {"width": -1},
        {"magnification": float("inf")},
        {"label": "Jane Doe"},
        {"modality": "CT"},
    ],
    ids=str,
)
def test_what_a_hostile_file_makes_of_its_facts_is_not_kept(facts):
    assert looking.shaped("slide", facts) == {}


@pytest.mark.parametrize(
    "counts", [[["1", "many"]], [["<b>", 3]], [["1", -3]], [["1"]], "1", [["1", 1]] * 102], ids=repr
)
def test_counts_of_another_shape_are_not_kept(counts):
    assert looking.shaped("variants", {"types": counts, "samples": 2}) == {"samples": 2}


# ── shown to those who may ──────────────────────────────────────────────────────────────────────────────────────────
def test_small_counts_and_those_from_which_they_could_be_reckoned_are_not_shown(center):
    version = version_with(center, dictionary=DICTIONARY)
    LookFactory(version=version, path="x.vcf", kind="variants", status="made", facts=GUESS)

    table, variants = (shown(one, version) for one in looks_of(version))

    bars = {plot.name: (plot.bars, plot.others) for plot in (*table.plots, *variants.plots)}
    assert bars["stage"] == ([("early", 40)], 20)
    assert bars["By chromosome"] == ([("1", 60)], 45), "two small ones alone would be fewer than ten"
    assert ("Samples", "fewer than 10") in variants.facts


def test_the_floor_is_the_owners_at_least(center):
    type(center).objects.filter(pk=center.pk).update(smallest_count=50)
    version = version_with(center, dictionary=DICTIONARY)
    version.dataset.center.refresh_from_db()

    found = shown(looks_of(version)[0], version)

    assert found.floor == 50
    assert found.plots == []


def test_a_steward_of_the_owner_looks_and_the_record_says_so_first(center, steward, browse):
    version = version_with(center, dictionary=DICTIONARY)
    look = LookFactory(version=version, path="a.svs", status="made", has_picture=True, facts={"width": 2, "height": 3})
    DatasetStore().put(look.key, PNG, media_type="image/png")

    page = browse(steward).get(address(version)).content.decode()
    picture = browse(steward).get(address(version, f"{look.pk}.png"))

    assert "below 10 are not shown" in page
    assert "vanishing" not in page
    assert (picture.content, picture["Content-Type"]) == (PNG, "image/png")
    assert (picture["X-Content-Type-Options"], picture["Cache-Control"]) == ("nosniff", "no-store")
    assert "sandbox" in picture["Content-Security-Policy"]
    assert seen(version) == [(Outcome.SUCCESS, "table"), (Outcome.SUCCESS, "picture")]


def test_the_page_begins_with_a_look_that_has_something_to_show(center, steward, browse):
    nothing = {**DICTIONARY, "rows": 3}
    version = VersionFactory(dataset=DatasetFactory(center=center))
    FileFactory(version=version, path="a.csv", dictionary=nothing)
    second = FileFactory(version=version, path="b.csv", dictionary=DICTIONARY)
    published(version)

    assert "early" in browse(steward).get(address(version)).content.decode()
    text = browse(steward).get(address(version, f"?of={version.files.get(path='a.csv').pk}")).content.decode()
    assert "nothing here that may be counted aloud" in text
    told = entries().filter(event="catalog.data.looked_at").order_by("id").first()
    assert told.details["look"] == str(second.pk)


def test_others_are_refused_and_that_is_recorded(center, browse):
    version = version_with(center, dictionary=DICTIONARY)
    look = LookFactory(version=version, path="a.svs", status="made", has_picture=True)

    for path in (address(version), address(version, f"{look.pk}.png")):
        assert browse(MemberFactory()).get(path).status_code == 403

    assert seen(version) == [(Outcome.REFUSED, None)] * 2


def test_a_look_of_another_version_is_not_found_here(center, steward, browse):
    version, other = version_with(center), version_with(center)
    look = LookFactory(version=other, path="a.svs", status="made", has_picture=True)

    assert browse(steward).get(address(version, f"{look.pk}.png")).status_code == 404
    assert browse(steward).get(address(version, f"?of={look.pk}")).status_code == 404


def test_nothing_is_shown_that_the_record_can_not_take(center, steward, browse, monkeypatch):
    def broken(*args, **details):
        raise NotRecorded("The record does not answer, so nothing was done.")

    version = version_with(center, dictionary=DICTIONARY)
    look = LookFactory(version=version, path="a.svs", status="made", has_picture=True)
    DatasetStore().put(look.key, PNG, media_type="image/png")
    browser = browse(steward)
    monkeypatch.setattr("apps.core.reads.record", broken)

    page, picture = browser.get(address(version)), browser.get(address(version, f"{look.pk}.png"))

    assert (page.status_code, picture.status_code) == (503, 503)
    assert "early" not in page.content.decode()
    assert PNG not in picture.content


def test_who_may_not_ask_for_looks_is_refused(center):
    with pytest.raises(NotAllowed, match="Only a data steward"):
        ask_for_looks(version_with(center), by=MemberFactory())
