"""Words to melody: every syllable a note, stressed ones on strong beats, each line in one breath.

Rhythm and pitch are each the cheapest way through a table (Viterbi). What songwriters do is what is cheap: stresses on
beats (Palmer and Kelly, "Linguistic prosody and musical meter in song", 1992), lines that go statement, repetition,
departure, conclusion (Everett, "The Foundations of Rock", 2009), chord tones where it counts and steps between them,
the last syllable of a line held, sometimes over several notes. A chorus comes back as it was.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from composer.chance import chance
from composer.harmony import Harmony, at
from composer.rhythm import STEPS_PER_BEAT, Stroke, pulses, steps_in_bar
from composer.scene import Scene
from composer.stanzas import BACKING, VOCALS, Layout, Place, lay
from composer.style import Part
from composer.voice import Singer, singer
from composer.voice.letters import FUNCTION_WORDS
from composer.voice.text import parted, plain
from song.key import Key
from song.score import Note, Track

_ORDER = (0, 0, 1, 2)  # which contour each line takes: statement, repetition, departure, conclusion
_AIR = 2  # steps of breath before the next line
_LONGEST = 10  # steps of a held syllable
_STEP = 1.75  # semitones in a step of the scale, on average
_ROOM = 2.0  # beats: in shorter rests between lines nobody plays a tune


@dataclass(frozen=True, slots=True)
class _Syllable:
    """What is written, how strong it is, and whether it ends a word."""

    text: str
    stress: int
    ends: bool


@dataclass(frozen=True)
class _Line:
    """A line with its notes in steps of the section: one group of strokes for each syllable."""

    syllables: tuple[_Syllable, ...]
    groups: tuple[tuple[Stroke, ...], ...]
    stanza_ends: bool


@dataclass(frozen=True)
class Setting:
    """What is sung: the voices, the syllables in beats, and the spans of the lines in beats."""

    tracks: tuple[Track, ...] = ()
    lyrics: tuple[tuple[float, str], ...] = ()
    spans: tuple[tuple[float, float], ...] = ()

    def beside(self, track: Track) -> Track:
        """A tune beside a voice: the lead where the voice rests, a second voice in long tones as well."""
        if not self.spans or track.role not in ("lead", "counter"):
            return track
        held = _ROOM if track.role == "counter" else math.inf
        return replace(track, notes=tuple(n for n in track.notes if n.duration >= held or self._free(n)))

    def _free(self, note: Note) -> bool:
        before = max((end for start, end in self.spans if start <= note.start), default=-_ROOM)
        after = min((start for start, _ in self.spans if start > note.start), default=math.inf)
        return after - before >= _ROOM and note.start >= before and note.end <= after + 0.01


def sing(scenes: Sequence[Scene], who: Singer | None = None) -> Setting:
    """Set the words of a plan to the sections of its song. Nothing, where the plan has no words or no singer.

    `who` sings; None is whoever sings in this studio.
    """
    plan = scenes[0].plan
    if plan.lyrics is None or VOCALS not in plan.band:
        return Setting()
    layout = lay(plan.lyrics, plan.sections, plan.bpm, plan.meter)
    lead, backing, lyrics, spans = _sung(scenes, layout, who or singer()[0])
    tracks = [
        Track(part.name, role, part.program, part.patch, tuple(notes))
        for role, notes in ((VOCALS, lead), (BACKING, backing))
        if (part := plan.band.get(role)) and notes
    ]
    return Setting(tuple(tracks), tuple(lyrics), tuple(spans))


def _sung(
    scenes: Sequence[Scene], layout: Layout, who: Singer
) -> tuple[list[Note], list[Note], list[tuple[float, str]], list[tuple[float, float]]]:
    """Notes of the lead and of who joins in, syllables and spans of lines, all in beats."""
    known: dict[tuple[tuple[Place, ...], int], tuple[int, list[_Line]]] = {}
    lead: list[Note] = []
    backing: list[Note] = []
    lyrics: list[tuple[float, str]] = []
    spans: list[tuple[float, float]] = []
    for scene in scenes:
        places = layout.sections.get(scene.section.id, ())
        if not places:
            continue
        salt = scene.salt.get((scene.section.id, VOCALS), 0)
        if (places, salt) not in known:
            known[places, salt] = scene.section.shift, _lines(scene, places, who, salt)
        shift, lines = known[places, salt]
        lines = [_raised(line, scene.section.shift - shift, scene.plan.band[VOCALS]) for line in lines]
        for line in lines:
            notes, words = _performed(scene, line)
            lead += notes
            lyrics += words
            spans.append((notes[0].start, notes[-1].end))
            if scene.letter == "B" and BACKING in scene.plan.band:
                backing += [_third(note, scene, scene.plan.band[BACKING]) for note in notes]
    return lead, backing, lyrics, spans


def _raised(line: _Line, up: int, part: Part) -> _Line:
    """A line that comes back after a key change; an octave lower where it would leave the singer's range."""
    if not up:
        return line
    top = max(stroke.pitch for group in line.groups for stroke in group)
    up -= 12 if top + up > part.high + 2 else 0
    groups = tuple(tuple(replace(one, pitch=one.pitch + up) for one in group) for group in line.groups)
    return replace(line, groups=groups)


def _lines(scene: Scene, places: Sequence[Place], who: Singer, salt: int) -> list[_Line]:
    """All lines of a section: their rhythm first, then one melody through all of them."""
    timed: list[tuple[tuple[_Syllable, ...], list[tuple[float, float]], Place]] = []
    for number, place in enumerate(places):
        syllables = _syllables(place.text, who)
        rng = _rng(scene, salt, "sung rhythm", scene.letter, _ORDER[number % 4], len(syllables))
        timed.append((syllables, _rhythm(syllables, place, scene.plan.meter, rng), place))
    return _pitched(scene, timed, salt)


def _rng(scene: Scene, salt: int, *names: object) -> np.random.Generator:
    return chance(scene.plan.seed, *names, *((salt,) if salt else ()))


def _syllables(text: str, who: Singer) -> tuple[_Syllable, ...]:
    """The syllables of a line as they are written, with the stress of content words."""
    shown: list[str] = []
    words: list[str] = []
    for token in text.split():
        spoken = plain(token)
        shown += [token] if len(spoken) == 1 else spoken
        words += spoken
    found: list[_Syllable] = []
    for written, word, said in zip(shown, words, who.syllables(tuple(words)), strict=True):
        weak = word in FUNCTION_WORDS
        for number, (piece, syllable) in enumerate(zip(parted(written, len(said)), said, strict=True)):
            found.append(_Syllable(piece, 0 if weak else syllable.stress, number + 1 == len(said)))
    return tuple(found)


# -- rhythm


def _rhythm(
    syllables: Sequence[_Syllable], place: Place, meter: tuple[int, int], rng: np.random.Generator
) -> list[tuple[float, float]]:
    """(step, length) of each syllable: the cheapest slots, in eighths if they suffice, else finer."""
    count = len(syllables)
    grid = next((grid for grid in (2.0, 1.0, 0.5) if (place.width - 2) / grid >= count + 0.5), 0.25)
    close = min(4.0, place.width / 8) if grid > 1 else 2 * grid  # the last syllable has at least this
    slots = np.arange(0, place.width - close + 1e-9, grid)
    if len(slots) < count:
        slots = np.linspace(0, place.width - close, count)
    fit = _fit(syllables, slots + place.start, meter) + rng.normal(0, 0.1, (count, len(slots)))
    fit[0] += 0.05 * slots
    fit[-1] += 0.06 * np.maximum(0, slots - (place.width - 6))
    gap = (slots[None, :] - slots[:, None]).astype(float)
    ideal = max(grid, min(4.0, (place.width - 6) / max(1, count)))
    steps = slots[_cheapest(fit, [_paces(one, gap, ideal) for one in syllables[:-1]])]
    ends = [*steps[1:], min(place.width - _AIR * min(1.0, grid), steps[-1] + _LONGEST)]
    lengths = [min(_LONGEST, max(0.2, end - step)) for step, end in zip(steps, ends, strict=True)]
    return [(float(step) + place.start, float(length)) for step, length in zip(steps, lengths, strict=True)]


def _fit(syllables: Sequence[_Syllable], steps: np.ndarray, meter: tuple[int, int]) -> np.ndarray:
    """What each syllable costs on each step: strong ones want beats, weak ones shun them."""
    beats, bar = pulses(meter), steps_in_bar(meter)
    middle = beats[len(beats) // 2]
    inside = np.mod(steps, bar)
    strength = np.select(
        [inside == 0, inside == middle, np.isin(inside, beats), np.mod(inside, 2) == 0], [1.0, 0.85, 0.65, 0.3], 0.05
    )
    stress = np.array([one.stress for one in syllables], float)[:, None]
    return stress * 1.3 * (1 - strength) + (1 - stress) * 0.8 * strength


def _paces(syllable: _Syllable, gap: np.ndarray, ideal: float) -> np.ndarray:
    """What it costs to wait so long after a syllable; words are not torn apart."""
    wanted = ideal * (1.25 if syllable.stress else 0.85)
    cost = 0.5 * ((gap - wanted) / wanted) ** 2 + (0.0 if syllable.ends else 0.12) * np.maximum(0, gap - 4)
    return np.where(gap > 0, cost, np.inf)


def _cheapest(costs: np.ndarray, moves: Sequence[np.ndarray]) -> np.ndarray:
    """The cheapest path through a table (rows, states); `moves` are the costs between rows, (states, states) each."""
    total, back = costs[0], []
    for row, move in zip(costs[1:], moves, strict=True):
        ways = total[:, None] + move
        back.append(ways.argmin(axis=0))
        total = ways.min(axis=0) + row
    path = [int(total.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1])


# -- pitch


def _pitched(
    scene: Scene, timed: list[tuple[tuple[_Syllable, ...], list[tuple[float, float]], Place]], salt: int
) -> list[_Line]:
    """Pitches for all lines at once, melismas where a line's end leaves room, and dynamics."""
    part = scene.plan.band[VOCALS]
    pool = np.arange(part.low, part.high + 1)
    lift = {"B": 0.6, "P": 0.5, "bridge": 0.52}.get(scene.letter, 0.4)
    center = part.low + lift * (part.high - part.low)
    contours = [_contour(_rng(scene, salt, "sung contour", scene.letter, number)) for number in range(3)]
    rows: list[np.ndarray] = []
    moves: list[np.ndarray] = []
    for number, (syllables, times, place) in enumerate(timed):
        contour = contours[_ORDER[number % 4] if number + 1 < len(timed) or len(timed) < 3 else 2]
        noise = _rng(scene, salt, "sung pitch", scene.letter, _ORDER[number % 4], len(syllables))
        for index, (syllable, (step, length)) in enumerate(zip(syllables, times, strict=True)):
            closing = index + 1 == len(syllables)
            kind = "full" if closing and place.ends else "half" if closing else "strong" if syllable.stress else "weak"
            chord = at(scene.chords, scene.start + step / STEPS_PER_BEAT)
            arch = center - 1.5 + 4 * math.sin(math.pi * (index + 1) / (len(syllables) + 1))
            cost = _fits(pool, kind, length, chord, scene.key) + 0.02 * (pool - arch) ** 2
            rows.append(cost + noise.normal(0, 0.12, len(pool)))
            if len(rows) > 1:
                moves.append(_moves(pool, contour[index % len(contour)], fresh=index == 0))
    pitches = iter(pool[_cheapest(np.array(rows), moves)].tolist())
    return [_line(scene, syllables, times, place, pitches, salt) for syllables, times, place in timed]


def _contour(rng: np.random.Generator) -> tuple[int, ...]:
    """A line of steps with repeated notes and an occasional leap, which the next step takes back."""
    moves: list[int] = []
    side = 1 if rng.random() < 0.6 else -1
    for _ in range(11):
        if moves and abs(moves[-1]) >= 2:
            side, size = -int(np.sign(moves[-1])), 1
        else:
            size = int(rng.choice((0, 1, 2, 3), p=(0.26, 0.46, 0.18, 0.1)))
            side = -side if rng.random() < 0.3 else side
        moves.append(side * size)
    return tuple(moves)


def _moves(pool: np.ndarray, move: int, fresh: bool) -> np.ndarray:
    """What it costs to go from each pitch to each other; after a breath a leap is easier."""
    leap = pool[None, :] - pool[:, None]
    size = np.abs(leap)
    cost = (
        0.3 * np.abs(leap - move * _STEP) + 0.5 * (size > 4) + 2.5 * (size > 7) + 1.2 * (size == 6) + 3.0 * (size > 9)
    )
    cost = cost + np.where((size == 0) & (move != 0), 0.35, 0.0)
    return cost * (0.5 if fresh else 1.0)


def _fits(pool: np.ndarray, kind: str, length: float, chord: Harmony, key: Key) -> np.ndarray:
    """What each pitch costs over a chord: foreign to it, to the key, or wrong for the end of a line."""
    classes = pool % 12
    tones, scale = np.isin(classes, chord.tones[:4]), np.isin(classes, key.pitch_classes)
    foreign = {"weak": 0.1, "strong": 0.9}.get(kind, 2.2) + (0.5 if length >= 4 else 0.0)
    cost = np.where(tones, np.where(scale, 0.0, 0.4), np.where(scale, foreign, 7.0))
    rubs = np.isin((classes - 1) % 12, chord.tones[:4]) & ~tones  # a semitone above a chord tone
    cost = cost + np.where(rubs & scale, 1.0 if length >= 3 else 0.2, 0.0)
    degrees = (classes - key.tonic) % 12
    if kind == "full":
        cost = cost + np.where(degrees == 0, 0.0, np.where(np.isin(degrees, (key.scale[2], 7)), 0.6, 1.5))
    return cost


def _line(
    scene: Scene,
    syllables: tuple[_Syllable, ...],
    times: list[tuple[float, float]],
    place: Place,
    pitches: Iterator[int],
    salt: int,
) -> _Line:
    rng = _rng(scene, salt, "melisma", place.text, scene.letter)
    groups: list[tuple[Stroke, ...]] = []
    for index, (syllable, (step, length)) in enumerate(zip(syllables, times, strict=True)):
        pitch = next(pitches)
        loud = 84 + 8 * syllable.stress + 6 * math.sin(math.pi * (index + 1) / (len(syllables) + 1))
        stroke = Stroke(step, length, pitch, loud * scene.loudness(0))
        closing = index + 1 == len(syllables)
        turns = closing and length >= 6 and rng.random() < 0.3
        groups.append(_melisma(stroke, groups[-1][-1].pitch if groups else pitch, scene, rng) if turns else (stroke,))
    return _Line(syllables, tuple(groups), place.ends)


def _melisma(stroke: Stroke, before: int, scene: Scene, rng: np.random.Generator) -> tuple[Stroke, ...]:
    """A held syllable that arrives by a step or two, from the side that the line does not come from."""
    side = 1 if before <= stroke.pitch else -1
    path = [stroke.pitch]
    part = scene.plan.band[VOCALS]
    for _ in range(1 if rng.random() < 0.6 else 2):
        away = next(n for n in (1, 2, 3) if (path[0] + side * n) % 12 in scene.key.pitch_classes)
        path.insert(0, path[0] + side * away)
    if not all(part.low <= pitch <= part.high for pitch in path):
        return (stroke,)
    short = 2.0
    return tuple(
        replace(stroke, step=stroke.step + short * number, length=short, pitch=pitch)
        if number + 1 < len(path)
        else replace(stroke, step=stroke.step + short * number, length=stroke.length - short * number)
        for number, pitch in enumerate(path)
    )


# -- notes


def _performed(scene: Scene, line: _Line) -> tuple[list[Note], list[tuple[float, str]]]:
    """A line's notes and syllables in beats, in the groove of the song; a note ends where the next begins."""
    strokes = [stroke for group in line.groups for stroke in group]
    rng = chance(scene.plan.seed, "vocals touch", *(syllable.text for syllable in line.syllables))
    played = scene.feel.play(strokes, scene.start, scene.end, rng, VOCALS)
    notes: list[Note] = []
    for note in sorted(played, key=lambda note: note.start):
        if notes and notes[-1].end > note.start:
            notes[-1] = replace(notes[-1], duration=round(max(0.03, note.start - notes[-1].start), 5))
        notes.append(note)
    starts = iter(notes)
    words: list[tuple[float, str]] = []
    for number, (syllable, group) in enumerate(zip(line.syllables, line.groups, strict=True)):
        last = number + 1 == len(line.syllables)
        mark = ("\n" if line.stanza_ends else "\r") if last else " " if syllable.ends else ""
        words.append((next(starts).start, syllable.text + mark))
        for _ in group[1:]:
            next(starts)
    return notes, words


def _third(note: Note, scene: Scene, part: Part) -> Note:
    """The voice above: a chord tone a third to a fifth away, else a third of the scale; below where it is too high."""
    chord = at(scene.chords, note.start)
    for span in (range(3, 8), range(-3, -10, -1)):
        near = [note.pitch + away for away in span if part.low <= note.pitch + away <= part.high]
        tones = [pitch for pitch in near if pitch % 12 in chord.tones[:4] and pitch % 12 in scene.key.pitch_classes]
        thirds = [pitch for pitch in near[:2] if pitch % 12 in scene.key.pitch_classes]
        if tones or thirds:
            return replace(note, pitch=(tones or thirds)[0], velocity=max(1, note.velocity - 12))
    return replace(note, velocity=max(1, note.velocity - 12))
