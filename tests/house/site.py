"""The site as a visitor meets it: every address that the resolver knows, asked by every actor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse

from apps.audit.models import Event, Outcome
from tests.house.samples import ARGUMENTS, BY_BEGINNING, World, undone

METHODS = ("GET", "POST")
FORM = "application/x-www-form-urlencoded"
FOREIGN_METHODS = ("PUT", "PATCH", "DELETE", "TRACE", "FOO")


@dataclass(frozen=True)
class Route:
    """One address: its name, such as alliance:person, and its pattern, such as people/<uuid:pk>/."""

    name: str
    pattern: str
    has_arguments: bool

    def path(self, world: World) -> str:
        """The address of the sample row."""
        return reverse(self.name, kwargs=self._arguments(world) if self.has_arguments else None)

    def _arguments(self, world: World) -> dict[str, object]:
        if self.name in ARGUMENTS:
            return ARGUMENTS[self.name](world)
        fitting = [beginning for beginning in BY_BEGINNING if self.pattern.startswith(beginning)]
        assert fitting, (
            f"{self.name} ({self.pattern}) takes arguments and has no sample row: "
            "add one to ARGUMENTS or BY_BEGINNING in tests/house/samples.py."
        )
        return BY_BEGINNING[max(fitting, key=len)](world)


@dataclass
class Answer:
    """What came back: `said` is the status, for a redirect with the name of the address that it leads to."""

    said: str
    response: HttpResponse
    queries: int
    refusals: int
    body: str = field(repr=False)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def is_page(self) -> bool:
        return bool(self.body) and self.response.headers.get("Content-Type", "").startswith("text/html")


def routes() -> list[Route]:
    """Every address that the resolver knows."""
    return list(_walk(get_resolver(), (), ""))


def _walk(resolver: URLResolver, names: tuple[str, ...], before: str) -> Iterator[Route]:
    for found in resolver.url_patterns:
        pattern = before + str(found.pattern)
        if isinstance(found, URLPattern):
            assert found.name, f"{pattern} has no name; give it one, so that its access can be stated."
            yield Route(":".join([*names, found.name]), pattern, "<" in pattern)
        else:
            yield from _walk(found, (*names, found.namespace) if found.namespace else names, pattern)


class Counting:
    """Counts the statements that the database was given, savepoints aside."""

    count = 0

    def __call__(self, execute: Callable[..., object], sql: str, *others: object) -> object:
        self.count += not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
        return execute(sql, *others)


def ask(world: World, route: Route, method: str, who: str) -> Answer:
    """One request by this actor, after which the alliance is as before."""
    cache.clear()
    queries = Counting()
    with undone(), connection.execute_wrapper(queries):
        sent = "csrfmiddlewaretoken=none" if method != "GET" else ""  # an empty form, as a browser sends it
        response = world.browser(who).generic(method, route.path(world), sent, FORM, HTTP_ACCEPT="text/html")
        refused = response.status_code == 403
        refusals = Event.objects.filter(outcome=Outcome.REFUSED).count() if refused else 0
        body = body_of(response)
    return Answer(_said(response), response, queries.count - refused, refusals, body.decode("utf-8", "replace"))


def body_of(response: HttpResponse) -> bytes:
    """All of it; what streams is read to its end."""
    if response.streaming and response.is_async:
        return b""  # it comes as it comes: tests/jobs/test_stream.py
    return b"".join(response.streaming_content) if response.streaming else response.content


def _said(response: HttpResponse) -> str:
    if response.status_code not in {301, 302, 303, 307}:
        return str(response.status_code)
    target = response.headers["Location"].partition("?")[0]
    try:
        name = resolve(target).view_name
    except Resolver404:
        name = target
    return f"{response.status_code} {name}"
