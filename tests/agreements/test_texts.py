"""Words in blanks stay words; Markdown and HTML of strangers do nothing; the same text gives the same PDF."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agreements.pdf import document_of
from apps.agreements.texts import blanks_of, blocks_of, broken_blanks, escaped, preview_of

LINE = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=60)


@given(LINE)
def test_escaped_words_are_read_as_just_these_words(words):
    blocks = blocks_of(f"Before.\n\n{escaped(words)}\n")

    line = " ".join(words.split())
    assert [block.plain for block in blocks] == ["Before.", *([line] if line else [])]
    assert all(block.kind == "paragraph" for block in blocks)
    assert not any(run.strong or run.emphasis for block in blocks for run in block.words)


@given(LINE, LINE)
def test_escaped_words_stay_inside_a_list_and_a_heading(first, second):
    blocks = blocks_of(f"# T {escaped(first)} end\n\n- x {escaped(second)} end\n- y\n")

    assert [block.kind for block in blocks] == ["heading", "line", "line"]


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](//evil)",
        "<img src=x onerror=y>",
        "&lt;b&gt;",
        "`c`",
    ],
)
def test_html_links_and_images_are_only_letters(words):
    (block,) = blocks_of(words)

    assert block.plain == words


@pytest.mark.parametrize(
    ("text", "names"),
    [("{{a}} and {{ b_2 }} and {{a}}", ["a", "b_2"]), ("{{provider}} {{ends_on}}", []), ("{{A}} {{1a}} {a}", [])],
)
def test_blanks_are_found_once_and_those_of_the_portal_are_not_asked_for(text, names):
    assert blanks_of(text) == names


@pytest.mark.parametrize("text", ["{{Two Words}}", "{{a", "a}}", "{{}}", "{{a-b}}", "{{{{a}}}}"])
def test_what_only_looks_like_a_blank_is_said(text):
    assert broken_blanks(text)


def test_a_preview_shows_names_in_place_of_blanks():
    assert blocks_of(preview_of("For {{purpose_of_use}}."))[0].plain == "For [purpose_of_use]."


def test_lists_keep_their_numbers_and_depth():
    blocks = blocks_of("3. c\n4. d\n\ntext\n\n- a\n  - b\n")

    assert [(block.kind, block.mark, block.level) for block in blocks] == [
        ("line", "3.", 1), ("line", "4.", 1), ("paragraph", "", 0), ("line", "•", 1), ("line", "•", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["# Łódź, Škoda, Ærø, İstanbul & <b>\n", "word " * 5000, "x" * 3000, "- a\n" * 400, ""]
)
def test_a_pdf_of_any_text_is_the_same_bytes_again(text):
    made = document_of("DUA-0001 v1", text, "0" * 64, [])

    assert made.startswith(b"%PDF")
    assert document_of("DUA-0001 v1", text, "0" * 64, []) == made
    assert document_of("DUA-0001 v1", f"{text}.", "0" * 64, []) != made
