"""An agreement as PDF: its text, then who signed, when and with which meaning; the text's hash on every page.

The same text and signatures give the same bytes: nothing in it comes from the clock or from chance.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

from apps.agreements.models import Signature
from apps.agreements.texts import Block, Words, blocks_of

FONTS = Path(__file__).parent / "fonts"
PLAIN, BOLD = "CAIA-Sans", "CAIA-Sans-Bold"
MARGIN = 22 * mm
SIZES = {1: 17, 2: 13, 3: 11.5}


def document_of(title: str, text: str, sha256: str, signatures: Sequence[Signature]) -> bytes:
    """The PDF of this text with these signatures, in their order."""
    _register()
    out = BytesIO()
    made = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=20 * mm,
        bottomMargin=24 * mm,
        title=title,
        author="CAIA portal",
        subject=f"SHA-256 of the text: {sha256}",
        invariant=1,
    )
    parts = [_paragraph(block) for block in blocks_of(text)]
    parts += [PageBreak(), *_signature_page(sha256, signatures)]

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(PLAIN, 7)
        canvas.drawString(MARGIN, 14 * mm, f"{title}, page {page.page}")
        canvas.drawString(MARGIN, 10 * mm, f"SHA-256 of the text: {sha256}")

    made.build(parts, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def sha256_of(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _signature_page(sha256: str, signatures: Sequence[Signature]) -> list[Any]:
    parts = [_plain("Signatures", level=2), _plain(f"Under the text with the SHA-256 {sha256}.")]
    for one in signatures:
        lines = [
            (one.printed_name, True),
            (f"{one.capacity}, {one.affiliation}", False),
            (f"{one.signed_at.astimezone(UTC):%-d %B %Y, %H:%M:%S} UTC", False),
            (f"Meaning: {one.get_meaning_display()}", False),
            *([(f"Statement: {one.statement}", False)] if one.statement else []),
            (f"Signature {one.pk}", False),
        ]
        parts += [Spacer(1, 5 * mm), *(_plain(words, strong=strong) for words, strong in lines)]
    return parts


def _plain(words: str, *, level: int = 0, strong: bool = False) -> Paragraph:
    return _paragraph(Block("heading" if level else "paragraph", (Words(words, strong),), level))


def _paragraph(block: Block) -> Paragraph:
    indent = 6 * mm * block.level if block.kind == "line" else 0
    size = SIZES.get(block.level, 11) if block.kind == "heading" else 10
    style = ParagraphStyle(
        block.kind,
        fontName=BOLD if block.kind == "heading" else PLAIN,
        fontSize=size,
        leading=size * 1.45,
        spaceBefore=9 if block.kind == "heading" else 0,
        spaceAfter=2 if block.kind == "line" else 6,
        leftIndent=indent,
        bulletIndent=max(indent - 6 * mm, 0),
        bulletFontName=PLAIN,
        keepWithNext=block.kind == "heading",
        splitLongWords=1,
    )
    return Paragraph("".join(map(_marked, block.words)), style, bulletText=block.mark or None)


def _marked(words: Words) -> str:
    """For reportlab's own small markup: everything of ours is escaped."""
    text = escape(words.text, quote=True)
    return f'<font name="{BOLD}">{text}</font>' if words.strong or words.emphasis else text


@cache
def _register() -> None:
    pdfmetrics.registerFont(TTFont(PLAIN, FONTS / "DejaVuSans.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, FONTS / "DejaVuSans-Bold.ttf"))
