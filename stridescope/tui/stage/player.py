"""The clock of the Stage: where on the timeline the picture stands, and how far a walk has come.

Problem: play, pause, steps, scrubbing, speed and loop must agree on one number while frames come late or not at all.
Method: nothing is counted up; what moves is a straight line from (clock then, seconds then) at a rate, and a position
is that line read at the clock now. Reading changes nothing, so it does not matter how often anyone looks.

Cost: O(log steps) a question.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from math import ceil, exp, floor, inf, log, log1p
from typing import NamedTuple

from stridescope.scene.timeline import DWELL, TRAVEL, Timeline

__all__ = ["SCRUB", "SPEEDS", "Player", "Walk"]

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
SCRUB = 10
"""Scrubbing goes from one of this many places to the next, between two steps."""

PACE = 6.0
"""Elements a second of a walk, before it gets faster."""

STEADY, LONGEST = 5.0, 20.0
"""Seconds before a long walk gets faster, and after which any walk has ended."""

Clock = Callable[[], float]


class _Course(NamedTuple):
    """A straight line: the seconds on some scale as a function of the clock, until they reach `stop`."""

    since: float
    start: float
    stop: float
    rate: float

    def at(self, now: float) -> float:
        seconds = self.start + (now - self.since) * self.rate
        return min(seconds, self.stop) if self.rate > 0 else max(seconds, self.stop)


class Player:
    """The position on a timeline as a function of a clock.

    Attributes:
        loop: whether playing starts over at the end.
        reduced: whether the picture jumps from step to step rather than travels.

    >>> now = 0.0
    >>> player = Player(Timeline(("alloc", "view", "copy")), lambda: now)
    >>> player.step(1)
    >>> now = TRAVEL["view"] / 2
    >>> player.position
    0.5
    >>> now = 60.0
    >>> player.position, player.moving
    (1.0, False)
    """

    def __init__(self, timeline: Timeline, clock: Clock) -> None:
        self._clock = clock
        self._at = 0.0
        self._course: _Course | None = None
        self._plays = False
        self._speed = 1.0
        self.loop = False
        self.reduced = False
        self.load(timeline)

    def load(self, timeline: Timeline, position: float = 0.0) -> None:
        """Another timeline, at rest at a position; speed and loop stay."""
        self.timeline = timeline
        self._ways = list(accumulate((TRAVEL[effect] for effect in timeline.effects[1:]), initial=0.0))
        self.seek(position)

    @property
    def position(self) -> float:
        """Where the picture stands, 0.0 to `timeline.last`; exactly whole at rest."""
        course = self._course
        if course is None:
            return self._at
        seconds = course.at(self._clock())
        if not self._plays:
            return self._travelled(seconds)
        found = self.timeline.position(seconds % self.timeline.duration if course.stop == inf else seconds)
        return float(ceil(found)) if self.reduced else found

    @property
    def moving(self) -> bool:
        """Whether the position will be another one without anyone doing anything."""
        course = self._course
        return course is not None and course.at(self._clock()) != course.stop

    @property
    def playing(self) -> bool:
        """Whether it plays, rather than rests or travels to one step."""
        return self._plays and self.moving

    @property
    def speed(self) -> float:
        """One of `SPEEDS`."""
        return self._speed

    def play(self) -> None:
        """On from here, at once; from the first step if this is the last one."""
        start = self.position
        last = self.timeline.last
        self.seek(start)
        if last == 0:
            return
        # Who asks to play has looked at this step already; who starts over has not seen the first one again.
        rested = DWELL if start == int(start) else 0.0
        seconds = 0.0 if start == last else self.timeline.elapsed(start) + rested
        stop = inf if self.loop else self.timeline.elapsed(last)
        self._plays = True
        self._course = _Course(self._clock(), seconds, stop, self._speed)

    def pause(self) -> None:
        """Stay here."""
        self.seek(self.position)

    def toggle(self) -> None:
        """Pause what plays, play what does not."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def step(self, by: int) -> None:
        """Travel to the next whole step (or the one before); asked again on the way, to the one after that."""
        here = self.position
        course = self._course
        ahead = course is not None and not self._plays and self.moving and (course.rate > 0) == (by > 0)
        if course is not None and ahead:
            target = round(self._travelled(course.stop)) + by
        else:
            target = floor(here) + by if by > 0 else ceil(here) + by
        target = min(max(target, 0), self.timeline.last)
        self.seek(float(target) if self.reduced else here)
        if self._at != target:
            start, stop = self._way(here), self._ways[target]
            # The further behind what was asked for, the faster, so that many presses do not add up to a long wait.
            rate = self._speed * max(abs(target - here), 1.0)
            self._plays = False
            self._course = _Course(self._clock(), start, stop, rate if stop > start else -rate)

    def scrub_by(self, places: int) -> None:
        """To the next of `SCRUB` places between two steps, or back; it rests there."""
        here = self.position * SCRUB
        # Sums of tenths are not quite tenths.
        place = floor(here + 1e-6) + places if places > 0 else ceil(here - 1e-6) + places
        self.seek(place / SCRUB)

    def seek(self, position: float) -> None:
        """Rest at a position; one outside the timeline is its nearest end."""
        self._at = min(max(float(position), 0.0), float(self.timeline.last))
        self._course = None
        self._plays = False

    def home(self) -> None:
        """Rest at the first step."""
        self.seek(0.0)

    def end(self) -> None:
        """Rest at the last step."""
        self.seek(self.timeline.last)

    def settle(self) -> None:
        """End a travel where it was going; playing pauses."""
        course = self._course
        self.seek(self._travelled(course.stop) if course is not None and not self._plays else self.position)

    def faster(self, by: int) -> None:
        """The speed `by` places on in `SPEEDS`, or back; what moves goes on from here."""
        playing, moving, target = self.playing, self.moving, self._course and self._course.stop
        here = self.position
        place = min(max(SPEEDS.index(self._speed) + by, 0), len(SPEEDS) - 1)
        self._speed = SPEEDS[place]
        if playing:
            self.seek(here)
            self.play()
        elif moving and target is not None:
            start = self._way(here)
            self._course = _Course(self._clock(), start, target, self._speed if target > start else -self._speed)

    def repeat(self, loop: bool) -> None:
        """Whether playing starts over at the end; what plays goes on."""
        playing = self.playing
        self.loop = loop
        if playing:
            self.play()

    def _way(self, position: float) -> float:
        """The seconds of travel alone, from the first step to a position."""
        step = int(position)
        share = position - step
        return self._ways[step] + (share * TRAVEL[self.timeline.effects[step + 1]] if share else 0.0)

    def _travelled(self, seconds: float) -> float:
        """The position that so many seconds of travel lead to: the inverse of `_way`."""
        step = bisect_right(self._ways, seconds) - 1
        if step >= self.timeline.last:
            return float(self.timeline.last)
        return step + (seconds - self._ways[step]) / TRAVEL[self.timeline.effects[step + 1]]


class Walk:
    """The element, counted in index order, that a walk stands on, as a function of a clock.

    `PACE` elements a second; a walk that would take longer than `LONGEST` seconds grows faster exponentially after
    `STEADY` seconds, just so much that it ends after `LONGEST`, however many elements there are.

    >>> now = 0.0
    >>> walk = Walk(10**12, lambda: now)
    >>> walk.toggle()
    >>> now = 2.0
    >>> walk.place, walk.times_faster
    (12, 1.0)
    >>> now = 20.5
    >>> walk.place, walk.moving
    (999999999999, False)
    """

    def __init__(self, length: int, clock: Clock, speed: float = 1.0) -> None:
        self.length = length
        self._clock = clock
        self._speed = speed
        self._at = 0
        self._course: _Course | None = None
        self._growth = _growth(length - 1)

    @property
    def place(self) -> int:
        """The element, 0 to `length` - 1."""
        if self._course is None:
            return self._at
        seconds = self._course.at(self._clock())
        # A start that is not quite its own inverse must not show as a step back.
        return self.length - 1 if seconds == self._course.stop else max(self._at, self._after(seconds))

    @property
    def moving(self) -> bool:
        """Whether it goes on by itself."""
        return self._course is not None and self._course.at(self._clock()) != self._course.stop

    @property
    def times_faster(self) -> float:
        """How many times faster than `PACE` it goes, the speed not counted."""
        if self._course is None or not self._growth:
            return 1.0
        return exp(self._growth * max(self._course.at(self._clock()) - STEADY, 0.0))

    def toggle(self) -> None:
        """Pause, or go on; from the first element if this is the last one."""
        if self.moving:
            self.seek(self.place)
            return
        place = self.place
        self.seek(0 if place == self.length - 1 else place)
        self._course = _Course(self._clock(), self._seconds(self._at), self._seconds(self.length - 1), self._speed)

    def seek(self, place: int) -> None:
        """Stand on an element; one outside is the nearest end."""
        self._at = min(max(place, 0), self.length - 1)
        self._course = None

    def step(self, by: int) -> None:
        """Stand `by` elements further on, or back."""
        self.seek(self.place + by)

    def set_speed(self, speed: float) -> None:
        """What walks goes on from here at another speed."""
        moving = self.moving
        self.seek(self.place)
        self._speed = speed
        if moving and self._at < self.length - 1:
            self.toggle()

    def _after(self, seconds: float) -> int:
        """The element reached after so many seconds."""
        if not self._growth or seconds <= STEADY:
            return int(PACE * seconds)
        return min(int(PACE * STEADY + PACE * _grown(self._growth, seconds - STEADY)), self.length - 1)

    def _seconds(self, place: int) -> float:
        """The inverse of `_after`."""
        if not self._growth or place <= PACE * STEADY:
            return place / PACE
        return STEADY + log1p((place / PACE - STEADY) * self._growth) / self._growth


def _growth(last: int) -> float:
    """The g at which STEADY seconds of PACE and then PACE · exp(g · t) reach `last` after LONGEST seconds; 0 for none.

    By bisection: the place reached only grows with g.
    """
    seconds = last / PACE - STEADY
    span = LONGEST - STEADY
    if seconds <= span:
        return 0.0
    # At this g the exponential alone has passed the target: exp(g · span) / g > seconds where g ≥ 1.
    low, high = 0.0, max(2 * log(seconds) / span, 1.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _grown(middle, span) < seconds else (low, middle)
    return high


def _grown(growth: float, seconds: float) -> float:
    """The integral of exp(growth · t) from 0 to `seconds`."""
    return (exp(growth * seconds) - 1) / growth
