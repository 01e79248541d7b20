"""A preview's process: what comes back from it, what stops it, and that nothing it leaves is trusted."""

import os
import subprocess
import sys

import pytest

from apps.catalog import preview_gateways
from apps.catalog.preview_gateways import run_preview
from apps.core.errors import Invalid
from tests.catalog_lib.open_data import OPEN_DATA, ROOT, flood_png, here

MADE = [
    ("slide", "pathology-fred-hutch-cmu1-small-region-svs/cmu-1-small-region.svs", True),
    ("dicom", "radiology-msk-lidc-idri-chest-ct/LIDC-IDRI-0002", True),
    ("variants", "genomics-dana-farber-hcc1395-vcf/annotated.expression.vcf.gz", False),
]


@here
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "path", "pictured"), MADE)
def test_a_preview_comes_back_from_its_process(tmp_path, kind, path, pictured):
    made = run_preview(kind, OPEN_DATA / path, tmp_path, 60)

    assert made.kind == kind
    assert made.facts
    assert (made.picture is not None) is pictured


@pytest.mark.slow
def test_a_refusal_comes_back_with_its_sentence(tmp_path):
    with pytest.raises(Invalid, match="does not begin with ##fileformat=VCF"):
        run_preview("variants", ROOT / "README.md", tmp_path, 60)


@pytest.mark.slow
def test_a_process_that_hangs_is_stopped(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match="took too long"):
        run_preview("variants", tmp_path / "pipe", tmp_path, 1)


@pytest.mark.slow
def test_a_process_that_breaks_is_no_preview(tmp_path):
    with pytest.raises(Invalid, match="can't be shown"):
        run_preview("no such kind", ROOT / "README.md", tmp_path, 60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "error"),
    [("bytearray(4 << 30)", "MemoryError"), ("open('big', 'wb').write(b'0' * (9 << 20))", "File too large")],
)
def test_the_process_is_bounded_in_memory_and_in_what_it_writes(tmp_path, deed, error):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    code += f"from apps.catalog.previews.bounds import limit_this_process\nlimit_this_process(5)\n{deed}"
    answer = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert error in answer.stderr


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"rows": NaN}', b"[" * 100_000, b"\xff", b" " * 9_000_000], ids=len)
def test_facts_that_are_none_are_refused(tmp_path, content):
    (tmp_path / "preview.json").write_bytes(content)

    with pytest.raises(Invalid):
        preview_gateways._facts(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", flood_png(), preview_gateways.PNG + b"\0\0\0\1" * 800_000], ids=len
)
def test_a_picture_that_is_none_or_too_large_is_refused(tmp_path, content):
    (tmp_path / "preview.png").write_bytes(content)

    with pytest.raises(Invalid):
        preview_gateways._picture(tmp_path)


def test_a_link_that_the_process_left_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / "preview.json").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Invalid):
        preview_gateways._facts(tmp_path)


def test_a_kind_without_a_picture_has_none(tmp_path):
    assert preview_gateways._picture(tmp_path) is None


def test_a_parser_stays_out_of_the_portals_process():
    """The libraries are loaded by the preview's own module only."""
    code = "import apps.catalog.preview_gateways, apps.catalog.previews.table, sys\n"
    code += "print(sorted({'PIL', 'numpy', 'pydicom', 'openslide', 'django'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
