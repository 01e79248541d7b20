"""Make duo.json and mondo.tsv from the ontologies' own files. To take over a newer ontology, run it again:

    git -C DUO show HEAD:duo-basic.owl > duo-basic.owl
    git -C mondo show HEAD:subsets/mondo-rare_edges.tsv > edges.tsv      # subject, predicate, object
    git -C mondo show HEAD:reports/superclass-count.tsv > labels.tsv     # code, "label", count
    python -m apps.catalog.ontology.extract duo-basic.owl DUO_COMMIT edges.tsv labels.tsv MONDO_COMMIT

Of Mondo come the neoplasms of its subset of rare diseases, with all kinds above them up to "neoplasm" itself.
"""

import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent
NEOPLASM = "MONDO:0005070"
OBO, RDF = "{http://purl.obolibrary.org/obo/}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
RDFS, OIO = "{http://www.w3.org/2000/01/rdf-schema#}", "{http://www.geneontology.org/formats/oboInOwl#}"


def duo(owl: Path, commit: str) -> None:
    """Write duo.json: code, shorthand, label, definition and parent of each term, in the ontology's words."""
    terms = []
    for node in ElementTree.parse(owl).getroot().iter("{http://www.w3.org/2002/07/owl#}Class"):  # noqa: S314  (a file that we chose)
        code = _code(node.get(f"{RDF}about", ""))
        if not code.startswith("DUO:"):
            continue
        above = node.find(f"{RDFS}subClassOf")
        parent = _code(above.get(f"{RDF}resource", "")) if above is not None else ""
        terms.append(
            {
                "code": code,
                "shorthand": node.findtext(f"{OIO}shorthand", ""),
                "label": node.findtext(f"{RDFS}label", ""),
                "definition": node.findtext(f"{OBO}IAO_0000115", ""),
                "parent": parent if parent.startswith("DUO:") else "",
            }
        )
    source = {"source": "https://github.com/EBISPOT/DUO", "commit": commit, "licence": "CC-BY-4.0"}
    text = json.dumps({**source, "terms": sorted(terms, key=lambda term: term["code"])}, indent=1, ensure_ascii=False)
    (HERE / "duo.json").write_text(text + "\n")


def _code(address: str) -> str:
    """DUO:0000044 of …/DUO_00000044: one address of the ontology has a zero too many."""
    found = re.search(r"/([A-Z]+)_0*(\d{1,7})$", address)
    return f"{found[1]}:{int(found[2]):07d}" if found else ""


def mondo(edges: Path, names: Path, commit: str) -> None:
    """Write mondo.tsv: code, label, parents, of every disease that descends from neoplasm."""
    with names.open() as lines:
        labels = {row[0].strip(): row[1] for row in csv.reader(lines, delimiter="\t") if len(row) > 1}
    parents, children = defaultdict(set), defaultdict(set)
    with edges.open() as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["predicate"] == "biolink:subclass_of" and row["object"].startswith("MONDO:"):
                parents[row["subject"]].add(row["object"])
                children[row["object"]].add(row["subject"])
    below, ahead = {NEOPLASM}, [NEOPLASM]
    while ahead:
        new = {code for code in children[ahead.pop()] if code.startswith("MONDO:")} - below
        below |= new
        ahead.extend(new)
    source = f"# Mondo Disease Ontology, https://github.com/monarch-initiative/mondo at {commit}, CC-BY-4.0"
    rows = [f"{code}\t{labels[code]}\t{' '.join(sorted(parents[code] & below))}" for code in sorted(below)]
    (HERE / "mondo.tsv").write_text("\n".join([source, "# code, label, parents", *rows]) + "\n")


if __name__ == "__main__":
    owl, duo_commit, edge_rows, name_rows, mondo_commit = sys.argv[1:]
    duo(Path(owl), duo_commit)
    mondo(Path(edge_rows), Path(name_rows), mondo_commit)
