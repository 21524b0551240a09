"""The list of completions: when it opens, where it lies, what takes a row and what does not."""

from __future__ import annotations

import pytest
from prompt_host import ITEMS, Host, play, press, press_keys, settled
from textual import events
from textual.geometry import Region
from textual.pilot import Pilot

from stridescope.tui.prompt.popup import Popup

START = "torch.arange(12).view(3, 4)"
MARK = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"


def popup_of(app: Host) -> Popup:
    return app.query_one(Popup)


def is_shown(app: Host) -> bool:
    popup = popup_of(app)
    assert popup.display == (popup.is_open and bool(popup.region))
    return popup.display


class TestOpening:
    def test_it_opens_while_a_name_is_typed_and_closes_when_none_is(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            seen = []
            for key in ".vi(3":
                await press_keys(pilot, key)
                seen.append(is_shown(app))
            assert seen == [True, True, True, False, False]
            assert [item.name for item in popup_of(app).items] == []

        play(Host(), scenario)

    def test_it_narrows_as_the_name_grows_and_widens_as_it_shrinks(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".vi")
            assert [item.name for item in popup_of(app).items] == ["view", "view_as"]
            await press(pilot, "backspace", "backspace")
            assert len(popup_of(app).items) == 12 and is_shown(app)

        play(Host(), scenario)

    @pytest.mark.parametrize("key", ["ctrl+@", "tab"])
    def test_it_opens_when_it_is_asked_for(self, key: str) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(f"{START}.")
            await settled(pilot)
            assert not is_shown(app)
            await press(pilot, key)
            assert is_shown(app) and popup_of(app).chosen == (0 if key == "tab" else None)

        play(Host(), scenario)

    def test_a_paste_a_load_and_a_moved_cursor_do_not_open_it_and_close_it(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            for close in ("paste", "load", "left"):
                app.prompt.load(START)
                await press_keys(pilot, ".")
                assert is_shown(app)
                if close == "paste":
                    app.prompt.editor.post_message(events.Paste("("))
                elif close == "load":
                    app.prompt.load(f"{START}.v")
                else:
                    await press(pilot, "left")

                await settled(pilot)
                assert not is_shown(app), close

        play(Host(), scenario)

    def test_it_closes_without_the_focus(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            app.set_focus(None)
            await settled(pilot)
            assert not is_shown(app)

        play(Host(), scenario)

    def test_escape_closes_it_for_this_name_and_then_leaves(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".v")
            await press(pilot, "escape")
            await press_keys(pilot, "i")
            assert not is_shown(app) and app.of_kind("left") == []
            await press_keys(pilot, "ew(12).v")
            assert is_shown(app)
            await press(pilot, "escape", "escape")
            assert app.of_kind("left") == [""]

        play(Host(), scenario)


class TestTaking:
    def test_enter_is_never_stolen_while_no_row_was_chosen(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load("torch.arange(12).")
            await press_keys(pilot, "T")
            await press_keys(pilot, "; x")
            await press(pilot, *["backspace"] * 3)
            await press(pilot, "ctrl+@")
            await press(pilot, "enter")
            assert app.of_kind("submitted") == ["torch.arange(12).T"] and not is_shown(app)

        play(Host(), scenario)

    def test_the_mouse_over_a_row_does_not_choose_it(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".v")
            await pilot.hover(Popup, offset=(5, 1))
            assert popup_of(app).chosen is None
            await press(pilot, "enter")
            assert app.prompt.text == f"{START}.v"

        play(Host(), scenario)

    @pytest.mark.parametrize(
        ("pressed", "text"),
        [
            (["down", "enter"], "view("),
            (["down", "down", "down", "enter"], "t()"),
            (["up", "enter"], "op7("),
            (["down", "up", "up", "down", "enter"], "op7("),
            (["down", "down", "tab"], "view_as("),
            (["tab"], "view("),
            (["shift+tab", "tab"], "op7("),
        ],
    )
    def test_a_row_is_taken_by_the_keys(self, pressed: list[str], text: str) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            await press(pilot, *pressed)
            assert app.prompt.text == f"{START}.{text}" and not is_shown(app)
            assert app.of_kind("changed")[-1] == app.prompt.text
            assert app.prompt.editor.cursor_location == (0, len(app.prompt.text))
            await press(pilot, "ctrl+z")
            assert app.prompt.text == f"{START}."

        play(Host(), scenario)

    def test_tab_on_a_closed_list_then_enter_takes_the_first(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(f"{START}.vi")
            await press(pilot, "tab", "enter")
            assert app.prompt.text == f"{START}.view("

        play(Host(), scenario)

    def test_tab_takes_the_only_one_at_once(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(f"{START}.resh")
            await press(pilot, "tab")
            assert app.prompt.text == f"{START}.reshape("

        play(Host(), scenario)

    def test_tab_where_nothing_fits_does_nothing(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press(pilot, "tab", "shift+tab")
            assert app.prompt.text == START and not is_shown(app)

        play(Host(), scenario)

    def test_tab_right_after_fast_typing_takes_what_fits_the_whole_name(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            for key in (*".resh", "tab"):
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            await settled(pilot)
            if popup_of(app).item is not None:
                await press(pilot, "enter")
            assert app.prompt.text == f"{START}.reshape("

        play(Host(), scenario)

    def test_a_bracket_that_is_there_already_is_not_put_twice(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(f"{START}.vi(12)", (0, len(START) + 3))
            await press(pilot, "tab", "enter")
            assert app.prompt.text == f"{START}.view(12)"
            await press(pilot, "7")
            assert app.prompt.text == f"{START}.view(712)"

        play(Host(), scenario)

    def test_a_click_takes_the_row_even_one_that_is_refused_and_the_focus_stays(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            for row, text in ((0, "view("), (2, "t()")):
                app.prompt.load(START)
                await press_keys(pilot, ".")
                await pilot.click(Popup, offset=(6, 1 + row))
                await settled(pilot)
                assert app.prompt.text == f"{START}.{text}"
                assert app.focused is app.prompt.editor

        play(Host(), scenario)

    def test_the_wheel_scrolls_and_a_click_takes_what_is_there_then(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            popup = popup_of(app)
            for _ in range(9):
                popup.post_message(
                    events.MouseScrollDown(popup, 5, 2, 0, 1, 0, False, False, False, popup.region.x, popup.region.y)
                )
            await settled(pilot)
            assert popup.chosen is None and popup.row_at(0) == len(ITEMS) - 8
            await pilot.click(Popup, offset=(6, 1))
            await settled(pilot)
            assert app.prompt.text == f"{START}.op0("

        play(Host(), scenario)


class TestLooks:
    @pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (200, 60), (40, 6)])
    @pytest.mark.parametrize("on_top", [False, True])
    def test_it_lies_on_screen_beside_the_whole_prompt(self, size: tuple[int, int], on_top: bool) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            for text in (START, f"x = {START}\nx", START + ".t()" * 40):
                app.prompt.load(text)
                await press_keys(pilot, ".")
                if not is_shown(app):
                    assert size[1] < 12
                    continue
                place = popup_of(app).region
                assert Region(0, 0, *size).contains_region(place)
                assert not place.overlaps(app.prompt.region)
                assert place.bottom == app.prompt.region.y or place.y == app.prompt.region.bottom
                assert place.height <= 8 + 2
                rows = app.screen_rows()
                shown = rows[place.y + 1][place.x : place.right]
                assert "× view" in shown and "refused" in shown

        play(Host(on_top=on_top), scenario, size=size)

    def test_columns_drop_as_the_screen_gets_narrow(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            seen = []
            for width in (120, 60, 40):
                await pilot.resize_terminal(width, 20)
                app.prompt.load(START)
                await press_keys(pilot, ".")
                row = app.screen_rows()[popup_of(app).region.y + 1]
                seen.append(("(*size)" in row, "refused dims 0" in row))
            assert seen == [(True, True), (False, True), (False, True)]

        play(Host(), scenario)

    def test_it_goes_along_when_the_screen_is_resized(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            for size in ((60, 14), (120, 40), (40, 12)):
                await pilot.resize_terminal(*size)
                await settled(pilot)
                place = popup_of(app).region
                assert is_shown(app) and Region(0, 0, *size).contains_region(place)
                assert place.bottom == app.prompt.region.y

        play(Host(), scenario)

    def test_names_stand_under_or_over_what_was_typed_of_them(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".vi")
            rows = app.screen_rows()
            assert rows[popup_of(app).region.y + 1].index("view") == rows[-2].rindex(".vi") + 1

        play(Host(), scenario, size=(150, 24))

    def test_the_chosen_row_has_a_mark_stays_in_sight_and_its_effect_is_said_below(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            for number, item in enumerate(ITEMS):
                await press(pilot, "down")
                place = popup_of(app).region
                rows = [row[place.x + 1 : place.right - 1] for row in app.screen_rows()[place.y + 1 : place.bottom - 1]]
                marked = [row for row in rows if row.startswith(MARK)]
                assert len(marked) == 1 and item.name in marked[0]
                assert f"{number + 1} of 12" in app.screen_rows()[place.bottom - 1]
                said = app.screen_rows()[-1]
                assert (item.sample or item.name) in said and (item.effect or "") in said

        play(Host(), scenario)

    def test_without_colour_the_chosen_row_and_the_effects_are_still_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load(START)
            await press_keys(pilot, ".")
            await press(pilot, "down")
            place = popup_of(app).region
            first, _, third, fourth = app.screen_rows()[place.y + 1 : place.y + 5]
            assert f"{MARK} × view" in first and "refused" in first
            assert "○ t" in third and "view (3,4)" in third
            assert "● reshape" in fourth and "copy 96 B" in fourth
            assert len(app.styled_columns(place.y + 1, "underline")) >= place.width - 2

        monkeypatch.setenv("NO_COLOR", "1")
        play(Host(), scenario)

    def test_text_in_a_row_is_never_markup(self) -> None:
        from dataclasses import replace

        from prompt_host import FakeCompletions

        odd = replace(ITEMS[0], name="x[red]", signature="x[red](dims=[1])", note="[b]no[/b]")

        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            app.prompt.load("x")
            await press(pilot, "ctrl+@")
            assert "x[red](dims=[1])  refused [b]no[/b]" in app.screen_rows()[popup_of(app).region.y + 1]

        play(Host(complete=lambda *_: FakeCompletions(0, 1, (odd,))), scenario)


class TestRealCompletions:
    """With the engine's own completions."""

    def test_a_program_can_be_put_together_from_the_list_alone(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            await press_keys(pilot, "tor")
            await press(pilot, "tab")
            await press_keys(pilot, "ara")
            await press(pilot, "tab")
            await press_keys(pilot, "12).vie")
            await press(pilot, "tab")
            assert app.prompt.text == "torch.arange(12).view("
            await settled(pilot)
            assert "*size" in app.screen_rows()[-1]
            await press_keys(pilot, "3, 4).")
            await press(pilot, "down", "down", "down")
            assert popup_of(app).item.name == "t"
            await press(pilot, "enter")
            assert app.prompt.text == "torch.arange(12).view(3, 4).t()"
            await settled(pilot)
            assert "○ view  (4,3):(1,4)" in app.screen_rows()[-1]

        play(Host(fake=False), scenario)

    def test_what_is_refused_here_is_told_and_can_be_typed_all_the_same(self) -> None:
        async def scenario(app: Host, pilot: Pilot[None]) -> None:
            await press_keys(pilot, "torch.arange(12).view(3, 4).t().view")
            row = app.screen_rows()[popup_of(app).region.y + 1]
            assert "× view" in row and "refused" in row
            await press(pilot, "tab", "1", "2", ")", "enter")
            assert app.of_kind("submitted") == ["torch.arange(12).view(3, 4).t().view(12)"]

        play(Host(fake=False), scenario)
