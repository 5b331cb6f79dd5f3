"""The drums of a game console: a triangle that drops, and noise from a shift register read at few rates.

Conventions as in `strikes`.
"""

from typing import TYPE_CHECKING

import numpy as np

import dsp
from composer.synth.strikes import Hit, Random
from song.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from composer.synth.kits import Kit

_LOUDSPEAKER = np.concatenate([dsp.highpass(5200, SAMPLE_RATE), *[dsp.lowpass(9500, SAMPLE_RATE)] * 2])


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _steps(level: np.ndarray) -> np.ndarray:
    """An envelope in the sixteen steps that such a chip has; the last frames reach zero."""
    return np.floor(15.99 * level) / 15


def _register(rng: Random, frames: int, rate: float) -> np.ndarray:
    """One-bit noise that changes `rate` times a second."""
    bits = rng.integers(0, 2, int(frames * rate / SAMPLE_RATE) + 2) * 2.0 - 1.0
    return bits[(np.arange(frames) * rate / SAMPLE_RATE).astype(np.int64)]


def _both(sound: np.ndarray) -> np.ndarray:
    edge = np.minimum(1.0, np.arange(len(sound)) / 24)
    return np.stack([sound * edge] * 2).astype(np.float32)


def kick(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.02 + 4 * kit.kick_decay)
    phase = np.cumsum(kit.kick_hertz * (1 + kit.kick_sweep * np.exp(-t / 0.02))) / SAMPLE_RATE + 0.25
    triangle = np.round(7.5 * (4 * np.abs(phase % 1.0 - 0.5) - 1)) / 7.5
    return _both(triangle * _steps(np.exp(-t / kit.kick_decay)))


def snare(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.02 + 4 * kit.snare_wires)
    shell = 4 * np.abs((kit.snare_hertz * (1 + 0.5 * np.exp(-t / 0.012)) * t) % 1.0 - 0.5) - 1
    noise = _register(rng, len(t), 11_000)
    return _both(0.75 * shell * _steps(np.exp(-t / 0.06)) + 0.5 * noise * _steps(np.exp(-t / kit.snare_wires)))


def clap(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.2)
    return _both(_register(rng, len(t), 7500) * _steps(np.exp(-t / 0.05)) * (1 - 0.5 * ((t * 90) % 1 > 0.5)))


def hat(decay: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        ring = decay or kit.hat_open
        t = _time(0.02 + 4 * ring)
        noise = _register(rng, len(t), 22_000)
        bright = dsp.filter(noise.astype(np.float32), _LOUDSPEAKER)
        return _both(bright * _steps(np.exp(-t / ring)))

    return hit


def crash(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.05 + 3.5 * kit.crash_decay)
    return _both(_register(rng, len(t), 15_000) * _steps(np.exp(-t / kit.crash_decay)))


def tom(hertz: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        t = _time(0.02 + 4 * kit.tom_decay)
        phase = np.cumsum(hertz * (0.55 + 0.45 * np.exp(-t / 0.09))) / SAMPLE_RATE
        return _both((4 * np.abs(phase % 1.0 - 0.5) - 1) * _steps(np.exp(-t / kit.tom_decay)))

    return hit


HITS: dict[int, Hit] = {
    35: kick, 36: kick, 37: hat(0.012), 38: snare, 39: clap, 40: snare, 42: hat(0.022), 44: hat(0.016), 46: hat(0.0),
    49: crash, 57: crash, 51: hat(0.06), 53: hat(0.08), 41: tom(110), 43: tom(125), 45: tom(145), 47: tom(165),
    48: tom(190), 50: tom(220),
}  # fmt: skip
