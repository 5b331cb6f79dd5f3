"""A scene: one section with everything that its players need to know. Players look at scenes and write strokes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from composer.chance import chance
from composer.form import Section
from composer.harmony import Harmony
from composer.plan import Plan
from composer.rhythm import Feel, fitting, steps_in_bar
from composer.style import Style

Salt = Mapping[tuple[str, str], int]


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
    salt: Salt = field(default_factory=dict)

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

    def energy(self, bar: int) -> float:
        """Energy at a bar: builds climb, other sections grow a little, outros sink."""
        part = bar / max(1, self.section.bars - 1)
        slope = {"build": 0.35, "outro": -0.12, "intro": 0.1}.get(self.section.name, 0.06)
        return self.section.energy + slope * part

    def level(self, bar: int) -> str:
        """Which table of rows a bar takes. Only builds and intros climb through them."""
        rising = self.section.name in ("build", "intro")
        energy = self.energy(bar) if rising else self.section.energy + 0.03
        return "low" if energy < 0.47 else "mid" if energy < 0.78 else "high"

    def rows(self, role: str, table: Mapping[str, Sequence[str]], rng: np.random.Generator) -> list[str]:
        """One row for each bar: the song's own row for this letter, and another every second or fourth bar."""
        chosen: list[str] = []
        picks: dict[str, tuple[str, str]] = {}
        every = 4 if rng.random() < 0.6 else 2
        for bar in range(self.section.bars):
            level = self.level(bar)
            if level not in picks:
                rows = fitting(table.get(level) or next(iter(table.values())), self.plan.meter)
                picks[level] = self._pair(role, rows, level, rng)
            base, other = picks[level]
            chosen.append(other if bar % every == every - 1 and self.section.bars > 1 else base)
        return chosen

    def _pair(self, role: str, rows: Sequence[str], level: str, rng: np.random.Generator) -> tuple[str, str]:
        home = int(chance(self.plan.seed, "row", role, self.letter, level).integers(len(rows)))
        if self.visit and rng.random() < 0.3:
            home = int(rng.integers(len(rows)))
        other = int(rng.integers(len(rows)))
        return rows[home], rows[other]

    def loudness(self, bar: int) -> float:
        """Velocity factor of a bar."""
        return 0.8 + 0.24 * min(1.0, self.energy(bar))

    def spans(self, bar: int) -> list[Harmony]:
        """The chords of a bar."""
        low = self.start + bar * self.plan.beats_per_bar
        high = low + self.plan.beats_per_bar
        return [
            harmony
            for harmony in self.chords
            if harmony.start < high - 1e-6 and harmony.start + harmony.beats > low + 1e-6
        ]
