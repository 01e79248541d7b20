"""Rule 7: sizes, words, and things that no file of ours does. Each exception stands in a list with its reason."""

import ast
import re

from tests.house.source import FUNCTIONS, ROOT, modules

OVER_BUDGET = re.compile(r"\bOver the budget\b.*\bbecause\b", re.IGNORECASE | re.DOTALL)
OURS = modules("apps", "caia_portal", "door", "sandbox", "gateway", "host", "hub", "tests")
APPS = modules("apps")


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_file_stays_within_400_lines_or_says_why_not():
    long = {module.path: module.lines for module in OURS if module.lines > 400 and not OVER_BUDGET.search(module.doc())}

    assert long == {}, "split it, or say at its top: over the budget because …"


def test_a_function_stays_within_40_lines_or_says_why_not():
    long = {
        f"{module.path}::{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in OURS
        for node in module.functions()
        if (node.end_lineno or 0) - node.lineno + 1 > 40 and not OVER_BUDGET.search(ast.get_docstring(node) or "")
    }
    assert long == {}


def test_a_template_stays_within_150_lines():
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ROOT.glob("templates/**/*.html")
    }

    assert {path: lines for path, lines in sizes.items() if lines > 150} == {}


def test_an_app_stays_within_2500_lines_or_says_why_not():
    reasons = {
        module.path.split("/")[1]: module.doc() for module in APPS if re.fullmatch(r"apps/\w+/__init__.py", module.path)
    }
    lines = {name: sum(module.lines for module in modules(f"apps/{name}")) for name in reasons}

    assert {name: lines[name] for name in lines if lines[name] > 2500 and not OVER_BUDGET.search(reasons[name])} == {}


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────
BANNED = {"item", "entry", "entrie", "object", "info", "helper", "util", "process", "handle", "misc"}
GOOD_REASON = {
    "handle": "Django's name for the work of a management command",
    "process_exception": "Django's name of a middleware's hook",
    "Objects": "object storage; S3's own word",
    "_objects": "the same",
    "Entry": "house.md names it: the record has entries",
    "entries": "house.md names it: the record has entries",
    "MemberManager": "Django's Manager",
}
VERBS = {"get", "fetch", "load", "make", "build", "set", "the"}


def test_names_say_what_a_thing_is():
    empty = {
        f"{module.path}::{name}"
        for module in APPS
        for name in (module.name, *(node.name for node in (*module.functions(), *module.classes())))
        if name not in GOOD_REASON and _says_nothing(name)
    }
    assert empty == set()


def _says_nothing(name: str) -> bool:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    singular = {word.removesuffix("s") for word in words}
    if singular & BANNED:
        return True
    if [word for word in words if word not in VERBS] == ["data"]:
        return True
    # A manager is a person here: center manager, alliance manager, and the words of what happens with them.
    return "manager" in singular and name[0].isupper()


# ── what no file of ours does ───────────────────────────────────────────────────────────────────────────────────────
CATCHES_ALL = {
    "apps/core/outbox.py::deliver": "the outer edge of a message: whatever broke is kept with it and tried again",
    "apps/core/sweeps.py::quietly": "the outer edge of a sweep: a row that breaks is logged, the next is seen",
    "host/jobs.py::_again_and_again": "the outer edge of a clock: nobody else can end jobs; what broke is logged",
    "host/host.py::_again_and_again": "the outer edge of the host's clocks: nobody else could stop runs",
    "door/__main__.py::main": "the outer edge of the command line: a plain sentence instead of a trace",
}


def test_nobody_catches_exception_but_at_an_outer_edge():
    """Cleaning up and raising again is no catching."""
    found = {
        module.around(node)
        for module in modules("apps", "caia_portal", "door", "sandbox", "gateway", "host", "hub")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
        if not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    }
    assert found == set(CATCHES_ALL)


def test_there_are_no_signals():
    for module in modules("apps", "caia_portal"):
        for node in ast.walk(module.tree):
            assert not (isinstance(node, ast.ImportFrom) and "signal" in f"{node.module}"), module.path
            assert not (isinstance(node, ast.Name) and node.id == "receiver"), module.path


TRUSTED_HTML_IN_CODE: dict[str, str] = {}
TRUSTED_HTML_IN_TEMPLATES = {
    "templates/components/field.html": "help texts are written by us in forms.py and may hold a link",
}
MARKS_SAFE = {"mark_safe", "SafeString", "SafeText", "format_html_join", "html_safe"}


def test_no_text_is_declared_safe_html():
    called = {
        module.around(node)
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in MARKS_SAFE
    }
    marked = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob("templates/**/*.html")
        if re.search(r"\|\s*safe\b|autoescape off|safeseq", path.read_text())
    }
    assert called == set(TRUSTED_HTML_IN_CODE)
    assert marked == set(TRUSTED_HTML_IN_TEMPLATES)


WRITES = {"save", "create", "update", "delete", "get_or_create", "update_or_create", "bulk_create", "bulk_update"}
WRITERS = re.compile(r"/services(/|\.py)|apps/core/(machines|notices|outbox)\.py|apps/audit/")
WRITES_ELSEWHERE = {
    "apps/alliance/demo_story.py": "the demo's people have read their older notices",
    "apps/alliance/evidence.py": "a file in the storage that no row came to name",
    "apps/alliance/signin/adapters.py": "allauth asks its adapter to set a password, in the transaction of the event",
    "apps/alliance/signin/backends.py": "a password's new hash, at a sign-in and with its event",
    "apps/alliance/signin/demo.py": "an invented person's authenticator app",
    "apps/alliance/signin/factors.py": "the step of a code that was used, so that it never opens twice",
    "apps/alliance/signin/forms.py": "a widget's attributes",
    "apps/alliance/signin/identity.py": "which subject of a provider a member is, at their sign-in",
    "apps/alliance/signin/sessions.py": "sessions begin, are noted and end; whoever ends them is recorded",
    "apps/alliance/signin/views.py": "allauth's form keeps the proof in the session",
    "apps/catalog/previews/pictures.py": "a picture in a folder of its own, no row",
    "apps/catalog/gateways.py": "a hash is fed, and bytes that no row names are erased",
    "apps/catalog/ingest.py": "a claim in the cache is given back, no row",
    "apps/core/commands.py": "the details noted for an event, no row",
    "apps/home/record_views.py": "a mark in the cache while somebody verifies, no row",
    "apps/projects/tasks.py": "the claim on the sweep, in the cache",
}


def test_only_services_and_the_kernel_write():
    found = {
        module.path
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    }
    assert {path for path in found if not WRITERS.search(path)} == set(WRITES_ELSEWHERE), "ask a command to write"


def test_only_the_record_touches_its_table():
    found = {
        module.path
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node).startswith(("Event.objects", "Event._base_manager", "Event._default_manager"))
    }
    assert {path for path in found if not path.startswith("apps/audit/")} == set()


def test_every_function_of_ours_that_others_call_says_what_it_is_for():
    """Public functions and classes of the kernel and of services, policies, selectors and gateways."""
    spoken = re.compile(r"/(services|policies|selectors|gateways)\b|apps/(core|audit)/[a-z_]+\.py")
    silent = [
        f"{module.path}::{node.name}"
        for module in APPS
        if spoken.search(module.path)
        for node in module.tree.body
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_")
        if not ast.get_docstring(node) and not (isinstance(node, ast.FunctionDef) and len(node.body) == 1)
    ]
    assert silent == []
