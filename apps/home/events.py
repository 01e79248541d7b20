"""The reads that the pages of no single room write into the record."""

from apps.core.events import read

RECORD_VIEWED = read(
    "audit.record.viewed",
    "Looked through the record",
    attempt="look through the record",
    when="An auditor opens a page of the record's list; who is no auditor is refused.",
    about=("alliance.center",),
)
EVENT_VIEWED = read(
    "audit.event.viewed",
    "Looked at one event and its proof",
    attempt="look at one event and its proof",
    when="An auditor opens one event, or what a verification found.",
    about=("alliance.center",),
)
EVENT_EXPORTED = read(
    "audit.event.exported",
    "Took one event with its proof",
    attempt="take one event with its proof",
    when="An auditor takes one event with its proof as a file.",
    about=("alliance.center",),
)
RECORD_VERIFIED = read(
    "audit.record.verified",
    "Verified the record",
    attempt="verify the record",
    when="An auditor presses Verify now. What is wrong stands in the alliance's affairs only.",
    about=("alliance.alliance", "alliance.center"),
)
PLATFORM_VIEWED = read(
    "alliance.platform.viewed",
    "Looked at the platform's parts",
    attempt="look at the platform's parts",
    when="Somebody who may not see the platform's page asks for it; seeing it leaves no line.",
    about=("alliance.alliance",),
)
