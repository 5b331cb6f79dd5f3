"""Drums: beats, ghost notes, fills, builds and what marks the joints of a form. Lanes become General MIDI pitches."""

from functools import lru_cache

import numpy as np

from composer.chance import chance
from composer.rhythm import Hit, Stroke, bars_of, bars_of_fill, fitting, split
from composer.scene import Scene
from composer.variants import bent_beat, drawn
from composer.vocabulary import PERCUSSION

# lane -> (pitch, velocity of a plain stroke); 26-30 and 87 are the studio's own
LANES: dict[str, tuple[int, int]] = {
    "kick": (36, 104), "snare": (38, 98), "rim": (37, 78), "clap": (39, 92), "hat": (42, 72), "pedal": (44, 62),
    "open": (46, 74),
    "crash": (49, 92), "crash2": (57, 86), "ride": (51, 78), "bell": (53, 80), "tamb": (54, 66), "shaker": (70, 58),
    "cow": (56, 66),
    "tom1": (48, 90), "tom2": (45, 92), "tom3": (41, 96), "conga": (63, 72), "congalow": (64, 74), "mute": (62, 62),
    "bongo": (60, 70), "bongolow": (61, 72),
    "snap": (26, 78),
    "taiko": (87, 104), "brush": (40, 60), "clave": (75, 64), "splash": (55, 78), "china": (52, 84),
    "timbale": (65, 80), "timbalelow": (66, 82), "cascara": (90, 62), "agogo": (67, 64), "agogolow": (68, 64),
    "cabasa": (69, 60), "guiro": (73, 60), "guirolong": (74, 62), "block": (76, 64), "blocklow": (77, 64),
    "triangle": (81, 56), "bodhran": (88, 92), "tip": (89, 72), "surdo": (91, 94), "djembe": (92, 84),
}  # fmt: skip
RISER, IMPACT, REVERSE, DROP = 27, 28, 29, 30
_MARKS = {"X": 1.14, "x": 1.0, "f": 1.05, "o": 0.52, "?": 0.45}
_SLOWED = ("kick", "snare", "clap", "rim", "snap", "tom1", "tom2", "tom3")  # what half time slows down
_CRASHES = ("crash", "crash2", "splash", "china")
_FLAM = 0.035  # seconds from the grace stroke to the main one
_SOMETIMES = 0.45


@lru_cache(maxsize=4096)
def lanes_of(row: str) -> tuple[tuple[int, int] | None, tuple[tuple[str, str], ...]]:
    """(the meter a beat is written in, or None for 4/4; its lanes)."""
    meter, rest = split(row)
    return meter, tuple((part.split()[0], part.split()[1]) for part in rest.split("|"))


def _hits(row: str, meter: tuple[int, int], bar: int) -> list[tuple[str, Hit]]:
    written, lanes = lanes_of(row)
    found: list[tuple[str, Hit]] = []
    for lane, text in lanes:
        bars = bars_of(text, meter, source=written)
        hits = bars[bar % len(bars)]
        found += [(lane, hit) for hit in hits]
        if meter == (6, 8) and not written and lane in ("hat", "ride", "shaker"):
            found += [(lane, Hit(beat + 2, 1, "o")) for beat in (0, 6) if any(hit.step == beat for hit in hits)]
    return found


def base_row(scene: Scene, level: str) -> str:
    """The song's beat for a letter and an energy. The bass asks for it too, so it hangs on no section."""
    rows = fitting(scene.style.beats[level], scene.plan.meter)
    return _song_row(rows, scene.plan.seed, scene.letter, level, scene.own.free, scene.own.drums)


@lru_cache(maxsize=512)
def _song_row(rows: tuple[str, ...], seed: int, letter: str, level: str, free: float, lean: float) -> str:
    row = drawn(rows, lean, chance(seed, "row", "drums", letter, level))
    return bent_beat(row, free, chance(seed, "bend", "drums", letter, level))


def base_kick(scene: Scene, bar: int) -> list[Hit]:
    """Where the kick of the song's beat falls in a bar, drums playing or not."""
    row = base_row(scene, scene.level(bar, scene.own.drums))
    found = {hit.step: hit for lane, hit in _beat(scene, row, bar) if lane == "kick"}
    return sorted(found.values(), key=lambda hit: hit.step)


def _beat(scene: Scene, row: str, bar: int) -> list[tuple[str, Hit]]:
    """A bar of the beat; in half time its drums fall half as often, while hats and hand drums go on as they were."""
    meter = scene.plan.meter
    if not _half_time(scene):
        return _hits(row, meter, bar)
    begin = bar % 2 * scene.steps / 2
    slow = [
        (lane, Hit((hit.step - begin) * 2, hit.length * 2, hit.mark))
        for lane, hit in _hits(row, meter, bar // 2)
        if lane in _SLOWED and begin <= hit.step < begin + scene.steps / 2
    ]
    return slow + [pair for pair in _hits(row, meter, bar) if pair[0] not in _SLOWED]


def _half_time(scene: Scene) -> bool:
    odds = scene.style.half_time.get(scene.section.name, 0.0)
    return bool(odds and chance(scene.plan.seed, "half time", scene.section.name).random() < odds)


def play_drums(scene: Scene) -> list[Stroke]:
    """The beat of a section, with its variations, its fill, and a build where it is one."""
    rng = scene.rng("drums")
    other: dict[str, str] = {}
    for level, rows in scene.style.beats.items():
        row = drawn(fitting(rows, scene.plan.meter), scene.own.drums, rng)
        other[level] = bent_beat(row, max(0.3, scene.own.free), rng)
    every = (2, 4, 4)[int(rng.integers(3))]
    strokes: list[Stroke] = []
    bars = scene.section.bars
    for bar in range(bars):
        level = scene.level(bar, scene.own.drums)
        hits = _beat(scene, base_row(scene, level), bar)
        if bar % 4:  # a crash marks where four bars begin; one that is ridden goes on
            hits = [pair for pair in hits if pair[0] not in _CRASHES or sum(p[0] == pair[0] for p in hits) > 1]
        if bar % every == every - 1:
            hits = _varied(hits, _beat(scene, other[level], bar), rng)
        if scene.section.name == "build":
            hits = [pair for pair in hits if pair[0] in ("kick", "hat", "shaker", "open")] if bar < bars - 1 else []
        if bar == bars - 1 and (bars > 1 or scene.last):
            hits = _with_fill(scene, hits, bar, rng)
        elif bar % 4 == 3 and bars > 4 and rng.random() < 0.5:
            hits = _with_fill(scene, hits, bar, rng, short=True)
        for word in scene.plan.percussion:
            hits = hits + _hits(PERCUSSION[word], scene.plan.meter, bar)
        strokes += _strokes(scene, hits, bar, rng)
    if scene.section.name == "build":
        strokes += _roll(scene)
    return sorted((s for s in strokes if s.lane not in scene.plan.mutes), key=lambda s: (s.step, s.pitch))


def play_entrance(scene: Scene) -> list[Stroke]:
    """A fill at the end of a section without drums, which brings them in."""
    rng = scene.rng("entrance")
    bar = scene.section.bars - 1
    strokes = _strokes(scene, _with_fill(scene, [], bar, rng), bar, rng)
    return sorted((s for s in strokes if s.lane not in scene.plan.mutes), key=lambda s: (s.step, s.pitch))


def _varied(
    hits: list[tuple[str, Hit]], other: list[tuple[str, Hit]], rng: np.random.Generator
) -> list[tuple[str, Hit]]:
    """One lane is taken from another beat of the same energy; the backbeat stays, it is what people hold on to."""
    lanes = sorted({lane for lane, _ in other} - {"snare", "clap"})
    if not lanes:
        return hits
    lane = lanes[int(rng.integers(len(lanes)))]
    return [pair for pair in hits if pair[0] != lane] + [pair for pair in other if pair[0] == lane]


def _with_fill(
    scene: Scene, hits: list[tuple[str, Hit]], bar: int, rng: np.random.Generator, short: bool = False
) -> list[tuple[str, Hit]]:
    """The groove as far as the fill leaves it, then the fill."""
    if not scene.style.fills or "fill" in scene.plan.mutes:
        return hits
    rows = fitting(scene.style.fills, scene.plan.meter)
    written, lanes = lanes_of(rows[int(rng.integers(len(rows)))])
    fill = [(lane, hit) for lane, text in lanes for hit in bars_of_fill(text, scene.plan.meter, written)]
    begin = scene.steps - (4 if short or scene.level(bar) == "low" else 8)
    fill = [pair for pair in fill if pair[1].step >= begin]
    if not fill:
        return hits
    taken_over = min(hit.step for _, hit in fill) // 4 * 4
    return [pair for pair in hits if pair[1].step < taken_over] + fill


def _strokes(scene: Scene, hits: list[tuple[str, Hit]], bar: int, rng: np.random.Generator) -> list[Stroke]:
    luck = rng.random(len(hits))
    strokes = []
    for (lane, hit), draw in zip(hits, luck, strict=True):
        if (hit.mark == "?" and draw > _SOMETIMES * scene.own.fill) or (hit.mark == "o" and draw > scene.own.fill):
            continue
        pitch, plain = LANES[lane]
        step = bar * scene.steps + hit.step
        loud = plain * _MARKS.get(hit.mark, 0.8) * scene.loudness(bar)
        if hit.mark == "f" and step >= 1:
            strokes.append(Stroke(step - _FLAM * scene.plan.bpm / 15, 0.3, pitch, loud * 0.5, lane=lane))
        strokes.append(Stroke(step, min(hit.length, 2.0), pitch, loud, lane=lane))
    return strokes


def _roll(scene: Scene) -> list[Stroke]:
    """A build: quarter notes, eighths, sixteenths, thirty-seconds, ever louder."""
    pitch, loud = LANES[scene.style.build]
    total = scene.section.bars * scene.steps
    strokes = []
    step = 0.0
    while step < total - 0.01:
        part = step / total
        gap = 4.0 if part < 0.5 else 2.0 if part < 0.75 else 1.0 if part < 0.9 else 0.5
        strokes.append(Stroke(step, gap, pitch, loud * (0.4 + 0.6 * part), lane=scene.style.build))
        step += gap
    return strokes


def play_joints(scene: Scene) -> list[Stroke]:
    """Crashes and impacts where a section begins, risers and reversed cymbals that end where the next one does."""
    rng = scene.rng("joints")
    odds = scene.style.transitions
    rolls = rng.random(6)
    energy, bars = scene.section.energy, scene.section.bars
    total = float(bars * scene.steps)
    strokes: list[Stroke] = []
    rise = energy - scene.before
    if scene.section.start and energy >= 0.5 and rise > -0.1 and rolls[0] < odds.get("crash", 0):
        strokes.append(Stroke(0, 8, 49, 84 * scene.loudness(0), lane="crash"))
    if scene.section.start and energy >= 0.75 and rise > 0.1 and rolls[1] < odds.get("impact", 0):
        strokes.append(Stroke(0, 16, IMPACT, 100, lane="impact"))
    if scene.section.start and rise < -0.2 and rolls[2] < odds.get("drop", 0):
        strokes.append(Stroke(0, 12, DROP, 96, lane="drop"))
    lift = (scene.after if scene.after is not None else 0) - energy
    if lift > 0.15 or scene.section.name == "build":
        length = float(scene.steps * min(bars, 2 if rolls[3] < 0.5 else 4))
        if rolls[4] < odds.get("riser", 0):
            strokes.append(Stroke(total - length, length, RISER, 84, lane="riser"))
        elif rolls[5] < odds.get("reverse", 0):
            strokes.append(Stroke(total - min(8, total), min(8, total), REVERSE, 80, lane="reverse"))
    return [stroke for stroke in strokes if stroke.lane not in scene.plan.mutes]
