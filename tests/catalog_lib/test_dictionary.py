"""Dictionaries of real tables against their known numbers, of hostile ones, and what is shown of them."""

import gzip
import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.catalog import columns, dictionary
from apps.catalog.dictionary import read, shown
from apps.core.errors import Invalid
from tests.catalog_lib.open_data import OPEN_DATA, here

#        file                                                                             rows    columns
KNOWN = """
ehr-alliance-gbsg2/gbsg2.csv                                                              686     10
ehr-alliance-ncctg-lung/lung.csv                                                          228     10
ehr-alliance-tcga-brca-federated/brca.csv                                                 1096    42
ehr-alliance-tcga-brca-federated/centers.csv                                              111     5
ehr-alliance-tcga-brca-federated/train_test_split.csv                                     1088    3
ehr-alliance-wdbc/breast_cancer.csv                                                       569     31
ehr-dana-farber-colorectal-2016/tmb_output_data_clinical_sample.txt                       619     11
ehr-dana-farber-dlbcl-2018/tmb_output_data_clinical_sample.txt                            135     31
ehr-fred-hutch-prostate-2016/tmb_output_data_clinical_sample.txt                          176     20
ehr-johns-hopkins-acyc-2016/tmb_output_data_clinical_sample.txt                           25      14
ehr-msk-impact-2017/data_clinical_sample.txt                                              10945   18
ehr-msk-thyroid-2016/data_clinical_patient.txt                                            117     9
ehr-msk-thyroid-2016/data_clinical_sample.txt                                             117     13
ehr-msk-thyroid-2016/data_mutations_extended.txt                                          564     37
ehr-msk-thyroid-2016/thyroid_mskcc_2016_data_cna_hg19.seg                                 4842    6
ehr-msk-thyroid-2016/data_CNA.txt                                                         413     118
ehr-msk-thyroid-2016/data_fusions.txt                                                     12      9
ehr-msk-thyroid-2016/data_timeline_status.txt                                             115     5
genomics-msk-luad-2017/data_clinical_patient.txt                                          860     11
genomics-msk-luad-2017/data_clinical_sample.txt                                           915     20
genomics-msk-luad-2017/data_mutations_extended.txt                                        7247    37
genomics-msk-luad-2017/lung_msk_2017_data_cna_hg19.seg                                    49798   6
genomics-msk-luad-2017/data_CNA.txt                                                       516     916
genomics-msk-luad-2017/data_fusions.txt                                                   301     10
genomics-johns-hopkins-pancreatic-cysts-2011/data_mutations_extended.txt                  444     37
genomics-johns-hopkins-pancreatic-cysts-2011/data_clinical_patient.txt                    32      7
genomics-johns-hopkins-pancreatic-cysts-2011/data_clinical_sample.txt                     32      8
genomics-fred-hutch-tcga-laml/tcga_laml.maf.gz                                            2207    17
genomics-fred-hutch-tcga-laml/tcga_laml_annot.tsv                                         200     4
genomics-johns-hopkins-khan-srbct/Khan_xtrain.csv                                         63      2308
genomics-johns-hopkins-khan-srbct/Khan_xtest.csv                                          20      2308
genomics-johns-hopkins-khan-srbct/Khan_ytrain.csv                                         63      1
"""
TYPES = {"csv": "text/csv", "tsv": "text/tab-separated-values", "gz": "application/gzip", "txt": "text/plain"}


def media_type(name):
    return TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def column(table, name):
    return next(one for one in table["columns"] if one["name"] == name)


@pytest.mark.slow
@pytest.mark.parametrize("line", KNOWN.strip().splitlines() if OPEN_DATA.name == "data" else [])
def test_the_open_tables_have_their_known_size(line):
    name, rows, width = line.split()
    table = read(OPEN_DATA / name, media_type(name))

    assert (table["rows"], len(table["columns"]), table["ragged_rows"]) == (int(rows), int(width), 0)


@pytest.mark.slow
@pytest.mark.parametrize("line", KNOWN.strip().splitlines() if OPEN_DATA.name == "data" else [])
@pytest.mark.parametrize("floor", [5, 10])
def test_nothing_below_the_floor_is_shown_of_the_open_tables(line, floor):
    name = line.split()[0]
    table = read(OPEN_DATA / name, media_type(name))

    assert_safe(table, shown(table, floor), floor)


@here
def test_the_known_numbers_of_two_tables():
    gbsg2 = read(OPEN_DATA / "ehr-alliance-gbsg2/gbsg2.csv", "text/csv")
    impact = read(OPEN_DATA / "ehr-msk-impact-2017/data_clinical_sample.txt", "text/plain")

    assert column(gbsg2, "horTh")["values"] == [["no", 440], ["yes", 246]]
    assert column(gbsg2, "horTh")["kind"] == "yes/no"
    assert column(impact, "SAMPLE_TYPE")["values"] == [["Primary", 6213], ["Metastasis", 4732]]
    assert column(impact, "PATIENT_ID")["distinct"] == 10336
    assert column(impact, "CANCER_TYPE")["distinct"] == 58
    assert column(impact, "SAMPLE_TYPE")["description"]


@here
@pytest.mark.parametrize("name", ["genomics-dana-farber-hcc1395-vcf/annotated.expression.vcf.gz", "README.md",
    "genomics-dana-farber-hcc1395-rna-bam/test_hcc1395.bam", "ehr-msk-thyroid-2016/meta_study.txt",
    "ehr-alliance-gbsg2/LICENSE.txt", "pathology-fred-hutch-cmu1-small-region-svs/cmu-1-small-region.svs",
    "ehr-msk-thyroid-2016/data_gene_panel.txt", "ehr-alliance-gbsg2/dataset.json"])  # fmt: skip
def test_what_is_no_table_has_no_dictionary(name):
    assert read(OPEN_DATA / name, "text/plain") is None


# ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def table_of(tmp_path, text, kind="text/csv"):
    path = tmp_path / "table"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, kind)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "whole number"),
        (["1.0", "2.0"], "whole number"),
        (["1", "2.5"], "number"),
        (["1e-3", "-.5"], "number"),
        (["inf", "1"], "text"),
        (["1e999", "1.5"], "text"),
        (["2024-02-29", "2024-03-01"], "date"),
        (["2024-02-30", "2024-03-01"], "text"),
        (["Yes", "no"], "yes/no"),
        (["TRUE", "False"], "yes/no"),
        (["yes", "maybe"], "text"),
        (["NA", ""], "text"),
        (["NA", "3"], "whole number"),
        (["007", "x1"], "text"),
    ],
)
def test_the_kind_of_a_column(tmp_path, values, kind):
    table = table_of(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in values))

    assert table["columns"][0]["kind"] == kind


def test_missing_values_are_counted_and_no_value(tmp_path):
    table = table_of(tmp_path, "a\tb\nNA\tx\n\tx\n[Not Available]\tx\n1\tx\n", "text/tab-separated-values")

    assert table["columns"][0]["missing"] == 3
    assert table["columns"][0]["distinct"] == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, separator):
    table = table_of(tmp_path, separator.join("ab") + "\n" + f"1,5{separator}2\n" * 3, "text/plain")

    assert (table["separator"], table["rows"]) == (separator, 3)


def test_quotes_a_summary_line_and_missing_heads(tmp_path):
    quoted = table_of(tmp_path, 'name,"a, b"\n"x\ny",1\n')
    summary = table_of(tmp_path, "2,4\n1,2,3,4\n5,6,7,8\n")
    numbered = table_of(tmp_path, "a\tb\n1\t2\t3\n1\t2\t3\n", "text/plain")

    assert ([one["name"] for one in quoted["columns"]], quoted["rows"]) == (["name", "a, b"], 1)
    assert (summary["columns"][0]["name"], summary["rows"]) == ("column 1", 2)
    assert [one["name"] for one in numbered["columns"]] == ["row", "a", "b"]


def test_no_number_given_is_one_persons_value(tmp_path):
    values = [*range(103, 201), 100_003, 777_777]
    numbers = table_of(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in values))["columns"][0]["numbers"]

    given = [numbers["low"], *numbers["quartiles"], numbers["high"]]
    assert not set(given) & {103, 100_003, 777_777}
    assert sum(numbers["counts"]) == 100
    assert numbers["low"] <= numbers["quartiles"][1] <= numbers["high"]


def test_the_figures_lie_near_the_true_ones(tmp_path):
    numbers = table_of(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in range(10_000)))["columns"][0]["numbers"]

    assert numbers["quartiles"] == pytest.approx([2500, 5000, 7500], abs=100)


def test_few_numbers_have_no_figures(tmp_path):
    table = table_of(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in range(39)))

    assert "numbers" not in table["columns"][0]


def test_what_is_remembered_stays_bounded():
    seen = columns.Column("a", kept=200)
    for number in range(5000):
        seen.add(str(number))
    told = seen.summary()

    assert (len(seen.numbers), len(seen.different), told["distinct_is_exact"]) == (200, 200, False)
    assert told["numbers"]["sampled"] == 200
    assert told["numbers"]["quartiles"] == pytest.approx([1250, 2500, 3750], abs=700)


# ── hostile files ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.slow
def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionary, "BOMB", (50, 1024**2))
    with pytest.raises(Invalid, match="too large when unpacked"):
        table_of(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a,b\n" + b"1,2\n" * 60 + b"1" * (1024**2 + 1), "longer than"),
        (b",".join([b"a"] * 5001) + b"\n" + b",".join([b"1"] * 5001) + b"\n", "more than 5,000 columns"),
        (gzip.compress(b"a,b\n1,2\n" * 100, mtime=0)[:-20], "can't be unpacked"),
        (b'a,b\n1,"' + b"x\n" * 200_000, "quotes"),
    ],
    ids=["line", "columns", "cut", "quotes"],
)
def test_a_table_beyond_the_bounds_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(Invalid, match=words):
        table_of(tmp_path, text)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n2,3\n" + b"1,2\n" * 500 + b"\0\n",  # text at first
        b">chr1\n" + b"ACGT" * 50_000 + b"\n>chr2\nACGT\n",
        b'{"a": [1, 2]}' + b" " * 2_000_000,
        b"",
        b"\n\n",
        b"#" * 5 + b"\n",
    ],
)
def test_what_is_no_table_is_none_and_no_error(tmp_path, content):
    assert table_of(tmp_path, content, "application/octet-stream") is None


def test_figures_of_huge_numbers_are_json(tmp_path):
    table = table_of(tmp_path, "a,b\n" + "".join(f"{value}e99,x\n-{value}e99,y\n" for value in range(99)))

    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionary, "MOST_ROWS", 10)
    with pytest.raises(Invalid, match="more than 10 rows"):
        table_of(tmp_path, "a,b\n" + "1,2\n" * 11)


pieces = st.lists(st.sampled_from([b"a", b",", b"\t", b"\n", b'"', b"#", b"1", b"\r", b"\xff", b"NA", b";", b"\0"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=400) | pieces.map(b"".join), st.sampled_from(["text/csv", "text/plain", ""]), st.booleans())
def test_rubbish_is_a_table_or_none_or_refused(tmp_path, content, kind, packed):
    path = tmp_path / "rubbish"
    path.write_bytes(gzip.compress(content) if packed else content)
    try:
        table = read(path, kind)
    except Invalid:
        return
    if table is not None:
        json.dumps(table)
        assert_safe(table, shown(table, 5), 5)


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────
def assert_safe(table, told, floor):
    """No count from 1 to the floor stands there, and none can be had by subtraction."""
    for one in told["columns"]:
        numbers = one.get("numbers", {})
        cells = [count for _, count in one.get("values", [])] + numbers.get("counts", [])
        others = [part["others"] for part in (one, numbers) if "others" in part]
        known = [count for count in cells if count is not None] + others
        assert all(count >= floor for count in (*known, one.get("missing") or floor)), one
        if cells and "sampled" not in numbers:
            assert sum(known) + (one["missing"] or 0) == told["rows"], one
            assert (one["missing"] is None) <= bool(others), one
        if "numbers" in one:
            assert len(numbers["edges"]) == max(len(numbers["counts"]) - 1, 0)
            assert all(left < right for left, right in pairwise(numbers["edges"]))
            assert numbers["counts"].count(None) == len(others)


def test_small_values_are_hidden_with_one_more_when_needed(tmp_path):
    text = "kind,x\n" + "a,1\n" * 50 + "b,1\n" * 20 + "c,1\n" * 3
    told = shown(table_of(tmp_path, text), 10)["columns"][0]

    assert told["values"] == [["a", 50]]
    assert told["others"] == 23
    assert "distinct" not in told


def test_missing_rows_are_a_cell_like_the_others(tmp_path):
    text = "kind,x\n" + "a,1\n" * 50 + "b,1\n" * 20 + "NA,1\n" * 3
    told = shown(table_of(tmp_path, text), 10)["columns"][0]

    assert (told["values"], told["missing"], told["others"]) == ([["a", 50]], None, 23)


def test_nothing_small_is_shown_in_full(tmp_path):
    told = shown(table_of(tmp_path, "kind,x\n" + "a,1\n" * 50 + "b,1\n" * 20), 10)["columns"][0]

    assert told == {
        "name": "kind", "kind": "text", "values": [["a", 50], ["b", 20]], "missing": 0, "distinct": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "PATIENT_ID",
        "patientId",
        "pid",
        "Tumor_Sample_Barcode",
        "MRN",
        "email",
        "zip",
        "date_of_birth",
        "Notes",
        "lastName",
        "IP",
        "City",
        "account no",
    ],
)
def test_identifiers_are_not_shown(tmp_path, name):
    told = shown(table_of(tmp_path, f"{name},x\n" + "a,1\n" * 50), 10)["columns"][0]

    assert told == {"name": name, "kind": "text", "withheld": True}


def test_text_that_tells_rows_apart_dates_and_sparse_columns_are_not_shown(tmp_path):
    rows = "".join(f"w{n},2020-01-0{n % 9 + 1},{'z' if n < 3 else ''},x\n" for n in range(60))
    told = shown(table_of(tmp_path, "word,day,sparse,x\n" + rows), 10)["columns"]

    assert [one.get("withheld", False) for one in told] == [True, True, True, False]


def test_a_matrix_does_not_name_its_samples(tmp_path):
    told = shown(table_of(tmp_path, "gene\tP-0004012-T01\ts_JF_thy_001_P\n" + "A\t1\t2\n" * 30, "text/plain"), 10)

    assert [one["name"] for one in told["columns"]] == ["gene"]
    assert told["dropped"] == 2


def test_a_tiny_table_shows_names_only(tmp_path):
    told = shown(table_of(tmp_path, "a,b\n" + "1,x\n" * 9), 10)

    assert told["rows"] is None
    assert all(one["withheld"] for one in told["columns"])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 30), st.integers(2, 15))
def test_no_set_of_counts_lets_a_small_one_through(counts, missing, floor):
    values = [[f"v{place}", count] for place, count in enumerate(counts)]
    one = {"name": "kind", "kind": "text", "missing": missing, "distinct": len(values), "distinct_is_exact": True}
    table = {"rows": sum(counts) + missing, "columns": [{**one, "values": values}]}

    assert_safe(table, shown(table, floor), floor)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(2, 15))
def test_joined_bins_hold_enough_and_lose_nobody(counts, floor):
    edges, joined = dictionary._joined([float(n) for n in range(len(counts) - 1)], counts, floor)

    assert all(count >= floor for count in joined)
    assert sum(joined) in {sum(counts), 0}
    assert len(edges) == max(len(joined) - 1, 0)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(0, 30), st.integers(2, 10))
def test_bins_do_not_tell_how_many_are_missing(counts, missing, floor):
    numbers = {"low": 0, "quartiles": [0, 0, 0], "high": 0, "around": 10}
    numbers |= {"edges": [float(n) for n in range(len(counts) - 1)], "counts": counts}
    one = {"name": "age", "kind": "number", "missing": missing, "distinct": 9, "distinct_is_exact": True}
    table = {"rows": sum(counts) + missing, "columns": [{**one, "numbers": numbers}]}

    assert_safe(table, shown(table, floor), floor)


def test_figures_are_not_shown_where_the_floor_is_above_what_they_were_made_of(tmp_path):
    table = table_of(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in range(99)))

    assert "numbers" in shown(table, 10)["columns"][0]
    assert "numbers" not in shown(table, 11)["columns"][0]


def test_a_wide_table_lists_fewer_values(tmp_path):
    head = ",".join(f"c{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600))
    rows = "".join(",".join([f"word {n}"] * 600) + "\n" for n in range(40))

    assert not any("values" in one for one in table_of(tmp_path, head + "\n" + rows)["columns"])
