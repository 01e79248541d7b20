"""The reads of the catalog's sensitive content, for the record."""

from apps.core.events import read

DATA_LOOKED_AT = read(
    "catalog.data.looked_at",
    "Took a first look at data",
    attempt="take a first look at data",
    when="Before a table's plots, a picture or counts of variants are shown; who may not use the data is refused.",
    about=("catalog.datasetversion",),
)
