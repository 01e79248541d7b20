"""Data-use terms and the purpose of a research project, matched by fixed rules.

Source: the GA4GH Data Use Ontology (CC BY 4.0; extract in apps/catalog/ontology). Each rule restates the definition of
its term; `concepts()[code].definition` holds the ontology's own words. What no rule covers is never met: a person
decides.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from apps.catalog.ontology import concepts, diseases, is_a, is_form_of
from apps.core.errors import Invalid

PERMISSION, MODIFIER = "DUO:0000001", "DUO:0000017"
NRES, GRU, HMB, DS, POA = "DUO:0000004", "DUO:0000042", "DUO:0000006", "DUO:0000007", "DUO:0000011"
RS, NMDS, GSO, NPUNCU, PUB = "DUO:0000012", "DUO:0000015", "DUO:0000016", "DUO:0000018", "DUO:0000019"
COL, IRB, GS, MOR, TS = "DUO:0000020", "DUO:0000021", "DUO:0000022", "DUO:0000024", "DUO:0000025"
US, PS, IS, RTN, CC = "DUO:0000026", "DUO:0000027", "DUO:0000028", "DUO:0000029", "DUO:0000043"
NPOA, NPU, NCU = "DUO:0000044", "DUO:0000045", "DUO:0000046"
METHODS_STUDY, ANCESTRY_STUDY, BIOMEDICAL_STUDY = "DUO:0000031", "DUO:0000033", "DUO:0000037"
GENETIC_STUDY, DISEASE_STUDY = "DUO:0000038", "DUO:0000040"
MOST_TERMS, MOST_VALUES, MOST_MONTHS = 30, 50, 1200


class Research(StrEnum):
    """What a project is for, in the kinds that the permissions tell apart."""

    GENERAL = "general", "any other research"
    METHODS = "methods", "development of methods, not tied to health"
    BIOMEDICAL = "biomedical", "health, medical or biomedical research"
    DISEASE = "disease", "research on certain diseases"
    ANCESTRY = "ancestry", "population origins or ancestry"

    words: str

    def __new__(cls, value: str, words: str) -> "Research":
        kind = str.__new__(cls, value)
        kind._value_, kind.words = value, words
        return kind


KIND_OF_STUDY = {
    Research.METHODS: METHODS_STUDY,
    Research.BIOMEDICAL: BIOMEDICAL_STUDY,
    Research.DISEASE: DISEASE_STUDY,
    Research.ANCESTRY: ANCESTRY_STUDY,
}


@dataclass(frozen=True)
class Term:
    """One term of a dataset version, with the values that belong to it."""

    code: str
    diseases: tuple[str, ...] = ()  # of DS: Mondo codes
    countries: tuple[str, ...] = ()  # of GS: ISO 3166-1 alpha-2
    research: tuple[str, ...] = ()  # of RS: the ontology's kinds of investigation
    institutions: tuple[str, ...] = ()  # of IS: short names of centers; empty: those that the owner approves
    until: date | None = None  # of MOR
    months: int | None = None  # of TS
    investigators: str = ""  # of COL

    @property
    def label(self) -> str:
        return concepts()[self.code].label

    @property
    def short(self) -> str:
        return concepts()[self.code].shorthand

    @property
    def words(self) -> str:
        """The term with its values, as a page shows it."""
        months = f"{self.months} months" if self.months else ""
        until = f"until {self.until}" if self.until else ""
        studies = ", ".join(concepts()[code].label for code in self.research)
        named = ", ".join((*self.countries, *self.institutions))
        values = [_spoken(self.diseases), named, studies, until, months, self.investigators]
        return ": ".join([self.label, *filter(None, values)])


@dataclass(frozen=True)
class Purpose:
    """What a project says of its research, and what the portal knows of it. The defaults promise nothing."""

    kind: Research
    diseases: tuple[str, ...] = ()  # Mondo codes, for Research.DISEASE
    studies: tuple[str, ...] = ()  # the ontology's kinds of investigation, where more is known than `kind` says
    is_for_profit: bool = True  # of any institution in it
    is_commercial: bool = True  # of its use
    is_genetic: bool = False  # genotypes are studied, with or without phenotypes
    is_clinical_care: bool = False  # decisions on a patient's care rest on it
    collaborates: bool = False  # with the investigators of the data
    publishes: bool = False
    publishes_from: date | None = None  # the earliest day of a publication
    returns_results: bool = False
    ethics_until: date | None = None
    countries: tuple[str, ...] = ()  # where the data are used
    institutions: tuple[str, ...] = ()  # short names of the centers that use the data
    starts_on: date | None = None  # of the use; before it began, the day of the question counts
    ends_on: date | None = None
    are_members_approved: bool = False  # these three the portal knows: approval is per project, team and center
    is_project_approved: bool = False
    are_institutions_approved: bool = False


@dataclass(frozen=True)
class Clause:
    """One term's answer, in words for a person."""

    code: str
    label: str
    met: bool
    words: str


# ── terms as stored ─────────────────────────────────────────────────────────────────────────────────────────────────
# Without them a term says nothing.
VALUES = {DS: "diseases", GS: "countries", RS: "research", MOR: "until", TS: "months"}
CHOSEN = {IS: "institutions", COL: "investigators"}
SPOKEN = {"code", "short", "label"}  # a term may repeat the ontology's words; they must be right
SHAPES = {
    "diseases": (re.compile(r"MONDO:\d{7}"), "Mondo codes such as MONDO:0004992"),
    "countries": (re.compile(r"[A-Z]{2}"), "countries as two capital letters, such as US"),
    "research": (re.compile(r"DUO:00000(3[1-9]|40)"), "kinds of research from DUO:0000031 to DUO:0000040"),
    "institutions": (re.compile(r"[a-z0-9][a-z0-9-]{0,59}"), "centers by their short names"),
}


def parse(terms: list[dict[str, Any]]) -> tuple[Term, ...]:
    """The terms of a version: exactly one permission, any modifiers, each with the values that it needs."""
    if not isinstance(terms, list) or not all(isinstance(term, dict) for term in terms) or len(terms) > MOST_TERMS:
        raise Invalid(f"Give the data-use terms as a list of at most {MOST_TERMS}.")
    parsed = tuple(_term(term) for term in terms)
    codes = [term.code for term in parsed]
    if twice := {code for code in codes if codes.count(code) > 1}:
        raise Invalid(f"{_names(twice)} stands there twice. Keep one of each.")
    permissions = [code for code in codes if is_a(code, [PERMISSION])]
    if len(permissions) != 1:
        found = f"these are {len(permissions)}: {_names(permissions)}" if permissions else "none is there"
        raise Invalid(f"Choose exactly one permission (NRES, GRU, HMB, DS or POA); {found}.")
    return parsed


def _term(given: dict[str, Any]) -> Term:
    code = given.get("code")
    concept = concepts().get(code) if isinstance(code, str) else None
    if concept is None or not is_a(concept.parent, [PERMISSION, MODIFIER]):
        raise Invalid(f"{str(code)[:40]} is no permission or modifier of the Data Use Ontology. Look its code up.")
    if given.get("short", concept.shorthand) != concept.shorthand or given.get("label", concept.label) != concept.label:
        raise Invalid(f"{code} is {concept.shorthand}, {concept.label}. Correct its name or its code.")
    values = {name: value for name, value in given.items() if name not in SPOKEN}
    if concept.code == DS and "disease" in values:
        values.setdefault("diseases", [_named(values.pop("disease"))])
    needed, chosen = VALUES.get(concept.code), CHOSEN.get(concept.code)
    if strange := set(values) - {needed, chosen}:
        raise Invalid(f"{concept.shorthand} takes no “{min(map(str, strange))[:40]}”. Leave it out.")
    if needed and needed not in values:
        raise Invalid(f"{concept.shorthand}, {concept.label}, needs its {needed}. Add them.")
    return Term(concept.code, **{name: _value(concept.shorthand, name, value) for name, value in values.items()})


def _named(disease: Any) -> Any:
    """The code of a disease that is given with its label, when the label is Mondo's."""
    code = disease.get("id") if isinstance(disease, dict) else disease
    known = diseases().get(code) if isinstance(code, str) else None
    if isinstance(disease, dict) and known and disease.get("label", known.label) != known.label:
        raise Invalid(f"{code} is {known.label} in Mondo. Correct its name or its code.")
    return code


def _value(shorthand: str, name: str, value: Any) -> Any:
    if name == "until":
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise Invalid(f"{shorthand} needs a day as 2027-01-31.") from None
    if name == "months":
        if type(value) is int and 1 <= value <= MOST_MONTHS:
            return value
        raise Invalid(f"{shorthand} needs a whole number of months from 1 to {MOST_MONTHS}.")
    if name == "investigators":
        if isinstance(value, str) and len(value) <= 500:
            return value
        raise Invalid(f"{shorthand} names the investigators in at most 500 letters.")
    shape, words = SHAPES[name]
    fits = isinstance(value, list) and 0 < len(value) <= MOST_VALUES
    if not fits or not all(isinstance(one, str) and shape.fullmatch(one) for one in value):
        raise Invalid(f"{shorthand} needs 1 to {MOST_VALUES} {words}.")
    return tuple(value)


def _names(codes: Any) -> str:
    return ", ".join(sorted(concepts()[code].shorthand for code in codes))


# ── matching ────────────────────────────────────────────────────────────────────────────────────────────────────────
def check(terms: tuple[Term, ...], purpose: Purpose, on: date) -> tuple[Clause, ...]:
    """One clause for each term; is_allowed() reads them together."""
    care = any(term.code == CC for term in terms)
    return tuple(_clause(term, purpose, on, care=care) for term in terms)


def is_allowed(clauses: tuple[Clause, ...]) -> bool:
    """Whether all are met; where no term was given, nothing is allowed."""
    return bool(clauses) and all(clause.met for clause in clauses)


def _clause(term: Term, purpose: Purpose, on: date, *, care: bool) -> Clause:
    concept = concepts().get(term.code)
    label = concept.label if concept else "not in the Data Use Ontology"
    name = f"{concept.shorthand or term.code}, {label}" if concept else f"{term.code}, {label}"
    rule = RULES.get(term.code)
    if rule is None:
        return Clause(term.code, label, False, f"{name}: no rule covers this term, so a person must decide.")
    clash = rule(term, purpose, on)
    if not clash and purpose.is_clinical_care and not care and term.code != NRES and is_a(term.code, [PERMISSION]):
        clash = "the permission is for research; clinical care needs the term CC beside it"
    return Clause(term.code, label, not clash, f"{name}: {clash}." if clash else f"{name}: met.")


Rule = Callable[[Term, Purpose, date], str]  # what clashes; empty when the term is met


def _kinds(*allowed: Research) -> Rule:
    """A permission by the kinds of research that lie in it; studies of ancestry only where that kind does."""

    def rule(term: Term, purpose: Purpose, on: date) -> str:
        if purpose.kind not in allowed:
            return f"the project's purpose is {purpose.kind.words}, which it does not allow"
        if ANCESTRY_STUDY in purpose.studies and Research.ANCESTRY not in allowed:
            return "the project studies ancestry, which it does not allow"
        return ""

    return rule


def _disease(term: Term, purpose: Purpose, on: date) -> str:
    if clash := _kinds(Research.DISEASE)(term, purpose, on):
        return clash
    if not purpose.diseases:
        return "the project names no disease"
    outside = [code for code in purpose.diseases if not is_form_of(code, term.diseases)]
    return f"{_spoken(outside)} is no form of {_spoken(term.diseases)}" if outside else ""


def _spoken(codes: Any) -> str:
    return " or ".join(f"{diseases()[code].label} ({code})" if code in diseases() else code for code in codes)


def _research(term: Term, purpose: Purpose, on: date) -> str:
    implied = (KIND_OF_STUDY[purpose.kind],) if purpose.kind in KIND_OF_STUDY else ()
    studies = purpose.studies or implied
    if not studies:
        return "the project does not say what kind of study it is"
    outside = [code for code in studies if not is_a(code, term.research)]
    names = ", ".join(concepts()[code].label if code in concepts() else code for code in outside)
    return f"the project's {names} lies outside it" if outside else ""


def _not(kind: Research, study: str, words: str) -> Rule:
    return lambda term, purpose, on: words if purpose.kind == kind or study in purpose.studies else ""


def _claim(met: Callable[[Purpose], bool], words: str) -> Rule:
    return lambda term, purpose, on: "" if met(purpose) else words


def _ethics(term: Term, purpose: Purpose, on: date) -> str:
    if purpose.ethics_until is None:
        return "the project shows no ethics approval"
    return f"the project's ethics approval ended on {purpose.ethics_until}" if purpose.ethics_until < on else ""


def _region(term: Term, purpose: Purpose, on: date) -> str:
    if not purpose.countries:
        return "the project does not say in which countries it uses the data"
    outside = sorted(set(purpose.countries) - set(term.countries))
    return f"the data are used in {', '.join(outside)}, allowed is {', '.join(term.countries)}" if outside else ""


def _moratorium(term: Term, purpose: Purpose, on: date) -> str:
    if term.until is None:
        return "it names no day, so a person must decide"
    publishes = purpose.publishes or purpose.publishes_from is not None
    if on >= term.until or not publishes:
        return ""
    if purpose.publishes_from is None:
        return f"nothing may be published before {term.until}, and the project names no day"
    early = purpose.publishes_from < term.until
    return f"the project publishes from {purpose.publishes_from}, allowed is from {term.until}" if early else ""


def _time(term: Term, purpose: Purpose, on: date) -> str:
    if term.months is None:
        return "it names no months, so a person must decide"
    last = months_after(purpose.starts_on or on, term.months)
    if on > last:
        return f"the {term.months} months ended on {last}"
    if purpose.ends_on is None:
        return "the project names no end"
    late = purpose.ends_on > last
    return f"the project ends on {purpose.ends_on}, the {term.months} months on {last}" if late else ""


def months_after(start: date, months: int) -> date:
    """The same day of the month so many months on, or the last day of a shorter one."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _institution(term: Term, purpose: Purpose, on: date) -> str:
    if not term.institutions:
        return "" if purpose.are_institutions_approved else "the project's institutions are not approved for this data"
    if not purpose.institutions:
        return "the project does not say which institutions use the data"
    outside = sorted(set(purpose.institutions) - set(term.institutions))
    return f"{', '.join(outside)} is not among {', '.join(term.institutions)}" if outside else ""


_NOT_FOR_PROFIT = _claim(lambda purpose: not purpose.is_for_profit, "an institution of the project works for profit")
_NOT_COMMERCIAL = _claim(lambda purpose: not purpose.is_commercial, "the project's use is commercial")


def _neither(term: Term, purpose: Purpose, on: date) -> str:
    return _NOT_FOR_PROFIT(term, purpose, on) or _NOT_COMMERCIAL(term, purpose, on)


RULES: Mapping[str, Rule] = {
    NRES: lambda term, purpose, on: "",  # no restriction on use
    GRU: _kinds(*Research),  # any research purpose
    HMB: _kinds(Research.BIOMEDICAL, Research.DISEASE),  # health, medical, biomedical; not origins or ancestry
    DS: _disease,  # related to the named disease: that disease or a form of it
    POA: _kinds(Research.ANCESTRY),  # limited to origins and ancestry
    RS: _research,  # limited to certain kinds of investigation
    NMDS: _not(Research.METHODS, METHODS_STUDY, "the project develops methods"),
    GSO: _claim(lambda p: p.is_genetic or GENETIC_STUDY in p.studies, "the project is no genetic study"),
    NPUNCU: _neither,  # neither a for-profit organization nor commercial use
    NPU: _NOT_FOR_PROFIT,  # no for-profit organization
    NCU: _NOT_COMMERCIAL,  # a for-profit organization may, in research that is not commercial
    PUB: _claim(lambda p: p.publishes, "the project does not agree to publish its results"),
    COL: _claim(lambda p: p.collaborates, "the project does not agree to work with the data's investigators"),
    IRB: _ethics,  # documents of a local ethics approval
    GS: _region,  # limited to a region
    MOR: _moratorium,  # no publication before a day
    TS: _time,  # limited to so many months
    US: _claim(lambda p: p.are_members_approved, "the people of the project are not approved for this data"),
    PS: _claim(lambda p: p.is_project_approved, "the project is not approved for this data"),
    IS: _institution,  # limited to approved institutions
    RTN: _claim(lambda p: p.returns_results, "the project does not agree to return what it derives"),
    CC: lambda term, purpose, on: "",  # allows clinical care beside research; the one modifier that widens
    NPOA: _not(Research.ANCESTRY, ANCESTRY_STUDY, "the project studies population origins or ancestry"),
}
