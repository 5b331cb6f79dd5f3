"""The passes that a stem takes through the desk, fused so that each reads and writes it once.

Conventions: float32 (2, frames) at 48 kHz, changed in place; automation as one value per GRID frames.
"""

import math

import numpy as np
from numba import njit

import dsp
from composer.style import Flavour
from dsp.filters import FUSED
from dsp.hands import each
from song.audio import SAMPLE_RATE

GRID = 512  # frames between two values of an automation
OPEN_HERTZ = 20_000.0  # a filter that is this open is none
HOP = SAMPLE_RATE // 10  # frames between two looks at the loudness
LEAD = 2 * HOP  # a filter at 28 Hz has forgotten what was before
STRETCH = 100 * HOP  # of a whole mix, worked on by one thread
_RATE = float(SAMPLE_RATE)
AIR = np.concatenate([dsp.highpass(3000, _RATE), dsp.highpass(7500, _RATE)])  # twice each: what shines, its overtones
_TINY = 1e-18
_STILL = np.zeros(0)
_VECTOR = {"contract", "nnan", "nsz", "reassoc"}


def shape(flavour: Flavour | None) -> np.ndarray:
    """The equaliser of one part, (2, 5): a tilt and a bell."""
    tilt, ring, hertz = (flavour.tilt, flavour.ring, flavour.ring_hertz) if flavour else (0.0, 0.0, 800.0)
    return np.concatenate([dsp.high_shelf(1200, tilt, _RATE, 0.5), dsp.peak(hertz, ring, _RATE, 0.8)])


def trim(stem: np.ndarray, low_cut: float, flavour: Flavour | None = None) -> tuple[float, float]:
    """High-pass a stem, 12 dB an octave, equalise it as its flavour wants, and measure it in the same pass.

    Gives its gated loudness in LUFS and its natural width: K-weighted power of the sides over that of the middle.
    """
    edges = np.append(np.arange(0, stem.shape[1], SAMPLE_RATE // 10), stem.shape[1])
    power, shared = np.zeros((2, len(edges) - 1))
    stages = np.concatenate([dsp.highpass(low_cut, _RATE), dsp.k_weighting(_RATE), shape(flavour)])
    _trim(stem, stages, edges, power, shared)
    middle, sides = power.sum() + 2 * shared.sum(), power.sum() - 2 * shared.sum()
    width = sides / middle if middle > 1e-12 else 0.0
    return dsp.gated_loudness(power if len(power) >= 4 else power.mean(keepdims=True)), float(width)


def place(
    stem: np.ndarray,
    gain: float,
    pan: float,
    width: float,
    duck: np.ndarray,
    depth: float,
    sweep: np.ndarray,
    lag: float = 0.011,
    natural: float = 0.0,
    level: np.ndarray = _STILL,
    breadth: np.ndarray = _STILL,
) -> None:
    """Level, width, pan, side-chain and filter automation.

    width   0 mono; up to 1 the natural sides grow, and a delayed, high-passed copy of the middle makes sides where
            there are none. It is added to one side and taken from the other, so it is gone in mono.
    duck    (frames,) 0-1 from `dsp.duck_curve`, or empty; `depth` 0-1 how far it pushes down
    sweep   (frames / GRID + 2,) cutoff in hertz, or empty
    lag     seconds of the delayed copy
    natural what `trim` found: sides that are too wide already are narrowed, and need no copy
    level, breadth  (frames / GRID + 2,) factors of gain and width, or empty
    """
    angle = (pan + 1) * math.pi / 4
    sides = min(1.0, 5 * width) * (0.6 + 0.9 * width)
    most = 0.06 + 0.4 * width  # power of the sides over the middle; 0.46 is a correlation of 0.37
    if natural > 0:
        sides = min(sides, math.sqrt(most / natural))
    copies = 0.45 * width * max(0.0, 1.0 - natural * sides**2 / most)
    _place(
        stem, gain * math.cos(angle) * math.sqrt(2), gain * math.sin(angle) * math.sqrt(2), sides, copies,
        max(1, round(lag * _RATE)), duck, depth, sweep, level, breadth,
    )  # fmt: skip


def colour(sound: np.ndarray, stages: np.ndarray, air: float) -> tuple[float, np.ndarray]:
    """The equaliser of a whole mix, (7, 5), in place; `air` is how much of `AIR`, the overtones of the treble, is added
    before it. Gives the loudness, LUFS, and what `_compare` says of middle and sides of the result."""
    frames = sound.shape[1]
    starts, before = _stretches(sound, LEAD)
    k = np.concatenate([stages, dsp.k_weighting(_RATE), AIR])
    power, sums = np.zeros(-(-frames // HOP)), np.zeros((len(starts), 3))
    each(lambda n: _colour(sound, before[n], starts[n], k, air, power, sums[n]), range(len(starts)))
    hops = frames // HOP
    return dsp.gated_loudness(power[:hops] if hops >= 4 else power.mean(keepdims=True)), sums.sum(axis=0)


def widen(sound: np.ndarray, width: float, stage: np.ndarray, gain: float, drive: float) -> None:
    """Side gain and a high-pass on the sides of a whole mix, a gain on everything, and soft saturation, in place:
    unity for quiet sound, rounder the louder it is, the more the higher `drive` (0-1)."""
    starts, before = _stretches(sound, HOP)
    push = np.float32(0.4 + 1.6 * drive)
    each(lambda n: _widen(sound, before[n], starts[n], stage[0], width, gain, push), range(len(starts)))


def _stretches(sound: np.ndarray, lead: int) -> tuple[range, list[np.ndarray]]:
    """Where stretches begin that are worked on side by side, and copies of what comes before each: a filter that has
    heard so much is where it would be if it had heard it all."""
    starts = range(0, sound.shape[1], STRETCH)
    return starts, [sound[:, max(0, start - lead) : start].copy() for start in starts]


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _hush(left, right):
    for i in range(left.shape[0]):
        left[i] = right[i] = np.float32(0.0)


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _copy(left, right, over, under):
    for i in range(left.shape[0]):
        over[i], under[i] = left[i], right[i]


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _sounds(left, right):
    top = np.float32(0.0)
    for i in range(left.shape[0]):
        top = max(top, max(abs(left[i]), abs(right[i])))
    return top > np.float32(1e-9)


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _equalise(left, right, k, m, state):
    # Two stages over a stretch; `state` (8,) carries them into the next.
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    c0, c1, c2, d1, d2 = m[0], m[1], m[2], m[3], m[4]
    l1, l2, l3, l4, r1, r2, r3, r4 = state
    for i in range(left.shape[0]):
        x = left[i] + _TINY
        y = b0 * x + l1
        l1 = (b1 * x + l2) - a1 * y
        l2 = b2 * x - a2 * y
        z = c0 * y + l3
        l3 = (c1 * y + l4) - d1 * z
        l4 = c2 * y - d2 * z
        left[i] = z
        x = right[i] + _TINY
        y = b0 * x + r1
        r1 = (b1 * x + r2) - a1 * y
        r2 = b2 * x - a2 * y
        z = c0 * y + r3
        r3 = (c1 * y + r4) - d1 * z
        r4 = c2 * y - d2 * z
        right[i] = z
    return l1, l2, l3, l4, r1, r2, r3, r4


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _one(left, right, k, state):
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    l1, l2, r1, r2 = state
    for i in range(left.shape[0]):
        x = left[i] + _TINY
        y = b0 * x + l1
        l1 = (b1 * x + l2) - a1 * y
        l2 = b2 * x - a2 * y
        left[i] = y
        x = right[i] + _TINY
        y = b0 * x + r1
        r1 = (b1 * x + r2) - a1 * y
        r2 = b2 * x - a2 * y
        right[i] = y
    return l1, l2, r1, r2


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _listen(left, right, k, m, state):
    # The two stages of the K filter, whose output is only measured: (power of both sides, product of the sides).
    a0, a1, a2, a3, a4 = k[0], k[1], k[2], k[3], k[4]
    c3, c4 = m[3], m[4]
    l1, l2, l3, l4, r1, r2, r3, r4 = state
    total = both = 0.0
    for i in range(left.shape[0]):
        x = left[i]
        y = a0 * x + l1
        l1 = (a1 * x + l2) - a3 * y
        l2 = a2 * x - a4 * y
        z = y + l3
        l3 = (l4 - 2.0 * y) - c3 * z
        l4 = y - c4 * z
        heard = z
        x = right[i]
        y = a0 * x + r1
        r1 = (a1 * x + r2) - a3 * y
        r2 = a2 * x - a4 * y
        z = y + r3
        r3 = (r4 - 2.0 * y) - c3 * z
        r4 = y - c4 * z
        total += heard * heard + z * z
        both += heard * z
    return total, both, (l1, l2, l3, l4, r1, r2, r3, r4)


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _trim(stem, k, edges, power, shared):
    # `k`: high-pass, K filter (2), tilt, bell. In stretches that stay in the cache, each with few enough numbers to
    # be held in registers.
    shaped = not (k[3, 0] == 1.0 and k[4, 0] == 1.0)
    rest = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    first, heard = rest, rest
    bell = cut = (0.0, 0.0, 0.0, 0.0)
    for hop in range(power.shape[0]):
        left, right = stem[0, edges[hop] : edges[hop + 1]], stem[1, edges[hop] : edges[hop + 1]]
        ringing = abs(first[0]) + abs(first[1]) + abs(first[4]) + abs(first[5]) + abs(bell[0]) + abs(bell[2])
        ringing += abs(cut[0]) + abs(cut[1]) + abs(cut[2]) + abs(cut[3])
        if ringing < 1e-9 and not _sounds(left, right):
            _hush(left, right)
            continue  # nothing plays, and what played has died
        if shaped:
            first = _equalise(left, right, k[0], k[3], first)
            bell = _one(left, right, k[4], bell)
        else:
            cut = _one(left, right, k[0], cut)
        total, both, heard = _listen(left, right, k[1], k[2], heard)
        power[hop] = total / max(1, left.shape[0])
        shared[hop] = both / max(1, left.shape[0])


@njit(cache=True, nogil=True)
def _place(stem, gain_left, gain_right, sides, copies, lag, duck, depth, sweep, level, breadth):
    mask = 2047
    ring = np.zeros(mask + 1, np.float32)
    low = 0.0
    s1 = s2 = t1 = t2 = 0.0
    ducked, swept = duck.shape[0] > 0 and depth > 0, sweep.shape[0] > 0
    dry = dry_step = 1.0
    f1 = f2 = f3 = 0.0
    quiet = 0
    for begin in range(0, stem.shape[1], GRID):
        end = min(begin + GRID, stem.shape[1])
        left, right = stem[0, begin:end], stem[1, begin:end]
        quiet = 0 if _sounds(left, right) else quiet + 1
        if quiet * GRID > mask + GRID:  # the delayed copy has ended, too
            s1 = s2 = t1 = t2 = low = 0.0
            _hush(left, right)
            continue
        filtered = False
        loud, louder, wide, wider = 1.0, 0.0, 1.0, 0.0
        if level.shape[0] > 0:
            loud, louder = level[begin // GRID], (level[begin // GRID + 1] - level[begin // GRID]) / GRID
        if breadth.shape[0] > 0:
            wide, wider = breadth[begin // GRID], (breadth[begin // GRID + 1] - breadth[begin // GRID]) / GRID
        if swept:
            now, soon = sweep[begin // GRID], sweep[begin // GRID + 1]
            # Between 12 and 20 kHz the filter is blended out, so that it can be left off without a seam.
            dry = min(1.0, max(0.0, math.log2(now / 12_000.0) / 0.73))
            goal = min(1.0, max(0.0, math.log2(soon / 12_000.0) / 0.73))
            dry_step = (goal - dry) / GRID
            filtered = dry < 1.0 or goal < 1.0
            if filtered:
                g = math.tan(math.pi * min(now, 20_000.0) / _RATE)
                f1 = 1.0 / (1.0 + g * (g + 1.2))
                f2 = g * f1
                f3 = g * f2
            else:
                s1 = s2 = t1 = t2 = 0.0
        for n in range(end - begin):
            i = begin + n
            x, y = left[n], right[n]
            if copies > 0 or sides != 1.0:
                middle = 0.5 * (x + y)
                late = ring[(i - lag) & mask]
                ring[i & mask] = middle
                low += (late - low) * 0.04 + _TINY  # below 300 Hz the bass stays in the middle
                side = (wide + wider * n) * (0.5 * sides * (x - y) + copies * (late - low))
                x, y = middle + side, middle - side
            if filtered:
                v = x - s2 + _TINY
                u = f1 * s1 + f2 * v
                w = s2 + f2 * s1 + f3 * v
                s1, s2 = 2.0 * u - s1, 2.0 * w - s2
                x = w + dry * (x - w)
                v = y - t2 + _TINY
                u = f1 * t1 + f2 * v
                w = t2 + f2 * t1 + f3 * v
                t1, t2 = 2.0 * u - t1, 2.0 * w - t2
                y = w + dry * (y - w)
                dry += dry_step
            shade = (1.0 - depth * duck[i] if ducked else 1.0) * (loud + louder * n)
            left[n] = gain_left * shade * x
            right[n] = gain_right * shade * y


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _rectify(left, right):
    for i in range(left.shape[0]):
        left[i], right[i] = abs(left[i]), abs(right[i])


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _lay(left, right, over, under, amount):
    gain = np.float32(amount)
    for i in range(left.shape[0]):
        left[i] += gain * over[i]
        right[i] += gain * under[i]


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _compare(left, right, sums):
    # Power of the middle, power of the sides and their product, of every fourth frame.
    middle = side = shared = 0.0
    for i in range(0, left.shape[0], 4):
        m, s = np.float64(left[i] + right[i]), np.float64(left[i] - right[i])
        middle += m * m
        side += s * s
        shared += m * s
    sums[0] += middle
    sums[1] += side
    sums[2] += shared


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _colour(sound, before, start, k, air, power, sums):
    # One stretch of `colour`, hop by hop; the first hops are those of `before`, which only bring the filters to where
    # they would be.
    rest = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    one, two, three, heard, rough, fine = rest, rest, rest, rest, rest, rest
    last = (0.0, 0.0, 0.0, 0.0)
    over, under = np.empty(HOP, np.float32), np.empty(HOP, np.float32)
    lead = before.shape[1]
    for at in range(start - lead, min(start + STRETCH, sound.shape[1]), HOP):
        end = min(at + HOP, sound.shape[1])
        if at < start:
            left, right = (
                before[0, at - start + lead : end - start + lead],
                before[1, at - start + lead : end - start + lead],
            )
        else:
            left, right = sound[0, at:end], sound[1, at:end]
        if air > 0:
            high, low = over[: end - at], under[: end - at]
            _copy(left, right, high, low)
            rough = _equalise(high, low, k[9], k[9], rough)
            _rectify(high, low)
            fine = _equalise(high, low, k[10], k[10], fine)
            _lay(left, right, high, low, air)
        one = _equalise(left, right, k[0], k[1], one)
        two = _equalise(left, right, k[2], k[3], two)
        three = _equalise(left, right, k[4], k[5], three)
        last = _one(left, right, k[6], last)
        total, _, heard = _listen(left, right, k[7], k[8], heard)
        if at >= start:
            power[at // HOP] = total / (end - at)
            _compare(left, right, sums)


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR, error_model="numpy")
def _warm(row, push):
    # Unity for quiet sound, rounder the louder it is.
    for i in range(row.shape[0]):
        x = push * row[i]
        row[i] = row[i] / np.sqrt(np.float32(1.0) + x * x)


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _widen(sound, before, start, k, width, gain, push):
    # One stretch of `widen`.
    b0, b1, b2, a1, a2 = k[0], k[1], k[2], k[3], k[4]
    z1 = z2 = 0.0
    for i in range(before.shape[1]):
        side = 0.5 * gain * width * (before[0, i] - before[1, i]) + _TINY
        v = b0 * side + z1
        z1 = (b1 * side + z2) - a1 * v
        z2 = b2 * side - a2 * v
    for at in range(start, min(start + STRETCH, sound.shape[1]), HOP):
        end = min(at + HOP, sound.shape[1])
        left, right = sound[0, at:end], sound[1, at:end]
        for i in range(end - at):
            x, y = left[i], right[i]
            middle, side = 0.5 * gain * (x + y), 0.5 * gain * width * (x - y) + _TINY
            v = b0 * side + z1
            z1 = (b1 * side + z2) - a1 * v
            z2 = b2 * side - a2 * v
            left[i] = middle + v
            right[i] = middle - v
        _warm(left, push)
        _warm(right, push)


@njit(cache=True, nogil=True)
def add(total, sound, start, end):
    """total += sound, frames `start` to `end`."""
    for side in range(2):
        into, source = total[side, start:end], sound[side, start:end]
        for i in range(into.shape[0]):
            into[i] += source[i]


@njit(cache=True, nogil=True)
def send(room, sound, amount, factor, start, end):
    """room += amount * factor * sound, frames `start`, a whole number of GRID, to `end`; `factor` one value per GRID
    frames, or empty."""
    for begin in range(start, end, GRID):
        stop = min(begin + GRID, end)
        gain, rise = np.float32(amount), np.float32(0.0)
        if factor.shape[0] > 0:
            at = begin // GRID
            gain, rise = np.float32(amount * factor[at]), np.float32(amount * (factor[at + 1] - factor[at]) / GRID)
        for side in range(2):
            into, source = room[side, begin:stop], sound[side, begin:stop]
            for i in range(into.shape[0]):
                into[i] += (gain + rise * np.float32(i)) * source[i]
