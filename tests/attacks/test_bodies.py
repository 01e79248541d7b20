"""E70: bodies and headers that no browser sends: refused or ignored in a moment, never a mistake of ours."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.urls import reverse

from tests.house.samples import undone

FORM = "application/x-www-form-urlencoded"
CHARSETS = [
    "bz2_codec",
    "zlib_codec",
    "base64_codec",
    "hex_codec",
    "rot13",
    "utf-16",
    "utf-7",
    "unknown",
    "idna",
    "'",
    "",
]
TARGETS = ["/account/", "/theme/", "/sign-in/", "/people/", "/training/queue/"]


@pytest.fixture
def manager(world):
    return world.browser("center_manager")


@pytest.fixture(autouse=True)
def _undone(world):
    with undone():
        yield


def answered(browser, path, body=b"", media_type=FORM, **headers):
    """The status, in time."""
    began = time.monotonic()
    answer = browser.generic("POST", path, body, media_type, **headers)
    assert time.monotonic() - began < 5
    return answer.status_code


# ── charsets ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("media_type", [FORM, "multipart/form-data; boundary=b", "application/json", "text/plain"])
def test_a_body_in_a_strange_charset_is_no_mistake_of_ours(manager, media_type, charset):
    for path in TARGETS:
        assert answered(manager, path, b"name=a&theme=dark", f"{media_type}; charset={charset}") < 500, path


def through_the_door(method, path, body=b"", **headers):
    """The status of a request that comes by ASGI, as uvicorn hands it on."""

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    async def ask():
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.encode(),
            "query_string": path.partition("?")[2].encode("latin-1"),
            "server": ("localhost", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"localhost"), *sent],
        }
        door = ApplicationCommunicator(get_asgi_application(), scope)
        await door.send_input({"type": "http.request", "body": body})
        answer = await door.receive_output(timeout=5)
        while (await door.receive_output(timeout=5)).get("more_body"):
            pass
        await door.wait(timeout=5)
        return answer["status"]

    with ThreadPoolExecutor(1) as pool:  # where a browser test ran before, this thread has a loop of its own
        return pool.submit(async_to_sync(ask)).result()


@pytest.mark.parametrize("charset", CHARSETS)
def test_the_real_door_takes_a_strange_charset_as_calmly(charset):
    for media_type in (FORM, "multipart/form-data; boundary=b", "application/json"):
        kind = f"{media_type}; charset={charset}"
        assert through_the_door("POST", "/theme/", b"theme=dark", content_type=kind) < 500
        assert through_the_door("GET", "/nowhere/?a=%ff&words=a", content_type=kind) == 404


# ── shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────────
BODIES = {
    "json": json.dumps({"name": "A", "status": "left"}).encode(),
    "deep json": b"[" * 100_000 + b"]" * 100_000,
    "json numbers": b'{"a": 1e400, "b": NaN, "a": 2}',
    "half utf-8": b"name=\xff\xfe\xc3&position=\xed\xa0\x80",
    "nul": b"name=a%00b&position=%00&orcid=%00",
    "many fields": "&".join(f"f{n}=1" for n in range(400)).encode(),
    "many equal fields": b"&".join([b"name=a"] * 299),
    "no value": b"name&position&&&===",
    "percent": b"%&%zz=%&name=%",
    "long value": b"name=" + b"a" * 200_000,
    "too much": b"name=" + b"a" * (2 * 1024 * 1024 + 1),
    "gzip": gzip.compress(b"name=A" * 1000),
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "nothing": b"",
    "binary": bytes(range(256)) * 10,
}
TYPES = [
    FORM,
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b",
    "multipart/mixed; boundary=b",
    f"{FORM}, text/html",
    "text/html",
    "x",
    "",
]


@pytest.mark.slow
@pytest.mark.parametrize("shape", BODIES)
def test_no_body_is_a_mistake_of_ours(world, manager, shape):
    addresses = ["/account/", "/theme/", reverse("alliance:person_suspend", args=[world.owner.pk])]
    for path in addresses:
        for media_type in TYPES:
            with undone():
                assert answered(manager, path, BODIES[shape], media_type) < 500, (path, media_type)


PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n%s\r\n'
MULTIPART = {
    "no end": PART % (b"name", b"", b"", b"A"),
    "many parts": b"".join(PART % (b"f%d" % n, b"", b"", b"1") for n in range(2000)) + b"--b--",
    "many files": b"".join(PART % (b"evidence", b'; filename="a.pdf"', b"", b"%PDF-") for _ in range(150)) + b"--b--",
    "part header bomb": PART % (b"name", b"", b"X-A: " + b"a" * 50_000 + b"\r\n", b"A") + b"--b--",
    "no name": b"--b\r\nContent-Disposition: form-data\r\n\r\nA\r\n--b--",
    "bad base64": PART % (b"name", b"", b"Content-Transfer-Encoding: base64\r\n", b"!!!") + b"--b--",
    "file without name": PART % (b"evidence", b'; filename=""', b"", b"%PDF-") + b"--b--",
    "file name of bytes": PART % (b"evidence", b'; filename="\xff\xfe"', b"", b"%PDF-") + b"--b--",
    "file name of charset": PART % (b"evidence", b"; filename*=bz2_codec''a", b"", b"%PDF-") + b"--b--",
    "part charset": PART % (b"name", b"", b"Content-Type: text/plain; charset=bz2_codec\r\n", b"A") + b"--b--",
    "huge length": PART % (b"evidence", b'; filename="a.pdf"', b"Content-Length: 99999999999\r\n", b"%PDF-") + b"--b--",
}


@pytest.mark.parametrize("shape", MULTIPART)
def test_no_multipart_body_is_a_mistake_of_ours(world, manager, shape):
    for path in ("/account/", reverse("alliance:training_submit", args=[world.type.pk])):
        with undone():
            assert answered(manager, path, MULTIPART[shape], "multipart/form-data; boundary=b") < 500, path


# ── headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────
HEADERS = {
    "long cookie": {"HTTP_COOKIE": "a=" + "b" * 60_000},
    "many cookies": {"HTTP_COOKIE": "; ".join(f"c{n}={n}" for n in range(3000))},
    "broken cookie": {"HTTP_COOKIE": 'caia_session="\\777\\"; caia_csrf=;;;=;'},
    "session of somebody": {"HTTP_COOKIE": "caia_session=../../etc/passwd"},
    "session with nul": {"HTTP_COOKIE": "caia_session=a\x00b"},
    "request id": {"HTTP_X_REQUEST_ID": "a\r\nX-Evil: 1"},
    "long request id": {"HTTP_X_REQUEST_ID": "a" * 10_000},
    "forwarded": {"HTTP_X_FORWARDED_FOR": ", ".join(["1.2.3.4"] * 5000)},
    "forwarded nonsense": {"HTTP_X_FORWARDED_FOR": "<script>, not-an-address, ::::"},
    "forwarded host": {"HTTP_X_FORWARDED_HOST": "evil.example.com", "HTTP_X_FORWARDED_PROTO": "gopher"},
    "accept": {"HTTP_ACCEPT": "text/html;q=" + "9" * 10_000},
    "accept json": {"HTTP_ACCEPT": "application/json"},
    "accept nothing": {"HTTP_ACCEPT": ""},
    "language": {"HTTP_ACCEPT_LANGUAGE": ",".join(["aa-" + "b" * 50] * 500)},
    "agent": {"HTTP_USER_AGENT": "\u202e" + "A" * 20_000},
    "htmx": {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://[", "HTTP_HX_TARGET": '"><script>'},
    "range": {"HTTP_RANGE": "bytes=0-,0-,0-,0-,5-1,-999999999999999999"},
    "length": {"CONTENT_LENGTH": "-1"},
    "length of letters": {"CONTENT_LENGTH": "abc"},
    "theme": {"HTTP_COOKIE": 'theme="><script>alert(1)</script>'},
    "modified": {"HTTP_IF_MODIFIED_SINCE": "Thu, 99 Foo 99999 99:99:99 GMT"},
}


@pytest.mark.parametrize("what", HEADERS)
def test_no_header_is_a_mistake_of_ours(world, what):
    for who in ("anonymous", "center_manager"):
        for path in ("/", "/sign-in/", "/people/", "/nowhere/"):
            answer = world.browser(who).get(path, **HEADERS[what])
            assert answer.status_code < 500, (who, path)
            assert "X-Evil" not in answer.headers
            assert "<script>alert(1)" not in answer.content.decode()


@pytest.mark.parametrize("host", ["evil.example.com", "localhost@evil.com", "", "[::1", "local host", "localhost\x00"])
def test_a_foreign_host_name_is_refused(world, host):
    answer = world.browser("anonymous").get("/sign-in/", HTTP_HOST=host)

    assert answer.status_code == 400


def test_a_request_id_that_fits_is_kept_and_another_is_replaced(world):
    kept = world.browser("anonymous").get("/sign-in/", HTTP_X_REQUEST_ID="0123-abcd-4567")
    replaced = world.browser("anonymous").get("/sign-in/", HTTP_X_REQUEST_ID="<b>0123-abcd</b>")

    assert kept["X-Request-ID"] == "0123-abcd-4567"
    assert replaced["X-Request-ID"].isalnum()


def test_an_address_that_somebody_claims_is_not_believed(world):
    from apps.audit.models import Event

    world.browser("alliance_auditor").get("/record/", HTTP_X_FORWARDED_FOR="6.6.6.6", HTTP_X_REAL_IP="6.6.6.6")

    assert Event.objects.filter(event="audit.record.viewed").latest("id").ip == "127.0.0.1"


def test_a_method_that_is_not_allowed_is_answered_with_a_page_that_helps(world):
    answer = world.browser("center_manager").get(reverse("alliance:person_suspend", args=[world.owner.pk]))

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Error 405" in answer.content.decode()


def test_a_machine_gets_the_same_in_json(world):
    answer = world.browser("center_manager").delete("/people/", headers={"accept": "application/json"})

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["status"] == 405


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO"])
def test_another_method_is_not_allowed(world, method):
    for path in ("/", "/people/", reverse("alliance:person", args=[world.owner.pk]), "/account/"):
        with undone():
            assert world.browser("center_manager").generic(method, path).status_code == 405, path
