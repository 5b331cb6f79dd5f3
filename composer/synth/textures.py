"""Noises that sustain: hiss, rain, wind, crackle. One kernel, told apart by numbers.

Conventions: 48 kHz, float32 (2, frames), added to; the same notes as in `voices`, their pitch unused.
"""

import math
from typing import NamedTuple

from numba import njit

from composer.synth.voices import _BLOCK, _RATE, _TINY, LENGTH, SEED, START, VELOCITY, _cosine, _random


class Texture(NamedTuple):
    """Band-passed noise that breathes, and small impacts at random."""

    hiss: float = 0.0
    hertz: float = 3000.0  # centre of the hiss
    q: float = 0.5
    wander: float = 0.0  # octaves by which the centre drifts
    wander_rate: float = 0.1
    sway: float = 0.0  # part of the loudness that comes and goes
    sway_rate: float = 0.2
    crackles: float = 0.0  # impacts in a second
    crackle: float = 0.0
    ring: float = 0.001  # seconds that an impact rings
    crackle_hertz: float = 3500.0
    rumble: float = 0.0
    hum: float = 0.0  # mains, 50 Hz and overtones
    attack: float = 0.8
    release: float = 0.8
    level: float = 1.0


@njit(cache=True, nogil=True)
def texture(out, notes, patch):
    """Plays `notes` with a Texture patch (all fields float)."""
    for n in range(notes.shape[0]):
        start = int(notes[n, START])
        total = min(int(notes[n, LENGTH] + patch.release * _RATE), out.shape[1] - start)
        length = notes[n, LENGTH] / _RATE
        state = int(notes[n, SEED]) & 0x7FFFFFFF
        gain = 0.3 * patch.level * notes[n, VELOCITY]
        for side in range(2):
            a1 = a2 = c1 = c2 = low = deep = 0.0
            cos = sin = fall = 0.0
            before = 0.0
            for offset in range(0, total, _BLOCK):
                t = (offset + _BLOCK) / _RATE
                after = min(1.0, t / patch.attack) if t < length else max(0.0, 1.0 - (t - length) / patch.release)
                after = after * after * (3.0 - 2.0 * after)
                where = 0.13 * side
                drift = _cosine(patch.wander_rate * t + where) + 0.6 * _cosine(
                    patch.wander_rate * 2.71 * t + 2.0 * where
                )
                breath = 1.0 - patch.sway * (
                    0.5 + 0.3 * _cosine(patch.sway_rate * t + where) + 0.2 * _cosine(patch.sway_rate * 3.3 * t)
                )
                g = math.tan(math.pi * min(15_000.0, patch.hertz * 2.0 ** (0.6 * patch.wander * drift)) / _RATE)
                k = 1.0 / patch.q
                f1 = 1.0 / (1.0 + g * (g + k))
                f2 = g * f1
                for i in range(min(_BLOCK, total - offset)):
                    state = _random(state)
                    noise = state / 1073741824.0 - 1.0
                    v = noise - a2
                    u = f1 * a1 + f2 * v
                    w = a2 + f2 * a1 + g * f2 * v
                    a1, a2 = 2.0 * u - a1, 2.0 * w - a2
                    sound = patch.hiss * breath * u * k
                    if patch.rumble > 0:
                        low += (noise - low) * 0.004
                        deep += (low - deep) * 0.002  # what stays below 15 Hz is only strain
                        sound += patch.rumble * 6.0 * (low - deep)
                    if patch.crackles > 0:
                        state = _random(state)
                        if state < patch.crackles / _RATE * 2147483648.0:
                            state = _random(state)
                            size = state / 2147483648.0
                            state = _random(state)
                            hertz = patch.crackle_hertz * 2.0 ** (1.6 * (state / 1073741824.0 - 1.0))
                            fall = math.exp(-1.0 / (patch.ring * _RATE))
                            cos = fall * math.cos(6.2831853 * hertz / _RATE)
                            sin = fall * math.sin(6.2831853 * hertz / _RATE)
                            c1 += patch.crackle * size**4 * (1.0 if state & 1024 else -1.0)
                        x = c1
                        c1 = cos * x - sin * c2 + _TINY
                        c2 = sin * x + cos * c2
                        sound += c2
                    if patch.hum > 0:
                        at = (offset + i) / _RATE
                        sound += patch.hum * (_cosine(50.0 * at) + 0.6 * _cosine(150.0 * at + 0.1))
                    level = before + (after - before) * i / _BLOCK
                    out[side, start + offset + i] += gain * level * sound
                before = after
