"""Melody: a motif, what becomes of it in a phrase, and the pitches that fit it to the chords.

A motif is a rhythm and a contour. Phrases are built from it as Schoenberg describes the theme (Fundamentals of Musical
Composition, 1967): the sentence (idea, repeated, liquidated, cadence) and the period (idea and answer, with a half
cadence, then again with a full one). Pitches come from a Viterbi search over the whole phrase, which weighs chord
tones, the contour, leaps and range, so that one motif keeps its face over different chords.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from composer.harmony import at
from composer.rhythm import STEPS_PER_BEAT, Hit, Stroke, bars_of, pulses, steps_in_bar
from composer.scene import Scene
from composer.style import Lead, Part
from composer.theme import Meter, Motif, Theme, invented, theme
from song.key import Key

_PHRASES = {  # bars of a phrase; capital H and F: half and full cadence, ' a variation, " another
    8: (
        ("a", "a", "b", "H", "a", "a'", 'b"', "F"),
        ("a", "b", "a", "H", 'b"', "b'", "a'", "F"),
        ("a", "b", "a'", "H", "a", "b'", 'a"', "F"),
        ("a", "a'", "b", "H", "a", "a'", "b'", "F"),
        ("a", "b", "b'", "H", "a", "b", 'a"', "F"),
    ),
    4: (("a", "a'", "b", "F"), ("a", "b", "a'", "F"), ("a", "b", "b'", "F"), ("a", "a", 'a"', "F")),
    3: (("a", "a'", "F"),),
    2: (("a", "F"),),
    1: (("F",),),
}
_RUNS = ("x-x-x-x-", "x-xxx-x-", "xxxxx-x-", "x-x-x-x-x-x-x---")  # what improvising adds to a style's cells
_STEP_SIZE = 1.75  # semitones in a scale step, on average


@dataclass(frozen=True, slots=True)
class _Event:
    step: float  # from the start of the section
    length: float
    move: int  # scale steps wanted from the note before
    place: str  # "strong", "middle", "weak", "half" or "full"
    fresh: bool  # a breath lies before it


def play_lead(scene: Scene, part: Part) -> list[Stroke]:
    """The melody of a section, in steps from its start: the letter's theme, or an improvisation where it is a solo."""
    solo = scene.section.name == "solo"
    lead = _freed(scene.lead) if solo else scene.lead
    song = theme(lead, scene.plan.seed, scene.letter, scene.plan.meter)
    voice = _voice(scene, part, lead)
    rng = scene.rng("lead")
    strokes: list[Stroke] = []
    bar = 0
    for number, size in enumerate(_phrase_sizes(scene.section.bars)):
        if solo:
            song = invented(lead, lead.density, scene.plan.meter, rng)
        events = _events(song, _PHRASES[size][song.shape % len(_PHRASES[size])], bar, scene, number, rng)
        center = voice.center + min(number, 1) * 1.5
        strokes += _sung(scene, lead, events, replace(voice, center=center), bar, size, rng)
        bar += size
    strokes = _trimmed(sorted(strokes, key=lambda one: one.step))
    return [replace(one, velocity=one.velocity * scene.loudness(int(one.step // scene.steps))) for one in strokes]


def _freed(lead: Lead) -> Lead:
    """How the player of a tune improvises: more notes, wider, with more from outside the scale."""
    return replace(
        lead,
        cells=(*_RUNS, *lead.cells),
        density=min(1.0, lead.density + 0.28),
        reach=lead.reach + 2,
        chromatic=min(0.6, lead.chromatic + 0.18),
        ornament=min(0.6, lead.ornament + 0.15),
    )


@dataclass(frozen=True)
class _Voice:
    """Where a tune lies: the pitches of its instrument, those it may use, and its middle."""

    low: int
    high: int
    reach: int
    center: float

    @property
    def pool(self) -> tuple[int, ...]:
        return _pool(self.reach, self.low, self.high, self.center)


def _voice(scene: Scene, part: Part, lead: Lead) -> _Voice:
    """Choruses lie a little higher than verses, the last one higher still."""
    lift = 4 * (scene.section.energy - 0.6) + (2 if scene.letter == "B" else 0) + (3 if scene.crowned else 0)
    reach = lead.reach * 0.6
    center = lead.center + scene.own.lead_register + lift
    return _Voice(part.low, part.high, lead.reach, round(min(max(center, part.low + reach), part.high - reach)))


def _phrase_sizes(bars: int) -> list[int]:
    sizes = []
    while bars:
        size = next(size for size in (8, 4, 3, 2, 1) if size <= bars)
        sizes.append(size)
        bars -= size
    return sizes


def _events(
    song: Theme, shape: Sequence[str], first: int, scene: Scene, number: int, rng: np.random.Generator
) -> list[_Event]:
    """The notes of a phrase without their pitches. `number`: which phrase of the section it is."""
    width, beats = scene.steps, pulses(scene.plan.meter)
    events: list[_Event] = _pickup(song, first * width) if number else []
    end = events[-1].step + events[-1].length if events else -8.0
    for place, name in enumerate(shape):
        motif = {"a": song.idea, "b": song.answer, "H": song.half, "F": song.full}[name[0]]
        hits, contour = _bar_hits(motif, scene.plan.meter, _twist(name, scene.visit + number, rng))
        for count, hit in enumerate(hits):
            step = (first + place) * width + hit.step
            cadence = count == len(hits) - 1 and name in "HF"
            strong = hit.step in beats or hit.length >= 4
            kind = ("half" if name == "H" else "full") if cadence else "strong" if strong else "weak"
            kind = "middle" if kind == "strong" and hit.step not in (0, beats[len(beats) // 2]) else kind
            move = contour[count % len(contour)] if contour else 0
            events.append(_Event(step, hit.length, move, kind, step - end >= 4))
            end = step + hit.length
    return events


def _pickup(song: Theme, start: float) -> list[_Event]:
    """Eighth notes that climb into a phrase, in the rest before it."""
    steps = [start - 2.0 * place for place in range(song.pickup, 0, -1)]
    return [_Event(step, 2.0, 1, "weak", step == steps[0]) for step in steps]


def _twist(name: str, visit: int, rng: np.random.Generator) -> str:
    """What happens to the motif in a bar: little at first, more where it has been heard before."""
    if name[-1] == "'":
        return str(rng.choice(("sequence", "trim", "same", "answer"), p=(0.6, 0.08, 0.22, 0.1)))
    if name[-1] == '"':
        return str(rng.choice(("sequence", "invert", "delay", "trim"), p=(0.45, 0.25, 0.15, 0.15)))
    return "same" if visit == 0 or rng.random() > 0.25 else str(rng.choice(("sequence", "trim")))


def _bar_hits(motif: Motif, meter: Meter, twist: str) -> tuple[list[Hit], tuple[int, ...]]:
    hits = list(bars_of(motif.row, meter, source=meter)[0])
    contour = motif.contour
    width = steps_in_bar(meter)
    if twist == "sequence":
        contour = (contour[0] + (1 if contour[0] <= 0 else -1) * 2, *contour[1:])
    elif twist == "invert":
        contour = tuple(-move for move in contour)
    elif twist == "answer" and len(contour) > 2:
        contour = (*contour[:-2], -contour[-2], -contour[-1])
    elif twist == "delay" and hits and hits[-1].step + 2 < width:
        hits = [Hit(hit.step + 2, min(hit.length, width - hit.step - 2), hit.mark) for hit in hits]
    elif twist == "trim" and len(hits) > 2:
        hits = [*hits[:-2], Hit(hits[-2].step, hits[-2].length + 1, hits[-2].mark)]
    return hits, contour


@lru_cache(maxsize=256)
def _pool(reach: int, low: int, high: int, center: float) -> tuple[int, ...]:
    bottom = max(low, round(center - reach - 1))
    top = min(high, round(center + reach + 1))
    if top - bottom < 12:  # an instrument's edge leaves less than an octave: lean on the edge
        bottom, top = max(low, min(bottom, top - 12)), min(high, max(top, bottom + 12))
    return tuple(range(bottom, top + 1))


@lru_cache(maxsize=1024)
def _moves(pool: tuple[int, ...], move: int, fresh: bool) -> np.ndarray:
    """What it costs to go from each pitch to each other, when the contour wants `move` scale steps."""
    pitches = np.array(pool)
    leap = pitches[None, :] - pitches[:, None]
    size = np.abs(leap)
    cost = 0.3 * np.abs(leap - move * _STEP_SIZE)
    cost = (
        cost
        + np.where(size > 4, 0.5, 0)
        + np.where(size > 7, 3.0, 0)
        + np.where(size >= 12, 3.0, 0)
        + np.where(size == 6, 1.2, 0)
    )
    cost = cost + np.where((size == 0) & (move != 0), 0.7, 0)
    return cost * (0.6 if fresh else 1.0)


@lru_cache(maxsize=8192)
def _fits(pool: tuple[int, ...], place: str, long: bool, root: int, intervals: tuple[int, ...], key: Key) -> np.ndarray:
    """What each pitch costs on a chord, at a place of the phrase."""
    pitches = np.array(pool)
    classes = pitches % 12
    chord_tones = {(root + interval) % 12 for interval in intervals}
    tones = _among(classes, chord_tones)
    scale = _among(classes, set(key.pitch_classes))
    foreign = {"weak": 0.3, "middle": 0.8}.get(place, 1.7)
    cost = np.where(tones, np.where(scale, 0.0, 0.4), np.where(scale, foreign, 7.0))
    above = _among((classes - 1) % 12, chord_tones) & ~tones
    cost = cost + np.where(above & scale, 1.2 if long else 0.3, 0.0)
    other_third = (root + (4 if 3 in intervals else 3)) % 12
    cost = cost + np.where((classes == other_third) & ~tones, 1.6, 0.0)
    degrees = (classes - key.tonic) % 12
    if place == "full":
        home = np.where(degrees == 0, 0.0, np.where(degrees == key.scale[2], 0.7, np.where(degrees == 7, 0.9, 2.0)))
        cost = cost + home * (1.0 if key.tonic in chord_tones else 0.4) + np.where(tones, 0.0, 2.0)
    elif place == "half":
        cost = cost + np.where(_among(degrees, {2, 7, 11}), 0.0, 0.9)
    return cost


def _among(classes: np.ndarray, members: set[int]) -> np.ndarray:
    table = np.zeros(12, bool)
    table[list(members)] = True
    return table[classes]


def _sung(
    scene: Scene, lead: Lead, events: list[_Event], voice: _Voice, first: int, bars: int, rng: np.random.Generator
) -> list[Stroke]:
    """Pitches for a phrase: the cheapest path, with a little chance where the theme comes back."""
    if not events:
        return []
    width, pool = scene.steps, voice.pool
    pitches = np.array(pool)
    noise = rng.normal(0, 0.12 + 0.1 * min(scene.visit, 3), (len(events), len(pool)))
    cost, back = np.zeros(len(pool)), []
    for number, event in enumerate(events):
        through = (event.step - first * width) / (bars * width)
        arch = voice.center - 1 + 3.5 * math.sin(math.pi * min(1.0, through * 1.15))
        sounding = at(scene.chords, scene.start + event.step / STEPS_PER_BEAT)
        here = _fits(pool, event.place, event.length >= 3, sounding.root, sounding.intervals, scene.key)
        here = here + 0.022 * (pitches - arch) ** 2 + noise[number]
        if number:
            total = cost[:, None] + _moves(pool, event.move, event.fresh)
            back.append(total.argmin(axis=0))
            cost = total.min(axis=0)
        cost = cost + here
    path = [int(cost.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    line = [pool[place] for place in reversed(path)]
    line = _blued(lead, scene.key, events, line, rng)
    return _phrased(scene, lead, events, line, first * width, bars * width, rng)


def _blued(lead: Lead, key: Key, events: list[_Event], line: list[int], rng: np.random.Generator) -> list[int]:
    """Thirds and sevenths that pass are flattened, and fifths that are left downwards: blue notes."""
    if not lead.blue:
        return line
    rolls = rng.random(len(line))
    bent = list(line)
    for number, (event, pitch) in enumerate(zip(events, line, strict=True)):
        above = (pitch - key.tonic) % 12
        falls = number + 1 < len(line) and line[number + 1] < pitch
        blue = above in (4, 11) or (above == 7 and falls)
        if blue and event.place == "weak" and event.length <= 3 and rolls[number] < lead.blue:
            bent[number] = pitch - 1
    return bent


def _phrased(
    scene: Scene,
    lead: Lead,
    events: list[_Event],
    line: list[int],
    start: float,
    length: float,
    rng: np.random.Generator,
) -> list[Stroke]:
    """Dynamics of the phrase (it swells to its middle), and ornaments where it has been heard before."""
    strokes: list[Stroke] = []
    chances = rng.random((len(events), 4))
    for number, (event, pitch) in enumerate(zip(events, line, strict=True)):
        before = line[number - 1] if number else pitch
        swell = lead.swell * math.sin(math.pi * min(1.0, max(0.0, (event.step - start) / length + 0.1)))
        loud = 76 + 12 * swell + (5 if event.place != "weak" else 0) + min(6, max(-4, (pitch - 72) * 0.3))
        loud -= 5 * (number > 0 and pitch == before and number % 2)
        room = event.step - (events[number - 1].step if number else -9)
        grace = event.length >= 3 and room >= 2 and chances[number, 0] < lead.ornament * (0.6 + 0.5 * scene.visit)
        chromatic = event.length >= 3 and room >= 2 and chances[number, 1] < lead.chromatic
        passing = abs(pitch - before) == 2 and 3 <= room <= 8 and chances[number, 2] < 0.6 * lead.chromatic
        if (grace or chromatic or passing) and event.step >= 1:
            lead_in = (
                (pitch + before) // 2 if passing else pitch - 1 if chromatic else _neighbour(pitch, before, scene.key)
            )
            size = 1 if room >= 3 else 0.5
            strokes.append(Stroke(event.step - size, size, lead_in, loud - 18))
        bound = event.length >= 2 and number + 1 < len(line) and 0 < abs(line[number + 1] - pitch) <= 4
        slides = bound and chances[number, 3] < 0.4 * lead.ornament
        strokes.append(Stroke(event.step, event.length, pitch, loud, lane="slide" if slides else ""))
    return _trimmed(strokes)


def _neighbour(pitch: int, before: int, key: Key) -> int:
    """The scale note next to a pitch, on the side that the line comes from."""
    side = 1 if before > pitch else -1
    return next(pitch + side * away for away in (1, 2, 3) if (pitch + side * away) % 12 in key.pitch_classes)


def _trimmed(strokes: list[Stroke]) -> list[Stroke]:
    """One voice: a note ends where the next begins."""
    kept = []
    for number, stroke in enumerate(strokes):
        limit = strokes[number + 1].step - stroke.step if number + 1 < len(strokes) else stroke.length
        kept.append(replace(stroke, length=limit) if stroke.length > limit else stroke)
    return [stroke for stroke in kept if stroke.length >= 0.4]
