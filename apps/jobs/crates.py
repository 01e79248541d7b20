"""A job as an RO-Crate by the profile Process Run Crate 0.5 (w3id.org/ro/wfrun/process/0.5): what made what, by hash.

It describes and holds nothing: results are data and leave by release alone, so a file is there by its path below the
job's folder, its size and its hash. The same job gives the same bytes.
"""

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from apps.alliance.models import Center
from apps.catalog.croissant import ACCESS, licence_of, page_of
from apps.catalog.models import DatasetVersion
from apps.core.templatetags.words import count
from apps.jobs import selectors
from apps.jobs.models import Attempt, Job, Result

NAME = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
CRATE = "https://w3id.org/ro/crate/1.1"
OF_RUNS = "https://w3id.org/ro/terms/workflow-run#"
CONTEXT = [f"{CRATE}/context", {"sha256": f"{OF_RUNS}sha256", "environment": f"{OF_RUNS}environment"}]
ENDED_WELL = {"succeeded", "requeued"}  # the second asked for its next turn itself
TERMS = (
    "What is told here may be passed on. The results themselves lie inside the research environment, are read by the "
    "project’s team there, and leave by release alone."
)
Entity = dict[str, Any]


def crate_of(job: Job, base_url: str) -> bytes:
    """The whole file. `job`: one that has ended, with its project, member, center and snapshot."""
    attempts = list(reversed(selectors.attempts_of(job)))
    versions = [one.version for one in selectors.data_of(job)]
    results: dict[Any, list[Result]] = {attempt.pk: [] for attempt in attempts}
    for result in selectors.results_of(job).order_by("attempt__fence", "path"):
        results[result.attempt_id].append(result)
    graph = [
        {"@id": NAME, "@type": "CreativeWork", "conformsTo": _to(CRATE), "about": _to("./")},
        _root(job, attempts, versions, base_url),
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {"@id": "#terms", "@type": "CreativeWork", "name": "Results leave by release alone", "description": TERMS},
        {
            "@id": "#member",
            "@type": "Person",
            "name": job.member.name,
            "affiliation": _to(_center_id(job.member.center)),
        },
        _center(job.member.center),
        _center(job.project.center),
        _code(job, attempts, base_url),
        *_environments(job, attempts),
        *_parameters(job),
        *_datasets(versions, base_url),
        *_former(job, base_url),
        *(_action(job, attempt, versions, results[attempt.pk], base_url) for attempt in attempts),
        *_hosts(attempts),
        *(_file(attempt, result) for attempt in attempts for result in results[attempt.pk]),
    ]
    whole = {"@context": CONTEXT, "@graph": _once(graph)}
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def _to(*ids: str) -> Any:
    """A pointer to one entity, or to several."""
    return {"@id": ids[0]} if len(ids) == 1 else [{"@id": one} for one in ids]


def _moment(at: datetime) -> str:
    """As the profile's pattern has it."""
    return at.isoformat(timespec="milliseconds")


def _center_id(center: Center) -> str:
    return f"#center-{center.slug}"


def _center(center: Center) -> Entity:
    return {"@id": _center_id(center), "@type": "Organization", "name": center.legal_name}


def _once(graph: list[Entity]) -> list[Entity]:
    """Each entity once, where two things share one: a licence, a host."""
    return list({entity["@id"]: entity for entity in graph}.values())


def _value(id_: str, name: str, value: Any) -> Entity:
    return {"@id": id_, "@type": "PropertyValue", "name": name, "value": value}


def named_by(sha256: str) -> str:
    """Something by nothing but its hash, as RFC 6920 writes it."""
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def _root(job: Job, attempts: list[Attempt], versions: list[DatasetVersion], base_url: str) -> Entity:
    told: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": str(job),
        "description": f"How {job.reference} of {job.project.reference} was run, and what it left. {job.reason}",
        "datePublished": _moment(job.ended_at or job.status_at),
        "license": _to("#terms"),
        "conformsTo": _to(PROFILE),
        "identifier": str(job.pk),
        "url": _page(job, base_url),
        "author": _to("#member"),
        "publisher": _to(_center_id(job.project.center)),
        "mentions": _to(*(_id(attempt) for attempt in attempts)),
    }
    if versions:
        told["hasPart"] = _to(*(_version_id(one, base_url) for one in versions))
    return told


def _page(job: Job, base_url: str) -> str:
    return f"{base_url.rstrip('/')}/jobs/{job.pk}/"


def _id(attempt: Attempt) -> str:
    return f"#attempt-{attempt.fence}"


def _code(job: Job, attempts: list[Attempt], base_url: str) -> Entity:
    code = job.snapshot
    told: Entity = {
        "@id": named_by(code.sha256),
        "@type": "SoftwareSourceCode",
        "name": str(code),
        "description": f"{count(code.files, 'file,files')} in one archive, as handed in with the job.",
        "version": code.sha256,
        "sha256": code.sha256,
        "contentSize": str(code.bytes),
        "url": _page(job, base_url),
    }
    if needs := [one["@id"] for one in _once(list(_environments(job, attempts)))]:
        told["softwareRequirements"] = _to(*needs)
    return told


def _environments(job: Job, attempts: list[Attempt]) -> Iterator[Entity]:
    """What it ran in; an attempt that came later may have had a newer one."""
    for attempt in attempts:
        if attempt.environment_hash:
            yield {
                "@id": _environment_id(attempt),
                "@type": "SoftwareApplication",
                "name": job.environment,
                "description": "An environment of programs and libraries, named by the hash of its lock.",
                "softwareVersion": attempt.environment_hash,
                "identifier": attempt.environment_hash,
            }


def _environment_id(attempt: Attempt) -> str:
    return f"#environment-{quote(attempt.environment_hash, safe='')}"


def _parameters(job: Job) -> list[Entity]:
    return [
        _value("#command", "command", shlex.join(job.command)),
        _value("#seed", "CAIA_SEED", job.seed),
        _value("#cpus", "processors", job.cpus),
        _value("#gpus", "graphics processors", job.gpus),
        _value("#memory", "memory, bytes", job.memory),
        _value("#seconds", "time of each attempt, seconds", job.seconds),
    ]


def _datasets(versions: list[DatasetVersion], base_url: str) -> Iterator[Entity]:
    """The versions that it worked on, as the catalog cites them, and the hash of all their files."""
    for version in versions:
        dataset, licence, own = version.dataset, licence_of(version), _version_id(version, base_url)
        told: Entity = {
            "@id": own,
            "@type": "Dataset",
            "name": f"{dataset.title}, version {version.number}",
            "description": dataset.description or dataset.title,
            "version": str(version.number),
            "identifier": [str(version.pk), _to(f"{own}#files")],
            "license": _to(licence) if licence.startswith("https://") else licence,
            "publisher": _to(_center_id(dataset.center)),
            "conditionsOfAccess": ACCESS,
            "url": page_of(dataset, base_url),
        }
        if version.citation:
            told["creditText"] = version.citation
        if version.published_at:
            told["datePublished"] = _moment(version.published_at)
        yield told
        yield _value(f"{own}#files", "SHA-256 of the list of its files, as sha256sum writes it", files_hash(version))
        yield _center(dataset.center)
        if licence.startswith("https://"):
            yield {"@id": licence, "@type": "CreativeWork", "name": version.licence}


def _version_id(version: DatasetVersion, base_url: str) -> str:
    return f"{page_of(version.dataset, base_url)}versions/{version.number}/"


def files_hash(version: DatasetVersion) -> str:
    """One hash for all files of a version: of the lines that sha256sum would write, in the order of their paths."""
    files = sorted(version.files.values_list("path", "sha256"))
    return hashlib.sha256("".join(f"{sha256}  {path}\n" for path, sha256 in files).encode()).hexdigest()


def _former(job: Job, base_url: str) -> Iterator[Entity]:
    """The job whose checkpoints it began from."""
    if job.resumes is not None:
        yield {
            "@id": f"{_page(job.resumes, base_url)}#checkpoints",
            "@type": "CreativeWork",
            "name": f"Checkpoints of {job.resumes.reference}",
            "identifier": str(job.resumes_id),
            "url": _page(job.resumes, base_url),
        }


def _action(job: Job, attempt: Attempt, versions: list[DatasetVersion], results: list[Result], base_url: str) -> Entity:
    """One attempt, from the moment at which its program began (or at which its machine took it) to its end."""
    is_well = attempt.outcome in ENDED_WELL
    used = [one["@id"] for one in (*_parameters(job), *_former(job, base_url))]
    told: Entity = {
        "@id": _id(attempt),
        "@type": "CreateAction",
        "name": f"Attempt {attempt.fence} of {job}",
        "description": f"{shlex.join(job.command)} on {attempt.host}. {attempt.reason}",
        "instrument": _to(named_by(job.snapshot.sha256)),
        "agent": _to("#member"),
        "object": _to(*(_version_id(version, base_url) for version in versions), *used),
        "environment": _to("#seed", *([f"{_id(attempt)}-lock"] if attempt.environment_hash else [])),
        "startTime": _moment(attempt.ran_at or attempt.started_at),
        "actionStatus": f"http://schema.org/{'Completed' if is_well else 'Failed'}ActionStatus",
        "location": _to(_host_id(attempt)),
    }
    if attempt.ended_at:
        told["endTime"] = _moment(attempt.ended_at)
    if results:
        told["result"] = _to(*(_file_id(attempt, one) for one in results))
    if not is_well:
        told["error"] = attempt.reason or job.reason
    return told


def _hosts(attempts: list[Attempt]) -> Iterator[Entity]:
    """The machines, and the lock of the environment that each attempt had there."""
    for attempt in attempts:
        yield {"@id": _host_id(attempt), "@type": "Place", "name": attempt.host.name}
        if attempt.environment_hash:
            yield _value(f"{_id(attempt)}-lock", "SHA-256 of the environment’s lock", attempt.environment_hash)


def _host_id(attempt: Attempt) -> str:
    return f"#host-{quote(attempt.host.name, safe='')}"


def _file(attempt: Attempt, result: Result) -> Entity:
    """A file that is not here: no reader looks for it in a folder, since its identifier is no path."""
    return {
        "@id": _file_id(attempt, result),
        "@type": "File",
        "name": result.path,
        "description": f"Under /shared/jobs of the project, in the folder of {attempt.job.reference}.",
        "sha256": result.sha256,
        "contentSize": str(result.bytes),
    }


def _file_id(attempt: Attempt, result: Result) -> str:
    return f"{_id(attempt)}/{quote(result.path)}"
