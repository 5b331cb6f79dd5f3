"""What was heard, as a composer needs it: in beats from the first downbeat, ready to be planned on.

Conventions: bar 0 begins at the first downbeat; beats are quarter notes; what lies before bar 0 has negative beats.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from composer import choice, words
from composer.form import Section
from composer.harmony import Harmony
from composer.plan import Plan, plan
from composer.words import Said
from song.chart import read_symbol
from song.heard import Heard
from song.key import Key
from song.request import MODELS, MODES, Generate, Knobs, fields, groups, read
from song.score import Note

_GRAIN = 0.5  # beats; chords change on these
_SNAP = 0.1  # beats a heard note may lie off the sixteenth that it is put on
_FEW = 12  # notes that do not show yet how a melody swings
_UNPLANNED = ("title", "variations", "engine")  # knobs that no plan has
SLACK = 1.4  # seconds that a plan's last chord is given beyond its bars


@dataclass(frozen=True)
class Original:
    """The music of a song to start from. `heard` must have been corrected already."""

    heard: Heard

    @cached_property
    def key(self) -> Key:
        return Key.parse(self.heard.key)

    @cached_property
    def meter(self) -> tuple[int, int]:
        above, below = self.heard.meter.split("/")
        return int(above), int(below)

    @property
    def bar(self) -> float:
        """Beats in a bar."""
        return self.meter[0] * 4 / self.meter[1]

    @cached_property
    def _downbeats(self) -> np.ndarray:
        """Seconds; at least two, the second made up where only one was heard."""
        found = list(self.heard.downbeats) or [self.heard.beats[0] if self.heard.beats else 0.0]
        return np.array(found if len(found) > 1 else [found[0], found[0] + self.bar * 60 / self.heard.bpm])

    @property
    def start(self) -> float:
        """Seconds of bar 0."""
        return float(self._downbeats[0])

    @cached_property
    def bpm(self) -> float:
        """Quarter notes in a minute, over the whole song: finer than any one interval tells."""
        bars = len(self._downbeats) - 1
        return round(bars * self.bar * 60 / float(self._downbeats[-1] - self._downbeats[0]), 3)

    @cached_property
    def bars(self) -> int:
        """Whole bars from the first downbeat to the end, or to where the last section ends."""
        end = self.heard.sections[-1].end if self.heard.sections else self.heard.duration
        return max(1, int(self.beat(min(end, self.heard.duration)) / self.bar + 0.02))

    def beat(self, seconds: float) -> float:
        """Beats from bar 0 at a time; beyond the downbeats at the tempo of the song."""
        return self._mapped(seconds, self._downbeats, np.arange(len(self._downbeats)) * self.bar, self.bpm / 60)

    def seconds(self, beat: float) -> float:
        """The inverse of `beat`."""
        return self._mapped(beat, np.arange(len(self._downbeats)) * self.bar, self._downbeats, 60 / self.bpm)

    @staticmethod
    def _mapped(value: float, known: np.ndarray, wanted: np.ndarray, slope: float) -> float:
        if value < known[0]:
            return float(wanted[0] + (value - known[0]) * slope)
        if value > known[-1]:
            return float(wanted[-1] + (value - known[-1]) * slope)
        return float(np.interp(value, known, wanted))

    @cached_property
    def chords(self) -> tuple[Harmony, ...]:
        """One after the other without a gap, from bar 0 to the last whole bar; where none is heard the last goes on."""
        starts: dict[float, str] = {}
        for one in self.heard.chords:
            if one.symbol != "N":
                beat = max(0.0, round(self.beat(one.start) / _GRAIN) * _GRAIN)
                if beat < self.bars * self.bar:
                    starts[beat] = one.symbol
        if not starts:
            starts[0.0] = self.key.name(self.key.tonic) + ("m" if self.key.minorish else "")
        order = sorted(starts)
        ends = [*order[1:], self.bars * self.bar]
        return tuple(
            harmony(starts[at], at if place else 0.0, end - (at if place else 0.0))
            for place, (at, end) in enumerate(zip(order, ends, strict=True))
        )

    def bar_chords(self, bar: int) -> tuple[Harmony, ...]:
        """The chords of one bar, in beats from its own barline. Bars outside the song have those of the nearest."""
        low = min(max(bar, 0), self.bars - 1) * self.bar
        return cut(self.chords, low, low + self.bar, -low)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Whole bars that fill the song, by the names that were heard. `energy` is left at 0.7: sound tells it."""
        edges = {0: "A"}
        for one in self.heard.sections:
            bar = round(self.beat(one.start) / self.bar)
            if bar < self.bars:
                edges[max(0, bar)] = one.label
        order = sorted(edges)
        ends = [*order[1:], self.bars]
        return named(Section(edges[at], at, end - at, 0.7) for at, end in zip(order, ends, strict=True))

    @cached_property
    def tune(self) -> tuple[tuple[Note, float], ...]:
        """The melody with a confidence each."""
        found = []
        for one in self.heard.melody:
            start, end = self.beat(one.start), self.beat(one.end)
            near = round(start * 4) / 4
            start = near if abs(near - start) < _SNAP else start
            if 0 <= start < self.bars * self.bar and end - start > 0.05:
                found.append((Note(one.pitch, 96, round(start, 4), round(end - start, 4)), one.confidence))
        return tuple(found)

    @cached_property
    def swing(self) -> float | None:
        """How the melody's offbeats lie, 0 straight to 1 triplets; None where too few were heard."""
        places = [note.start % 1.0 for note, _ in self.tune]
        late = [place for place in places if 0.4 <= place <= 0.75]
        return None if len(late) < _FEW else round(min(1.0, max(0.0, (float(np.median(late)) - 0.5) * 6)), 2)

    @cached_property
    def density(self) -> float | None:
        """Notes of the melody as a style counts them, 0.5 where there is one a beat; None where too few were heard."""
        if len(self.tune) < _FEW:
            return None
        sung = sum(note.duration for note, _ in self.tune)
        return round(min(1.0, max(0.0, 0.5 * len(self.tune) / max(sung, 1.0))), 2)


def harmony(symbol: str, start: float, beats: float) -> Harmony:
    """A chord symbol in place."""
    chord = read_symbol(symbol)
    return Harmony(round(start, 5), round(beats, 5), chord.root, chord.intervals, chord.bass, chord.text)


def cut(chords: Iterable[Harmony], low: float, high: float, shift: float = 0.0) -> tuple[Harmony, ...]:
    """What sounds from beat `low` to `high`, moved by `shift`."""
    found = []
    for one in chords:
        start, end = max(low, one.start), min(high, one.start + one.beats)
        if end - start > 1e-6:
            found.append(replace(one, start=round(start + shift, 5), beats=round(end - start, 5)))
    return tuple(found)


def grid(sections: Iterable[Section], chords: Iterable[Harmony], bar: float) -> dict[str, tuple[Harmony, ...]]:
    """Chords by section, as `Plan.grid` wants them."""
    known = tuple(chords)
    return {one.id: cut(known, one.start * bar, (one.start + one.bars) * bar) for one in sections}


def transposed(chords: Iterable[Harmony], semitones: int, key: Key) -> tuple[Harmony, ...]:
    """The chords `semitones` higher, spelled as `key` spells them."""
    return tuple(_moved(one, semitones, key) for one in chords) if semitones % 12 else tuple(chords)


def _moved(chord: Harmony, semitones: int, key: Key) -> Harmony:
    root, bass = (chord.root + semitones) % 12, (chord.bass + semitones) % 12
    head = 2 if chord.symbol[1:2] in ("#", "b") else 1
    quality = chord.symbol[head:].partition("/")[0] if chord.bass != chord.root else chord.symbol[head:]
    slash = f"/{key.name(bass)}" if bass != root else ""
    return replace(chord, root=root, bass=bass, symbol=f"{key.name(root)}{quality}{slash}")


def named(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Sections with an id each: verse1, chorus1, verse2."""
    counts: dict[str, int] = {}
    found = []
    for one in sections:
        counts[one.name] = counts.get(one.name, 0) + 1
        found.append(replace(one, id=f"{one.name}{counts[one.name]}"))
    return tuple(found)


def fitted(sections: Iterable[Section], bars: int) -> tuple[Section, ...]:
    """The sections, the last ones shorter or left out, or the last one longer, so that they fill exactly `bars`."""
    kept = [one for one in sections if one.start < bars]
    last = kept[-1]
    return named((*kept[:-1], replace(last, bars=bars - last.start)))


def sketch(request: Knobs, prompt: str, seconds: float, **decided: Any) -> Plan:
    """The plan of a new song of at least 5 s in the prompt's style, with all knobs of the request that a song from
    words has too. `decided` are knobs that the original decides. Raises BadRequest."""
    planned = {name for group, members in groups(type_of(request)) if group not in MODELS for name in members}
    shared = [name for name in fields(Generate) if name in planned and name not in _UNPLANNED]
    known = {name: getattr(request, name) for name in shared}
    known |= {"prompt": prompt, "duration": min(600.0, max(5.0, round(seconds, 3)))} | decided
    if known.get("bpm"):
        known["bpm"] = min(300.0, max(30.0, float(known["bpm"])))
    kept = {name for name in ("duration", *decided) if getattr(request, name, None) is None}
    return plan(read(known), kept)


def spoken(prompt: str) -> Said:
    """What the words say."""
    return words.read(prompt, choice.aliases())


def style_for(request: Any, own: str | None) -> str | None:
    """The style of a new part: as asked, else the song's own; None where the words name one, or nobody knows."""
    said = spoken(request.prompt)
    return request.style or (None if said.styles or said.kin else own)


def type_of(request: Any) -> type[Knobs]:
    """The request's class, also of one that only behaves like one."""
    return next(mode for mode in MODES if mode.model_fields["mode"].default == request.mode)
