"""Searching the catalog: each choice says how many one would find by it, and an empty answer teaches."""

import random

import pytest

from apps.catalog.search import FACETS, facets, found_by, less_asked
from tests.factories import CenterFactory, MemberFactory
from tests.factories_catalog import DatasetFactory, VersionFactory, published

pytestmark = pytest.mark.django_db
GRU, HMB, PUB, NPU = ({"code": f"DUO:{number:07}"} for number in (42, 6, 19, 18))


def data(center=None, *, modality="ehr", terms=(GRU,), title="Registry"):
    dataset = DatasetFactory(center=center or CenterFactory(), modality=modality, title=title)
    return published(VersionFactory(dataset=dataset, terms=list(terms))).dataset


@pytest.fixture
def member(db):
    return MemberFactory()


def test_each_choice_says_how_many_one_would_find(member, django_assert_num_queries):
    ours, theirs = CenterFactory(slug="ours"), CenterFactory(slug="theirs")
    data(ours, terms=[GRU, PUB])
    data(ours, modality="genomics", terms=[HMB])
    data(theirs, modality="genomics", terms=[GRU])
    member.grants()

    with django_assert_num_queries(1):
        found = facets(member, {})

    assert found["modality"] == {"ehr": 1, "genomics": 2}
    assert found["center"] == {"ours": 2, "theirs": 1}
    assert found["term"] == {"DUO:0000042": 2, "DUO:0000019": 1, "DUO:0000006": 1}


def test_a_choice_counts_beside_what_else_is_asked_for(member):
    ours = CenterFactory(slug="ours")
    data(ours, title="Lung")
    data(ours, modality="genomics", title="Lung")
    data(modality="genomics", title="Breast")

    found = facets(member, {"words": "lung", "modality": "ehr", "center": None, "term": ""})

    assert found["modality"] == {"ehr": 1, "genomics": 1}, "the other modality can be chosen instead"
    assert found["center"] == {"ours": 1}


def test_the_newest_published_version_says_the_terms(member):
    dataset = data(terms=[GRU])
    published(VersionFactory(dataset=dataset, number=2, terms=[HMB]))
    VersionFactory(dataset=dataset, number=3, terms=[NPU])

    assert facets(member, {})["term"] == {"DUO:0000006": 1}


def test_nobody_learns_from_counts_what_they_may_not_see(member):
    VersionFactory(dataset=DatasetFactory())

    assert facets(member, {}) == {name: {} for name in FACETS}


@pytest.mark.parametrize("seed", range(5))
def test_the_counts_are_what_choosing_finds(member, seed):
    """Whatever is asked for, each count is the length of the list that one gets by that choice."""
    dice = random.Random(seed)
    centers = [CenterFactory() for _ in range(3)]
    for number in range(15):
        terms = dice.sample([GRU, HMB, PUB, NPU], dice.randint(1, 3))
        modality = dice.choice(["ehr", "genomics", "radiology"])
        data(dice.choice(centers), modality=modality, terms=terms, title=f"{dice.choice(['Lung', 'Breast'])} {number}")
    by_slug = {center.slug: center for center in centers}
    asked = {
        "words": dice.choice(["", "lung", "breast"]),
        "modality": dice.choice(["", "ehr", "genomics"]),
        "center": dice.choice([None, *centers]),
        "term": dice.choice(["", GRU["code"], PUB["code"]]),
    }

    for name, counts in facets(member, asked).items():
        for value, count in counts.items():
            chosen = by_slug[value] if name == "center" else value
            assert found_by(member, {**asked, name: chosen}).count() == count, (name, value)


def test_an_empty_answer_says_what_one_question_less_would_find(member, browse):
    data(modality="ehr", title="Lung")

    assert less_asked(member, {"words": "lung", "modality": "radiology"}) == [("modality", 1)]
    text = browse(member).get("/datasets/?words=lung&modality=radiology").content.decode()
    assert "Without “Modality”: 1 dataset" in text
    assert 'href="?words=lung"' in text


def test_where_nothing_helps_it_says_how_to_search(member, browse):
    text = browse(member).get("/datasets/?words=zebra").content.decode()

    assert "Try fewer or shorter words" in text


def test_the_page_offers_what_finds_something_and_what_is_chosen(member, browse):
    data(modality="ehr", terms=[GRU])

    text = browse(member).get("/datasets/?modality=radiology").content.decode()

    assert "Health records (1)" in text
    assert "Radiology (0)" in text
    assert "Genomics" not in text.partition('name="modality"')[2].partition("</select>")[0]
    assert "general research use (GRU) (1)" not in text, "with the chosen modality there is none"
    assert "general research use (GRU) (1)" in browse(member).get("/datasets/").content.decode()
