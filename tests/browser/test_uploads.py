"""Bringing a folder in by the page: it shows how far it is, goes on where it stopped, says why it refused a file."""

import hashlib
import itertools
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from apps.alliance.roles import Role
from apps.catalog.gateways import DatasetStore
from apps.catalog.models import DatasetFile
from apps.core.gateways import Objects
from tests.browser.ways import enter
from tests.factories import CenterFactory, give
from tests.factories_catalog import VersionFactory
from tests.signin.ways import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FILES = {
    "a.csv": b"x,y\n" + b"1,2\n" * 40,
    "scans/b.bin": b"b" * 1_500_000,
    "scans/c.bin": b"c" * 700_000,
    "z.txt": b"the last one",
}
UPLOAD = re.compile(r"/upload/\?room=")
PATIENCE = 60_000  # milliseconds that a busy machine may take for a file


@pytest.fixture
def steward():
    Objects().ensure_bucket()
    member = person(name="Stella Yes", center=CenterFactory(short_name="Owner"))
    give(member, Role.DATA_STEWARD)
    return member


@pytest.fixture
def address(steward):
    version = VersionFactory(dataset__slug="incoming", dataset__title="Incoming data", dataset__center=steward.center)
    return f"/datasets/{version.dataset.slug}/versions/1/upload/"


@pytest.fixture
def folder(tmp_path):
    """A folder of four files with the manifest that fits them."""
    lines = []
    for path, body in FILES.items():
        place = tmp_path / "incoming" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        lines.append({"path": path, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})
    (tmp_path / "incoming" / "dataset.json").write_text(json.dumps({"files": lines}))
    return tmp_path / "incoming"


def send(page, folder):
    page.get_by_label("Or a whole folder").set_input_files(folder)
    page.get_by_role("button", name="Bring them in").click()


def row(page, path):
    return page.locator(".upload-row", has=page.get_by_text(path, exact=True))


def entered():
    return set(DatasetFile.objects.values_list("path", flat=True))


def sent_by(page):
    """What is sent from now on, an address for each file."""
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if UPLOAD.search(asked.url) else None)
    return sent


def break_off(page, *, at):
    """The connection breaks under the file that is sent as number `at`."""
    sent = itertools.count(1)
    page.route(UPLOAD, lambda route: route.abort("connectionreset") if next(sent) == at else route.continue_())


def test_a_folder_broken_off_in_the_middle_goes_on_in_a_new_tab_and_is_whole(
    open_page, live_server, steward, address, folder, picture
):
    page = enter(open_page, live_server.url, steward)
    page.goto(address)
    break_off(page, at=3)
    send(page, folder)
    expect(page.get_by_text("It stopped")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-upload-end]")).to_contain_text("2 files are in the draft, 2 not yet.")
    expect(page.locator(".upload-row[data-state=broken]")).to_contain_text("The connection broke.")
    picture(page, "upload-broken", full_page=True)
    before = entered()
    assert len(before) == 2

    page = page.context.new_page()
    page.goto(address)
    sent = sent_by(page)
    send(page, folder)

    expect(page.get_by_text("The draft is whole")).to_be_visible(timeout=PATIENCE)
    assert entered() == set(FILES)
    assert {file.path: file.sha256 for file in DatasetFile.objects.all()} == {
        path: hashlib.sha256(body).hexdigest() for path, body in FILES.items()
    }
    assert all(DatasetStore().has(file.sha256, file.bytes) for file in DatasetFile.objects.all())
    assert len(sent) == len(FILES) - len(before)  # what was there was not sent again
    for path in before:
        expect(row(page, path)).to_contain_text("Was there already")
    expect(page.get_by_text("4 of 4 files")).to_be_visible()
    expect(page.get_by_role("link", name="Look once more and publish")).to_be_visible()
    picture(page, "upload-whole", full_page=True)


def test_one_file_is_tried_again_by_its_button_and_the_rest_follows(open_page, live_server, steward, address, folder):
    page = enter(open_page, live_server.url, steward)
    page.goto(address)
    break_off(page, at=2)
    send(page, folder)
    expect(page.get_by_text("It stopped")).to_be_visible(timeout=PATIENCE)

    page.locator(".upload-row[data-state=broken]").get_by_role("button", name="Try again").click()

    expect(page.get_by_text("The draft is whole")).to_be_visible(timeout=PATIENCE)
    assert entered() == set(FILES)


def test_bytes_that_differ_are_refused_with_words_and_the_others_come_in(
    open_page, live_server, steward, address, folder, picture
):
    (folder / "scans/b.bin").write_bytes(b"x" * len(FILES["scans/b.bin"]))
    (folder / "z.txt").write_bytes(b"longer than it was")
    (folder / "notes.txt").write_bytes(b"nobody asked for it")
    page = enter(open_page, live_server.url, steward)
    page.goto(address)

    send(page, folder)

    expect(page.get_by_text("Not all of it is in the draft")).to_be_visible(timeout=PATIENCE)
    expect(row(page, "scans/b.bin")).to_contain_text("the SHA-256 ")
    expect(row(page, "scans/b.bin")).to_contain_text("Refused")
    expect(row(page, "z.txt")).to_contain_text("It has 18 bytes, and dataset.json says 12 bytes.")
    expect(row(page, "notes.txt")).to_contain_text("dataset.json does not name it.")
    for path in ("scans/b.bin", "z.txt"):
        expect(page.locator("[data-upload-end]")).to_contain_text(path)
    assert entered() == {"a.csv", "scans/c.bin"}
    picture(page, "upload-refused", full_page=True)


def test_a_name_that_the_draft_has_with_other_bytes_is_not_sent(open_page, live_server, steward, address, tmp_path):
    page = enter(open_page, live_server.url, steward)
    place = tmp_path / "one.txt"
    for body, words in (
        (b"first", "The draft is whole"),
        (b"other", "The draft has other bytes under this name."),
        (b"first", "Was there already"),
    ):
        place.write_bytes(body)
        page.goto(address)
        page.get_by_label("Files", exact=True).set_input_files(place)
        page.get_by_role("button", name="Bring them in").click()
        expect(page.locator("[data-upload-told]")).to_contain_text(words, timeout=PATIENCE)

    assert [file.bytes for file in DatasetFile.objects.all()] == [5]
    assert page.complaints == []


def test_a_manifest_that_is_none_stops_it_before_anything_is_sent(open_page, live_server, steward, address, folder):
    (folder / "dataset.json").write_text("[")
    page = enter(open_page, live_server.url, steward)
    page.goto(address)

    send(page, folder)

    expect(page.get_by_text("Nothing was sent")).to_be_visible(timeout=PATIENCE)
    assert entered() == set()


def test_who_was_signed_out_meanwhile_is_told(open_page, live_server, steward, address, folder):
    page = enter(open_page, live_server.url, steward)
    page.goto(address)
    page.context.clear_cookies()

    send(page, folder)

    expect(page.locator("[data-upload-end]")).to_contain_text("You are signed out.", timeout=PATIENCE)
    assert entered() == set()


@pytest.mark.parametrize(("size", "theme"), [("desk", "dark"), ("phone", "light")])
def test_the_page_is_accessible_while_it_tells(open_page, live_server, steward, address, folder, size, theme, picture):
    (folder / "z.txt").write_bytes(b"the lost one")
    page = enter(open_page, live_server.url, steward, size=size, theme=theme)
    page.goto(address)
    send(page, folder)
    expect(page.get_by_text("Not all of it is in the draft")).to_be_visible(timeout=PATIENCE)

    violations = Axe().run(page).response["violations"]
    found = [f"{one['id']}: {node['html'][:160]}" for one in violations for node in one["nodes"]]

    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, f"upload-{size}-{theme}", full_page=True)
