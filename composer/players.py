"""Players: bass, chords, pads, arpeggios and riffs. Each turns a scene into strokes for its part."""

import math
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from composer.chance import chance
from composer.drums import base_kick
from composer.harmony import Harmony, at
from composer.rhythm import STEPS_PER_BEAT, Hit, Stroke, bars_of, fitting
from composer.scene import Scene
from composer.style import Part
from composer.variants import bent_climb, bent_line
from composer.voicing import Voices, lead_voices

_LOUD = {"X": 94, "o": 62, "t": 72, "b": 82, "f": 80, "a": 80, "d": 84, "u": 66, "m": 50, "r": 78}  # of comping marks
POWERED = ("guitar_distorted", "guitar_chug")  # too thick for more than root and fifth
_OPEN = ("guitar_crunch", "bagpipe")  # play root and fifth where the style does
_BASS_LOUD = {"r": 74, "a": 80, "8": 86, "s": 92, "w": 86, "g": 46, "2": 82, "4": 82, "6": 84}


def chord_at(scene: Scene, step: float) -> Harmony:
    """The chord that sounds at a step of the section."""
    return at(scene.chords, scene.start + step / STEPS_PER_BEAT)


def _changes(scene: Scene, bar: int) -> list[float]:
    """Steps of the section at which the harmony changes inside a bar."""
    low = scene.start + bar * scene.plan.beats_per_bar
    return [
        (harmony.start - scene.start) * STEPS_PER_BEAT for harmony in scene.spans(bar) if harmony.start > low + 1e-6
    ]


def _cut(hits: tuple[Hit, ...], offset: float, changes: list[float], limit: float) -> list[Hit]:
    """A bar's hits in steps of the section, struck anew where the chord changes under a held note."""
    placed: list[Hit] = []
    for hit in hits:
        step, end = hit.step + offset, min(hit.step + offset + hit.length, limit)
        for change in changes:
            if step < change - 0.5 and end >= change + 2:
                placed.append(Hit(step, change - step, hit.mark))
                step = change
        placed.append(Hit(step, end - step, hit.mark))
    return placed


# -- bass


def play_bass(scene: Scene, part: Part) -> list[Stroke]:
    """Roots and what leads to them, as the style's bass rows say."""
    rng = scene.rng("bass")
    floor = part.low + 2
    strokes: list[Stroke] = []
    before, told = floor + 5, -1.0  # the pitch before, and the start of the chord whose root was heard
    rows = scene.rows("bass", scene.style.bass, rng, scene.own.bass, _bent_bass)
    for bar, row in enumerate(rows):
        offset, limit = bar * scene.steps, scene.section.bars * scene.steps
        for hit in _cut(_bass_hits(scene, row, bar), offset, _changes(scene, bar), limit):
            harmony = chord_at(scene, hit.step + (hit.length if hit.mark == "n" else 0))
            if not harmony.intervals:
                continue
            if harmony.start != told and hit.mark in "5378246":  # a chord is named before it is broken
                hit = Hit(hit.step, hit.length, "R")
            told = told if hit.mark in "ag" else harmony.start
            pitch = _bass_pitch(scene, part, hit, before, floor, rng)
            loud = _BASS_LOUD.get(hit.mark, 90) * scene.loudness(bar)
            if hit.mark == "s":
                strokes.append(Stroke(hit.step, hit.length * 0.6, pitch, loud, lane="slide"))
                strokes.append(Stroke(hit.step + hit.length * 0.5, hit.length * 0.5, min(pitch + 12, part.high), loud))
                continue
            length = min(hit.length, 0.6) if hit.mark == "g" else hit.length
            strokes.append(Stroke(hit.step, length, pitch, loud))
            before = pitch
    return _monophonic(strokes)


def _bent_bass(row: str, free: float, rng: np.random.Generator) -> str:
    return bent_line(row, free, rng, fresh="r", other="R58")


def _bass_hits(scene: Scene, row: str, bar: int) -> tuple[Hit, ...]:
    if "K" not in row:
        rows = bars_of(row, scene.plan.meter, rolls=False)
        return rows[bar % len(rows)]
    kicks = [hit.step for hit in base_kick(scene, bar)] or [0.0]
    ends = [*kicks[1:], float(scene.steps)]
    slide = "s" in row and bar % 4 == 3
    return tuple(
        Hit(step, end - step, "s" if slide and place == len(kicks) - 1 and end - step >= 3 else "R")
        for place, (step, end) in enumerate(zip(kicks, ends, strict=True))
    )


def _bass_pitch(scene: Scene, part: Part, hit: Hit, before: int, floor: int, rng: np.random.Generator) -> int:
    harmony = chord_at(scene, hit.step + (hit.length if hit.mark == "n" else 0))
    root = floor + (harmony.bass - floor) % 12
    if hit.mark in "aw":
        return _walk(scene, part, hit, harmony, before, floor, rng)
    step = {"8": 12, "5": harmony.fifth, "3": harmony.third, "7": harmony.seventh}.get(hit.mark, 0)
    if hit.mark in "246":
        step = degree(scene, harmony, int(hit.mark))
    chordal = floor + (harmony.root - floor) % 12 + step
    pitch = root if not step else root + 12 if step == 12 else chordal
    return pitch - 12 if pitch > part.high or (step in (7, 10, 11) and pitch > floor + 14) else pitch


def _walk(
    scene: Scene, part: Part, hit: Hit, harmony: Harmony, before: int, floor: int, rng: np.random.Generator
) -> int:
    """A step of a walk: the root on a new chord, chord and scale tones on the way, a semitone into the next chord."""
    beat = scene.start + hit.step / STEPS_PER_BEAT
    ends = harmony.start + harmony.beats
    top = min(part.high, floor + 21)
    if hit.mark == "w" and beat - harmony.start < 0.5:
        return _near(harmony.bass, before, floor, top)
    following = at(scene.chords, ends) if ends < scene.end - 1e-6 else _leads_to(scene)
    if hit.mark == "a" or ends - beat <= 1.01:
        target = _near(following.bass, before, floor, top)
        options = [
            target - 1,
            target + 1,
            target + 2 if (target + 2) % 12 in scene.key.pitch_classes else target - 2,
            target + 7,
        ]
        kept = [pitch for pitch in options if floor <= pitch <= top and pitch != before] or [target]
        home = 1.0 if scene.lead.chromatic > 0.15 else 0.35  # what a note from outside the key is worth
        at_home = [1.0 if pitch % 12 in scene.key.pitch_classes else home for pitch in kept]
        weights = np.array(at_home) / np.array([1 + abs(pitch - before) / 3 for pitch in kept])
        return int(kept[int(rng.choice(len(kept), p=weights / weights.sum()))])
    target = _near(following.bass, before + int(rng.integers(-5, 6)), floor, top)
    pool = [
        p
        for p in range(floor, top + 1)
        if p != before and (p % 12 in harmony.tones or p % 12 in scene.key.pitch_classes)
    ]
    weights = np.array([_pull(p, before, target, harmony) for p in pool])
    return int(pool[int(rng.choice(len(pool), p=weights / weights.sum()))])


def _pull(pitch: int, before: int, target: int, harmony: Harmony) -> float:
    """How much a walk wants a pitch: near its way, a chord tone rather than not, no wild leap."""
    near = math.exp(-abs(pitch - (before + target) / 2) / 3)
    return near * (2.0 if pitch % 12 in harmony.tones[:4] else 0.8) * (1.0 if abs(pitch - before) <= 7 else 0.05)


def _leads_to(scene: Scene) -> Harmony:
    """What a section leads to: only its own first chord is known without looking at its neighbour."""
    return scene.chords[0]


def _near(pitch_class: int, before: int, low: int, high: int) -> int:
    options = [pitch for pitch in range(low, high + 1) if pitch % 12 == pitch_class] or [low + (pitch_class - low) % 12]
    return min(options, key=lambda pitch: (abs(pitch - before), pitch))


def _monophonic(strokes: list[Stroke]) -> list[Stroke]:
    kept = []
    for stroke, following in zip_longest(strokes, strokes[1:]):
        room = following.step - stroke.step if following else stroke.length
        slid = following is not None and following.pitch == stroke.pitch + 12 and stroke.length > room
        kept.append(
            stroke if stroke.length <= room or slid else Stroke(stroke.step, room, stroke.pitch, stroke.velocity)
        )
    return [stroke for stroke in kept if stroke.length > 0.05]


# -- chords


def voices_of(scene: Scene, role: str, part: Part, center: float) -> list[Voices]:
    """The section's voicings for a role."""
    kind = scene.style.voicings.get(role, "close")
    if part.patch in POWERED:
        kind = "power"
    elif kind == "power" and part.patch not in _OPEN:
        kind = "close"
    if kind == "strum" and not part.patch.startswith("guitar"):
        kind = "close"
    if kind == "rootless" and "bass" not in scene.plan.band:
        kind = "drop2"
    center = min(max(center + scene.own.chord_register, part.low + 7), part.high - 7)
    return lead_voices(scene.chords, kind, part.low, part.high, center)


def _voice_table(scene: Scene, role: str, part: Part, center: float) -> dict[float, Voices]:
    voices = voices_of(scene, role, part, center)
    slim = scene.own.slim and role == "chords" and "bass" in scene.plan.band and not _strums(scene, part)
    return {
        harmony.start: _slimmed(shape, harmony) if slim else shape
        for harmony, shape in zip(scene.chords, voices, strict=True)
    }


def _strums(scene: Scene, part: Part) -> bool:
    """Whether a part plays its chords over all strings."""
    return scene.style.voicings.get("chords") == "strum" and part.patch.startswith("guitar")


def _slimmed(voices: Voices, harmony: Harmony) -> Voices:
    """Three voices of a chord: doublings go first, then the root, which the bass has, then the fifth."""
    kept = list(voices)
    for spare in (harmony.root, (harmony.root + harmony.fifth) % 12, harmony.root):
        if len(kept) > 3 and any(pitch % 12 == spare for pitch in kept):
            kept.remove(next(pitch for pitch in kept if pitch % 12 == spare))
    return tuple(kept[-4:])


def play_chords(scene: Scene, part: Part) -> list[Stroke]:
    """Comping: the style's rows, chord by chord, strummed or rolled as the style likes."""
    rng = scene.rng("chords")
    low = part.patch in POWERED or (part.patch in _OPEN and scene.style.voicings.get("chords") == "power")
    table = _voice_table(scene, "chords", part, part.low + 8 if low else 57 if _strums(scene, part) else 62)
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    tied = False  # the bar's chord was struck early, at the end of the bar before
    rows = scene.rows("chords", scene.style.comps, rng, scene.own.comps, _bent_comp)
    for bar, row in enumerate(rows):
        parts = bars_of(row, scene.plan.meter)
        for hit in _cut(parts[bar % len(parts)], bar * scene.steps, _changes(scene, bar), limit):
            if tied and hit.step < bar * scene.steps + 1 and strokes:
                strokes = _held(strokes, hit.step + hit.length)
                continue
            early = hit.mark == "a" and bar + 1 < scene.section.bars
            harmony = chord_at(scene, (bar + 1) * scene.steps if early else hit.step)
            if not harmony.intervals:
                continue
            length = hit.length + (2 if early and hit.length < 3 else 0)
            loud = _LOUD.get(hit.mark, 80) * scene.loudness(bar)
            voices = _hand(hit.mark, table[harmony.start], harmony, part)
            strokes += _struck(hit, min(length, limit - hit.step), voices, loud, scene.style.strum)
            tied = early
    return strokes


def _bent_comp(row: str, free: float, rng: np.random.Generator) -> str:
    strummed = any(mark in row for mark in "du")
    fresh = "u" if strummed else "t" if "t" in row else "x"
    return bent_line(row, free * 0.8, rng, fresh, "u" if strummed else "")


def _hand(mark: str, voices: Voices, harmony: Harmony, part: Part) -> Voices:
    """Which voices of a chord a comping mark plays."""
    if mark == "b":
        return voices[:1]
    if mark == "f":
        fifth = voices[0] - (voices[0] - harmony.root - harmony.fifth) % 12
        return (fifth if fifth >= part.low else fifth + 12,)
    if mark == "t":
        return voices[1:] or voices
    return voices[-3:] if mark in "um" else voices


def _held(strokes: list[Stroke], end: float) -> list[Stroke]:
    """The chord that was struck last, held until `end`."""
    last = strokes[-1].step
    return [replace(stroke, length=end - stroke.step) if stroke.step == last else stroke for stroke in strokes]


def _struck(hit: Hit, length: float, voices: Voices, loud: float, strum: float) -> list[Stroke]:
    """A chord: the top voice a little louder, the others one after the other where the style strums.

    Hands go down on the beat and up between, unless the row says which; damped strokes are short, rolls slow.
    """
    down = hit.step % 4 == 0 if hit.mark not in "dur" else hit.mark != "u"
    strum = max(strum * 2.5, 40.0) if hit.mark == "r" else max(strum, 6.0) if hit.mark in "dum" else strum
    length = min(length, 0.7) if hit.mark == "m" else length
    order = voices if down else voices[::-1]
    first = order[0] if hit.mark in "du" else voices[-1]
    return [
        Stroke(hit.step, length, pitch, loud + (5 if pitch == first else -2), lag=place * strum)
        for place, pitch in enumerate(order)
    ]


def play_pad(scene: Scene, part: Part) -> list[Stroke]:
    """Long chords; a voice that stays on its pitch is not struck again."""
    rng = scene.rng("pad")
    table = _voice_table(scene, "pad", part, 62)
    rows = fitting(scene.style.pads, scene.plan.meter)
    row = rows[int(scene.decided("row", "pad").integers(len(rows)))]
    held: dict[int, Stroke] = {}
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    for bar in range(scene.section.bars):
        parts = bars_of(row, scene.plan.meter)
        for hit in _cut(parts[bar % len(parts)], bar * scene.steps, _changes(scene, bar), limit):
            if not chord_at(scene, hit.step).intervals:
                continue
            voices = table[chord_at(scene, hit.step).start]
            loud = (70 + 4 * float(rng.random())) * scene.loudness(bar)
            now: dict[int, Stroke] = {}
            for pitch in voices:
                tied = held.get(pitch)
                if tied and abs(tied.step + tied.length - hit.step) < 0.01:
                    strokes.remove(tied)
                    now[pitch] = Stroke(tied.step, tied.length + hit.length, pitch, tied.velocity)
                else:
                    now[pitch] = Stroke(hit.step, hit.length, pitch, loud)
                strokes.append(now[pitch])
            held = now
    return sorted(strokes, key=lambda stroke: (stroke.step, stroke.pitch))


# -- arpeggios


def play_arp(scene: Scene, part: Part) -> list[Stroke]:
    """Broken chords: digits climb the voicing, and go on an octave higher where it ends."""
    rng = scene.rng("arp")
    rows = fitting(scene.style.arps or ("0-1-2-3-2-1-0-1-",), scene.plan.meter)
    table = _voice_table(scene, "arp", part, (part.low + part.high) / 2 - 4)
    picked = scene.decided("row", "arp")
    home = bent_climb(rows[int(picked.integers(len(rows)))], scene.own.free, picked)
    other = bent_climb(rows[int(rng.integers(len(rows)))], scene.own.free, rng)
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    for bar in range(scene.section.bars):
        row = other if bar % 4 == 3 or (scene.visit and bar % 8 >= 4) else home
        parts = bars_of(row, scene.plan.meter, rolls=False)
        for hit in parts[bar % len(parts)]:
            step = bar * scene.steps + hit.step
            if not chord_at(scene, step).intervals:
                continue
            pitch = _rung(table[chord_at(scene, step).start], int(hit.mark), part)
            loud = (72 + (6 if hit.step % 4 == 0 else 0)) * scene.loudness(bar)
            strokes.append(Stroke(step, min(hit.length, limit - step), pitch, loud))
    return strokes


def _rung(voices: Voices, place: int, part: Part) -> int:
    pitch = voices[place % len(voices)] + 12 * (place // len(voices))
    while pitch > part.high:
        pitch -= 12
    return pitch


# -- riffs


def degree(scene: Scene, harmony: Harmony, number: int) -> int:
    """Semitones from a chord's root to a degree of the key's scale above it; thirds and fifths are the chord's own."""
    if number == 5 or (number == 3 and harmony.third in (3, 4)):
        return harmony.third if number == 3 else harmony.fifth
    steps = sorted((pitch - harmony.root) % 12 for pitch in scene.key.pitch_classes)
    steps = steps if steps[0] == 0 else [0, *steps]
    return steps[(number - 1) % len(steps)] + 12 * ((number - 1) // len(steps))


def riffs(scene: Scene, role: str) -> bool:
    """Whether a role plays the song's riff in this section: one decision for each song and role."""
    style = scene.style
    if not style.riffs or scene.section.name not in style.riff_in:
        return False
    return bool(chance(scene.plan.seed, "riff by", role).random() < style.riff_by.get(role, 0.0))


def play_riff(scene: Scene, part: Part, role: str) -> list[Stroke]:
    """The song's riff over each chord: the same figure for everybody who plays it, each in his own octave."""
    rows = fitting(scene.style.riffs, scene.plan.meter)
    picked = scene.decided("riff")
    row = bent_climb(rows[int(picked.integers(len(rows)))], scene.own.free * 0.5, picked)
    parts = bars_of(row, scene.plan.meter, rolls=False)
    heavy = role == "chords" and part.patch in (*POWERED, *_OPEN)  # riffs lie on the lowest strings
    base = part.low + 2 if role == "bass" else part.low if heavy else max(part.low, min(57, part.high - 24))
    limit = scene.section.bars * scene.steps
    strokes: list[Stroke] = []
    for bar in range(scene.section.bars):
        for hit in parts[bar % len(parts)]:
            step = bar * scene.steps + hit.step
            harmony = chord_at(scene, step)
            if not harmony.intervals:
                continue
            root = base + (harmony.root - scene.key.tonic + 5) % 12 + (scene.key.tonic - 5 - base) % 12
            root -= 12 if root >= base + 12 and (role == "bass" or heavy) else 0
            pitch = root + _riff_step(scene, harmony, hit.mark)
            pitch -= 12 * max(0, math.ceil((pitch - part.high) / 12))
            if role == "lead" and strokes and abs(pitch - strokes[-1].pitch) > 7:  # tunes do not jump
                pitch += 12 if pitch < strokes[-1].pitch and pitch + 12 <= part.high else -12 * (pitch - 12 >= part.low)
            loud = (92 if hit.step % 8 == 0 else 82) * scene.loudness(bar)
            strokes.append(Stroke(step, min(hit.length, limit - step), pitch, loud))
            if heavy and hit.length >= 2 and pitch + 7 <= part.high:
                strokes.append(Stroke(step, min(hit.length, limit - step), pitch + 7, loud - 4))
    return strokes


def _riff_step(scene: Scene, harmony: Harmony, mark: str) -> int:
    if mark == "b":
        return 6
    if mark == "8":
        return 12
    return degree(scene, harmony, 7) - 12 if mark == "0" else degree(scene, harmony, int(mark))
