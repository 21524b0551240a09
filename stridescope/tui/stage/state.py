"""Where the reader stands on the Stage, and what keys and the mouse make of that.

Problem: thirty keys, the mouse and a clock change one picture. Method: a scene, a `Player`, a `View`, perhaps a `Walk`,
and a second view while the mouse is over something, which counts as long as nothing moves and nobody presses a key.
Every key is one method here, none of which draws; arithmetic on the picture is the scene's.

Cost: a question or two of the scene.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from stridescope.scene.frame import Frame, painted, piece
from stridescope.scene.stage import Scene
from stridescope.scene.steps_line import signs
from stridescope.scene.text import count, shortened
from stridescope.scene.timeline import Timeline
from stridescope.scene.view import View
from stridescope.tui.stage.canvas import Picture
from stridescope.tui.stage.player import Player, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.records import Alternative, History, Step
    from stridescope.scene.frame import Row
    from stridescope.scene.stage import Subject
    from stridescope.scene.steps_line import Sign
    from stridescope.scene.view import Hit

__all__ = ["Nothing", "State"]

HINTS = (
    "Type a program in the line below,",
    "such as torch.arange(12).view(3, 4).t()",
)

_POINTED_AT = frozenset({"cell", "address", "dim", "alternative"})
"""Kinds of `Hit` that follow the mouse; a tensor's head must be clicked, since that moves the picture."""


class Nothing:
    """What stands in for a scene where there is no program: a hint."""

    def frame(self, position: float, view: View) -> Frame:  # noqa: ARG002
        """The hint, in the middle."""
        rows: list[Row] = [()] * view.height
        top = max((view.height - len(HINTS)) // 2, 0)
        for y, line in enumerate(HINTS[: view.height], top):
            text = shortened(line, view.width, "..." if view.ascii else "…")
            rows[y] = painted([((view.width - len(text)) // 2, piece(text, "quiet"))], view.width)
        return Frame(view.width, view.height, tuple(rows))

    def hit(self, position: float, view: View, x: int, y: int) -> Hit | None:  # noqa: ARG002
        """There is nothing to point at."""
        return None


class State:
    """The standing of one Stage.

    Attributes:
        scene: the pictures of the program; None without one.
        player: the position.
        view: what keys have made of it.
        walk: the walk that is on, or None.
        signs: the steps, for the line of steps.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.scene: Scene | None = None
        self.player = Player(Timeline(()), clock)
        self.view = View()
        self.walk: Walk | None = None
        self.signs: tuple[Sign, ...] = ()
        self._clock = clock
        self._over: View | None = None
        self._nothing = Nothing()

    # -------------------------------------------------------------------------------------------------- what is seen

    @property
    def history(self) -> History | None:
        """The program's history."""
        return None if self.scene is None else self.scene.history

    @property
    def position(self) -> float:
        """Where on the timeline."""
        return self.player.position

    @property
    def moving(self) -> bool:
        """Whether the picture changes by itself."""
        return self.player.moving or (self.walk is not None and self.walk.moving)

    @property
    def shown(self) -> View:
        """The view with what the mouse and the walk add."""
        view = self.view if self._over is None or self.player.moving else self._over
        return view if self.walk is None else replace(view, walk=self.walk.place)

    @property
    def step(self) -> Step | None:
        """The step that the picture is about: the one at rest, or the one on its way."""
        return None if self.scene is None else self.scene.history.steps[ceil(self.position)]

    @property
    def subject(self) -> Subject | None:
        """What the view looks at."""
        return None if self.scene is None else self.scene.subject(self.position, self.shown)

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """What would work in place of the refused step that is on stage; none where there is no such step."""
        reason = None if self.step is None else self.step.reason
        return () if reason is None else reason.alternatives

    def picture(self) -> Picture:
        """Everything that a frame depends on."""
        if self.scene is None:
            return Picture(self._nothing, 0.0, self.view)
        if self.walk is not None:
            self.view = self._in_sight(self.scene, self.walk.place)
        return Picture(self.scene, self.position, self.shown)

    def _in_sight(self, scene: Scene, place: int) -> View:
        """The view scrolled so that the walk can be seen."""
        view = replace(self.view, walk=place)
        index = scene.subject(self.position, view).index
        if index is None:
            return self.view
        return replace(self.view, scroll=scene.moved(self.position, replace(self.view, cursor=index), 0, 0).scroll)

    def prepare(self) -> None:
        """Have the way to the next step worked out, while the one before it rests."""
        if self.scene is not None and self.player.playing:
            self.scene.prepared(self.position, self.shown)

    def words(self, *, ascii: bool = False) -> tuple[str, ...]:
        """How it plays, most important first."""
        player, walk = self.player, self.walk
        times = "x" if ascii else "×"
        words: list[str] = []
        if walk is not None:
            faster = f", {times}{count(round(walk.times_faster))}" if walk.moving and walk.times_faster >= 1.5 else ""
            state = "walk" if walk.moving or walk.place == walk.length - 1 else "walk, paused"
            words.append(f"{state} {count(walk.place + 1)} of {count(walk.length)}{faster}")
        elif player.timeline.last:
            words.append("playing" if player.playing else "stepping" if player.moving else "paused")
        if player.speed != 1.0:
            words.append(f"{player.speed:g}{times}")
        if player.loop:
            words.append("loop")
        return tuple(words)

    # ------------------------------------------------------------------------------------------------- what is loaded

    def load(self, history: History | None, position: float | None = None) -> None:
        """Another program, at rest at a position: of None, at its last step."""
        self.scene = None if history is None or not history.steps else Scene(history)
        self.signs = () if self.scene is None else signs(self.scene.history)
        timeline = Timeline(()) if self.scene is None else self.scene.timeline
        self.player.load(timeline, timeline.last if position is None else position)
        self._forget()
        self.view = replace(self.view, focus=None, cursor=None, pointer=None, dim=None, scroll=(0, 0), chosen=None)

    def resized(self, width: int, height: int) -> None:
        """The picture has another size, in terminal cells."""
        self.view = replace(self.view, width=width, height=height)
        self._over = None

    def wear(self, *, ascii: bool, coloured: bool, reduced: bool) -> None:
        """What the terminal and the reader can take."""
        if (self.view.ascii, self.view.coloured) != (ascii, coloured):
            self.view = replace(self.view, ascii=ascii, coloured=coloured)
            self._over = None
        if reduced and not self.player.reduced and not self.player.playing:
            self.player.settle()
        self.player.reduced = reduced

    def hear(self, words: str) -> None:
        """What real torch says of a refusal; "" for nothing."""
        self.view = replace(self.view, native=words)
        self._over = None

    # -------------------------------------------------------------------------------------------------------- playing

    def play(self) -> None:
        """Play or pause."""
        self._forget()
        self.player.toggle()

    def replay(self) -> None:
        """Play from the first step."""
        self._forget()
        self.player.home()
        self.player.play()

    def play_from(self, number: int) -> None:
        """Play the way to a step, and on."""
        self._forget()
        self.player.seek(max(number - 1, 0))
        self.player.play()

    def go(self, by: int) -> None:
        """To the next step, or the one before; on a walk, to the next element."""
        if self.walk is not None:
            self.walk.step(by)
            return
        self._forget()
        self.player.step(by)

    def scrub(self, places: int) -> None:
        """On by a tenth of a step, or back."""
        self._forget()
        self.player.scrub_by(places)

    def seek(self, position: float) -> None:
        """Rest at a position."""
        self._forget()
        self.player.seek(position)

    def faster(self, by: int) -> None:
        """The next speed, or the one before."""
        self.player.faster(by)
        if self.walk is not None:
            self.walk.set_speed(self.player.speed)

    def hold(self) -> bool:
        """Rest; whether it had been playing."""
        was = self.player.playing
        self.player.settle()
        if self.walk is not None and self.walk.moving:
            self.walk.toggle()
        return was

    def _forget(self) -> None:
        """The picture moves on: the mouse and the walk were about another one."""
        self._over = None
        self.walk = None

    # -------------------------------------------------------------------------------------------------------- walking

    def walk_on(self) -> bool:
        """Start, pause or go on with a walk; False where there is nothing to walk through."""
        if self.walk is None:
            # A walk goes through a tensor as it lies, not as it is on its way.
            self.player.seek(round(self.player.position))
            length = 0 if self.scene is None else self.scene.walk_length(self.position, self.view)
            if length < 1:
                return False
            self._over = None
            self.walk = Walk(length, self._clock, self.player.speed)
        self.walk.toggle()
        return True

    def walk_end(self) -> bool:
        """End the walk; whether there was one."""
        had, self.walk = self.walk is not None, None
        return had

    # ------------------------------------------------------------------------------------------------------- pointing

    def cursor(self, right: int, down: int) -> None:
        """Move the cursor by cells; the first move of all shows it."""
        if self.scene is not None:
            self._point(self.scene.moved(self.position, self.view, right, down))

    def scroll(self, right: int, down: int) -> None:
        """Scroll the grid by cells."""
        if self.scene is not None:
            self.view = self.scene.scrolled(self.position, self.view, right, down)
            self._over = None

    def pointer(self, by: int) -> None:
        """Point at another address on the strip; at first, that of the cursor, or the lowest that is reached."""
        subject = None if self.scene is None else self.scene.subject(self.position, self.view)
        member = None if subject is None else subject.member
        if subject is None or member is None or member.info.storage is None:
            return
        # A strip has positions of its smallest item; an item of this tensor takes `scale` of them.
        info, at = member.info, self.view.pointer
        last = (member.info.storage.nbytes or 0) // (info.itemsize or 1) - 1
        if at is not None and at[0] == member.storage:
            address = at[1] // member.scale + by
        elif subject.address is not None:
            address = subject.address + by
        else:
            address = 0 if info.layout is None else info.layout.span[0]
        if last >= 0:
            place = min(max(address, 0), last) * member.scale
            self._point(replace(self.view, cursor=None, pointer=(member.storage, place)))

    def next_dim(self, by: int) -> None:
        """Select the next dim, or the one before; after the last, none."""
        subject = None if self.scene is None else self.scene.subject(self.position, self.view)
        shape = None if subject is None or subject.member is None else subject.member.info.shape
        if shape:
            places = [None, *range(len(shape))]
            at = places.index(self.view.dim) if self.view.dim in places else 0
            self._point(replace(self.view, dim=places[(at + by) % len(places)]))

    def next_tensor(self, by: int) -> None:
        """Speak to the next tensor on stage, or the one before."""
        members = () if self.scene is None else self.scene.members(self.position)
        subject = None if self.scene is None else self.scene.subject(self.position, self.view)
        if members:
            keys = [member.key for member in members]
            here = self.view.focus if subject is None or subject.member is None else subject.member.key
            at = keys.index(here) + by if here in keys else 0
            focus = keys[at % len(keys)]
            view = replace(self.view, focus=focus, cursor=None, pointer=None, dim=None, scroll=(0, 0))
            self._point(view)

    def speak_to(self, name: str) -> None:
        """Speak to the tensor of a name, or of the text of the step that made it, if it is on stage."""
        members = () if self.scene is None else self.scene.members(self.position)
        key = next((member.key for member in members if name in (member.name, member.source.strip())), None)
        if key is not None:
            self._point(replace(self.view, focus=key, cursor=None, pointer=None, dim=None, scroll=(0, 0)))

    def clear(self) -> None:
        """No cursor, no pointer, no dim, no walk."""
        self._point(replace(self.view, cursor=None, pointer=None, dim=None, chosen=None))

    def values(self) -> None:
        """Values in the cells, or addresses."""
        self.view = replace(self.view, values=not self.view.values)
        self._over = None

    def hover(self, place: tuple[int, int] | None) -> None:
        """The mouse is over a place, or nowhere: what is there counts until something else happens."""
        self._over = None
        if self.scene is None or place is None or self.moving or self.walk is not None:
            return
        hit = self.scene.hit(self.position, self.view, *place)
        # Pointing at the dim that is selected would unselect it.
        selected = hit is not None and hit.kind == "dim" and hit.number == self.view.dim
        if hit is not None and hit.kind in _POINTED_AT and not selected:
            self._over = self.scene.pointed(self.position, self.view, hit)

    def click(self, x: int, y: int) -> Hit | None:
        """A place was clicked: what plays pauses; at rest, what is there is selected, and returned."""
        self._over = None
        if self.moving:
            self.hold()
            return None
        hit = None if self.scene is None else self.scene.hit(self.position, self.view, x, y)
        if self.scene is None or hit is None:
            return None
        self._point(self.scene.pointed(self.position, self.view, hit))
        return hit

    def _point(self, view: View) -> None:
        self._over = None
        self.walk = None
        self.view = view
