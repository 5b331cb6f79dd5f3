"""What was asked for, as one value: the request, what its words say, and the style that was found for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from composer.chance import chance
from composer.style import Style
from composer.words import Said
from song.chart import Chart, read_chart
from song.sections import Wanted, read_form

# What a knob says that a request does not have.
_UNSAID: dict[str, Any] = {
    "prompt": "",
    "lyrics": "",
    "singer": "auto",
    "instrumental": False,
    "form": "",
    "chords": "",
    "band": "",
    "humanize": 0.5,
    "ending": "auto",
}


@dataclass(frozen=True)
class Asked:
    """Handed from decision to decision; `notices` grows wherever something could not be had as it was asked."""

    request: Any  # song.request.Generate, or any value with some of its knobs
    said: Said
    seed: int
    notices: list[str]
    style_id: str
    style: Style
    kept: frozenset[str] = frozenset()  # knobs that are what the original is, and that nobody set

    def knob(self, name: str) -> Any:
        """What a knob is set to; where the request has no such knob, what it is when nobody touches it."""
        return getattr(self.request, name, _UNSAID.get(name))

    def wins(self, name: str, title: str, value: str, said: str) -> None:
        """Say that a knob decides and not the words, or that it is the original that does."""
        if name in self.kept:
            self.notices.append(f"The original's {value} is kept; the words' {said} is not used.")
        else:
            self.notices.append(f"The {title} setting {value} wins over the words' {said}.")

    @property
    def free(self) -> bool:
        """True where nobody said how long the song is, in seconds or in bars."""
        return self.knob("duration") is None and self.said.seconds is None and self.said.bars is None

    def amount(self, name: str) -> float | None:
        """energy, density, complexity or swing, 0-1: the knob's, else the words'."""
        knob, said = self.knob(name), getattr(self.said, name)
        if knob is not None and said is not None and abs(knob - said) > 0.25:
            self.notices.append(f"The {name} setting {knob:g} wins over the words.")
        return said if knob is None else float(knob)

    def chart(self) -> Chart | None:
        """The chords to keep: the knob's, else those in the words; None where there are none."""
        if self.knob("chords") and self.said.chords:
            self.notices.append("The chords setting wins over the chords in the words.")
        written = self.knob("chords") or self.said.chords
        return read_chart(written) if written else None

    def form(self) -> tuple[Wanted, ...]:
        """The sections that were asked for; none where the style decides."""
        written = self.knob("form") or self.said.form
        return read_form(written) if written else ()

    def chance(self, name: str) -> np.random.Generator:
        """The generator of one decision about this style."""
        return chance(self.seed, self.style_id, name)
