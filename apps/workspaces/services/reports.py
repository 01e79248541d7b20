"""What hosts tell of runs, each event stored once, in its order, and written into the record by what it is about."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import AlreadyDelivered, Invalid, WrongState
from apps.core.notices import tell
from apps.workspaces.actors import HOST
from apps.workspaces.models import CellCode, Run, RunEvent
from apps.workspaces.services.runs import tell_of_pause
from apps.workspaces.states import RUN
from apps.workspaces.told import Told, whole

R = Run.Status
BY_ITSELF = {"finished", "stopped", "idle", "time"}  # ends that are no failure
AGAIN = "These were told before."


def take(run: Run, told: Sequence[Told]) -> int:
    """Store what is new of these events, each kind by its command; the highest number that is stored."""
    last = stored(run)
    for _, group in groupby((one for one in told if one.seq > last), key=_rank):
        events = list(group)
        try:
            _COMMANDS.get(events[0].kind, report)(run, by=HOST, told=events)
        except AlreadyDelivered:  # somebody told the same at the same moment
            continue
    return stored(run)


def stored(run: Run) -> int:
    """The highest number of its events, 0 where there is none."""
    return RunEvent.objects.filter(run=run).aggregate(last=Max("seq"))["last"] or 0


@command("workspaces.run.begun", policy=only_the_system)
def begin(run: Run, *, by: Any, told: Sequence[Told]) -> None:
    """Keep what the run mounted and which promises its sandbox keeps; from now on it runs."""
    (event,) = _keep(run, told)
    moment = timezone.now()
    mounts = {str(one.version_id): one for one in run.mounts.all()}
    given = event.details.get("data")
    for line in given if isinstance(given, list) else []:
        version, files, size = (line.get(name) for name in ("version", "files", "bytes"))
        mount = mounts.get(str(version))
        if mount is None or not whole(files, most=2**31 - 1) or not whole(size):
            raise Invalid("It says that it mounted what its plan did not allow.")
        mount.mounted_at, mount.files, mount.bytes = moment, files, size
        mount.save(update_fields=["mounted_at", "files", "bytes"])
    run.environment_hash = str(event.details.get("environment", ""))[:64]
    run.ran_at = moment
    if run.status == R.STARTING:
        RUN.follow("run", run)
    run.save()
    note(
        mounts=[
            {"version": key, "files": one.files, "bytes": one.bytes} for key, one in mounts.items() if one.mounted_at
        ],
        environment=run.environment_hash,
        not_kept=_not_kept(event),
    )


@command("workspaces.run.ended", policy=only_the_system)
def end(run: Run, *, by: Any, told: Sequence[Told]) -> None:
    """Keep how the run ended; where nobody asked for it, its researcher is told."""
    (event,) = _keep(run, told)
    why, words = str(event.details.get("why", "")), str(event.details.get("words", ""))[:500]
    note(why=why[:40], words=words, late=not run.is_live)
    if not run.is_live:  # the portal gave it up before; how it stands is not rewritten
        return
    was_asked = run.status == R.STOPPING
    run.ended_at = timezone.now()
    run.reason = run.reason or words or "Its host did not say why."
    RUN.follow("end" if was_asked or why in BY_ITSELF else "break", run)
    run.save()
    if not was_asked:
        workspace = run.workspace
        tell(
            workspace.member,
            key=f"workspace-stopped:{run.pk}",
            subject=f"Your workspace in {workspace.project} stopped",
            text=f"{run.reason} Your files stay as they are.",
            path=f"/projects/{workspace.project_id}/workspace/",
        )


@command("workspaces.run.paused", policy=only_the_system)
def pause(run: Run, *, by: Any, told: Sequence[Told]) -> None:
    """Keep that so much went to the browser that the gateway holds the rest back, and tell who can look at it."""
    (event,) = _keep(run, told)
    size = event.details.get("bytes")
    note(bytes=size if whole(size) else 0)
    run.paused_at, run.resume_asked_at, run.resume_asked_by = timezone.now(), None, None
    run.save(update_fields=["paused_at", "resume_asked_at", "resume_asked_by"])
    tell_of_pause(run, f"The workspace of {run.workspace} is paused: much of it went to the browser")


@command("workspaces.code.recorded", policy=only_the_system)
def record_code(run: Run, *, by: Any, told: Sequence[Told]) -> None:
    """Keep the code of cells; the record holds their hashes."""
    kept = _keep(run, told)
    CellCode.objects.bulk_create(
        CellCode(
            run=run,
            seq=one.seq,
            at=one.at,
            kernel=one.details["kernel"][:64],
            code=one.details["code"],
            sha256=one.details["sha256"],
        )
        for one in kept
    )
    note(cells=[{"seq": one.seq, "sha256": one.details["sha256"]} for one in kept])


@command("workspaces.run.reported", policy=only_the_system)
def report(run: Run, *, by: Any, told: Sequence[Told]) -> None:
    """Keep what else was seen: denials, warnings, opened files, sign-ins."""
    kept = _keep(run, told)
    note(counts=dict(sorted(Counter(one.kind for one in kept).items())), opened=_opened(kept))
    if any(one.kind == "resumed" for one in kept):
        run.paused_at = run.resume_asked_at = run.resume_asked_by = None
        run.save(update_fields=["paused_at", "resume_asked_at", "resume_asked_by"])


_COMMANDS = {"started": begin, "ended": end, "paused": pause, "cell": record_code}


def _rank(one: Told) -> str | int:
    """What one command takes together: cells; the rest that changes nothing; everything else by itself."""
    if one.kind == "cell":
        return "cell"
    return one.seq if one.kind in _COMMANDS else "rest"


def _keep(run: Run, told: Sequence[Told]) -> list[Told]:
    """Store those that are new; the run is held, so nobody stores them meanwhile."""
    last = stored(run)
    fresh = [one for one in told if one.seq > last]
    if not fresh:
        raise AlreadyDelivered(AGAIN)
    if fresh[0].seq != last + 1:
        raise WrongState(f"The events up to {fresh[0].seq} are missing; {last} is the last that is here.")
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=one.seq, at=one.at, kind=one.kind, details=_without_code(one)) for one in fresh
    )
    return fresh


def _without_code(one: Told) -> dict[str, Any]:
    """Code lies in a table of its own, which fewer people read."""
    return {key: value for key, value in one.details.items() if key != "code"} if one.kind == "cell" else one.details


def _not_kept(event: Told) -> list[str]:
    """The promises of the sandbox that this machine can't keep, by name."""
    promises = event.details.get("promises")
    lines = [one for one in promises if isinstance(one, dict)] if isinstance(promises, list) else []
    return sorted(str(one.get("promise", ""))[:80] for one in lines if not one.get("kept"))


def _opened(kept: Sequence[Told]) -> dict[str, int]:
    """How many files of which data were opened."""
    opened = (one.details for one in kept if one.kind == "opened")
    return dict(sorted(Counter(str(details.get("dataset", ""))[:80] for details in opened).items()))
