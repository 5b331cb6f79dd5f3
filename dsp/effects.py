"""Dynamics, time and space: fade, compressor, ducking, echo, and a room.

Source: Jot & Chaigne 1991 (feedback delay network).
"""

import math

import numpy as np
from numba import njit

from dsp.filters import FUSED, TINY
from dsp.hands import each
from dsp.limiter import VECTOR

_BLOCK = 32  # frames that a line of the room moves at a time


def fade(samples: np.ndarray, sample_rate: float, fade_in: float = 0.0, fade_out: float = 0.0) -> np.ndarray:
    """Raised-cosine fades, in seconds. The very last sample of a fade-out is zero."""
    faded = np.array(samples, np.float32)
    frames = faded.shape[-1]
    rise, fall = (min(frames, round(seconds * sample_rate)) for seconds in (fade_in, fade_out))
    if rise > 0:
        faded[..., :rise] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)).astype(np.float32)
    if fall > 0:
        faded[..., frames - fall :] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)).astype(np.float32)
    return faded


def compress(
    samples: np.ndarray,
    sample_rate: float,
    threshold_db: float,
    ratio: float,
    attack: float = 0.01,
    release: float = 0.15,
) -> np.ndarray:
    """Stereo compressor, (2, frames): RMS detector with both channels linked, 6 dB soft knee, no make-up gain."""
    sound = np.array(samples, np.float32, order="C")
    compress_inplace(sound, sample_rate, threshold_db, ratio, attack, release)
    return sound


def compress_inplace(
    samples: np.ndarray, sample_rate: float, threshold_db: float, ratio: float, attack: float, release: float
) -> None:
    """Like `compress`, overwriting float32 (2, frames)."""
    rise, fall = (math.exp(-_STRIDE / (seconds * sample_rate)) for seconds in (attack, release))
    _compress(samples, float(threshold_db), float(ratio), rise, fall)


def reverb(
    send: np.ndarray, sample_rate: float, seconds: float, damping: float = 0.4, predelay: float = 0.018
) -> np.ndarray:
    """What a room answers to `send`, (2, frames) -> (2, frames), the direct sound not included.

    seconds   time to fall by 60 dB, 0.2-10
    damping   0 bright walls - 1 curtains: how much sooner the highs die
    """
    scale = sample_rate / 48_000
    lines = (np.array(_ROOM) * scale).astype(np.int64)
    smears = (np.array(_DIFFUSION) * scale).astype(np.int64)
    gains = 10 ** (-3 * lines / sample_rate / max(0.05, seconds))
    pole = (0.15 + 0.6 * damping) ** (48_000 / sample_rate)
    dry = np.ascontiguousarray(send, np.float32)
    frames = dry.shape[1]
    answer = np.zeros((2, frames), np.float32)
    # A room is linear: it answers each half of a long song by itself, and what rings over is added.
    tail = round(1.7 * seconds * sample_rate)
    middle = frames // 2 // _BLOCK * _BLOCK if frames > 5 * tail else 0
    over = np.zeros((2, tail if middle else 0), np.float32)
    late, drift = max(1, round(predelay * sample_rate)), 0.9 / sample_rate

    def half(number: int) -> None:
        first, last, rest = (middle, frames, over[:, :0].copy()) if number else (0, middle, over)
        _fdn(dry, answer, rest, lines, smears, gains, pole, late, drift, first, last)

    if not middle:
        half(1)
        return answer
    each(half, range(2))
    answer[:, middle : middle + tail] += over
    return answer


def echo(samples: np.ndarray, sample_rate: float, seconds: float, amount: float, feedback: float = 0.4) -> None:
    """Adds a ping-pong echo to (2, frames) in place: each repeat changes sides, loses highs and bass."""
    lag = max(64, round(seconds * sample_rate))
    _echo(samples, lag, float(amount), float(feedback), 1 - math.exp(-2 * math.pi * 3200 / sample_rate))


def duck_curve(frames: int, sample_rate: float, hits: np.ndarray, seconds: float) -> np.ndarray:
    """How far a side-chained part is pushed down, 0-1, (frames,): 4 ms before each hit, back in `seconds`."""
    curve = np.zeros(frames, np.float32)
    dip = max(8, round(0.004 * sample_rate))
    back = max(8, round(seconds * sample_rate))
    shape = np.concatenate(
        [np.sin(np.pi / 2 * np.arange(dip) / dip) ** 2, np.cos(np.pi / 2 * np.arange(back) / back) ** 2]
    )
    for hit in np.asarray(hits, np.int64) - dip:
        a, b = max(0, hit), min(frames, hit + len(shape))
        if a < b:
            np.maximum(curve[a:b], shape[a - hit : b - hit].astype(np.float32), out=curve[a:b])
    return curve


_LOOK = 4800  # frames between two looks at whether an echo is heard
_STRIDE = 16  # gain computers look every so many frames and glide between
_ROOM = (
    1423,
    1637,
    1871,
    2099,
    2339,
    2617,
    2879,
    3169,
)  # line lengths at 48 kHz: primes, so that echoes do not line up
_DIFFUSION = (142, 379, 107, 277)  # all-passes before the room, two per side


@njit(cache=True, nogil=True)
def _compress(sound, threshold_db, ratio, rise, fall):
    frames = sound.shape[1]
    power, gain = 0.0, 1.0
    for start in range(0, frames, _STRIDE):
        end = min(frames, start + _STRIDE)
        total = 0.0
        for i in range(start, end):
            total += max(sound[0, i] * sound[0, i], sound[1, i] * sound[1, i])
        total = total / (end - start) + 1e-12
        power = total + (power - total) * (rise if total > power else fall)
        over = 10.0 * np.log10(power) - threshold_db
        knee = min(max(over + 3.0, 0.0), 6.0)
        over = over if over > 3.0 else knee * knee / 12.0
        target = 10.0 ** (over * (1.0 / ratio - 1.0) / 20.0)
        step = (target - gain) / (end - start)
        for i in range(start, end):
            gain += step
            sound[0, i] *= gain
            sound[1, i] *= gain


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
def _smear(sound, ring, at, lag):
    # A Schroeder all-pass over one block. Its lag is longer than the block, so nothing in the block depends on itself.
    size = ring.shape[0] // 2
    back = (at - lag) % size
    late, now, twin = ring[back : back + _BLOCK], ring[at : at + _BLOCK], ring[at + size : at + size + _BLOCK]
    for i in range(_BLOCK):
        w = sound[i] + np.float32(0.6) * late[i]
        sound[i] = late[i] - np.float32(0.6) * w
        now[i] = w
        twin[i] = w


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
def _blend(line, late, part):
    # What comes out of a line, between two samples where its length is not whole.
    for i in range(_BLOCK):
        line[i] = late[i + 1] + (late[i] - late[i + 1]) * part


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
def _copy(source, into):
    for i in range(_BLOCK):
        into[i] = source[i]


@njit(cache=True, nogil=True)
def _fdn(send, answer, over, lines, smears, gains, pole, predelay, drift, start, stop):
    # What frames `start` to `stop` of the send, as if there were no others, add: until `stop` to `answer`, afterwards
    # to `over`. Block by block: every line is longer than a block. Rings are kept twice in a row, so that a block
    # never wraps.
    size = 4096
    while size < lines.max() + 4 * _BLOCK:
        size *= 2
    store = np.zeros((8, 2 * size), np.float32)
    ring = np.zeros((4, 2 * size), np.float32)
    sides = np.zeros((2, _BLOCK), np.float32)
    taps = np.zeros((_BLOCK, 8), np.float32)
    line = np.zeros(_BLOCK, np.float32)
    g = gains.astype(np.float32)
    g0, g1, g2, g3, g4, g5, g6, g7 = g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7]
    shade = np.float32(pole)
    l0 = l1 = l2 = l3 = l4 = l5 = l6 = l7 = np.float32(0.0)
    end = stop + over.shape[1]
    half, scale, tiny = np.float32(0.5), np.float32(0.35355339059327373), np.float32(1e-18)
    for begin in range(start, end, _BLOCK):
        at = begin % size
        into, gone = (answer, 0) if begin < stop else (over, stop)
        here = min(_BLOCK, (stop if begin < stop else end) - begin)
        for side in range(2):
            sides[side, :] = tiny
            first, last = max(0, start + predelay - begin), min(_BLOCK, stop + predelay - begin)
            if first < last:
                sides[side, first:last] += send[side, begin + first - predelay : begin + last - predelay]
            _smear(sides[side], ring[2 * side], at, smears[2 * side])
            _smear(sides[side], ring[2 * side + 1], at, smears[2 * side + 1])
        phase = (begin + _BLOCK) * drift  # two lines breathe by a few samples, against metallic ringing
        phase -= np.floor(phase)
        sway = 6.0 + 6.0 * (4.0 * abs(phase - 0.5) - 1.0)
        for j in range(8):
            back = lines[j] - (sway if j == 2 else 12.0 - sway if j == 5 else 0.0)
            whole = int(back)
            first = (at - whole - 1) % size
            _blend(line, store[j, first : first + _BLOCK + 1], np.float32(back - whole))
            for i in range(_BLOCK):
                taps[i, j] = line[i]
        for i in range(_BLOCK):  # in each line a one-pole low-pass, then all lines into all by a Hadamard matrix
            row = taps[i]
            l0, l1 = row[0] + (l0 - row[0]) * shade, row[1] + (l1 - row[1]) * shade
            l2, l3 = row[2] + (l2 - row[2]) * shade, row[3] + (l3 - row[3]) * shade
            l4, l5 = row[4] + (l4 - row[4]) * shade, row[5] + (l5 - row[5]) * shade
            l6, l7 = row[6] + (l6 - row[6]) * shade, row[7] + (l7 - row[7]) * shade
            t0, t1, t2, t3, t4, t5, t6, t7 = l0 * g0, l1 * g1, l2 * g2, l3 * g3, l4 * g4, l5 * g5, l6 * g6, l7 * g7
            if i < here:
                into[0, begin - gone + i] = half * (t0 - t2 + t4 - t6)
                into[1, begin - gone + i] = half * (t1 - t3 + t5 - t7)
            a0, a1, a2, a3, a4, a5, a6, a7 = t0 + t1, t0 - t1, t2 + t3, t2 - t3, t4 + t5, t4 - t5, t6 + t7, t6 - t7
            b0, b1, b2, b3, b4, b5, b6, b7 = a0 + a2, a1 + a3, a0 - a2, a1 - a3, a4 + a6, a5 + a7, a4 - a6, a5 - a7
            x0, x1 = sides[0, i], sides[1, i]
            store[0, at + i] = (b0 + b4) * scale + x0
            store[1, at + i] = (b1 + b5) * scale + x1
            store[2, at + i] = (b2 + b6) * scale + x0
            store[3, at + i] = (b3 + b7) * scale + x1
            store[4, at + i] = (b0 - b4) * scale + x0
            store[5, at + i] = (b1 - b5) * scale + x1
            store[6, at + i] = (b2 - b6) * scale + x0
            store[7, at + i] = (b3 - b7) * scale + x1
        for j in range(8):
            _copy(store[j, at : at + _BLOCK], store[j, at + size : at + size + _BLOCK])


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
def _height(left, right):
    top = np.float32(0.0)
    for i in range(left.shape[0]):
        top = max(top, max(abs(left[i]), abs(right[i])))
    return top


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _echo(sound, lag, amount, feedback, tone):
    frames = sound.shape[1]
    ring = np.zeros((2, lag), np.float32)
    low0 = low1 = slow0 = slow1 = 0.0
    keep = 1.0 - tone
    at = quiet = 0
    for begin in range(0, frames, _LOOK):
        end = min(begin + _LOOK, frames)
        silent = _height(sound[0, begin:end], sound[1, begin:end]) < 1e-9
        if silent and quiet > lag:
            continue  # neither the sound nor anything in the ring is heard
        for i in range(begin, end):
            y0, y1 = ring[0, at], ring[1, at]
            low0 = (y0 * tone + TINY) + low0 * keep
            low1 = (y1 * tone + TINY) + low1 * keep
            slow0 = 0.025 * low0 + 0.975 * slow0
            slow1 = 0.025 * low1 + 0.975 * slow1
            x0, x1 = sound[0, i], sound[1, i]
            ring[0, at] = 0.5 * (x0 + x1) + feedback * (low1 - slow1)
            ring[1, at] = feedback * (low0 - slow0)
            sound[0, i] = x0 + amount * (low0 - slow0)
            sound[1, i] = x1 + amount * (low1 - slow1) * 1.6
            at += 1
            if at == lag:
                at = 0
        quiet = quiet + _LOOK if _height(sound[0, begin:end], sound[1, begin:end]) < 1e-9 else 0
