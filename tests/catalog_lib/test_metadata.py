"""Croissant and DCAT of a version: their shape, that other software reads them, and that nothing leads to the bytes.

MLCommons' own validator brings pandas and scipy with it, so it is no part of the project. In an environment of its own
it reads what the demo's datasets say, in tests/catalog/test_croissant.py.
"""

import json
from datetime import UTC, datetime

import pytest
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF, XSD

from apps.alliance.models import Center
from apps.catalog.croissant import croissant, licence_of
from apps.catalog.dcat import dcat
from apps.catalog.dictionary import read
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's own

BASE = "https://caia.example"
PAGE = "https://caia.example/datasets/lung-2017/"
SPDX = Namespace("http://spdx.org/rdf/terms#")


@pytest.fixture
def facts(tmp_path):
    """A dataset, its version and two files, as they stand before they are saved."""
    table = tmp_path / "clinical.csv"
    table.write_text("PATIENT_ID,sex,age,P-0004012-T01\n" + "".join(f"p{n},{'FM'[n % 2]},{n},1\n" for n in range(60)))
    dataset = Dataset(
        center=Center(slug="msk", short_name="MSK", legal_name="Memorial Sloan Kettering"),
        slug="lung-2017",
        title="Lung “adenocarcinoma”",
        modality="ehr",
        description="What <it> holds",
        contact="data+lung@msk.example",
        smallest_count=10,
    )
    version = DatasetVersion(
        dataset=dataset,
        number=2,
        licence="ODbL-1.0",
        citation="Some paper, 2017",
        terms=[{"code": "DUO:0000006"}, {"code": "DUO:0000019"}],
        published_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
    )
    of_table = {"sha256": "a" * 64, "media_type": "text/csv", "dictionary": read(table, "text/csv")}
    of_licence = {"sha256": "b" * 64, "media_type": "text/plain", "role": "licence"}
    files = [
        DatasetFile(version=version, path="a b/clinical.csv", bytes=10, **of_table),
        DatasetFile(version=version, path="LICENSE.txt", bytes=5, **of_licence),
    ]
    return dataset, version, files


@pytest.mark.parametrize("make", [croissant, dcat])
def test_nothing_leads_to_the_bytes(facts, make):
    text = json.dumps(make(*facts, BASE))

    assert "downloadURL" not in text
    assert facts[2][0].key not in text
    assert "/files/" not in text


def test_croissant_says_where_to_ask_and_on_what_terms(facts):
    told = croissant(*facts, BASE)

    assert {file["contentUrl"] for file in told["distribution"]} == {PAGE}
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert told["license"] == "https://spdx.org/licenses/ODbL-1.0"
    assert told["usageInfo"] == [
        "http://purl.obolibrary.org/obo/DUO_0000006",
        "http://purl.obolibrary.org/obo/DUO_0000019",
    ]
    assert (told["version"], told["datePublished"]) == ("2.0.0", "2026-11-01")


def test_croissant_describes_the_columns_and_gives_no_count_or_sample(facts):
    told = croissant(*facts, BASE)
    [table] = told["recordSet"]

    assert [(one["name"], one["dataType"]) for one in table["field"]] == [
        ("PATIENT_ID", "sc:Text"), ("sex", "sc:Text"), ("age", "sc:Integer"),
    ]  # fmt: skip
    assert table["field"][1]["source"] == {"fileObject": {"@id": "a%20b/clinical.csv"}, "extract": {"column": "sex"}}
    assert "P-0004012" not in json.dumps(told)
    assert "30" not in json.dumps(told["recordSet"])


def test_a_draft_has_no_day_of_publication(facts):
    facts[1].published_at = None

    assert "datePublished" not in croissant(*facts, BASE)
    assert "dct:issued" not in dcat(*facts, BASE)


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("CC0-1.0", "https://spdx.org/licenses/CC0-1.0"),
        ("BSD-3-Clause", "https://spdx.org/licenses/BSD-3-Clause"),
        ("MIT", "MIT"),
        ("the alliance's own terms, 2026", "the alliance's own terms, 2026"),
    ],
)
def test_a_licence_with_an_identifier_is_named_by_its_address(licence, told):
    assert licence_of(DatasetVersion(licence=licence)) == told


def graph(told):
    found = Graph()
    found.parse(data=json.dumps(told), format="json-ld")
    return found


def test_dcat_is_read_as_linked_data(facts):
    told = graph(dcat(*facts, BASE))
    [version] = told.subjects(RDF.type, DCAT.Dataset)

    assert version == URIRef(f"{PAGE}versions/2/")
    assert told.value(version, DCTERMS.title) == Literal("Lung “adenocarcinoma”")
    assert told.value(version, DCTERMS.license) == URIRef("https://spdx.org/licenses/ODbL-1.0")
    assert told.value(version, DCTERMS.issued).datatype == XSD.dateTime
    assert set(told.objects(version, DCTERMS.conformsTo)) == {
        URIRef("http://purl.obolibrary.org/obo/DUO_0000006"), URIRef("http://purl.obolibrary.org/obo/DUO_0000019"),
    }  # fmt: skip


def test_each_distribution_has_what_dcat_asks_for(facts):
    told = graph(dcat(*facts, BASE))
    distributions = list(told.objects(None, DCAT.distribution))

    assert len(distributions) == 2
    for one in distributions:
        assert (one, RDF.type, DCAT.Distribution) in told
        assert told.value(one, DCAT.accessURL) == URIRef(PAGE)
        assert str(told.value(one, DCTERMS.accessRights)).endswith("/RESTRICTED")
        assert told.value(one, DCAT.byteSize).toPython() in {5, 10}
        assert len(told.value(told.value(one, SPDX.checksum), SPDX.checksumValue)) == 64


def test_croissant_is_read_as_linked_data(facts):
    told = graph(croissant(*facts, BASE))
    croissants = Namespace("http://mlcommons.org/croissant/")

    assert len(list(told.subjects(RDF.type, croissants.FileObject))) == 2
    assert len(list(told.subjects(RDF.type, croissants.Field))) == 3
    assert len(list(told.objects(None, croissants.column))) == 3
