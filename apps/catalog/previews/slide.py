"""A pathology slide, or a tile of one: a small picture of the tissue, never of the slide's label or of its whole glass.

A scanner's file holds pictures beside the tissue (label, macro), and the label may carry a name or a number: those are
what OpenSlide calls associated images, and nothing here reads them.
"""

import warnings
from pathlib import Path
from typing import Any

import openslide
from PIL import Image

from apps.catalog.previews.bounds import LONGEST_SIDE, MOST_FILE_BYTES, MOST_PIXELS, RUBBISH
from apps.catalog.previews.pictures import write_picture
from apps.core.errors import Invalid

MOST_SLIDE_BYTES = 64 * MOST_FILE_BYTES  # of a pyramid only one level is read
TILE_FORMATS = ("JPEG", "PNG", "TIFF")
SLIDE_VENDORS = {
    "aperio", "generic-tiff", "hamamatsu", "leica", "mirax", "philips-tiff", "sakura", "trestle", "ventana", "zeiss",
}  # fmt: skip


def preview(path: Path, out: Path) -> dict[str, Any]:
    """The picture of the tissue, and the sizes of the slide."""
    if path.stat().st_size > MOST_SLIDE_BYTES:
        raise Invalid("The slide is too large for a picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that break the format; what matters is refused below
            vendor = openslide.OpenSlide.detect_format(str(path))
            return _slide(path, out) if vendor in SLIDE_VENDORS else _tile(path, out)
    except (openslide.OpenSlideError, Image.DecompressionBombError, *RUBBISH):
        raise Invalid("The file can't be read as a slide or an image. Ask its steward whether it is whole.") from None


def _slide(path: Path, out: Path) -> dict[str, Any]:
    with openslide.OpenSlide(str(path)) as slide:
        width, height = slide.dimensions
        level = slide.get_best_level_for_downsample(max(width, height) / LONGEST_SIDE)
        size = slide.level_dimensions[level]
        if size[0] * size[1] > MOST_PIXELS:
            raise Invalid("The slide holds no small version of itself, so it has no picture.")
        picture = write_picture(slide.read_region((0, 0), level, size), out)
        told = {"width": width, "height": height, "levels": slide.level_count, "picture": picture}
        for name, key in (
            ("microns_per_pixel", openslide.PROPERTY_NAME_MPP_X),
            ("magnification", openslide.PROPERTY_NAME_OBJECTIVE_POWER),
        ):
            if value := slide.properties.get(key):
                told[name] = round(float(value), 4)
    return told


def _tile(path: Path, out: Path) -> dict[str, Any]:
    """A plain image of one page; a second page could be the picture of a label."""
    with Image.open(path, formats=TILE_FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Invalid("The image is too large for a picture.")
        if getattr(image, "n_frames", 1) != 1:
            raise Invalid("The image has several pages, and one may be a label, so it has no picture.")
        told = {"width": image.width, "height": image.height, "levels": 1}
        return {**told, "picture": write_picture(image, out)}
