"""The home screen: what is there to try, in one keystroke, at every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from app_host import Quiet, shown

from stridescope.program import run
from stridescope.tui.examples import EXAMPLES
from stridescope.tui.home import Examples, HomeScreen, Preview
from stridescope.tui.stage.screen import StageScreen

NUMBERED = list(enumerate(EXAMPLES))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.idea)
def test_every_example_does_what_it_is_there_to_show(example: Any) -> None:
    history = run(example.source)
    assert history.steps[-1].effect == example.effect
    assert (history.refused is not None) == (example.effect == "refused")


def test_the_examples_show_the_ideas_of_the_field() -> None:
    ops = {step.op for example in EXAMPLES for step in run(example.source).steps}
    wanted = {"view", "t", "getitem", "expand", "diagonal", "unfold", "reshape", "contiguous", "cat", "stack", "add_"}
    assert wanted <= ops
    assert any("channels_last" in example.source for example in EXAMPLES)
    assert any(example.source.startswith("np.") and "::-1" in example.source for example in EXAMPLES)


def test_every_example_has_a_key_and_a_sentence_of_its_own() -> None:
    for part in ("key", "idea", "source", "sentence"):
        assert len({getattr(example, part) for example in EXAMPLES}) == len(EXAMPLES)
    assert all(example.sentence.endswith(".") and len(example.sentence) <= 80 for example in EXAMPLES)


@pytest.mark.parametrize(
    ("sentence", "held"),
    [
        ("4 elements of storage, a step right is 1", run(EXAMPLES[0].source).final.tensor.stride == (4, 1)),
        ("a single stride of 6", run(EXAMPLES[4].source).final.tensor.stride == (6,)),
        ("20 cells over 12 places", run(EXAMPLES[5].source).final.tensor.numel == 20),
        ("copies all 96 bytes", run(EXAMPLES[8].source).steps[-1].copied_nbytes == 96),
        ("Stride 0: six columns", run(EXAMPLES[3].source).final.tensor.layout.stride == (1, 0)),
    ],
)
def test_the_numbers_in_the_sentences_are_those_of_the_program(sentence: str, held: bool) -> None:
    assert any(sentence in example.sentence for example in EXAMPLES)
    assert held


@pytest.mark.parametrize(("number", "example"), NUMBERED, ids=lambda value: getattr(value, "idea", None))
def test_one_key_plays_an_example(piloted: Callable[..., None], number: int, example: Any) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press(example.key)
        await pilot.pause()
        assert isinstance(pilot.app.screen, StageScreen)
        assert pilot.app.opening.text == example.source

    piloted(Quiet(), steps, size=(100, 30))


def test_arrows_choose_and_enter_plays(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        examples = pilot.app.screen.query_one(Examples)
        for keys, marked in (
            (["down", "j"], 2),
            (["up"], 1),
            (["k", "k", "k"], 0),
            (["end"], len(EXAMPLES) - 1),
            (["down"], len(EXAMPLES) - 1),
            (["home", "down"], 1),
        ):
            await pilot.press(*keys)
            assert examples.marked == marked
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.opening.text == EXAMPLES[1].source

    piloted(Quiet(), steps)


@pytest.mark.parametrize("size", [(60, 20), (200, 60), (40, 12)])
def test_a_click_plays_what_is_under_the_mouse(piloted: Callable[..., None], size: tuple[int, int]) -> None:
    async def steps(pilot: Any) -> None:
        examples = pilot.app.screen.query_one(Examples)
        await pilot.hover(Examples, offset=(8, 2 * examples.spread))
        await pilot.pause()
        assert examples.marked == 2
        await pilot.click(Examples, offset=(8, 2 * examples.spread))
        await pilot.pause()
        assert pilot.app.opening.text == EXAMPLES[2].source

    piloted(Quiet(), steps, size=size)


def test_what_is_typed_is_shown_and_played(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("slash", *"np.ones(6)")
        await pilot.pause()
        assert any("np.ones(6)" in line for line in shown(pilot.app)[:-3])
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StageScreen)
        assert pilot.app.opening.text == "np.ones(6)"

    piloted(Quiet(), steps, size=(110, 30))


def test_escape_gives_the_letters_back_to_the_keys(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("slash", "2", "escape", "escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        assert pilot.app.focused is None
        await pilot.press("2")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StageScreen)

    piloted(Quiet(), steps)


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (100, 30), (140, 40), (200, 60), (300, 100)])
def test_nothing_is_cut_off_at_any_size(piloted: Callable[..., None], size: tuple[int, int]) -> None:
    """The marked example, its sentence, the prompt and the keys are on screen, whichever is marked."""

    async def steps(pilot: Any) -> None:
        for keys, example in ((["home"], EXAMPLES[0]), (["end"], EXAMPLES[-1])):
            await pilot.press(*keys)
            await pilot.pause()
            lines = shown(pilot.app)
            text = " ".join(" ".join(lines).split())
            assert example.idea in text
            last = example.sentence.split()[-1]
            assert last in text, lines
            assert all(len(line) == size[0] for line in lines if line.isascii())
            assert "enter play" in lines[-1] and "? keys" in lines[-1]

    piloted(Quiet(), steps, size=size)


def test_a_picture_is_drawn_where_there_is_room(piloted: Callable[..., None]) -> None:
    async def wide(pilot: Any) -> None:
        await pilot.pause()
        assert any("STORAGE" in line for line in shown(pilot.app))
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not any("STORAGE" in line for line in shown(pilot.app))
        assert pilot.app.screen.query_one(Preview).region.bottom <= 23

    piloted(Quiet(), wide, size=(120, 34))


def test_user_text_is_not_markup(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("slash")
        await pilot.press(*"np.x[red]")
        await pilot.pause()
        assert any("np.x[red]" in line for line in shown(pilot.app))

    piloted(Quiet(), steps)
