"""A scene: one section with everything that its players need to know. Players look at scenes and write strokes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from composer.chance import chance
from composer.form import Section
from composer.harmony import Harmony
from composer.plan import Plan
from composer.rhythm import Feel, fitting, steps_in_bar
from composer.style import Lead, Style
from composer.traits import Traits
from composer.variants import drawn
from song.key import Key

Salt = Mapping[tuple[str, str], int]
Bend = Callable[[str, float, np.random.Generator], str]
_LEVELS = ("low", "mid", "high")


@dataclass(frozen=True)
class Scene:
    """A section, its chords, and where it stands in the song."""

    plan: Plan
    style: Style
    section: Section
    letter: str
    visit: int  # how often this letter has been heard before
    chords: list[Harmony]
    before: float  # energy of the section before, 0 at the start
    after: float | None  # energy of the next section, None at the end
    feel: Feel
    key: Key  # the song's, or higher after a key change
    own: Traits
    lead: Lead
    crowned: bool = False  # the last chorus of a song that had one before
    salt: Salt = field(default_factory=dict)
    ground: tuple[int, int] = (0, 0)  # first and last bar (exclusive) in which a bass plays

    @property
    def start(self) -> float:
        """Beats."""
        return self.section.start * self.plan.beats_per_bar

    @property
    def end(self) -> float:
        return self.start + self.section.bars * self.plan.beats_per_bar

    @property
    def steps(self) -> int:
        """Sixteenths in a bar."""
        return steps_in_bar(self.plan.meter)

    @property
    def last(self) -> bool:
        return self.after is None

    def rng(self, role: str) -> np.random.Generator:
        """The generator of one role in this section; a salt gives it other numbers and leaves all others alone."""
        salt = self.salt.get((self.section.id, role), 0)
        return chance(self.plan.seed, self.section.id, role, *((salt,) if salt else ()))

    def decided(self, *names: object) -> np.random.Generator:
        """The generator of a decision that holds for this section's letter in the whole song."""
        return chance(self.plan.seed, *names, self.letter)

    def energy(self, bar: int) -> float:
        """Energy at a bar: builds climb, other sections grow a little, outros sink."""
        part = bar / max(1, self.section.bars - 1)
        slope = {"build": 0.35, "outro": -0.12, "intro": 0.1, "prechorus": 0.14}.get(self.section.name, 0.06)
        return self.section.energy + slope * part

    def level(self, bar: int, lean: float = 0.0) -> str:
        """Which table of rows a bar takes, `lean` above its energy. Only sections that rise climb the tables."""
        rising = self.section.name in ("build", "intro", "prechorus")
        energy = lean + (self.energy(bar) if rising else self.section.energy + 0.03)
        return _LEVELS[(energy >= 0.47) + (energy >= 0.78)]

    def rows(
        self, role: str, table: Mapping[str, Sequence[str]], rng: np.random.Generator, lean: float, bend: Bend
    ) -> list[str]:
        """One row for each bar: the song's own row for this letter, and a variant every second or fourth bar."""
        chosen: list[str] = []
        picks: dict[str, tuple[str, str]] = {}
        every = 4 if rng.random() < 0.6 else 2
        for bar in range(self.section.bars):
            level = self.level(bar, lean)
            if level not in picks:
                rows = fitting(table.get(level) or next(iter(table.values())), self.plan.meter)
                picks[level] = self._pair(role, rows, level, rng, lean, bend)
            base, other = picks[level]
            chosen.append(other if bar % every == every - 1 and self.section.bars > 1 else base)
        return chosen

    def _pair(
        self, role: str, rows: Sequence[str], level: str, rng: np.random.Generator, lean: float, bend: Bend
    ) -> tuple[str, str]:
        """The row that a letter keeps coming back to, developed where it returns, and one that turns away from it."""
        free = self.own.free
        picked = self.decided("row", role, level)
        home = bend(drawn(rows, lean, picked), free, picked)
        draws, other = rng.random(3), drawn(rows, lean, rng)
        if self.visit and draws[0] < 0.3:
            home = bend(drawn(rows, lean, rng), free, rng)
        elif self.visit and draws[1] < 0.5:
            home = bend(home, free * 0.7, rng)
        return home, bend(home if draws[2] < 0.45 else other, max(free, 0.3), rng)

    def loudness(self, bar: int) -> float:
        """Velocity factor of a bar: its energy, as far apart as this song likes it, and an arc over every four bars."""
        arc = 0.025 * math.sin(math.pi * (bar % 4 + 0.5) / 4) - 0.0125
        return 0.8 + 0.24 * min(1.0, 0.6 + (self.energy(bar) - 0.6) * self.own.contrast) + arc

    def stop(self) -> bool:
        """Whether drums, bass and chords wait for a beat before the next, bigger section."""
        lifted = self.after is not None and self.after >= self.section.energy + 0.1 and self.section.bars >= 2
        return lifted and self._throws("stop")

    def halt(self) -> bool:
        """Whether the band stops dead after the first beat of the section's last bar."""
        turns = self.after is not None and abs(self.after - self.section.energy) >= 0.05
        plain = self.section.name not in ("intro", "build", "break", "breakdown")
        return turns and plain and self.section.bars >= 4 and not self.stop() and self._throws("halt")

    def _throws(self, name: str) -> bool:
        odds = self.style.transitions.get(name, 0.0)
        return bool(odds and chance(self.plan.seed, self.section.id, name).random() < odds)

    def grounded(self, harmony: Harmony) -> bool:
        """Whether a bass plays under a chord."""
        bar = (harmony.start - self.start) / self.plan.beats_per_bar
        return self.ground[0] - 1e-6 <= bar < self.ground[1] - 1e-6

    def spans(self, bar: int) -> list[Harmony]:
        """The chords of a bar."""
        low = self.start + bar * self.plan.beats_per_bar
        high = low + self.plan.beats_per_bar
        return [
            harmony
            for harmony in self.chords
            if harmony.start < high - 1e-6 and harmony.start + harmony.beats > low + 1e-6
        ]
