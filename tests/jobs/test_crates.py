"""The provenance of a job for machines: what the profile demands, what it must not hold, and who takes it.

The validator of those who keep the profiles reads the same crates in test_crate_validator.py, in the long run.
"""

import json
from hashlib import sha256

import pytest
from django.urls import reverse
from rdflib import Graph, URIRef
from rdflib.namespace import RDF

from apps.audit.models import Event
from apps.jobs import crates
from tests import factories_jobs as make
from tests.jobs import crates as arrange

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib's own

BASE = "https://caia.example"
SCHEMA = "http://schema.org/"
MADE = {"well": arrange.well_ended, "failed": arrange.failed, "on": arrange.gone_on}


def told(job):
    """Its entities by their identifiers."""
    return {one["@id"]: one for one in json.loads(crates.crate_of(job, BASE))["@graph"]}


def actions(job):
    return [one for one in told(job).values() if one["@type"] == "CreateAction"]


def pointed_at(value):
    """Every identifier that something points to."""
    if isinstance(value, list):
        return {one for part in value for one in pointed_at(part)}
    if isinstance(value, dict):
        own = {value["@id"]} if set(value) == {"@id"} else set()
        return own | {one for part in value.values() for one in pointed_at(part)}
    return set()


# ── what the profile demands ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("which", MADE)
def test_what_must_be_there_is_there(world, host, which):
    """RO-Crate 1.1, sections 3 and 4; Process Run Crate 0.5: the root's conformsTo, an instrument of each action."""
    job = MADE[which](world, host)
    entities = told(job)

    descriptor, root = entities[crates.NAME], entities["./"]
    assert (descriptor["@type"], descriptor["about"]) == ("CreativeWork", {"@id": "./"})
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert root["conformsTo"] == {"@id": "https://w3id.org/ro/wfrun/process/0.5"}
    assert entities[root["conformsTo"]["@id"]]["@type"] == "CreativeWork"
    assert all(root[name] for name in ("name", "description", "datePublished", "license"))
    assert pointed_at(root["mentions"]) == {one["@id"] for one in actions(job)}
    for action in actions(job):
        assert entities[action["instrument"]["@id"]]["@type"] == "SoftwareSourceCode"
        assert entities[action["agent"]["@id"]]["@type"] == "Person"


@pytest.mark.parametrize("which", MADE)
def test_everything_that_is_pointed_to_is_described(world, host, which):
    entities = told(MADE[which](world, host))

    assert pointed_at(list(entities.values())) - set(entities) == {crates.CRATE}
    assert all(set(one) >= {"@id", "@type"} for one in entities.values())


def test_others_read_it_as_linked_data(world, host):
    whole = json.loads(crates.crate_of(arrange.well_ended(world, host), BASE))
    whole["@context"] = [{"@vocab": SCHEMA}, whole["@context"][1]]  # the published one lies beyond this machine
    graph = Graph().parse(data=json.dumps(whole), format="json-ld", publicID=f"{BASE}/crate/")

    runs = set(graph.subjects(RDF.type, URIRef(f"{SCHEMA}CreateAction")))
    left = {str(one) for run in runs for one in graph.objects(run, URIRef(f"{SCHEMA}result"))}
    assert len(runs) == 2
    assert left == {f"{BASE}/crate/#attempt-2/model.json", f"{BASE}/crate/#attempt-2/bilder/k%C3%BCrve%201.png"}


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_job_is_told_by_hash_from_code_to_results(world, host):
    job = arrange.well_ended(world, host)
    entities = told(job)
    lost, well = actions(job)
    code = entities[well["instrument"]["@id"]]
    files = [entities[one["@id"]] for one in well["result"]]

    assert (code["sha256"], code["contentSize"]) == (job.snapshot.sha256, "10")
    assert entities[code["softwareRequirements"]["@id"]]["softwareVersion"] == arrange.LOCK
    assert [(one["name"], one["sha256"], one["contentSize"]) for one in files] == [
        ("bilder/kürve 1.png", "b" * 64, "0"), ("model.json", arrange.MODEL, "1234"),
    ]  # fmt: skip
    assert "result" not in lost
    assert (lost["error"], lost["actionStatus"]) == ("Its machine was lost.", f"{SCHEMA}FailedActionStatus")
    assert ("error" in well, well["actionStatus"]) == (False, f"{SCHEMA}CompletedActionStatus")
    assert well["startTime"] == arrange.attempts(job)[1].ran_at.isoformat(timespec="milliseconds") < well["endTime"]


def test_the_parameters_and_the_data_are_there(world, host):
    job = arrange.well_ended(world, host)
    entities = told(job)
    objects = [entities[one["@id"]] for one in actions(job)[1]["object"]]
    values = {one["name"]: one["value"] for one in objects if one["@type"] == "PropertyValue"}
    (data,) = [one for one in objects if one["@type"] == "Dataset"]
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in world.version.files.order_by("path"))

    assert (values["command"], values["CAIA_SEED"]) == ("python 'train it.py' --x 1", 7)
    assert data["@id"] == f"{BASE}/datasets/{world.dataset.slug}/versions/{world.version.number}/"
    assert str(world.version.pk) in data["identifier"]
    assert data["license"]
    assert entities[f"{data['@id']}#files"]["value"] == sha256(lines.encode()).hexdigest()


def test_a_failure_says_why(world, host):
    (action,) = actions(arrange.failed(world, host))
    assert action["actionStatus"] == f"{SCHEMA}FailedActionStatus"
    assert action["error"] == "Its program ended with the exit code 3."


def test_what_went_on_names_the_job_that_it_began_from(world, host):
    job = arrange.gone_on(world, host)
    first, _ = actions(job)
    began_from = {"@id": f"{BASE}/jobs/{job.resumes_id}/#checkpoints"}

    assert began_from in first["object"]
    assert told(job)[began_from["@id"]]["name"] == f"Checkpoints of {job.resumes.reference}"
    assert ("error" in first, first["actionStatus"]) == (False, f"{SCHEMA}CompletedActionStatus")


def test_the_same_job_gives_the_same_bytes(world, host):
    job = arrange.well_ended(world, host)
    assert crates.crate_of(job, BASE) == crates.crate_of(type(job).objects.get(pk=job.pk), BASE)


def test_no_address_of_a_person_is_in_it(world, host):
    text = crates.crate_of(arrange.well_ended(world, host), BASE).decode()
    assert world.lead.name in text
    assert world.lead.email not in text
    assert "@" not in text.replace('"@', "")


# ── who takes it ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("who", "status"), [
    ("lead", 200), ("steward", 200), ("official", 404), ("manager", 404), ("partner", 404),
])  # fmt: skip
def test_whoever_sees_the_job_takes_it_and_that_is_recorded_first(browse, world, host, settings, who, status):
    settings.BASE_URL = BASE
    job = arrange.well_ended(world, host)
    answer = browse(getattr(world, who)).get(reverse("jobs:crate", args=[job.pk]))

    assert answer.status_code == status
    events = list(Event.objects.filter(event="jobs.crate.taken").values_list("outcome", "actor_ref"))
    assert events == ([("success", getattr(world, who).actor_ref)] if status == 200 else [])
    if status == 200:
        assert answer.content == crates.crate_of(job, BASE)
        assert answer["Content-Disposition"] == f'attachment; filename="{job.reference}-ro-crate-metadata.json"'


def test_the_page_leads_to_it_once_the_job_has_ended(browse, world, host):
    job = arrange.well_ended(world, host)
    running = make.job(world.lead, world.project, status="running")
    browser = browse(world.lead)

    assert reverse("jobs:crate", args=[job.pk]) in browser.get(reverse("jobs:job", args=[job.pk])).content.decode()
    page = browser.get(reverse("jobs:job", args=[running.pk])).content.decode()
    assert reverse("jobs:crate", args=[running.pk]) not in page
    assert "It is written once the job has ended." in page


@pytest.mark.parametrize(("status", "words"), [("running", "once the job has ended"), ("cancelled", "ever took")])
def test_there_is_none_of_a_job_that_lives_or_never_started(browse, world, status, words):
    job = make.job(world.lead, world.project, status=status)
    answer = browse(world.lead).get(reverse("jobs:crate", args=[job.pk]))

    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert Event.objects.get(event="jobs.crate.taken").outcome == "refused"
