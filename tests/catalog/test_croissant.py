"""The descriptions for machines, read by the reader of those who wrote Croissant: it finds no error in any of them."""

import json
import subprocess

import pytest
from django.core.management import call_command
from django.test import override_settings

from apps.catalog.models import DatasetVersion
from door.python_parts import uv_words
from tests.factories import MemberFactory

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
READER = "mlcroissant==1.1.1"  # in an environment of its own, because it brings scipy, pandas and more
READ = """
import json, sys
import mlcroissant as mlc

for path in sys.argv[1:]:
    told = {"path": path, "errors": [], "warnings": []}
    try:
        found = mlc.Dataset(jsonld=path).metadata.ctx.issues
        told["errors"], told["warnings"] = sorted(found.errors), sorted(found.warnings)
    except mlc.ValidationError as error:
        told["errors"] = [str(error)]
    print(json.dumps(told))
"""


def run(words, seconds):
    answer = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A Python that has mlcroissant and nothing of ours."""
    place = tmp_path_factory.mktemp("croissant") / "reader"
    run([*uv_words(), "venv", str(place)], 300)
    python = str(place / "bin" / "python")
    run([*uv_words(), "pip", "install", "--python", python, READER], 900)
    return python


@override_settings(DEMO=True)
def test_mlcroissant_finds_no_error_in_what_the_demo_s_datasets_say_of_themselves(reader, browse, tmp_path):
    call_command("load_demo", verbosity=0)
    call_command("load_demo_data", verbosity=0)
    member = browse(MemberFactory())
    versions = DatasetVersion.objects.select_related("dataset")
    for version in versions:
        answer = member.get(f"/datasets/{version.dataset.slug}/versions/{version.number}/croissant/")
        (tmp_path / f"{version.dataset.slug}.json").write_bytes(answer.content)
    paths = sorted(str(path) for path in tmp_path.glob("*.json"))

    told = [json.loads(line) for line in run([reader, "-c", READ, *paths], 900).splitlines()]

    print("\n".join(f"{one['path']}: {warning}" for one in told for warning in one["warnings"]))
    assert len(told) == len(versions) == 20
    assert {one["path"]: one["errors"] for one in told if one["errors"]} == {}


def test_the_reader_does_find_what_is_wrong(reader, tmp_path):
    broken = {"@context": {"@vocab": "https://schema.org/"}, "@type": "sc:Dataset", "name": "No licence, no files"}
    (tmp_path / "broken.json").write_text(json.dumps(broken))

    told = json.loads(run([reader, "-c", READ, str(tmp_path / "broken.json")], 300).splitlines()[-1])

    assert told["errors"]
