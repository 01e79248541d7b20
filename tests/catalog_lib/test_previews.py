"""First looks at real files, and at files that lie about themselves."""

import io
import json
import warnings

import numpy as np
import openslide
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from apps.catalog.previews import dicom, slide, table, variants
from apps.core.errors import Invalid
from tests.catalog_lib.open_data import OPEN_DATA, ROOT, flood_png, here

SVS = OPEN_DATA / "pathology-fred-hutch-cmu1-small-region-svs/cmu-1-small-region.svs"
TILES = OPEN_DATA / "pathology-msk-colorectal-he-tiles"
CT = OPEN_DATA / "radiology-msk-lidc-idri-chest-ct"
VCF = OPEN_DATA / "genomics-dana-farber-hcc1395-vcf/annotated.expression.vcf.gz"


def picture(out):
    with Image.open(out / "preview.png") as image:
        image.load()
        return image


# ── slides ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@here
def test_a_slide_is_shown_without_its_label_and_whole_glass(tmp_path, monkeypatch):
    def never(slide):
        raise AssertionError("an associated image was asked for")

    monkeypatch.setattr(openslide.OpenSlide, "associated_images", property(never))
    told = slide.preview(SVS, tmp_path)

    assert told == {
        "width": 2220, "height": 2967, "levels": 1, "microns_per_pixel": 0.499, "magnification": 20.0,
        "picture": {"width": 383, "height": 512},
    }  # fmt: skip
    assert picture(tmp_path).size == (383, 512)
    assert picture(tmp_path).info == {}


@here
@pytest.mark.parametrize("path", sorted(TILES.rglob("*.[jt][pi][gf]")), ids=lambda path: path.suffix)
def test_a_tile_is_shown(path, tmp_path):
    told = slide.preview(path, tmp_path)

    assert told["width"] in {224, 512}
    assert picture(tmp_path).mode == "RGB"


def test_what_a_camera_wrote_beside_the_pixels_is_left_out(tmp_path):
    exif = Image.Exif()
    exif[270] = "Jane Doe, born 1950"
    Image.new("RGB", (900, 300), "pink").save(tmp_path / "a.jpg", exif=exif, comment=b"Jane Doe", icc_profile=b"Jane")
    slide.preview(tmp_path / "a.jpg", tmp_path)

    assert picture(tmp_path).size == (512, 171)
    assert b"Jane" not in (tmp_path / "preview.png").read_bytes()


def test_several_pages_have_no_picture(tmp_path):
    pages = [Image.new("RGB", (64, 64), color) for color in ("pink", "white")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])

    with pytest.raises(Invalid, match="several pages"):
        slide.preview(tmp_path / "a.tif", tmp_path)


def flood_tiff():
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory.update({256: 9000, 257: 9000, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 9000, 279: 81_000_000})
    out = io.BytesIO(b"II*\x00\x08\x00\x00\x00")
    out.seek(8)
    directory.save(out)
    return out.getvalue()


@pytest.mark.parametrize("content", [b"", b"II*\0", flood_png(), flood_tiff(), b"%PDF-1.4", b"\0" * 5000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_file_that_is_no_slide_or_floods_with_pixels_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)

    with pytest.raises(Invalid):
        slide.preview(tmp_path / "a", tmp_path)
    assert not (tmp_path / "preview.png").exists()


@here
@pytest.mark.parametrize("kept", [100, 5000, 500_000])
def test_a_slide_that_breaks_off_is_refused(tmp_path, kept):
    (tmp_path / "a.svs").write_bytes(SVS.read_bytes()[:kept])

    with pytest.raises(Invalid):
        slide.preview(tmp_path / "a.svs", tmp_path)


@here
@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 1_938_000), st.integers(0, 255)), min_size=1, max_size=60), st.integers(0, 4000)
)
def test_a_damaged_slide_is_shown_or_refused(tmp_path, changes, last):
    content = bytearray(SVS.read_bytes())
    for place, byte in [*changes, (len(content) - 1 - last, 255)]:  # its directories lie at the end
        content[place] = byte
    (tmp_path / "b.svs").write_bytes(content)
    try:
        told = slide.preview(tmp_path / "b.svs", tmp_path)
    except Invalid:
        return
    assert max(told["picture"].values()) <= 512


def test_a_slide_without_a_small_level_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(slide, "MOST_PIXELS", 1000)
    with pytest.raises(Invalid, match="no small version" if SVS.exists() else "can't be read"):
        slide.preview(SVS if SVS.exists() else ROOT / "README.md", tmp_path)


# ── radiology ───────────────────────────────────────────────────────────────────────────────────────────────────────
def image_file(path, *, level=0, syntax=ExplicitVRLittleEndian, **tags):
    """A small slice that is all right; `tags` change it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = (
        CTImageStorage,
        "1.2.3",
        syntax,
    )
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    pixels = np.full((4, 6), level, np.int16)
    pixels[0, 0] = 100
    fields = {
        "SOPClassUID": CTImageStorage, "SOPInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2", "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "Rows": 4, "Columns": 6, "SamplesPerPixel": 1,
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "WindowCenter": 50,
        "PhotometricInterpretation": "MONOCHROME2", "WindowWidth": 100, "PixelData": pixels.tobytes(),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are wrong on purpose
        for name, value in {**fields, **tags}.items():
            setattr(made, name, value)
        made.save_as(path, enforce_file_format=True)
    return path


@here
@pytest.mark.parametrize(("patient", "slices"), [("0001", 16), ("0002", 12), ("0003", 11)])
def test_a_series_shows_its_middle_and_names_nobody(tmp_path, patient, slices):
    told = dicom.preview(CT / f"LIDC-IDRI-{patient}", tmp_path)

    assert (told["slices"], told["modality"], told["rows"]) == (slices, "CT", 512)
    assert "LIDC" not in json.dumps(told)
    assert picture(tmp_path).mode == "L"
    assert picture(tmp_path).size == (512, 512)
    assert np.asarray(picture(tmp_path)).std() > 20


def test_only_allowed_tags_in_their_own_shape_are_told(tmp_path):
    path = image_file(
        tmp_path / "a.dcm",
        PatientName="Doe^Jane", PatientID="4711", PatientBirthDate="19500101", BodyPartExamined="JANE.DOE",
        InstitutionName="Doe Clinic", StudyDate="20200101", SliceThickness="2.5", KVP="120", ImageComments="Doe",
    )  # fmt: skip
    told = dicom.preview(path, tmp_path)

    assert told == {
        "rows": 4, "columns": 6, "modality": "CT", "slice_thickness_mm": 2.5, "kilovolts": 120.0, "slices": 1,
        "frames": 1, "picture": {"width": 6, "height": 4},
    }  # fmt: skip
    assert b"Doe" not in (tmp_path / "preview.png").read_bytes()


def test_the_middle_slice_is_the_one_in_the_middle_of_the_body(tmp_path):
    (tmp_path / "series").mkdir()
    for name, place, level in (("a", 30, 100), ("b", 10, 0), ("c", 20, 50)):
        where = {"ImagePositionPatient": [0, 0, place], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        image_file(tmp_path / "series" / f"{name}.dcm", level=level, **where)
    dicom.preview(tmp_path / "series", tmp_path)

    assert picture(tmp_path).getpixel((3, 3)) == pytest.approx(127, abs=1)


@pytest.mark.parametrize(
    ("tags", "grey"),
    [
        ({}, 127),
        ({"PhotometricInterpretation": "MONOCHROME1", "level": 25}, 191),
        ({"RescaleIntercept": "25", "RescaleSlope": "1", "level": 25}, 127),
        ({"WindowWidth": None, "WindowCenter": None, "level": -5}, 0),
        ({"WindowCenter": [50, 80], "WindowWidth": [100, 400]}, 127),
    ],
)
def test_the_window_makes_grey_of_numbers(tmp_path, tags, grey):
    dicom.preview(image_file(tmp_path / "a.dcm", **{"level": 50, **tags}), tmp_path)

    assert picture(tmp_path).getpixel((3, 3)) == pytest.approx(grey, abs=1)


def test_of_several_frames_the_middle_one_is_shown(tmp_path):
    frames = np.stack([np.full((4, 6), level, np.int16) for level in (0, 50, 100)])
    told = dicom.preview(image_file(tmp_path / "a.dcm", NumberOfFrames=3, PixelData=frames.tobytes()), tmp_path)

    assert told["frames"] == 3
    assert picture(tmp_path).getpixel((3, 3)) == pytest.approx(127, abs=1)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"BurnedInAnnotation": "YES"}, "A name may be written"),
        ({"Modality": "US"}, "A name may be written"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "A name may be written"),
        ({"Rows": 60_000, "Columns": 60_000}, "too large"),
        ({"SamplesPerPixel": 4}, "of a kind that has none"),
        ({"NumberOfFrames": 2_000_000}, "too large"),
        ({"Rows": 5}, "can't be read"),
        ({"BitsAllocated": 7}, "can't be read"),
        ({"syntax": DeflatedExplicitVRLittleEndian}, "does not unpack"),
    ],
)
def test_an_image_that_may_name_somebody_or_lies_is_refused(tmp_path, tags, words):
    with pytest.raises(Invalid, match=words):
        dicom.preview(image_file(tmp_path / "a.dcm", **tags), tmp_path)
    assert not (tmp_path / "preview.png").exists()


def test_a_machine_that_says_nothing_is_written_in_is_believed(tmp_path):
    assert dicom.preview(image_file(tmp_path / "a.dcm", Modality="US", BurnedInAnnotation="NO"), tmp_path)["picture"]


def test_a_folder_of_two_series_or_of_none_is_refused(tmp_path):
    with pytest.raises(Invalid, match="1 to 2,000 files"):
        dicom.preview(tmp_path, tmp_path)
    image_file(tmp_path / "a.dcm")
    image_file(tmp_path / "b.dcm", SeriesInstanceUID="1.3")
    with pytest.raises(Invalid, match="several series"):
        dicom.preview(tmp_path, tmp_path)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(132, 900), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 1200))
def test_a_damaged_image_is_shown_or_refused(tmp_path, changes, kept):
    content = bytearray(image_file(tmp_path / "a.dcm").read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    (tmp_path / "b.dcm").write_bytes(content[: kept or None])
    try:
        told = dicom.preview(tmp_path / "b.dcm", tmp_path)
    except Invalid:
        return
    assert json.dumps(told)


# ── variants ────────────────────────────────────────────────────────────────────────────────────────────────────────
@here
def test_the_known_counts_of_the_open_variants(tmp_path):
    told = variants.preview(VCF, tmp_path)
    types = dict(told["types"])

    assert (told["variants"], told["samples"]) == (1470, 2)
    assert types["SNV"] == 1306
    assert sum(types.values()) == 1306 + 164
    assert dict(told["filters"])["PASS"] == 1264
    assert dict(told["chromosomes"])["chr17"] == 55
    assert "HCC1395" not in json.dumps(told)


HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.mark.parametrize(
    ("reference", "alternatives", "kind"),
    [
        ("A", "G", "SNV"),
        ("A", "G,T", "SNV"),
        ("AC", "GT", "MNV"),
        ("A", "AT", "insertion"),
        ("AT", "A", "deletion"),
        ("A", "G,AT", "several"),
        ("A", ".", "none"),
        ("A", "<DEL>", "other"),
        ("A", "*", "other"),
        ("A", "G]17:198982]", "other"),
    ],
)
def test_the_type_of_a_variant(reference, alternatives, kind):
    assert variants.kind(reference, alternatives) == kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no VCF file"),
        ("a,b\n1,2\n", "no VCF file"),
        ("##fileformat=VCFv4.2\n##x\n", "no line of column names"),
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\n", "no line of column names"),
        (HEAD + "1\t2\t3\n", "Variant 1 of the VCF file has too few columns"),
        (HEAD + "x" * 1_048_577, "longer than"),
        (HEAD + "1\0", "can't be read as text"),
    ],
)
def test_what_is_no_vcf_is_refused(tmp_path, text, words):
    (tmp_path / "a.vcf").write_text(text)

    with pytest.raises(Invalid, match=words):
        variants.preview(tmp_path / "a.vcf", tmp_path)


def test_names_are_bounded_and_strange_ones_are_not_repeated(tmp_path):
    rows = "".join(f"c{n}\t1\t.\tA\tG\t.\t<script>\t.\n" for n in range(300))
    (tmp_path / "a.vcf").write_text(HEAD + rows + "\n")
    told = variants.preview(tmp_path / "a.vcf", tmp_path)

    assert told["filters"] == [("other", 300)]
    assert len(told["chromosomes"]) == 101
    assert dict(told["chromosomes"])["other"] == 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from(["A", "G", "\t", "\n", ",", "<DEL>", ".", "1", "\0", "##", "#CHROM", "é"]), max_size=60)
)
def test_rubbish_in_a_vcf_is_counted_or_refused(tmp_path, pieces):
    (tmp_path / "a.vcf").write_text(HEAD + "".join(pieces))
    try:
        told = variants.preview(tmp_path / "a.vcf", tmp_path)
    except Invalid:
        return
    assert sum(count for _, count in told["types"]) == told["variants"]


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_plots_of_a_table_hold_the_floor(tmp_path):
    rows = "".join(f"p{n},{n},{'A' * (n < 60) or 'B' * (n < 100) or 'C'}\n" for n in range(103))
    (tmp_path / "a.csv").write_text("pid,age,arm\n" + rows)
    age, arm = table.profile(table.preview(tmp_path / "a.csv", tmp_path), 5)

    assert (age["name"], arm["name"]) == ("age", "arm")
    assert sum(count for _, count in age["bars"]) == 103
    assert min(count for _, count in age["bars"]) >= 5
    assert age["bars"][0][0].startswith("below ")
    assert age["bars"][-1][0].endswith(" or more")
    assert (arm["bars"], arm["others"]) == ([["A", 60]], 43)


def test_what_is_no_table_has_no_dictionary_to_show():
    with pytest.raises(Invalid, match="no table"):
        table.preview(ROOT / "LICENSE", ROOT)
