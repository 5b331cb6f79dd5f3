"""Players: bass, chords, pads, arpeggios and second voices. Each turns a scene into strokes for its part."""

import math
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np

from composer.chance import chance
from composer.drums import base_kick
from composer.harmony import Harmony, at
from composer.rhythm import STEPS_PER_BEAT, Hit, Stroke, bars_of, fitting
from composer.scene import Scene
from composer.style import Part
from composer.voicing import Voices, lead_voices


def _chord_at(scene: Scene, step: float) -> Harmony:
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
    before = floor + 5
    for bar, row in enumerate(scene.rows("bass", scene.style.bass, rng)):
        hits = _bass_hits(scene, row, bar)
        offset, limit = bar * scene.steps, scene.section.bars * scene.steps
        for hit in _cut(hits, offset, _changes(scene, bar), limit):
            pitch = _bass_pitch(scene, part, hit, before, floor, rng)
            loud = {"r": 74, "a": 80, "8": 86, "s": 92, "w": 86}.get(hit.mark, 90) * scene.loudness(bar)
            if hit.mark == "s":
                strokes.append(Stroke(hit.step, hit.length * 0.6, pitch, loud, lane="slide"))
                strokes.append(Stroke(hit.step + hit.length * 0.5, hit.length * 0.5, min(pitch + 12, part.high), loud))
                continue
            strokes.append(Stroke(hit.step, hit.length, pitch, loud))
            before = pitch
    return _monophonic(strokes)


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
    harmony = _chord_at(scene, hit.step)
    root = floor + (harmony.bass - floor) % 12
    if hit.mark in "aw":
        return _walk(scene, part, hit, harmony, before, floor, rng)
    step = {"8": 12, "5": harmony.fifth, "3": harmony.third, "7": harmony.seventh}.get(hit.mark, 0)
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
            target + 2 if (target + 2) % 12 in scene.plan.key.pitch_classes else target - 2,
            target + 7,
        ]
        kept = [pitch for pitch in options if floor <= pitch <= top and pitch != before] or [target]
        weights = np.array([1.0 / (1 + abs(pitch - before) / 3) for pitch in kept])
        return int(kept[int(rng.choice(len(kept), p=weights / weights.sum()))])
    target = _near(following.bass, before + int(rng.integers(-5, 6)), floor, top)
    pool = [
        p
        for p in range(floor, top + 1)
        if p != before and (p % 12 in harmony.tones or p % 12 in scene.plan.key.pitch_classes)
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
    if part.patch == "guitar_distorted":
        kind = "power"
    elif kind == "power":
        kind = "close"
    if kind == "rootless" and "bass" not in scene.plan.band:
        kind = "drop2"
    return lead_voices(scene.chords, kind, part.low, part.high, min(max(center, part.low + 7), part.high - 7))


def _voice_table(scene: Scene, role: str, part: Part, center: float) -> dict[float, Voices]:
    voices = voices_of(scene, role, part, center)
    return {harmony.start: shape for harmony, shape in zip(scene.chords, voices, strict=True)}


def play_chords(scene: Scene, part: Part) -> list[Stroke]:
    """Comping: the style's rows, chord by chord, strummed or rolled as the style likes."""
    rng = scene.rng("chords")
    table = _voice_table(scene, "chords", part, 52 if part.patch == "guitar_distorted" else 62)
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    tied = False  # the bar's chord was struck early, at the end of the bar before
    for bar, row in enumerate(scene.rows("chords", scene.style.comps, rng)):
        rows = bars_of(row, scene.plan.meter)
        for hit in _cut(rows[bar % len(rows)], bar * scene.steps, _changes(scene, bar), limit):
            if tied and hit.step < bar * scene.steps + 1:
                strokes = _held(strokes, hit.step + hit.length)
                continue
            early = hit.mark == "a" and bar + 1 < scene.section.bars
            harmony = _chord_at(scene, (bar + 1) * scene.steps if early else hit.step)
            voices = table[harmony.start]
            voices = voices[:1] if hit.mark == "b" else voices[1:] or voices if hit.mark == "t" else voices
            length = hit.length + (2 if early and hit.length < 3 else 0)
            loud = {"X": 94, "o": 62, "t": 72, "b": 80, "a": 80}.get(hit.mark, 80) * scene.loudness(bar)
            down = hit.step % 4 == 0
            strokes += _struck(hit.step, min(length, limit - hit.step), voices, loud, scene.style.strum, down)
            tied = early
    return strokes


def _held(strokes: list[Stroke], end: float) -> list[Stroke]:
    """The chord that was struck last, held until `end`."""
    last = strokes[-1].step
    return [replace(stroke, length=end - stroke.step) if stroke.step == last else stroke for stroke in strokes]


def _struck(step: float, length: float, voices: Voices, loud: float, strum: float, down: bool = True) -> list[Stroke]:
    """A chord: the top voice a little louder, the others one after the other where the style strums."""
    order = voices if down else voices[::-1]
    return [
        Stroke(step, length, pitch, loud + (5 if pitch == voices[-1] else -2), lag=place * strum)
        for place, pitch in enumerate(order)
    ]


def play_pad(scene: Scene, part: Part) -> list[Stroke]:
    """Long chords; a voice that stays on its pitch is not struck again."""
    rng = scene.rng("pad")
    table = _voice_table(scene, "pad", part, 62)
    rows = fitting(scene.style.pads, scene.plan.meter)
    row = rows[int(chance(scene.plan.seed, "row", "pad", scene.letter).integers(len(rows)))]
    held: dict[int, Stroke] = {}
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    for bar in range(scene.section.bars):
        parts = bars_of(row, scene.plan.meter)
        for hit in _cut(parts[bar % len(parts)], bar * scene.steps, _changes(scene, bar), limit):
            voices = table[_chord_at(scene, hit.step).start]
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
    home = int(chance(scene.plan.seed, "row", "arp", scene.letter).integers(len(rows)))
    other = int(rng.integers(len(rows)))
    strokes: list[Stroke] = []
    limit = scene.section.bars * scene.steps
    for bar in range(scene.section.bars):
        row = rows[other if bar % 4 == 3 or (scene.visit and bar % 8 >= 4) else home]
        parts = bars_of(row, scene.plan.meter, rolls=False)
        for hit in parts[bar % len(parts)]:
            step = bar * scene.steps + hit.step
            pitch = _rung(table[_chord_at(scene, step).start], int(hit.mark), part)
            loud = (72 + (6 if hit.step % 4 == 0 else 0)) * scene.loudness(bar)
            strokes.append(Stroke(step, min(hit.length, limit - step), pitch, loud))
    return strokes


def _rung(voices: Voices, place: int, part: Part) -> int:
    pitch = voices[place % len(voices)] + 12 * (place // len(voices))
    while pitch > part.high:
        pitch -= 12
    return pitch


# -- second voices


def play_guide(scene: Scene, part: Part, role: str, center: float) -> list[Stroke]:
    """Guide tones: thirds and sevenths, one long note per chord, by the shortest way."""
    rng = scene.rng(role)
    strokes: list[Stroke] = []
    center = min(max(center, part.low + 11), part.high - 10) if part.high - part.low > 21 else center
    before = int(np.clip(center, part.low + 3, part.high - 3))
    for harmony in scene.chords:
        step = (harmony.start - scene.start) * STEPS_PER_BEAT
        length = harmony.beats * STEPS_PER_BEAT
        tones = [harmony.tones[1 % len(harmony.tones)], *harmony.tones[3:5]] + (
            [harmony.tones[2]] if len(harmony.tones) == 3 else []
        )
        pitches = [p for p in range(max(part.low, before - 7), min(part.high, before + 7) + 1) if p % 12 in tones]
        pitch = min(
            pitches,
            key=lambda p: (abs(p - before) + 0.15 * abs(p - center) + float(rng.random()) * 0.8, p),
            default=before,
        )
        loud = 72 * scene.loudness(int(step // scene.steps))
        if strokes and strokes[-1].pitch == pitch and length + strokes[-1].length <= 2 * scene.steps:
            strokes[-1] = Stroke(strokes[-1].step, strokes[-1].length + length, pitch, strokes[-1].velocity)
        else:
            strokes += _approached(scene, strokes, step, length, before, pitch, loud, rng)
        before = pitch
    return strokes


def _approached(
    scene: Scene,
    strokes: list[Stroke],
    step: float,
    length: float,
    before: int,
    pitch: int,
    loud: float,
    rng: np.random.Generator,
) -> list[Stroke]:
    """A long note, now and then with a passing note that leads on inside its second half."""
    moves = length >= 12 and rng.random() < 0.4
    if not moves:
        return [Stroke(step, length, pitch, loud)]
    side = 1 if rng.random() < 0.5 else -1
    passing = next(
        pitch + side * away for away in (1, 2, 3) if (pitch + side * away) % 12 in scene.plan.key.pitch_classes
    )
    return [Stroke(step, length - 4, pitch, loud), Stroke(step + length - 4, 4, passing, loud - 6)]


def play_answer(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """Answers: where the tune breathes for at least a beat and a half, a short figure of chord tones."""
    rng = scene.rng(role)
    end = scene.section.bars * scene.steps
    rests = [(a.step + a.length, b.step) for a, b in pairwise(tune) if b.step - a.step - a.length >= 6]
    if tune and end - tune[-1].step - tune[-1].length >= 6:
        rests.append((tune[-1].step + tune[-1].length, float(end)))
    strokes: list[Stroke] = []
    center = float(np.clip(69, part.low + 6, part.high - 6))
    for start, stop in rests:
        if rng.random() < 0.25:
            continue
        strokes += _figure(scene, part, np.ceil(start / 2) * 2, stop, center, rng)
    return strokes


def _figure(
    scene: Scene, part: Part, start: float, stop: float, center: float, rng: np.random.Generator
) -> list[Stroke]:
    rhythm = (
        ((0, 2), (2, 2), (4, 4))
        if rng.random() < 0.5
        else ((0, 1), (1, 1), (2, 2), (4, 2), (6, 4))
        if stop - start >= 10
        else ((2, 2), (4, 4))
    )
    side = 1 if rng.random() < 0.5 else -1
    pitch = center - side * 4
    strokes = []
    for at_step, length in rhythm:
        step = start + at_step
        if step + length > stop:
            break
        tones = _chord_at(scene, step).tones
        options = [p for p in range(part.low, part.high + 1) if p % 12 in tones and 0 < (p - pitch) * side <= 7]
        pitch = min(options, key=lambda p: abs(p - pitch), default=round(pitch))
        strokes.append(Stroke(step, length, int(pitch), 74 * scene.loudness(int(step // scene.steps))))
    return strokes
