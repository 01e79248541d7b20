"""Data-use terms against purposes: tables, each modifier both ways, a property, and a second reading."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.catalog import duo
from apps.catalog.duo import Purpose, Research, Term, check, is_allowed, parse
from apps.catalog.ontology import concepts, diseases, is_a, is_form_of
from apps.core.errors import Invalid
from tests.catalog_lib.open_data import OPEN_DATA

ON = date(2026, 11, 23)
CANCER, LUNG, PROSTATE, AML = "MONDO:0004992", "MONDO:0005061", "MONDO:0005159", "MONDO:0018874"
CODE = {concept.shorthand: code for code, concept in concepts().items() if concept.shorthand}
MODIFIERS = sorted(code for code in CODE.values() if is_a(code, [duo.MODIFIER]))
GOOD = Purpose(
    Research.DISEASE,
    diseases=(LUNG,),
    is_for_profit=False,
    is_commercial=False,
    is_genetic=True,
    collaborates=True,
    publishes=True,
    publishes_from=date(2028, 1, 1),
    returns_results=True,
    ethics_until=date(2027, 12, 31),
    countries=("US",),
    institutions=("msk",),
    starts_on=date(2026, 6, 1),
    ends_on=date(2027, 5, 31),
    are_members_approved=True,
    is_project_approved=True,
    are_institutions_approved=True,
)
VALUES = {
    "RS": {"research": ("DUO:0000037",)},
    "GS": {"countries": ("US", "CA")},
    "MOR": {"until": date(2028, 1, 1)},
    "TS": {"months": 12},
    "IS": {"institutions": ("msk", "dfci")},
}


def term(name, **values):
    return Term(CODE[name], **(values or VALUES.get(name, {"diseases": (CANCER,)} if name == "DS" else {})))


def met(*terms, purpose=GOOD, on=ON):
    return is_allowed(check(terms, purpose, on))


# ── the ontology ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_modifier_and_permission_of_the_ontology_has_a_rule():
    assert set(duo.RULES) == set(CODE.values())


def test_the_ontologys_tree_is_what_the_rules_were_written_for():
    above = {name: concepts()[concepts()[CODE[name]].parent].shorthand for name in ("NRES", "GRU", "HMB", "DS", "POA")}

    assert above == {"NRES": "", "GRU": "", "HMB": "GRU", "DS": "HMB", "POA": ""}


def test_every_parent_in_the_extract_of_mondo_is_in_it():
    assert {parent for disease in diseases().values() for parent in disease.parents} - set(diseases()) == set()


@pytest.mark.parametrize(
    ("form", "above", "answer"),
    [
        (LUNG, LUNG, True),
        (LUNG, CANCER, True),
        (CANCER, LUNG, False),
        (LUNG, PROSTATE, False),
        (AML, "MONDO:0005059", True),  # leukemia
        ("MONDO:9999999", "MONDO:9999999", True),
        ("MONDO:9999999", CANCER, False),
    ],
)
def test_a_disease_descends_as_mondo_says(form, above, answer):
    assert is_form_of(form, [above]) is answer


# ── terms as stored ─────────────────────────────────────────────────────────────────────────────────────────────────
SETS = sorted(OPEN_DATA.glob("*/dataset.json"))


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.parent.name)
def test_the_terms_of_the_open_data_can_be_read(path):
    terms = json.loads(path.read_text())["suggested_duo"]

    assert [term.code for term in parse(terms)] == [term["code"] for term in terms]


def test_a_term_keeps_its_values():
    terms = parse(
        [
            {"code": duo.DS, "diseases": [LUNG, AML]},
            {"code": duo.MOR, "until": "2027-01-31"},
            {"code": duo.TS, "months": 18},
            {"code": duo.GS, "countries": ["US"]},
        ]
    )
    assert terms == (
        Term(duo.DS, diseases=(LUNG, AML)),
        Term(duo.MOR, until=date(2027, 1, 31)),
        Term(duo.TS, months=18),
        Term(duo.GS, countries=("US",)),
    )


def test_a_term_speaks_with_its_values():
    assert [term(name).words for name in ("DS", "GS", "RS", "MOR", "TS", "PUB")] == [
        "disease specific research: cancer (MONDO:0004992)",
        "geographical restriction: US, CA",
        "research specific restrictions: biomedical research",
        "publication moratorium: until 2028-01-01",
        "time limit on use: 12 months",
        "publication required",
    ]
    assert (term("DS").short, term("DS").label) == ("DS", "disease specific research")


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ([], "none is there"),
        ("NRES", "as a list"),
        ([{"code": duo.PUB}], "none is there"),
        ([{"code": duo.GRU}, {"code": duo.HMB}], "these are 2: GRU, HMB"),
        ([{"code": duo.GRU}, {"code": duo.PUB}, {"code": duo.PUB}], "PUB stands there twice"),
        ([{"code": "DUO:0000099"}], "no permission or modifier"),
        ([{"code": duo.PERMISSION}], "no permission or modifier"),
        ([{"code": duo.METHODS_STUDY}], "no permission or modifier"),
        ([{"code": ["DUO:0000004"]}], "no permission or modifier"),
        ([{"code": duo.GRU, "label": "no restriction"}], "is GRU, general research use"),
        ([{"code": duo.GRU, "short": "NRES"}], "is GRU, general research use"),
        ([{"code": duo.GRU, "months": 3}], "takes no “months”"),
        ([{"code": duo.DS}], "needs its diseases"),
        ([{"code": duo.DS, "diseases": []}], "Mondo codes"),
        ([{"code": duo.DS, "diseases": LUNG}], "Mondo codes"),
        ([{"code": duo.DS, "diseases": ["lung"]}], "Mondo codes"),
        ([{"code": duo.DS, "disease": {"id": LUNG, "label": "prostate carcinoma"}}], "is lung adenocarcinoma in Mondo"),
        ([{"code": duo.DS, "disease": {"label": "cancer"}}], "Mondo codes"),
        ([{"code": duo.GRU}, {"code": duo.MOR, "until": "soon"}], "a day as 2027-01-31"),
        ([{"code": duo.GRU}, {"code": duo.MOR}], "needs its until"),
        ([{"code": duo.GRU}, {"code": duo.TS, "months": True}], "whole number of months"),
        ([{"code": duo.GRU}, {"code": duo.TS, "months": 0}], "whole number of months"),
        ([{"code": duo.GRU}, {"code": duo.GS, "countries": ["usa"]}], "two capital letters"),
        ([{"code": duo.GRU}, {"code": duo.RS, "research": ["DUO:0000004"]}], "kinds of research"),
        ([{"code": duo.GRU}, {"code": duo.COL, "investigators": "x" * 501}], "500 letters"),
        ([{"code": duo.GRU}] * 31, "at most 30"),
    ],
)
def test_terms_that_say_nothing_clear_are_refused_with_what_to_do(terms, words):
    with pytest.raises(Invalid, match=words):
        parse(terms)


# ── matching ────────────────────────────────────────────────────────────────────────────────────────────────────────
#               general methods biomedical disease ancestry
PERMISSIONS = """
NRES            yes     yes     yes        yes     yes
GRU             yes     yes     yes        yes     yes
HMB             no      no      yes        yes     no
DS              no      no      no         yes     no
POA             no      no      no         no      yes
"""


@pytest.mark.parametrize("row", PERMISSIONS.strip().splitlines(), ids=lambda row: row.split()[0])
def test_a_permission_allows_these_kinds_of_research(row):
    name, *answers = row.split()

    assert [met(term(name), purpose=replace(GOOD, kind=kind)) for kind in Research] == [one == "yes" for one in answers]


UNMET = {
    "RS": [{"kind": Research.METHODS}, {"kind": Research.GENERAL}, {"studies": ("DUO:0000032",)}],
    "NMDS": [{"kind": Research.METHODS}, {"studies": ("DUO:0000031",)}],
    "GSO": [{"is_genetic": False}],
    "NPUNCU": [{"is_for_profit": True}, {"is_commercial": True}],
    "NPU": [{"is_for_profit": True}],
    "NCU": [{"is_commercial": True}],
    "PUB": [{"publishes": False}],
    "COL": [{"collaborates": False}],
    "IRB": [{"ethics_until": None}, {"ethics_until": date(2026, 11, 22)}],
    "GS": [{"countries": ()}, {"countries": ("US", "DE")}],
    "MOR": [{"publishes_from": None}, {"publishes_from": date(2027, 12, 31)}],
    "TS": [{"ends_on": None}, {"ends_on": date(2027, 6, 2)}, {"starts_on": date(2025, 1, 1)}],
    "US": [{"are_members_approved": False}],
    "PS": [{"is_project_approved": False}],
    "IS": [{"institutions": ()}, {"institutions": ("msk", "jhu")}],
    "RTN": [{"returns_results": False}],
    "NPOA": [{"kind": Research.ANCESTRY}, {"studies": ("DUO:0000033",)}],
}


@pytest.mark.parametrize(("name", "changes"), [(name, change) for name in UNMET for change in UNMET[name]])
def test_each_modifier_is_met_by_a_good_purpose_and_unmet_by_one_that_clashes(name, changes):
    [good], [bad] = check((term(name),), GOOD, ON), check((term(name),), replace(GOOD, **changes), ON)

    assert (good.met, bad.met) == (True, False)
    assert bad.words.startswith(f"{name}, {concepts()[CODE[name]].label}: ")


def test_the_table_above_leaves_out_only_the_modifier_that_widens():
    assert {CODE[name] for name in UNMET} == set(MODIFIERS) - {duo.CC}


@pytest.mark.parametrize(
    ("name", "values", "changes"),
    [
        ("NCU", {}, {"is_for_profit": True}),  # a company may, in research that is not commercial
        ("NPU", {}, {"is_commercial": True}),
        ("GSO", {}, {"is_genetic": False, "studies": ("DUO:0000038",)}),
        ("RS", {"research": ("DUO:0000037",)}, {"studies": ("DUO:0000038", "DUO:0000039")}),
        ("IRB", {}, {"ethics_until": ON}),
        ("MOR", {"until": ON}, {"publishes_from": date(2026, 1, 1)}),
        ("MOR", {"until": date(2030, 1, 1)}, {"publishes": False, "publishes_from": None}),
        ("TS", {"months": 12}, {"ends_on": date(2027, 6, 1)}),
        ("IS", {}, {}),
    ],
)
def test_the_last_case_that_is_still_allowed(name, values, changes):
    assert met(Term(CODE[name], **values), purpose=replace(GOOD, **changes))


def test_studies_of_ancestry_are_no_health_research():
    assert not met(term("HMB"), purpose=replace(GOOD, kind=Research.BIOMEDICAL, studies=("DUO:0000033",)))


def test_clinical_care_needs_its_own_term_unless_nothing_is_restricted():
    care = replace(GOOD, is_clinical_care=True)

    assert not met(term("HMB"), purpose=care)
    assert met(term("HMB"), term("CC"), purpose=care)
    assert met(term("NRES"), purpose=care)


def test_a_project_on_two_diseases_needs_both_allowed():
    assert not met(term("DS", diseases=(LUNG,)), purpose=replace(GOOD, diseases=(LUNG, PROSTATE)))
    assert met(term("DS", diseases=(LUNG, PROSTATE)), purpose=replace(GOOD, diseases=(LUNG, PROSTATE)))
    assert not met(term("DS"), purpose=replace(GOOD, diseases=()))


@pytest.mark.parametrize("code", ["DUO:0000099", duo.MODIFIER, "EGA:1"])
def test_a_term_without_a_rule_is_never_met_and_goes_to_a_person(code):
    [clause] = check((Term(code),), GOOD, ON)

    assert not clause.met
    assert "a person must decide" in clause.words


def test_without_a_term_nothing_is_allowed():
    assert not met()


def test_the_words_name_what_clashes():
    clauses = check((term("DS", diseases=(PROSTATE,)), term("PUB")), replace(GOOD, publishes=False), ON)

    assert [clause.words for clause in clauses] == [
        "DS, disease specific research: lung adenocarcinoma (MONDO:0005061) is no form of "
        "prostate carcinoma (MONDO:0005159).",
        "PUB, publication required: the project does not agree to publish its results.",
    ]


def test_months_end_on_the_last_day_of_a_shorter_month():
    assert duo.months_after(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert duo.months_after(date(2026, 8, 31), 18) == date(2028, 2, 29)
    assert duo.months_after(date(9999, 6, 1), 1200) == date.max


# ── a property, and a second reading ────────────────────────────────────────────────────────────────────────────────
DAYS = st.none() | st.dates(date(2026, 1, 1), date(2028, 12, 31))
STUDIES = [f"DUO:00000{n}" for n in range(31, 41)]
purposes = st.builds(
    Purpose,
    kind=st.sampled_from(Research),
    diseases=st.lists(st.sampled_from([LUNG, PROSTATE, AML, CANCER, "MONDO:9999999"]), max_size=2).map(tuple),
    studies=st.lists(st.sampled_from(STUDIES), max_size=2).map(tuple),
    publishes_from=DAYS,
    ethics_until=DAYS,
    starts_on=DAYS,
    ends_on=DAYS,
    countries=st.lists(st.sampled_from(["US", "DE"]), max_size=2, unique=True).map(tuple),
    institutions=st.lists(st.sampled_from(["msk", "jhu"]), max_size=2, unique=True).map(tuple),
    **{name: st.booleans() for name, kind in Purpose.__annotations__.items() if kind is bool},
)
modifiers = st.sets(st.sampled_from(sorted(UNMET))).map(lambda names: tuple(term(name) for name in sorted(names)))
permissions = st.sampled_from(["NRES", "GRU", "HMB", "DS", "POA"]).map(term)


@given(permissions, modifiers, st.sampled_from(sorted(UNMET)), purposes)
def test_a_further_modifier_never_allows_what_was_not_allowed(permission, some, more, purpose):
    before = check((permission, *some), purpose, ON)
    after = check((permission, *some, term(more)), purpose, ON)

    assert after[: len(before)] == before
    assert all(clause.met for clause in before) or not all(clause.met for clause in after)


@given(permissions, modifiers, st.booleans(), purposes)
def test_a_second_reading_of_the_definitions_agrees(permission, some, care, purpose):
    terms = (permission, *some, *([term("CC")] if care else []))

    assert {clause.code for clause in check(terms, purpose, ON) if not clause.met} == _clashes(terms, purpose)


def _clashes(terms, p):
    """The codes that forbid, read from the definitions anew: what is refused, one set at a time."""
    here = {concepts()[term.code].shorthand for term in terms}
    ancestry = p.kind == "ancestry" or "DUO:0000033" in p.studies
    refused = set()
    if "HMB" in here and (p.kind not in ("biomedical", "disease") or ancestry):
        refused.add("HMB")
    known = {LUNG, PROSTATE, AML, CANCER}
    if "DS" in here and (p.kind != "disease" or ancestry or not p.diseases or set(p.diseases) - known):
        refused.add("DS")
    if "POA" in here and p.kind != "ancestry":
        refused.add("POA")
    if p.is_clinical_care and "CC" not in here:
        refused |= here & {"GRU", "HMB", "DS", "POA"}
    if p.is_for_profit:
        refused |= {"NPU", "NPUNCU"}
    if p.is_commercial:
        refused |= {"NCU", "NPUNCU"}
    promises = {"PUB": p.publishes, "COL": p.collaborates, "RTN": p.returns_results, "US": p.are_members_approved}
    refused |= {name for name, kept in promises.items() if not kept}
    refused |= set() if p.is_project_approved else {"PS"}
    refused |= {"GSO"} if not p.is_genetic and "DUO:0000038" not in p.studies else set()
    refused |= {"NMDS"} if p.kind == "methods" or "DUO:0000031" in p.studies else set()
    refused |= {"NPOA"} if ancestry else set()
    refused |= {"IRB"} if not p.ethics_until or p.ethics_until < ON else set()
    refused |= {"GS"} if p.countries == () or "DE" in p.countries else set()
    refused |= {"IS"} if p.institutions == () or "jhu" in p.institutions else set()
    health = {"DUO:0000037", "DUO:0000038", "DUO:0000039", "DUO:0000040"}
    if (p.studies and not health.issuperset(p.studies)) or (not p.studies and p.kind not in ("biomedical", "disease")):
        refused.add("RS")
    if (p.publishes and p.publishes_from is None) or (p.publishes_from or date.max) < date(2028, 1, 1):
        refused.add("MOR")
    begun = p.starts_on or ON
    limit = begun.replace(year=begun.year + 1) if (begun.month, begun.day) != (2, 29) else date(begun.year + 1, 2, 28)
    if p.ends_on is None or p.ends_on > limit or limit < ON:
        refused.add("TS")
    return {CODE[name] for name in refused & here}
