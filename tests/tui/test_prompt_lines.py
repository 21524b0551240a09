"""The prompt's plain text: history, pastes, carets, columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_host import ITEMS
from rich.cells import cell_len
from textual.geometry import Region, Size

from stridescope.program import run
from stridescope.program.source import MAX_CHARS
from stridescope.program.typed import typed
from stridescope.render.ink import Ink
from stridescope.tui.prompt.lines import (
    Lines,
    cleaned,
    cut,
    fitted,
    op_places,
    pointed,
    signature_parts,
    told,
    wrapped,
)
from stridescope.tui.prompt.popup import Columns, columns, placed, row_parts

WORDS = st.text("abc한 ", min_size=1, max_size=60)


class TestLines:
    def test_a_line_submitted_twice_is_kept_once_as_the_newest(self) -> None:
        lines = Lines(["a", "b", "a"])
        assert list(lines) == ["b", "a"]

    def test_blank_lines_are_not_kept(self) -> None:
        assert len(Lines(["", "  \n"])) == 0

    def test_the_draft_comes_back_after_the_newest_line(self) -> None:
        lines = Lines(["old", "new"])
        seen = [lines.older("draft"), lines.older("new"), lines.newer("old"), lines.newer("new"), lines.newer("draft")]
        assert seen == ["new", "old", "new", "draft", None]

    def test_what_was_changed_in_an_old_line_is_kept_until_something_is_submitted(self) -> None:
        lines = Lines(["old", "new"])
        lines.older("")
        assert lines.older("new, changed") == "old"
        assert lines.newer("old") == "new, changed"
        lines.add("third")
        assert [lines.older(""), lines.older("third")] == ["third", "new"]

    @given(st.lists(st.tuples(st.booleans(), st.text("xy", max_size=2))))
    def test_going_back_and_forth_never_loses_a_text(self, moves: list[tuple[bool, str]]) -> None:
        """Whatever stands in the prompt when one goes away from it stands there again when one comes back."""
        lines, at, shown, left = Lines(["a", "b", "c"]), 3, "draft", {}
        for back, edit in moves:
            shown += edit
            answer = lines.older(shown) if back else lines.newer(shown)
            if answer is None:
                assert (at, back) in ((0, True), (3, False))
                continue
            left[at] = shown
            at += -1 if back else 1
            assert answer == left.get(at, ["a", "b", "c"][at] if at < 3 else None)
            shown = answer

    def test_no_more_than_the_newest_are_kept(self) -> None:
        lines = Lines(map(str, range(Lines.MOST + 7)))
        assert len(lines) == Lines.MOST and next(iter(lines)) == "7"


class TestCleaned:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("a\r\nb\rc\nd", "a\nb\nc\nd"),
            ("a\u2028b\x0cc", "a\nb\nc"),
            ("x\xa0=\u3000 1", "x =  1"),
            ("\ttab", "\ttab"),
            ("한글", "한글"),
            ("\ud800a\ufeff\u200bb", "ab"),
            ("\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07", "red bell"),
        ],
    )
    def test_what_a_paste_comes_to(self, text: str, kept: str) -> None:
        assert cleaned(text)[0] == kept

    @given(st.text(max_size=200), st.integers(0, 50))
    def test_what_is_kept_is_printable_and_no_longer_than_the_room(self, text: str, room: int) -> None:
        kept, _ = cleaned(text, room)
        assert len(kept) <= room
        assert all(char.isprintable() or char in "\n\t" for char in kept)
        assert kept.splitlines() == kept.removesuffix("\n").split("\n") or kept in ("", "\n")

    def test_megabytes_are_cut_with_a_sentence(self) -> None:
        kept, sentence = cleaned("x" * 5_000_000)
        assert len(kept) == MAX_CHARS
        assert sentence == "a program has at most 20,000 characters; the rest of the paste was left out"

    def test_nothing_is_said_of_a_clean_paste(self) -> None:
        assert cleaned("torch.arange(12)\n") == ("torch.arange(12)\n", "")

    def test_one_control_character_is_told_in_the_singular(self) -> None:
        assert cleaned("a\x00")[1] == "1 control character was left out of the paste"


class TestPointed:
    @given(WORDS, st.integers(0, 70), st.integers(1, 20), st.integers(4, 80), st.integers(1, 3))
    def test_carets_stand_under_the_place_and_nothing_is_wider_than_the_line(
        self, sentence: str, column: int, size: int, width: int, most: int
    ) -> None:
        rows = pointed(sentence, column, column + size, width, most)
        assert 1 <= len(rows) <= most
        assert all(cell_len(row) <= width or " " not in row.strip() for row in rows)
        if "^" in rows[0]:
            assert cell_len(rows[0][: rows[0].index("^")]) == column
            assert rows[0].count("^") == max(1, min(column + size, width) - column)

    def test_the_sentence_goes_where_there_is_room(self) -> None:
        assert pointed("too long for that", 2, 3, 18, 3) == ["  ^", "too long for that"]
        assert pointed("too long for that", 2, 3, 18, 1) == ["too long for that"]

    def test_a_sentence_without_room_ends_in_dots(self) -> None:
        assert pointed("one two three four", 0, 1, 8, 2) == ["one two", "three f…"]


class TestColumns:
    @given(st.integers(1, 30), st.integers(0, 80), st.integers(0, 90), st.integers(1, 120))
    def test_columns_fit_the_room_and_a_name_is_cut_last(self, name: int, more: int, note: int, room: int) -> None:
        found = columns(name, name + more, note, room)
        assert found.label + (2 + found.note if found.note else 0) <= room
        assert found.label >= min(name, room) and (found.label >= name or not found.note)

    @pytest.mark.parametrize("width", [10, 16, 22, 34, 54, 90])
    @pytest.mark.parametrize("ascii", [False, True])
    def test_every_row_is_exactly_as_wide_as_its_columns(self, width: int, ascii: bool) -> None:
        widths = columns(7, 40, 44, width)
        for number, item in enumerate(ITEMS):
            parts = row_parts(item, widths, Ink(ascii=ascii), chosen=number == 1)
            size = 4 + widths.label + (2 + widths.note if widths.note else 0)
            assert sum(cell_len(text) for text, _ in parts) == size
            assert not ascii or "".join(text for text, _ in parts).isascii()

    def test_a_row_says_its_effect_by_glyph_word_and_role(self) -> None:
        parts = row_parts(ITEMS[0], Columns(20, 30), Ink(), chosen=True)
        assert ("× ", "refused") in parts and parts[0] == (f"{Ink().mark('chain')} ", "bold")
        assert parts[-1][0].startswith("refused dims 0 and 1") and parts[-1][1] == "refused"


class TestPlaced:
    @given(
        st.integers(1, 200),
        st.integers(1, 60),
        st.data(),
        st.integers(-10, 220),
        st.integers(1, 220),
        st.integers(1, 12),
    )
    def test_the_list_is_on_screen_and_never_on_the_prompt(
        self, width: int, height: int, data: st.DataObject, x: int, wide: int, high: int
    ) -> None:
        top = data.draw(st.integers(0, height - 1))
        prompt = Region(0, top, width, data.draw(st.integers(1, height - top)))
        place = placed(prompt, Size(width, height), x, Size(wide, high))
        if place:
            assert Region(0, 0, width, height).contains_region(place)
            assert not place.overlaps(prompt)
        else:
            assert max(prompt.y, height - prompt.bottom) <= 2 or min(wide, width) <= 6 or high <= 2

    def test_it_opens_below_where_there_is_room_and_upwards_at_the_bottom(self) -> None:
        assert placed(Region(0, 0, 60, 2), Size(60, 20), 5, Size(30, 10)).y == 2
        assert placed(Region(0, 18, 60, 2), Size(60, 20), 5, Size(30, 10)).bottom == 18


class TestSaid:
    @given(st.lists(st.tuples(WORDS, st.just("plain"))), st.integers(1, 40))
    def test_cut_parts_fit(self, parts: list[tuple[str, str]], width: int) -> None:
        assert sum(cell_len(text) for text, _ in cut(parts, width)) <= width

    @given(WORDS, st.integers(0, 80))
    def test_fitted_text_fills_its_width(self, text: str, width: int) -> None:
        assert cell_len(fitted(text, width)) == width

    @given(WORDS, st.integers(4, 40))
    def test_wrapping_keeps_every_word(self, text: str, width: int) -> None:
        assert " ".join(wrapped(text, width)).split() == text.split()

    @given(st.integers(2, 60), st.integers(0, 40), st.integers(1, 20))
    def test_the_active_parameter_is_seen_whatever_the_width(self, width: int, start: int, size: int) -> None:
        signature = "view(" + "a" * start + "B" * size + "c" * 30 + ")"
        parts = signature_parts(signature, (5 + start, 5 + start + size), width, Ink())
        assert sum(cell_len(text) for text, _ in parts) <= width
        if width >= size + 4:
            assert ("B" * size, "bold") in parts

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("torch.arange(12).view(3, 4).t()", "○ view  (4,3):(1,4)"),
            ("torch.arange(12).view(3, 4).t().reshape(12)", "● copy  (12):(1)  96 B copied"),
            ("torch.arange(12)", "+ alloc  (12):(1)"),
            ("x = torch.arange(12); x[::2] = 0", "◆ write  6 elements written"),
            ("torch.arange(12).split(5)", "○ view  3 tensors"),
            ("x = torch.arange(12); x.is_contiguous()", "x.is_contiguous() = True"),
        ],
    )
    def test_the_last_step_in_words(self, source: str, words: str) -> None:
        assert "".join(text for text, _ in told(typed(source), None, None, 200, Ink())) == words

    def test_a_refusal_says_why_and_what_would_work(self) -> None:
        said = "".join(
            text for text, _ in told(typed("torch.arange(6).view(2, 3).t().view(6)"), None, None, 300, Ink())
        )
        assert said.startswith("× refused  view(6) must merge dims 0 and 1") and ".reshape(6) would work" in said

    def test_ops_are_found_where_they_were_typed(self) -> None:
        text = ">>> x = torch.arange(12)\n>>> x.view(3, 4).t()[1:]"
        lines = text.split("\n")
        found = [(lines[row][start:end], effect) for (row, start, end), effect in op_places(run(text), text)]
        assert found == [("arange", "alloc"), ("view", "view"), ("t", "view"), ("[1:]", "view")]
