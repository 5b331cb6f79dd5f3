"""Bass lines: roots, what breaks the chord, and what leads to the next one."""

import math
from itertools import zip_longest

import numpy as np

from composer.drums import base_kick
from composer.harmony import Harmony, at
from composer.players import changes, chord_at, cut, degree
from composer.rhythm import STEPS_PER_BEAT, Hit, Stroke, bars_of
from composer.scene import Scene
from composer.style import Part
from composer.variants import bent_line

_LOUD = {"r": 74, "a": 80, "8": 86, "s": 92, "w": 86, "g": 46, "2": 82, "4": 82, "6": 84}


def play_bass(scene: Scene, part: Part) -> list[Stroke]:
    """Roots and what leads to them, as the style's bass rows say."""
    rng = scene.rng("bass")
    floor = part.low + 2
    strokes: list[Stroke] = []
    before, told = floor + 5, -1.0  # the pitch before, and the start of the chord whose root was heard
    rows = scene.rows("bass", scene.style.bass, rng, scene.own.bass, _bent)
    for bar, row in enumerate(rows):
        offset, limit = bar * scene.steps, scene.section.bars * scene.steps
        for hit in cut(_bass_hits(scene, row, bar), offset, changes(scene, bar), limit):
            harmony = chord_at(scene, hit.step + (hit.length if hit.mark == "n" else 0))
            if not harmony.intervals:
                continue
            if harmony.start != told and hit.mark in "5378246":  # a chord is named before it is broken
                hit = Hit(hit.step, hit.length, "R")
            told = told if hit.mark in "ag" else harmony.start
            pitch = _bass_pitch(scene, part, hit, before, floor, rng)
            loud = _LOUD.get(hit.mark, 90) * scene.loudness(bar)
            if hit.mark == "s":
                strokes.append(Stroke(hit.step, hit.length * 0.6, pitch, loud, lane="slide"))
                strokes.append(Stroke(hit.step + hit.length * 0.5, hit.length * 0.5, min(pitch + 12, part.high), loud))
                continue
            length = min(hit.length, 0.6) if hit.mark == "g" else hit.length
            strokes.append(Stroke(hit.step, length, pitch, loud))
            before = pitch
    return _monophonic(strokes)


def _bent(row: str, free: float, rng: np.random.Generator) -> str:
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
