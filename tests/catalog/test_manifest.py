"""dataset.json and the paths in it, read with suspicion."""

import json
import os

import pytest

from apps.catalog import manifest
from apps.catalog.demo import FOLDER
from apps.catalog.paths import media_type_of, open_inside
from apps.core.errors import Invalid

GOOD = {
    "id": "some-data",
    "title": "Some data",
    "modality": "ehr",
    "owner_center": "owner",
    "owner_basis": "Ours.",
    "description": "What it holds.",
    "licence": {"spdx": "CC0-1.0", "name": "CC0"},
    "suggested_duo": [{"code": "DUO:0000042"}],
    "files": [{"path": "a.csv", "bytes": 1, "sha256": "a" * 64}],
}


def test_each_example_is_a_manifest():
    told = [manifest.read_folder(path.parent) for path in FOLDER.glob("*/dataset.json")]

    assert len(told) == 20
    for one in told:
        assert one.lines
        assert one.facts["licence"]
        assert all((FOLDER / one.slug / line.path).stat().st_size == line.bytes for line in one.lines)


WRONG = {
    "id": ["Some Data", "../x", "", 7, None, "a" * 81, "-a"],
    "title": ["", "x" * 201, 7],
    "modality": ["psychic", ""],
    "description": ["x" * 4001],
    "licence": [{}, {"spdx": 7}, "CC0", None],
    "source": ["somewhere", []],
    "records": [[], {"patients": [1]}, {"patients": None}],
    "suggested_duo": [[], None, [{"code": "DUO:9999999"}], [{"code": "DUO:0000042"}] * 2, "GRU"],
    "smallest_count": [-1, 1.5, "10", True],
    "files": [
        [],
        {},
        ["a.csv"],
        [{"path": "a.csv", "bytes": -1, "sha256": "a" * 64}],
        [{"path": "a.csv", "bytes": True, "sha256": "a" * 64}],
        [{"path": "a.csv", "bytes": 1, "sha256": "A" * 64}],
        [{"path": "a.csv", "bytes": 1, "sha256": "a" * 63}],
        [{"path": "a.csv", "bytes": 1, "sha256": "a" * 64}] * 2,
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_manifest_that_is_wrong_says_where(name, value):
    with pytest.raises(Invalid) as refused:
        manifest.parse(json.dumps({**GOOD, name: value}).encode())

    assert str(refused.value)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b'{"id": NaN}', b"[" * 100_000 + b"]" * 100_000],
    ids=len,
)
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(Invalid):
        manifest.parse(text)


def test_a_hidden_nul_is_refused():
    with pytest.raises(Invalid, match="can't be kept"):
        manifest.parse(json.dumps({**GOOD, "source": {"note": "a\x00b"}}).encode())


ODD = [
    "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "", "a\\b", "a\nb", "a\x00b", "\u202ea", "x" * 501,
]  # fmt: skip


@pytest.mark.parametrize("path", ODD)
def test_a_path_that_leaves_its_folder_or_hides_is_refused(tmp_path, path):
    with pytest.raises(Invalid):
        open_inside(tmp_path, path)
    with pytest.raises(Invalid):
        manifest.parse(json.dumps({**GOOD, "files": [{"path": path, "bytes": 1, "sha256": "a" * 64}]}).encode())


def test_links_and_special_files_are_refused_wherever_they_stand(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("nobody's business")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(secret)
    (folder / "above").symlink_to(tmp_path)
    (folder / "inside").symlink_to(folder / "inner")
    os.mkfifo(folder / "pipe")
    (folder / "inner" / "plain").write_text("fine")

    for path in ("link", "above/secret", "inside/plain", "pipe", "inner"):
        with pytest.raises(Invalid, match="no plain file"):
            open_inside(folder, path)
    with open_inside(folder, "inner/plain") as file:
        assert file.read() == b"fine"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/data.MAF.gz", "text/tab-separated-values+gzip"),
        ("scan.dcm", "application/dicom"),
        ("x.vcf.gz", "text/x-vcf+gzip"),
        ("slide.svs", "image/tiff"),
        ("picture.jpg", "image/jpeg"),
        ("table.csv", "text/csv"),
        ("whatever", "application/octet-stream"),
    ],
)
def test_a_file_is_of_the_kind_that_its_name_says(path, kind):
    assert media_type_of(path) == kind
