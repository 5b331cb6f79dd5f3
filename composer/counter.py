"""Second voices: what sounds against the tune. They know the tune and the chords, and keep out of the tune's way."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from composer.harmony import Harmony
from composer.players import chord_at
from composer.rhythm import STEPS_PER_BEAT, Stroke, pulses
from composer.scene import Scene
from composer.style import Part

_DISSONANT = (1, 2, 6, 10, 11)


def play_counter(scene: Scene, part: Part, role: str, tune: list[Stroke], center: float) -> list[Stroke]:
    """The second voice as the style has it for this letter; a last chorus is sung in two parts where there is a tune.

    A way that finds nothing to do (no rests to answer in, no tune to harmonise) gives long tones instead.
    """
    kinds = scene.style.lead.counter.split()
    kind = kinds[int(scene.decided("counter").integers(len(kinds)))]
    if scene.crowned and kind in ("guide", "answer") and scene.decided("crown").random() < 0.5:
        kind = "harmony"
    play = _KINDS.get(kind)
    return (play(scene, part, role, tune) if play else []) or play_guide(scene, part, role, center)


def play_guide(scene: Scene, part: Part, role: str, center: float) -> list[Stroke]:
    """Guide tones: thirds and sevenths, one long note per chord, by the shortest way."""
    rng = scene.rng(role)
    strokes: list[Stroke] = []
    center = min(max(center, part.low + 11), part.high - 10) if part.high - part.low > 21 else center
    before = int(np.clip(center, part.low + 3, part.high - 3))
    for harmony in scene.chords:
        if not harmony.intervals:
            continue
        step = (harmony.start - scene.start) * STEPS_PER_BEAT
        length = harmony.beats * STEPS_PER_BEAT
        pitches = _within(part, before - 7, before + 7, _guides(harmony))
        pitch = min(
            pitches,
            key=lambda p: (abs(p - before) + 0.15 * abs(p - center) + float(rng.random()) * 0.8, p),
            default=before,
        )
        loud = 72 * scene.loudness(int(step // scene.steps))
        if strokes and strokes[-1].pitch == pitch and length + strokes[-1].length <= 2 * scene.steps:
            strokes[-1] = Stroke(strokes[-1].step, strokes[-1].length + length, pitch, strokes[-1].velocity)
        else:
            strokes += _leaning(scene, step, length, pitch, loud, rng)
        before = pitch
    return strokes


def _guides(harmony: Harmony) -> tuple[int, ...]:
    """The tones that tell a chord from others: third, seventh and ninth, or third and fifth of a triad."""
    tones = harmony.tones
    return (tones[1 % len(tones)], *tones[3:5]) if len(tones) > 3 else tones[1:] or tones


def _within(part: Part, low: int, high: int, classes: tuple[int, ...]) -> list[int]:
    return [pitch for pitch in range(max(part.low, low), min(part.high, high) + 1) if pitch % 12 in classes]


def _leaning(
    scene: Scene, step: float, length: float, pitch: int, loud: float, rng: np.random.Generator
) -> list[Stroke]:
    """A long note, now and then with a passing note that leads on inside its second half."""
    if length < 12 or rng.random() >= 0.4:
        return [Stroke(step, length, pitch, loud)]
    side = 1 if rng.random() < 0.5 else -1
    passing = next(pitch + side * away for away in (1, 2, 3) if (pitch + side * away) % 12 in scene.key.pitch_classes)
    return [Stroke(step, length - 4, pitch, loud), Stroke(step + length - 4, 4, passing, loud - 6)]


def _rests(scene: Scene, tune: list[Stroke], least: float) -> list[tuple[float, float]]:
    """Where the tune is silent for `least` steps or more: (first step, last step)."""
    end = float(scene.section.bars * scene.steps)
    edges = [(a.step + a.length, b.step) for a, b in pairwise(tune)]
    edges += [(tune[-1].step + tune[-1].length, end)] if tune else []
    return [(start, stop) for start, stop in edges if stop - start >= least]


def _answer(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """Where the tune breathes for at least a beat and a half, a short figure of chord tones."""
    rng = scene.rng(role)
    strokes: list[Stroke] = []
    center = float(np.clip(69, part.low + 6, part.high - 6))
    for start, stop in _rests(scene, tune, 6):
        if rng.random() >= 0.25:
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
        tones = chord_at(scene, step).tones
        options = [p for p in range(part.low, part.high + 1) if p % 12 in tones and 0 < (p - pitch) * side <= 7]
        pitch = min(options, key=lambda p: abs(p - pitch), default=round(pitch))
        strokes.append(Stroke(step, length, int(pitch), 74 * scene.loudness(int(step // scene.steps))))
    return strokes


def _harmony(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """The tune again, a third or a sixth below, or above where the instrument lies higher."""
    if not tune:
        return []
    middle = sum(stroke.pitch for stroke in tune) / len(tune)
    side = -1 if (part.low + part.high) / 2 <= middle + 4 else 1
    classes = scene.key.pitch_classes
    strokes = []
    for stroke in tune:
        tones = chord_at(scene, stroke.step).tones
        options = [stroke.pitch + side * away for away in (3, 4, 8, 9)]
        options = [pitch for pitch in options if part.low <= pitch <= part.high and pitch % 12 in {*classes, *tones}]
        wanted = [pitch for pitch in options if stroke.length < 2 or pitch % 12 in tones] or options
        if wanted:
            strokes.append(Stroke(stroke.step, stroke.length, wanted[0], stroke.velocity - 12))
    return strokes


def _echo(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """The end of each phrase comes back, softer, in the rest behind it; its last note bends to the chord."""
    strokes: list[Stroke] = []
    for start, stop in _rests(scene, tune, 6):
        said = [stroke for stroke in tune if stroke.step + stroke.length <= start + 0.01][-4:]
        shift = float(np.ceil((start - said[0].step) / 4) * 4) if said else 0.0
        for stroke in said:
            step = stroke.step + shift
            if step + 1 > stop:
                break
            pitch = _folded(stroke.pitch, part)
            tones = (*chord_at(scene, step).tones, *scene.key.pitch_classes)
            pitch = min(_within(part, pitch - 3, pitch + 3, tones) or [pitch], key=lambda p: (abs(p - pitch), p))
            strokes.append(Stroke(step, min(stroke.length, stop - step), pitch, stroke.velocity - 16))
    return sorted(strokes, key=lambda stroke: stroke.step)


def _folded(pitch: int, part: Part) -> int:
    """A pitch in the octave of an instrument."""
    while pitch > part.high:
        pitch -= 12
    while pitch < part.low:
        pitch += 12
    return min(pitch, part.high)


def _line(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """A melody of its own in longer notes: it moves where the tune rests and against it where the tune moves, and
    avoids its unisons and clashes (the species counterpoint of Fux, Gradus ad Parnassum, 1725, as costs).
    """
    rng = scene.rng(role)
    strokes: list[Stroke] = []
    center = float(np.clip(64 + 0.5 * scene.own.lead_register, part.low + 6, max(part.low + 6, part.high - 6)))
    before, heard = round(center), None
    for step, length in _spaces(scene, tune, rng):
        harmony = chord_at(scene, step)
        if not harmony.intervals:
            continue
        sounding = next((s for s in reversed(tune) if s.step <= step + 0.01), None)
        rise = 0 if sounding is None or heard is None else int(np.sign(sounding.pitch - heard.pitch))
        heard = sounding or heard
        options = _within(part, before - 7, before + 7, (*harmony.tones[:4], *scene.key.pitch_classes))
        noise = rng.random(len(options)) * 0.8
        costs = [
            _cost(pitch, before, harmony, length, sounding, rise) + 0.05 * abs(pitch - center) for pitch in options
        ]
        before = options[int(np.argmin(np.array(costs) + noise))] if options else before
        strokes.append(Stroke(step, length, before, 72 * scene.loudness(int(step // scene.steps))))
    return strokes


def _cost(pitch: int, before: int, harmony: Harmony, length: float, sounding: Stroke | None, rise: int) -> float:
    """What a note of a second melody costs; `rise` is where the tune is going: 1 up, -1 down, 0 nowhere."""
    move = pitch - before
    rub = sounding is not None and (abs(pitch - sounding.pitch) % 12 in _DISSONANT or pitch == sounding.pitch)
    foreign = 0.0 if pitch % 12 in harmony.tones else 1.3 if length <= 4 else 3.0
    return 0.25 * abs(move) + 1.2 * (move == 0) + foreign + 1.5 * rub + 0.6 * (move * rise > 0)


def _spaces(scene: Scene, tune: list[Stroke], rng: np.random.Generator) -> list[tuple[float, float]]:
    """Where a second melody has its notes: on each half of a bar, and on the beats of a bar in which the tune waits."""
    beats = pulses(scene.plan.meter)
    halves = (beats[0], beats[len(beats) // 2]) if len(beats) > 1 else beats
    starts: list[float] = []
    for bar in range(scene.section.bars):
        low, high = bar * scene.steps, (bar + 1) * scene.steps
        quiet = sum(low <= stroke.step < high for stroke in tune) <= 2
        moving = beats if quiet and rng.random() < 0.75 else halves
        starts += [float(low + beat) for beat in moving if beat == 0 or rng.random() < 0.85]
    end = float(scene.section.bars * scene.steps)
    return [(start, stop - start) for start, stop in pairwise([*starts, end])]


def _drone(scene: Scene, part: Part, role: str, tune: list[Stroke]) -> list[Stroke]:
    """Tonic and fifth, held, and struck anew every other bar."""
    root = part.low + (scene.key.tonic - part.low) % 12
    root += 12 if root + 12 <= min(part.high - 7, 55) else 0
    loud = 66 * scene.loudness(0)
    span = 2 * scene.steps
    end = scene.section.bars * scene.steps
    pitches = [pitch for pitch in (root, root + 7) if pitch <= part.high]
    return [Stroke(step, min(span, end - step), pitch, loud) for step in range(0, end, span) for pitch in pitches]


_KINDS: dict[str, Callable[[Scene, Part, str, list[Stroke]], list[Stroke]]] = {
    "answer": _answer,
    "harmony": _harmony,
    "echo": _echo,
    "line": _line,
    "drone": _drone,
}
