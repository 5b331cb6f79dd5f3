"""Players: chords, pads, arpeggios and riffs. Each turns a scene into strokes for its part."""

import math
from dataclasses import replace

import numpy as np

from composer.chance import chance
from composer.harmony import Harmony, at
from composer.rhythm import STEPS_PER_BEAT, Hit, Stroke, bars_of, fitting
from composer.scene import Scene
from composer.style import Part
from composer.variants import bent_climb, bent_line
from composer.voicing import Voices, lead_voices

_LOUD = {"X": 94, "o": 62, "t": 72, "b": 82, "f": 80, "a": 80, "d": 84, "u": 66, "m": 50, "r": 78}  # of comping marks
POWERED = ("guitar_distorted", "guitar_chug")  # too thick for more than root and fifth
_OPEN = ("guitar_crunch", "bagpipe")  # play root and fifth where the style does
_MUD = 48  # the pitch below which close intervals blur


def chord_at(scene: Scene, step: float) -> Harmony:
    """The chord that sounds at a step of the section."""
    return at(scene.chords, scene.start + step / STEPS_PER_BEAT)


def changes(scene: Scene, bar: int) -> list[float]:
    """Steps of the section at which the harmony changes inside a bar."""
    low = scene.start + bar * scene.plan.beats_per_bar
    return [
        (harmony.start - scene.start) * STEPS_PER_BEAT for harmony in scene.spans(bar) if harmony.start > low + 1e-6
    ]


def cut(hits: tuple[Hit, ...], offset: float, moves: list[float], limit: float) -> list[Hit]:
    """A bar's hits in steps of the section, struck anew where the chord `moves` under a held note."""
    placed: list[Hit] = []
    for hit in hits:
        step, end = hit.step + offset, min(hit.step + offset + hit.length, limit)
        for change in moves:
            if step < change - 0.5 and end >= change + 2:
                placed.append(Hit(step, change - step, hit.mark))
                step = change
        placed.append(Hit(step, end - step, hit.mark))
    return placed


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
    """What a role plays of each chord, by the chord's start: over its root where no bass plays."""
    voices = voices_of(scene, role, part, center)
    slim = scene.own.slim and role == "chords" and not _strums(scene, part)
    deep = role != "arp" or not {"chords", "pad"} & scene.plan.band.keys()
    table: dict[float, Voices] = {}
    for harmony, shape in zip(scene.chords, voices, strict=True):
        if scene.grounded(harmony):
            table[harmony.start] = _slimmed(shape, harmony) if slim else shape
        else:
            table[harmony.start] = _rooted(shape, harmony, part) if deep else shape
    return table


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


def _rooted(voices: Voices, harmony: Harmony, part: Part) -> Voices:
    """A chord as a hand plays it where nobody plays the bass: without its root, Am7 would be C."""
    if voices[0] % 12 == harmony.bass % 12:
        return voices
    rest = [pitch for pitch in voices if pitch % 12 != harmony.bass % 12]
    root = voices[0] - (voices[0] - harmony.bass) % 12
    root += 12 if root < part.low else 0
    above = [pitch if pitch > root else pitch + 12 for pitch in rest]
    if root < _MUD and above and min(above) - root < 5:  # seconds and thirds growl down there
        above.append(above.pop(above.index(min(above))) + 12)
    return tuple(sorted({root, *(pitch for pitch in above if pitch <= part.high)}))


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
        for hit in cut(parts[bar % len(parts)], bar * scene.steps, changes(scene, bar), limit):
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
        for hit in cut(parts[bar % len(parts)], bar * scene.steps, changes(scene, bar), limit):
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
    row = bent_climb(rows[int(picked.integers(len(rows)))], scene.own.free * 0.5, picked, held="18")  # the root is home
    parts = bars_of(row, scene.plan.meter, rolls=False)
    heavy = role == "chords" and part.patch in (*POWERED, *_OPEN)  # riffs lie on the lowest strings
    base = part.low + 2 if role == "bass" else part.low if heavy else max(part.low, min(57, part.high - 24))
    limit = scene.section.bars * scene.steps
    strokes: list[Stroke] = []
    told = -1.0  # the start of the chord whose root the bass has played
    for bar in range(scene.section.bars):
        for hit in parts[bar % len(parts)]:
            step = bar * scene.steps + hit.step
            harmony = chord_at(scene, step)
            if not harmony.intervals:
                continue
            if role == "bass" and harmony.start != told:  # a chord is named before it is broken
                hit, told = Hit(hit.step, hit.length, "1"), harmony.start
            root = base + (harmony.root - scene.key.tonic + 5) % 12 + (scene.key.tonic - 5 - base) % 12
            root -= 12 if root >= base + 12 and (role == "bass" or heavy) else 0
            pitch = root + _riff_step(scene, harmony, hit.mark)
            pitch -= 12 * max(0, math.ceil((pitch - part.high) / 12))
            if role == "lead" and strokes and abs(pitch - strokes[-1].pitch) > 7:  # tunes do not jump
                pitch += 12 if pitch < strokes[-1].pitch and pitch + 12 <= part.high else -12 * (pitch - 12 >= part.low)
            loud = (92 if hit.step % 8 == 0 else 82) * scene.loudness(bar)
            strokes.append(Stroke(step, min(hit.length, limit - step), pitch, loud))
            above = pitch + (harmony.fifth if pitch % 12 == harmony.root else 7)
            if heavy and hit.length >= 2 and above <= part.high:
                strokes.append(Stroke(step, min(hit.length, limit - step), above, loud - 4))
    return strokes


def _riff_step(scene: Scene, harmony: Harmony, mark: str) -> int:
    if mark == "b":
        return 6
    if mark == "8":
        return 12
    return degree(scene, harmony, 7) - 12 if mark == "0" else degree(scene, harmony, int(mark))
