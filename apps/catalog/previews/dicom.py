"""A series of radiology images (DICOM): one slice from its middle as a picture, and a few facts that tell of nobody.

Facts come from a list of allowed tags, each with the shape of its value, so a tag that nobody thought of stays hidden.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array

from apps.catalog.previews.bounds import MOST_FILE_BYTES, MOST_PIXELS, RUBBISH
from apps.catalog.previews.pictures import write_picture
from apps.core.errors import Invalid

MOST_SLICES = 2_000
HEADER_BYTES = 16 * 1024**2  # a longer value before the pixels is not read
CODE = re.compile(r"[A-Z0-9][A-Z0-9 _]{0,15}")
CODES = {"modality": "Modality", "body_part": "BodyPartExamined", "patient_position": "PatientPosition"}
NUMBERS = {"slice_thickness_mm": "SliceThickness", "kilovolts": "KVP", "field_strength_tesla": "MagneticFieldStrength"}
PLACES = ["ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber", "SeriesInstanceUID", "Rows"]
WITHOUT_WRITING = {"CT", "MR", "PT", "NM"}  # on others a scanner often writes into the picture
DEFLATED = "1.2.840.10008.1.2.1.99"  # unpacks without a bound


def preview(path: Path, out: Path) -> dict[str, Any]:
    """The picture of the middle slice of a folder's series, or of one file, and its facts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that break the standard; they are not shown
            slices = _series(path)
            return _shown(slices[len(slices) // 2], len(slices), out)
    except (InvalidDicomError, BytesLengthException, Image.DecompressionBombError, *RUBBISH):
        raise Invalid("The file can't be read as a DICOM image. Ask its steward whether it is whole.") from None


def _series(path: Path) -> list[Path]:
    """The files of one series in the order of their slices."""
    if not path.is_dir():
        _within_bounds(path)
        return [path]
    found = sorted(one for one in path.iterdir() if one.is_file() and not one.is_symlink() and one.suffix == ".dcm")
    if not found or len(found) > MOST_SLICES:
        raise Invalid(f"A series holds 1 to {MOST_SLICES:,} files that end in .dcm.")
    heads = []
    for one in found:
        _within_bounds(one)
        heads.append((pydicom.dcmread(one, stop_before_pixels=True, specific_tags=PLACES), one))
    if len({str(head.get("SeriesInstanceUID")) for head, _ in heads}) != 1:
        raise Invalid("The folder holds several series. Choose the files of one.")
    return [one for head, one in sorted(heads, key=lambda pair: (_along(pair[0]), pair[1].name))]


def _within_bounds(path: Path) -> None:
    if path.stat().st_size > MOST_FILE_BYTES:
        raise Invalid("The image is too large for a picture.")
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            raise InvalidDicomError
    if str(pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")) == DEFLATED:
        raise Invalid("The image is packed in a way that the portal does not unpack. Ask its steward for another.")


def _along(head: Dataset) -> float:
    """Where a slice lies along the axis of its series, else its number."""
    position, orientation = head.get("ImagePositionPatient"), head.get("ImageOrientationPatient")
    if position is not None and orientation is not None and len(position) == 3 and len(orientation) == 6:
        across, down = np.asarray(orientation[:3], dtype=float), np.asarray(orientation[3:], dtype=float)
        place = float(np.dot(np.cross(across, down), np.asarray(position, dtype=float)))
        if np.isfinite(place):
            return place
    return float(head.get("InstanceNumber") or 0)


def _shown(path: Path, slices: int, out: Path) -> dict[str, Any]:
    image = pydicom.dcmread(path, defer_size=HEADER_BYTES)
    rows, columns, samples = int(image.Rows), int(image.Columns), int(image.get("SamplesPerPixel", 1))
    frames = int(image.get("NumberOfFrames") or 1)
    if not 0 < rows * columns <= MOST_PIXELS or samples not in {1, 3} or not 0 < frames <= 100_000:
        raise Invalid("The image is too large for a picture, or of a kind that has none.")
    if _may_hold_writing(image):
        raise Invalid("A name may be written into this image, so it has no picture. Its steward can look at it.")
    pixels = pixel_array(image, index=frames // 2) if frames > 1 else pixel_array(image)
    picture = Image.fromarray(_eight_bits(image, pixels) if samples == 1 else pixels.astype(np.uint8))
    return {**_facts(image), "slices": slices, "frames": frames, "picture": write_picture(picture, out)}


def _may_hold_writing(image: Dataset) -> bool:
    """Unless the scanner says that nothing is written in it, only an original slice of some machines is trusted."""
    said = str(image.get("BurnedInAnnotation", "")).strip().upper()
    if said in {"YES", "NO"}:
        return said == "YES"
    kind = image.get("ImageType") or [""]
    return str(image.get("Modality")) not in WITHOUT_WRITING or str(kind[0]) != "ORIGINAL"


def _eight_bits(image: Dataset, pixels: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Grey levels by the window that the image asks for, else from the 1st to the 99th percentile."""
    values = pixels.astype(np.float32) * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))
    center, width = _first(image.get("WindowCenter")), _first(image.get("WindowWidth"))
    if center is not None and width is not None and width >= 1:
        low, high = center - width / 2, center + width / 2
    else:
        low, high = (float(edge) for edge in np.percentile(values, [1, 99]))
    scaled = np.nan_to_num(np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255)
    if str(image.get("PhotometricInterpretation")) == "MONOCHROME1":  # its low values are white
        scaled = 255 - scaled
    return np.asarray(scaled, dtype=np.uint8)


def _first(value: Any) -> float | None:
    one = value[0] if isinstance(value, pydicom.multival.MultiValue) and value else value
    number = float(one) if one not in (None, "") else None
    return number if number is not None and np.isfinite(number) else None


def _facts(image: Dataset) -> dict[str, Any]:
    told: dict[str, Any] = {"rows": int(image.Rows), "columns": int(image.Columns)}
    for name, tag in CODES.items():
        value = str(image.get(tag, ""))
        if CODE.fullmatch(value):
            told[name] = value
    for name, tag in NUMBERS.items():
        number = _first(image.get(tag))
        if number is not None:
            told[name] = round(number, 3)
    spacing = image.get("PixelSpacing")
    if spacing is not None and len(spacing) == 2 and np.isfinite([float(one) for one in spacing]).all():
        told["pixel_spacing_mm"] = [round(float(one), 4) for one in spacing]
    return told
