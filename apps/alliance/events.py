"""The reads of the alliance's sensitive content, for the record. Sign-in has its own in signin/events.py."""

from apps.core.events import read

EVIDENCE_VIEWED = read(
    "alliance.evidence.viewed",
    "Opened the evidence of a training",
    attempt="open the evidence of a training",
    when="Before the first byte of a certificate is sent; who may not see it is refused.",
    about=("alliance.trainingrecord",),
)
