"""Prompt and request -> Plan: what will be played, decided before a note is written, and shown to the user in words."""

from dataclasses import dataclass

from composer.style import Mix, Part
from song.key import Key


@dataclass(frozen=True)
class Section:
    """A stretch of bars. `name` as musicians say it ("intro", "A", "drop"), `energy` 0-1."""

    name: str
    start: int  # first bar, 0-based
    bars: int
    energy: float


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before composing. `bars * bar length <= duration`; the ending rings into the rest."""

    style: str  # the style's id: its file name in composer/styles, e.g. "lofi"
    bpm: float
    key: Key
    meter: tuple[int, int]
    duration: float  # seconds, exact
    seed: int
    humanize: float
    ending: str  # "ring", "stop" or "fade"
    sections: tuple[Section, ...]
    band: dict[str, Part]  # role -> player, after the words had their say
    mix: Mix
    moods: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.meter[0] * 4 / self.meter[1]

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def bar_seconds(self) -> float:
        return self.beats_per_bar * 60 / self.bpm
