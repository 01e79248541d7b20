"""Telling people: a notice in the portal and a mail, each only once for the same occasion."""

from collections.abc import Iterable
from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.mail import EmailMessage
from django.db.models import Func, IntegerField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Replace
from django.utils import timezone

from apps.core.models import Notice
from apps.core.outbox import later

SUBJECT = 200  # characters
MOST_COUNTED = 99
SHORTEST = 4  # characters of a name that is looked for in what others were told


def tell(member: Any, *, key: str, subject: str, text: str, path: str = "", mail: bool = True) -> bool:
    """Leave a notice for the member and mail it; a second call with the same key does nothing and says False.

    Belongs inside a command. `path` leads to the page where something can be done.
    """
    line = " ".join(subject.split())[:SUBJECT]  # a line break would break the mail's head
    notice, is_new = Notice.objects.get_or_create(
        to=member, key=key, defaults={"subject": line, "text": text, "path": path}
    )
    if is_new and mail:
        later("core.mail_notice", notice.pk)
    return is_new


def unread(member: Any) -> QuerySet[Notice]:
    return Notice.objects.filter(to=member, read_at=None)


def unread_count() -> Func:
    """For a query of members: how many notices each has not read, counted up to one more than MOST_COUNTED."""
    counted = Notice.objects.filter(to=OuterRef("pk"), read_at=None).values("pk")[: MOST_COUNTED + 1]
    return Func(ArraySubquery(counted), function="cardinality", output_field=IntegerField())


def notices_of(member: Any) -> QuerySet[Notice]:
    return Notice.objects.filter(to=member)


def mail_notice(notice: Notice) -> None:
    """Send the notice by mail. Its Message-ID never changes, so a repeat after a crash can be recognised."""
    if notice.mailed_at:
        return
    link = f"\n\n{settings.BASE_URL}{notice.path}" if notice.path else ""
    message = EmailMessage(
        subject=notice.subject,
        body=f"{notice.text}{link}\n\nCAIA portal\n",
        to=[notice.to.email],
        headers={"Message-ID": f"<{notice.pk}@{make_msgid(domain='caia.portal').split('@')[1]}"},
    )
    message.send()
    Notice.objects.filter(pk=notice.pk).update(mailed_at=timezone.now())


def settle(people: Iterable[Any], *, key: str) -> None:
    """What was told these people under this key is done, by whomever: it no longer stands there as new."""
    Notice.objects.filter(to__in=people, key=key, read_at=None).update(read_at=timezone.now())


def erase_notices(member: Any) -> int:
    """Remove all that was told to somebody whose name is erased; says how much it was. Belongs inside a command."""
    erased, _ = Notice.objects.filter(to=member).delete()
    return erased


def erase_from_notices(name: str, instead: str) -> int:
    """Put `instead` where notices to others say this name; belongs inside a command."""
    if len(name) < SHORTEST:
        return 0  # it could be any word's part
    naming = Notice.objects.filter(Q(subject__contains=name) | Q(text__contains=name))
    said = {field: Replace(field, Value(name), Value(instead)) for field in ("subject", "text")}
    return naming.update(**said)


def mark_read(member: Any) -> int:
    """Everything told so far counts as read; a convenience of the reader, not a change that anyone audits."""
    return unread(member).update(read_at=timezone.now())
