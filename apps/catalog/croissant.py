"""A dataset version as Croissant 1.1, MLCommons' JSON-LD for data sets (docs.mlcommons.org/croissant).

It describes; it never leads to the bytes: a file's contentUrl is the dataset's page, where access is asked for.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.catalog.dictionary import shown
from apps.catalog.duo import parse

if TYPE_CHECKING:
    from apps.catalog.models import Dataset, DatasetFile, DatasetVersion

NAMES = [
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
    "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
    "separator", "source", "subField", "transform",
]  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in NAMES},
}
TYPES = {"number": "sc:Float", "whole number": "sc:Integer", "date": "sc:Date", "text": "sc:Text", "yes/no": "sc:Text"}
ACCESS = "Restricted. Approved projects work next to the data; access is asked for with a proposal on this page."


def page_of(dataset: "Dataset", base_url: str) -> str:
    """The address of a dataset's page."""
    return f"{base_url.rstrip('/')}/datasets/{dataset.slug}/"


def licence_of(version: "DatasetVersion") -> str:
    """The licence's address at SPDX where it is an identifier of theirs by its look, else its name."""
    spdx = re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9.+]+)*-?\d[A-Za-z0-9.+-]*", version.licence)
    return f"https://spdx.org/licenses/{version.licence}" if spdx else version.licence


def croissant(
    dataset: "Dataset", version: "DatasetVersion", files: Iterable["DatasetFile"], base_url: str
) -> dict[str, Any]:
    """The version's facts, its files, and of each table the columns that others may know of."""
    page, listed = page_of(dataset, base_url), list(files)
    center = {"@type": "Organization", "name": dataset.center.legal_name}
    told: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": dataset.title,
        "description": dataset.description,
        "url": page,
        "identifier": str(version.pk),
        "version": f"{version.number}.0.0",
        "license": licence_of(version),
        "creator": center,
        "publisher": center,
        "keywords": [dataset.get_modality_display()],
        "isAccessibleForFree": True,
        "conditionsOfAccess": ACCESS,
        "usageInfo": [_usage(term.code) for term in parse(version.terms)],
        "distribution": [_file(file, page) for file in listed],
        "recordSet": [_table(file, dataset.smallest_count) for file in listed if file.dictionary],
    }
    if version.citation:
        told["citeAs"] = version.citation
    if version.published_at:
        told["datePublished"] = version.published_at.date().isoformat()
    return told


def _usage(code: str) -> str:
    """A data-use term by its address in the ontology."""
    return f"http://purl.obolibrary.org/obo/{code.replace(':', '_')}"


def _file(file: "DatasetFile", page: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": quote(file.path),
        "name": file.path,
        "description": file.role or ACCESS,
        "contentUrl": page,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": file.media_type,
        "sha256": file.sha256,
    }


def _table(file: "DatasetFile", floor: int) -> dict[str, Any]:
    """Columns by place as well as by name, because a table may hold a name twice."""
    columns = shown(file.dictionary or {}, floor)["columns"]
    return {
        "@type": "cr:RecordSet",
        "@id": f"{quote(file.path)}#rows",
        "name": f"Rows of {file.path}",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{quote(file.path)}#rows/{place}",
                "name": column["name"],
                "description": column.get("description") or column["name"],
                "dataType": TYPES[column["kind"]],
                "source": {"fileObject": {"@id": quote(file.path)}, "extract": {"column": column["name"]}},
            }
            for place, column in enumerate(columns, 1)
        ],
    }
