"""E68 of security.md: the links that a host is given, in other hands: these objects, to read, and soon over.

The plan is asked of a whole portal as its host asks; each link is then turned into whatever else it might open.
"""

import hashlib
import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
import requests

from apps.catalog.gateways import DatasetStore, key_of
from apps.workspaces.limits import LINK_SECONDS
from door.storage import ANCHOR
from host.plan import DataFile, RunPlan
from host.portal import Portal, Refused
from tests.attacks.workspaces.ground import DATA, Ground

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]


def portal(ground: Ground) -> Portal:
    """As a host knows it."""
    return Portal(ground.site.url, ground.site.values["CAIA_HOST_SECRET"], "attack")


@dataclass
class Taken:
    """What came of the links of a run that was starting, while they held; `run` is over."""

    run: str
    plan: RunPlan
    turned: dict[str, int]
    changed: dict[str, int]
    hashes: dict[str, str]  # of what the links gave after all that


@pytest.fixture(scope="module")
def taken(both: Ground) -> Taken:
    both.awake()
    project = both.site.project("Rosa Jimenez", DATA)
    try:
        both.rosa.start(project)
        run = both.rosa.run_of(project)
        plan = portal(both).plan(run)  # a start takes seconds; its own host asks for the same
        files = [file for dataset in plan.datasets for file in dataset.files]
        their = next(sha for sha in both.data().values() if sha not in {file.sha256 for file in files})
        turned, changed = turn(files[0], their), change(files[0])
        hashes = {one.sha256: hashlib.sha256(requests.get(one.url, timeout=30).content).hexdigest() for one in files}
        both.rosa.opened(project)
    finally:
        both.rosa.leave(project)
    return Taken(run, plan, turned, changed, hashes)


def turn(file: DataFile, their: str) -> dict[str, int]:
    """Read another key, another bucket, the list of one, for longer, without a signature."""
    place = urlsplit(file.url)
    bucket, key = place.path.split("/")[1], key_of(file.sha256)
    assert key in place.path
    turned = {
        "their object": place._replace(path=place.path.replace(key, key_of(their))),
        "a way around": place._replace(path=place.path.replace(key, f"x/../{key_of(their)}")),
        "the bucket": place._replace(path=f"/{bucket}"),
        "the list": place._replace(path=f"/{bucket}/", query=f"list-type=2&{place.query}"),
        "another bucket": place._replace(path=place.path.replace(bucket, ANCHOR, 1)),
        "all buckets": place._replace(path="/"),
        "a longer life": place._replace(query=re.sub(r"(X-Amz-Expires=)\d+", r"\g<1>86400", place.query)),
        "an answer as a page": place._replace(query=f"{place.query}&response-content-type=text/html"),
        "the bucket's policy": place._replace(path=f"/{bucket}", query=f"policy&{place.query}"),
        "no signature": place._replace(query=""),
    }
    return {what: requests.get(urlunsplit(parts), timeout=30).status_code for what, parts in turned.items()}


def change(file: DataFile) -> dict[str, int]:
    """Write, delete, copy, begin an upload in parts, set a policy."""
    parts = urlsplit(file.url)
    copy = {"x-amz-copy-source": parts.path}
    ways = {
        "plain": (parts, {}),
        "copy": (parts, copy),
        "copy elsewhere": (parts._replace(path=f"{parts.path}-copy"), copy),
        "policy": (parts._replace(path="/" + parts.path.split("/")[1], query=f"policy&{parts.query}"), {}),
        "parts": (parts._replace(query=f"uploads&{parts.query}"), {}),
    }
    return {
        f"{method} {what}": requests.request(
            method, urlunsplit(where), data=b"changed", headers=headers, timeout=30
        ).status_code
        for method in ("PUT", "POST", "DELETE")
        for what, (where, headers) in ways.items()
    }


def test_the_links_are_those_of_the_plan_and_end_soon(taken):
    files = [file for dataset in taken.plan.datasets for file in dataset.files]

    assert {dataset.slug for dataset in taken.plan.datasets} == {DATA}
    assert all(int(parse_qs(urlsplit(file.url).query)["X-Amz-Expires"][0]) <= LINK_SECONDS for file in files)


def test_a_link_opens_nothing_but_its_own_object(taken):
    assert set(taken.turned.values()) <= {400, 403}, taken.turned


def test_a_link_changes_nothing(taken):
    """Afterwards each gives the bytes that it gave before, so the signature was good all the while."""
    assert set(taken.changed.values()) <= {400, 403, 405}, taken.changed
    assert all(sha == given for sha, given in taken.hashes.items())


def test_a_link_is_over_when_its_time_is():
    """One that holds two seconds: the minute and a half of a real one is not waited for."""
    store, key = DatasetStore(), "attack/link-that-ends"
    store.put(key, b"here", media_type="text/plain")
    try:
        link = store.link(key, seconds=2)
        before = requests.get(store.link(key, seconds=60), timeout=30)
        time.sleep(4)
        after = requests.get(link, timeout=30)
    finally:
        store.delete(key)

    assert (before.status_code, before.content) == (200, b"here")
    assert after.status_code == 403
    assert after.content != b"here"


def test_no_plan_is_given_to_whoever_is_no_host_or_of_a_run_that_runs_or_is_over(ground, taken):
    told = {
        secret: requests.post(
            f"{ground.site.url}/internal/runs/{ground.lab.run}/plan",
            json={"host": "attack", "offers": {}}, headers={"Authorization": f"Bearer {secret}"}, timeout=30,
        ).status_code
        for secret in ("", "guessed", ground.site.values["CAIA_HUB_TOKEN"])
    }  # fmt: skip

    assert set(told.values()) == {404}, told
    for run in (ground.lab.run, taken.run):
        with pytest.raises(Refused):
            portal(ground).plan(run)
