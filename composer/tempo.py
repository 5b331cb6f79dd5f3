"""Tempo and length: so many bars at such a tempo that the music fills its seconds, and the last chord can ring."""

import math
import re
from dataclasses import replace

from composer.asked import Asked
from composer.style import Style
from composer.vocabulary import MOODS
from song.chart import Chart
from song.sections import Wanted

_DURATION, _SHORTEST, _LONGEST = 30.0, 5.0, 600.0  # seconds
_PULL, _WIDE = 3.0, 25.0  # how dear it is to leave the favourite tempo by a whole range, or by so many bpm
_SLOW_STYLE = 92.0  # bpm that a slow style does not reach
_NEAR = 0.92  # how far below or above its range a style's tempo still is one
_QUARTERS = re.compile(r"quarter|crotchet|♩")
_SLOWEST, _FASTEST = 30.0, 300.0  # bpm


def fit(
    asked: Asked, meter: tuple[int, int], ending: str, wanted: tuple[Wanted, ...] = (), chart: Chart | None = None
) -> tuple[float, int, float]:
    """(bpm, bars, seconds). Where the tempo is free, the one with the neatest form and the best last chord.

    `wanted` are sections and `chart` chords that were asked for: where nobody gave a length, they decide it.
    """
    beats = meter[0] * 4 / meter[1]  # quarter notes in a bar
    low, high = _wanted(asked, meter)
    favourite = float(asked.chance("tempo").uniform(low, high))
    candidates = [low] if low == high else [float(bpm) for bpm in range(math.ceil(low), int(high) + 1)] or [low]
    duration = _duration(asked)
    if asked.knob("duration") is None and asked.said.seconds is None:
        bpm = min(candidates, key=lambda bpm: abs(bpm - favourite))
        if bars := asked.said.bars or _given_bars(wanted, chart, _DURATION / (beats * 60 / bpm)):
            return _long_enough(asked, bars, bpm, beats, ending)
    least, liked = _ring(asked.style, ending, duration)
    total = sum(item.bars or 0 for item in wanted) if all(item.bars for item in wanted) else 0
    unit = len(chart.bars) if chart and not chart.tagged else asked.style.strain or 4

    def cost(bpm: float) -> float:
        bars = _bars(duration, beats * 60 / bpm, least)
        ring = duration - bars * beats * 60 / bpm
        neat = 0.0 if bars % 4 == 0 else 0.15 if bars % 2 == 0 else 0.4
        neat += 0.3 * (bars % unit != 0) + (100.0 * abs(bars - total) / total if total else 0.0)
        off = 0.35 * abs(ring - liked) / max(liked, 0.5) + (3 if ring < 0 else 0)
        return max(_PULL / max(1.0, high - low), _PULL / _WIDE) * abs(bpm - favourite) + neat + off

    bpm = min(candidates, key=lambda value: (cost(value), value))
    return bpm, _bars(duration, beats * 60 / bpm, least), duration


def counted(asked: Asked, meter: tuple[int, int]) -> Asked:
    """The words' tempo in quarter notes. Who says "a jig at 110 bpm" counts the two beats of a 6/8 bar, which are
    dotted quarters: so where the style has a tempo for this meter that only so is met."""
    bpm, usual = asked.said.bpm, asked.style.tempos.get(f"{meter[0]}/{meter[1]}")
    if meter != (6, 8) or not bpm or not usual or asked.knob("bpm") or _QUARTERS.search(asked.knob("prompt").lower()):
        return asked
    low, high = usual
    if bpm >= low * _NEAR or not low * _NEAR <= 1.5 * bpm <= high / _NEAR:
        return asked
    asked.notices.append(f"{bpm:g} bpm is counted in dotted quarters, as in 6/8: {1.5 * bpm:g} quarter notes.")
    return replace(asked, said=replace(asked.said, bpm=1.5 * bpm))


def _given_bars(wanted: tuple[Wanted, ...], chart: Chart | None, usual: float) -> int:
    """The bars of a song whose length nobody gave: its sections', or those of a chart too long for the usual length."""
    if wanted:
        return sum(item.bars or 0 for item in wanted)
    return len(chart.bars) if chart and len(chart.bars) > usual else 0


def _long_enough(asked: Asked, bars: int, bpm: float, beats: float, ending: str) -> tuple[float, int, float]:
    bar = beats * 60 / bpm
    ring = _ring(asked.style, ending, _DURATION)[1]
    duration = _clamped(round(bars * bar + ring, 2), asked.notices)
    return bpm, max(1, min(bars, int(duration / bar))), duration


def _wanted(asked: Asked, meter: tuple[int, int]) -> tuple[float, float]:
    """The tempos that would do, in bpm: one where it was said, a range where it is free."""
    said = asked.said
    knob = asked.knob("bpm")
    exact = knob if knob is not None else said.bpm
    if knob is not None and said.bpm is not None and knob != said.bpm:
        asked.wins("bpm", "tempo", f"{round(knob, 2):g} bpm", f"{said.bpm:g} bpm")
    if exact is not None:
        kept = min(_FASTEST, max(_SLOWEST, exact))
        if kept != exact:
            limits = f"{_SLOWEST:g} to {_FASTEST:g} bpm"
            asked.notices.append(f"{exact:g} bpm is outside {limits}; {kept:g} bpm is used.")
        return kept, kept
    if said.mark:
        return round(said.mark * 0.96), round(said.mark * 1.04)
    usual = asked.style.tempos.get(f"{meter[0]}/{meter[1]}", asked.style.bpm)
    low, high = _paced(usual, said.pace, sum(MOODS[name].pace for name in said.moods))
    return max(_SLOWEST, round(low)), min(_FASTEST, round(high))


def _paced(bpm: tuple[float, float], pace: float, mood: float) -> tuple[float, float]:
    """The style's range, moved outside itself by "slow" and "fast" and within itself by moods."""
    low, high = bpm
    if pace <= -0.5:
        if high <= _SLOW_STYLE and pace > -1.1:  # a ballad is slow by itself
            return low * 0.88, low + (high - low) * 0.35
        slow = 0.88 if pace > -1.1 else 0.7
        return low * (slow - 0.12), low * slow
    if pace >= 0.5:
        fast = 1.0 if pace < 0.85 else 1.06 if pace < 1.1 else 1.18
        return (low + high) / 2 if fast == 1.0 else high * (fast - 0.04), high * (fast + 0.06)
    half = (high - low) / 2
    lean = max(-1.0, min(1.0, mood)) * 0.7
    if pace:
        return low + half * 0.6, high - half * 0.6
    return low + half * max(0.0, lean), high - half * max(0.0, -lean)


def _bars(duration: float, bar: float, least: float) -> int:
    """Whole bars that leave at least `least` seconds for the last chord, if there is room for that."""
    return max(1, int((duration - least) / bar + 1e-9))


def _ring(style: Style, ending: str, duration: float) -> tuple[float, float]:
    """Seconds the last chord needs at least, and likes to have."""
    if ending == "fade":
        return 0.0, 0.0
    if ending == "stop":
        return 0.5, 0.8
    return min(1.4, duration * 0.16), min(style.ring, duration * 0.22)


def _duration(asked: Asked) -> float:
    knob, said = asked.knob("duration"), asked.said.seconds
    if knob is not None:
        if said is not None and abs(said - knob) > 1e-6 and "duration" not in asked.kept:
            asked.wins("duration", "length", f"{knob:g} s", f"{said:g} s")
        return float(knob)
    return _clamped(said, asked.notices) if said is not None else _DURATION


def _clamped(seconds: float, notices: list[str]) -> float:
    kept = min(_LONGEST, max(_SHORTEST, float(seconds)))
    if kept != seconds:
        limits = f"{_SHORTEST:g} to {_LONGEST:g} seconds"
        notices.append(f"{seconds:g} seconds is outside {limits}; {kept:g} seconds is used.")
    return kept
