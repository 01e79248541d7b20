"""Specimens for the component gallery: invented people and requests that look like real ones, and touch no database."""

from datetime import timedelta
from typing import Any

from django import forms, template
from django.utils import timezone

register = template.Library()


class SpecimenForm(forms.Form):
    """Every kind of control once; it is shown, never sent."""

    name = forms.CharField(label="Printed name", help_text="As it stands on the agreement.")
    email = forms.EmailField(label="Work e-mail", required=False)
    center = forms.ChoiceField(
        label="Center", choices=[("", "Choose a center"), ("fh", "Fred Hutch"), ("df", "Dana-Farber"), ("msk", "MSK")]
    )
    ends_on = forms.DateField(label="Ends on", widget=forms.DateInput(attrs={"type": "date"}), required=False)
    reason = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One or two sentences. The person concerned reads them.",
    )
    evidence = forms.FileField(label="Certificate", required=False, help_text="PDF or image, up to 10 MB.")
    verdict = forms.ChoiceField(
        label="Your decision",
        widget=forms.RadioSelect,
        choices=[("accept", "Accept the certificate"), ("return", "Return it with a note")],
    )
    told = forms.BooleanField(label="Tell the center’s manager", required=False, help_text="By notice and by mail.")


class SpecimenFilters(forms.Form):
    """The filters of the specimen listing."""

    q = forms.CharField(label="Name or e-mail", required=False)
    center = forms.ChoiceField(
        label="Center", required=False, choices=[("", "Any"), ("fh", "Fred Hutch"), ("msk", "MSK")]
    )
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), ("active", "Active")])


STATES = ["active", "invited", "submitted", "returned", "suspended", "lapsed", "left", "draft", "running", "failed"]
MEMBERS = [
    ("Amara Okafor", "Researcher", "Fred Hutch", "active", 214, 3),
    ("Julian Reyes", "Data steward", "MSK", "active", 1180, 12),
    ("Hannah Lindqvist", "Signing official", "Dana-Farber", "active", 96, 1),
    ("Tomasz Wójcik", "Output checker", "Johns Hopkins", "suspended", 402, 40),
    ("Priya Raman", "Researcher", "Johns Hopkins", "invited", 0, 2),
]


def _members() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"name": n, "role": r, "center": c, "state": s, "views": v, "seen": now - timedelta(days=d)}
        for n, r, c, s, v, d in MEMBERS
    ]


def _column(key: str, label: str, sorted: str = "", numeric: bool = False) -> dict[str, Any]:
    return {"key": key, "label": label, "sort_url": f"?sort={key}", "sorted": sorted, "numeric": numeric}


def _listing(**changed: Any) -> dict[str, Any]:
    plain = {
        "columns": [
            _column("name", "Name", "ascending"),
            _column("role", "Role"),
            _column("center", "Center"),
            _column("state", "State"),
            _column("seen", "Last seen"),
            _column("views", "Data views", numeric=True),
        ],
        "rows": _members(),
        "filters": SpecimenFilters(auto_id="list_%s"),
        "count_words": "1–5 of 1,204",
        "previous_url": None,
        "next_url": "?page=2",
        "empty": False,
        "filtered": False,
    }
    return {**plain, **changed}


def _decision() -> list[dict[str, Any]]:
    def met(words: str, detail: str, until: str = "") -> dict[str, Any]:
        return {"met": True, "words": words, "detail": detail, "until": until, "url": "#decision"}

    return [
        met("Your center is active", "Fred Hutch"),
        met("Your membership is vouched for", "by M. Castellanos", "12 Jan 2028"),
        met("Your training is valid", "Human subjects, data security", "3 Mar 2027"),
        met("Agreement in force", "MSK and Fred Hutch, DUA-0042 v2", "31 Dec 2027"),
        {
            "words": "Terms of that version accepted",
            "detail": "you accepted version 1; version 2 is in force since 4 May 2027",
            "mend": "Read and accept",
            "mend_url": "#decision",
            "mender": "you",
        },
        {
            "waiting": True,
            "words": "Owner’s approval",
            "detail": "with MSK’s stewards for 3 days; usually 5",
            "mend": "Ask a question",
            "mend_url": "#decision",
            "mender": "an MSK steward",
        },
        met("Second factor enrolled", "Passkey on a laptop"),
        met("On the project’s team", "LUAD-17, as researcher", "30 Sep 2027"),
    ]


def _steps() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"name": "Drafted", "state": "done", "who": "Amara Okafor", "at": now - timedelta(days=9)},
        {"name": "Submitted", "state": "done", "who": "Amara Okafor", "at": now - timedelta(days=6, hours=3)},
        {
            "name": "MSK decides",
            "state": "now",
            "who": "with MSK’s stewards",
            "at": now - timedelta(days=3),
            "usually": "5 days",
        },
        {"name": "Terms accepted", "state": "todo", "who": "the team", "usually": "1 day"},
        {"name": "Data opened", "state": "todo", "words": "within a minute"},
    ]


def _waiting() -> dict[str, list[dict[str, Any]]]:
    now, today = timezone.now(), timezone.localdate()
    return {
        "turn": [
            {
                "what": "Accept a training certificate",
                "for_whom": "Priya Raman, Johns Hopkins",
                "since": now - timedelta(days=2),
                "url": "#waiting",
                "button": "Look at the certificate",
            },
            {
                "what": "Vouch for eleven people of your center",
                "for_whom": "Fred Hutch, once a year",
                "since": now - timedelta(days=9),
                "url": "#waiting",
                "button": "See who they are",
            },
        ],
        "others": [
            {
                "what": "Your invitation to Tomasz Wójcik",
                "for_whom": "Output checker, Johns Hopkins",
                "since": now - timedelta(days=3),
                "whose": "Tomasz Wójcik",
                "usually": "2 days",
                "url": "#waiting",
            }
        ],
        "ending": [
            {
                "what": "Your data security training",
                "for_whom": "Needed for every project",
                "until": today + timedelta(days=21),
                "url": "#waiting",
                "button": "Renew it",
            }
        ],
    }


@register.simple_tag
def specimens() -> dict[str, Any]:
    """Everything the gallery shows, by the name of its component."""
    others = SpecimenFilters(auto_id="others_%s")
    wrong = SpecimenForm({"name": "", "center": "fh", "verdict": "accept", "reason": ""}, auto_id="wrong_%s")
    wrong.is_valid()
    return {
        "now": timezone.now(),
        "then": timezone.now() - timedelta(days=3, hours=4),
        "until": timezone.localdate() + timedelta(days=40),
        "form": SpecimenForm(),
        "wrong": wrong,
        "listing": _listing(),
        "none_found": _listing(rows=[], empty=True, filtered=True, filters=others, count_words="0", next_url=None),
        "none_yet": _listing(rows=[], empty=True, filters=None, count_words="", next_url=None),
        "decision": _decision(),
        "granted": [{**line, "met": True} for line in _decision() if line.get("met")],
        "steps": _steps(),
        "waiting": _waiting(),
        "tabs": [
            {"label": "Overview", "url": "#tabs", "current": True, "count": None},
            {"label": "People", "url": "#tabs", "current": False, "count": 1204},
            {"label": "Agreements", "url": "#tabs", "current": False, "count": 6},
        ],
        "crumbs": [{"label": "Centers", "url": "#crumbs"}, {"label": "MSK", "url": "#crumbs"}],
        "states": STATES,
    }
