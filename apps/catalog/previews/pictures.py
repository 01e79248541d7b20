"""The one picture that a preview shows: small, 8 bit, and with nothing but its pixels."""

from pathlib import Path

from PIL import Image

from apps.catalog.previews.bounds import LONGEST_SIDE


def write_picture(image: Image.Image, out: Path) -> dict[str, int]:
    """Write preview.png from the pixels alone: no profile, comment, embedded thumbnail or place comes along."""
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    mode = "L" if image.mode == "L" else "RGB"
    bare = Image.new(mode, image.size, "white")
    if image.mode == "RGBA":
        bare.paste(image, mask=image.getchannel("A"))
    else:
        bare.paste(image.convert(mode))
    bare.save(out / "preview.png", optimize=False)
    return {"width": bare.width, "height": bare.height}
