"""A dataset version in the Data Catalog Vocabulary, version 3 (www.w3.org/TR/vocab-dcat-3), as JSON-LD.

Each distribution's accessURL is the dataset's page and none has a downloadURL: access is by proposal.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.catalog.croissant import ACCESS, licence_of, page_of
from apps.catalog.duo import parse

if TYPE_CHECKING:
    from apps.catalog.models import Dataset, DatasetFile, DatasetVersion

CONTEXT: dict[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "obo": "http://purl.obolibrary.org/obo/",
}
RESTRICTED = {"@id": "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"}


def dcat(
    dataset: "Dataset", version: "DatasetVersion", files: Iterable["DatasetFile"], base_url: str
) -> dict[str, Any]:
    """The version's facts and one distribution for each file."""
    page, licence = page_of(dataset, base_url), licence_of(version)
    told: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": f"{page}versions/{version.number}/",
        "@type": "dcat:Dataset",
        "dct:title": dataset.title,
        "dct:description": dataset.description,
        "dct:identifier": str(version.pk),
        "dcat:version": str(version.number),
        "dcat:landingPage": {"@id": page},
        "dcat:keyword": dataset.get_modality_display(),
        "dct:publisher": {"@type": "foaf:Organization", "foaf:name": dataset.center.legal_name},
        "dcat:contactPoint": {"@type": "vcard:Kind", "vcard:hasEmail": {"@id": f"mailto:{quote(dataset.contact)}"}},
        "dct:accessRights": RESTRICTED,
        "dct:license": {"@id": licence} if licence.startswith("https://") else licence,
        "dct:conformsTo": [{"@id": f"obo:{term.code.replace(':', '_')}"} for term in parse(version.terms)],
        "dcat:distribution": [_distribution(file, page, version.number) for file in files],
    }
    if version.citation:
        told["dct:bibliographicCitation"] = version.citation
    if version.published_at:
        told["dct:issued"] = {"@value": version.published_at.isoformat(), "@type": "xsd:dateTime"}
    return told


def _distribution(file: "DatasetFile", page: str, number: int) -> dict[str, Any]:
    return {
        "@id": f"{page}versions/{number}/#{quote(file.path)}",
        "@type": "dcat:Distribution",
        "dct:title": file.path,
        "dct:description": file.role or ACCESS,
        "dcat:accessURL": {"@id": page},
        "dct:accessRights": RESTRICTED,
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{quote(file.media_type)}"},
        "dcat:byteSize": {"@value": str(file.bytes), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }
