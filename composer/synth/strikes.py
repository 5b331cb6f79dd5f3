"""How each drum is made: one hit from sines, noise and a kit's taste. Numbers in, a short stereo sound out.

Conventions: 48 kHz; mono working arrays (frames,), hits float32 (2, frames); decays in seconds to 1/e; `kit` is a `Kit`
of `composer.synth.kits`, `rng` makes the round robins differ.
Metal is a crowd of inharmonic partials with noise around it, each band with its own decay, since that is what keeps
cymbals from sounding like a hiss (Fletcher & Rossing 1998, chapter 20).
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

import dsp
from song.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from composer.synth.kits import Kit

_TURN = 64  # samples of a partial that are turned at once
Random = np.random.Generator
Hit = Callable[["Kit", Random], np.ndarray]


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _fall(t: np.ndarray, decay: float, rise: float = 0.0005) -> np.ndarray:
    return np.exp(-t / decay) * np.minimum(1.0, t / rise)


def _sweep(hertz: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE)


def _noise(rng: Random, t: np.ndarray, low: float, high: float, steep: bool = False) -> np.ndarray:
    """Noise between two frequencies, RMS 1 before filtering."""
    stages = [dsp.highpass(low, SAMPLE_RATE), dsp.lowpass(high, SAMPLE_RATE)] * (2 if steep else 1)
    return dsp.filter(rng.standard_normal(len(t), np.float32), np.concatenate(stages))


def _burst(rng: Random, t: np.ndarray, low: float, high: float, decay: float, rise: float = 0.0005) -> np.ndarray:
    """Noise between two frequencies that dies with `decay`; made only for as long as it can be heard."""
    total = np.zeros(len(t), np.float32)
    stages = np.concatenate([dsp.highpass(low, SAMPLE_RATE), dsp.lowpass(high, SAMPLE_RATE)])
    _rasp(total, int(rng.integers(1, 1 << 30)), stages, math.exp(-1 / (decay * SAMPLE_RATE)), 1 / (rise * SAMPLE_RATE))
    return total


@njit(cache=True, nogil=True)
def _rasp(total, state, k, fall, rise):
    b0, b1, b2, a1, a2 = k[0, 0], k[0, 1], k[0, 2], k[0, 3], k[0, 4]
    c0, c1, c2, d1, d2 = k[1, 0], k[1, 1], k[1, 2], k[1, 3], k[1, 4]
    y1 = y2 = z1 = z2 = 0.0
    level, up = 1.7320508, 0.0  # even noise has a third of the power of its peaks
    for i in range(total.shape[0]):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        x = state / 1073741824.0 - 1.0
        y = b0 * x + y1
        y1 = b1 * x - a1 * y + y2
        y2 = b2 * x - a2 * y
        z = c0 * y + z1
        z1 = c1 * y - d1 * z + z2
        z2 = c2 * y - d2 * z
        up = min(1.0, up + rise)
        total[i] = z * level * up
        level *= fall
        if level < 2e-5:
            break


def _metal(
    rng: Random, t: np.ndarray, low: float, high: float, count: int, decay: float, tilt: float = 0.0, even: float = 0.35
) -> np.ndarray:
    """A crowd of partials spread evenly by ear; `tilt` in dB per octave, `even` 0-1 how much sooner high ones die."""
    hertz = low * (high / low) ** ((np.arange(count) + rng.uniform(0.1, 0.9, count)) / count)
    octaves = np.log2(hertz / low)
    levels = 10 ** (tilt * octaves / 20) * rng.uniform(0.5, 1, count) / math.sqrt(count)
    lengths = decay * 2 ** (even * (1 - octaves)) * rng.uniform(0.7, 1.2, count)
    total = np.zeros(len(t), np.float32)
    _crowd(total, hertz, levels, lengths, rng.uniform(0, 2 * np.pi, count))
    return total * np.minimum(1, t / 0.0008).astype(np.float32)


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract", "nnan", "nsz", "reassoc"})
def _spiral(x, y, cos, sin, block):
    # Neighbouring samples of one partial, in vector registers; all turn on together.
    for k in range(_TURN):
        a, b = x[k], y[k]
        block[k] += b
        x[k] = a * cos - b * sin
        y[k] = a * sin + b * cos


@njit(cache=True, nogil=True)
def _crowd(total, hertz, levels, lengths, phases):
    # Each partial is a point that spirals inwards.
    x, y = np.zeros(_TURN, np.float32), np.zeros(_TURN, np.float32)
    for j in range(hertz.shape[0]):
        fall, angle = -1.0 / (lengths[j] * SAMPLE_RATE), 2.0 * math.pi * hertz[j] / SAMPLE_RATE
        for k in range(_TURN):
            x[k] = levels[j] * math.exp(fall * k) * math.cos(phases[j] + angle * k)
            y[k] = levels[j] * math.exp(fall * k) * math.sin(phases[j] + angle * k)
        cos = np.float32(math.exp(_TURN * fall) * math.cos(_TURN * angle))
        sin = np.float32(math.exp(_TURN * fall) * math.sin(_TURN * angle))
        for begin in range(0, min(total.shape[0], int(8.0 * lengths[j] * SAMPLE_RATE)) - _TURN + 1, _TURN):
            _spiral(x, y, cos, sin, total[begin : begin + _TURN])


def _stereo(left: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
    return np.stack([left, left if right is None else right]).astype(np.float32)


def kick(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(min(1.4, kit.kick_decay * 5 + 0.1))
    drop = kit.kick_hertz * (1 + kit.kick_sweep * np.exp(-t / 0.022) + 3 * kit.kick_sweep * np.exp(-t / 0.0045))
    body = np.tanh(kit.kick_drive * _sweep(drop * rng.uniform(0.99, 1.01)) * _fall(t, kit.kick_decay, 0.001)) / np.tanh(
        kit.kick_drive
    )
    click = _burst(rng, t, 1200, 6500, 0.0035, 0.0003)
    beater = np.sin(2 * np.pi * 2600 * t) * _fall(t, 0.004, 0.0008)
    skin = _burst(rng, t, 90, 900, 0.028)
    return _stereo(body + kit.kick_click * (0.35 * click + 0.3 * beater) + 0.18 * kit.kick_click * skin)


def snare(kit: "Kit", rng: Random, tune: float = 1.0) -> np.ndarray:
    t = _time(0.25 + 4 * kit.snare_wires)
    f = kit.snare_hertz * tune * rng.uniform(0.985, 1.015)
    shell = _sweep(f * (1 + 0.6 * np.exp(-t / 0.008))) * _fall(t, kit.snare_body)
    shell += 0.6 * np.sin(2 * np.pi * f * 1.593 * t) * _fall(t, kit.snare_body * 0.65)
    shell += 0.3 * np.sin(2 * np.pi * f * 2.296 * t) * _fall(t, kit.snare_body * 0.4)
    snap = _burst(rng, t, 2500, 9000, 0.007)
    rise = 0.012 if kit.brushes else 0.0008
    wires = [_burst(rng, t, kit.snare_low, kit.snare_high, kit.snare_wires, rise) for _ in range(2)]
    middle = 0.7 * wires[0] + 0.3 * wires[1]
    level = 0.8 * kit.snare_noise
    snappy = 0.1 if kit.brushes else 0.35
    left, right = (np.tanh(1.2 * (0.75 * shell + snappy * snap + level * (0.7 * middle + 0.45 * w))) for w in wires)
    return _stereo(left, right)


def rim(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.14)
    wood = np.sin(2 * np.pi * 1720 * rng.uniform(0.98, 1.02) * t) * _fall(t, 0.009) + 0.7 * np.sin(
        2 * np.pi * 510 * t
    ) * _fall(t, 0.014)
    return _stereo(np.tanh(1.5 * (wood + 0.35 * _burst(rng, t, 1500, 6000, 0.005))))


def clap(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.5)
    sides = []
    for _ in range(2):
        hands = sum(np.where(t >= d, np.exp(-np.maximum(0, t - d) / 0.006), 0) for d in rng.uniform(0, 0.028, 5))
        tail = np.where(t >= 0.024, np.exp(-np.maximum(0, t - 0.024) / kit.clap_decay), 0)
        grain = _noise(rng, t, 700, 5200) + 1.2 * _noise(rng, t, 900, 1500)
        sides.append(grain * (0.6 * hands + 0.75 * tail) * np.minimum(1, t / 0.001))
    return _stereo(
        np.tanh(0.8 * (0.75 * sides[0] + 0.25 * sides[1])), np.tanh(0.8 * (0.25 * sides[0] + 0.75 * sides[1]))
    )


def snap(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.25)
    finger = _noise(rng, t, 1300, 4200) * (_fall(t, 0.006) + 0.5 * np.exp(-(((t - 0.012) / 0.002) ** 2)))
    return _stereo(
        finger + 0.4 * np.sin(2 * np.pi * 2250 * t) * _fall(t, 0.012) + 0.12 * _burst(rng, t, 900, 4000, 0.05)
    )


def _hat(kit: "Kit", rng: Random, decay: float, stick: float) -> np.ndarray:
    t = _time(min(1.6, 0.03 + 5 * decay))
    metal = _metal(rng, t, kit.hat_low, 13_500, 30, 1.3 * decay, -2.0) * np.minimum(1, t / 0.0006)
    edge = _burst(rng, t, kit.hat_low * 1.15, kit.hat_high, decay, 0.0008)
    tick = _burst(rng, t, 2500, 7000, 0.002)
    sound = 0.8 * metal + 1.2 * edge + stick * tick
    tone = np.concatenate([dsp.highpass(0.85 * kit.hat_low, SAMPLE_RATE), dsp.lowpass(kit.hat_high, SAMPLE_RATE, 0.6)])
    sound = dsp.filter(sound.astype(np.float32), tone)
    sway = 0.12 * _burst(rng, t, kit.hat_low, kit.hat_high, decay)
    return _stereo(sound + sway, sound - sway)


def closed_hat(kit: "Kit", rng: Random) -> np.ndarray:
    return _hat(kit, rng, kit.hat_decay * rng.uniform(0.9, 1.1), 0.25)


def pedal_hat(kit: "Kit", rng: Random) -> np.ndarray:
    return _hat(kit, rng, kit.hat_decay * 0.8, 0.05)


def open_hat(kit: "Kit", rng: Random) -> np.ndarray:
    return _hat(kit, rng, kit.hat_open, 0.2)


def _cymbal(kit: "Kit", rng: Random, decay: float, pitch: float, splash: float, ping: float) -> np.ndarray:
    """Partials that both sides share, a wash of noise of their own, and the stick."""
    t = _time(3.6 * decay)
    shared = 0.8 * _metal(rng, t, 480 * pitch, 12_500, 56, 0.75 * decay, 0.2, 0.15)
    sides = []
    for _ in range(2):
        wash = 0.10 * _burst(rng, t, 600 * pitch, 1800, 0.6 * decay, 0.012)
        wash += 0.7 * _burst(rng, t, 2200, 5200, 0.62 * decay, 0.008)
        wash += 0.85 * _burst(rng, t, 5000, kit.metal_high, 0.42 * decay, 0.004)
        wash += 0.5 * _burst(rng, t, 2500, kit.metal_high, 0.05, 0.001)
        sides.append(splash * wash + shared + 0.5 * _metal(rng, t, 900 * pitch, 12_500, 20, 0.6 * decay, -0.4, 0.15))
    stick = ping * (_burst(rng, t, 2600, 7500, 0.004) + 0.5 * np.sin(2 * np.pi * 3150 * pitch * t) * _fall(t, 0.09))
    tone = np.concatenate([dsp.highpass(380 * pitch, SAMPLE_RATE), dsp.lowpass(kit.metal_high, SAMPLE_RATE, 0.6)])
    return dsp.filter(_stereo(sides[0] + stick, sides[1] + stick), tone)


def crash(kit: "Kit", rng: Random) -> np.ndarray:
    return _cymbal(kit, rng, kit.crash_decay, 1.0, 1.0, 0.0)


def second_crash(kit: "Kit", rng: Random) -> np.ndarray:
    return _cymbal(kit, rng, kit.crash_decay * 0.85, 1.22, 1.0, 0.0)


def ride(kit: "Kit", rng: Random) -> np.ndarray:
    return _cymbal(kit, rng, 0.75, 1.15, 0.16, 1.3)


def ride_bell(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(2.0)
    rows = (
        (731, 1.0, 0.6),
        (1183, 0.8, 0.5),
        (1741, 0.8, 0.42),
        (2689, 0.6, 0.3),
        (3907, 0.5, 0.22),
        (5417, 0.3, 0.15),
    )
    bell = sum(level * np.sin(2 * np.pi * f * t) * _fall(t, decay, 0.001) for f, level, decay in rows)
    return (
        0.6 * _cymbal(kit, rng, 0.6, 1.15, 0.1, 0.6)[:, : len(t)]
        + 0.5 * _stereo(bell)[:, : int(4.2 * 0.6 * SAMPLE_RATE)]
    )


def _skin(
    rng: Random, hertz: float, decay: float, drop: float, modes: tuple[float, ...], slap: float, bright: float
) -> np.ndarray:
    t = _time(5 * decay + 0.05)
    f = hertz * rng.uniform(0.99, 1.01)
    bend = 1 + drop * np.exp(-t / 0.03)
    body = sum(_sweep(f * r * bend) * _fall(t, decay / r**0.9, 0.0012) / (k + 1) ** 0.8 for k, r in enumerate(modes))
    hand = _burst(rng, t, 0.8 * hertz, bright, 0.012) + 0.25 * _burst(rng, t, 0.8 * hertz, bright, 0.05)
    return _stereo(np.tanh(0.9 * (body + slap * hand)))


def tom(hertz: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        return _skin(rng, hertz * kit.tom_tune, kit.tom_decay, 0.35, kit.tom_modes, 0.4, 4000)

    return hit


def hand_drum(hertz: float, decay: float, slap: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        return _skin(rng, hertz, decay, 0.06, (1.0, 1.62, 2.31), slap, 5500)

    return hit


def taiko(kit: "Kit", rng: Random) -> np.ndarray:
    low = _skin(rng, 58, 0.5, 0.6, (1.0, 1.59, 2.14, 2.65), 0.0, 1200)
    t = np.arange(low.shape[1]) / SAMPLE_RATE
    thud = _burst(rng, t, 90, 700, 0.06, 0.002) + 0.35 * _burst(rng, t, 700, 3500, 0.018)
    return np.tanh(1.3 * (low + 0.7 * _stereo(thud))).astype(np.float32)


def tambourine(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.35)
    jingles = np.zeros(len(t))
    for delay, level in ((0.0, 1.0), (0.016, 0.5), (0.035, 0.35)):
        late = int(delay * SAMPLE_RATE)
        jingles[late:] += (
            level
            * _metal(rng, t, 4200, 10_500, 18, 0.05, -0.5)[: len(t) - late]
            * np.minimum(1, t[: len(t) - late] / 0.002)
        )
    return _stereo(jingles + 0.12 * _burst(rng, t, 5000, 9500, 0.05, 0.003))


def shaker(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.13)
    shape = np.sin(np.pi * np.clip(t / rng.uniform(0.075, 0.095), 0, 1)) ** 2 + 0.6 * np.exp(
        -(((t - 0.075) / 0.008) ** 2)
    )
    return _stereo(_noise(rng, t, 3800, 8500, steep=True) * shape)


def cowbell(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.4)
    bars = sum(np.tanh(2.5 * np.sin(2 * np.pi * f * t)) for f in (562, 845))
    ring = dsp.filter(
        (bars * (0.7 * _fall(t, 0.018) + 0.4 * _fall(t, 0.09))).astype(np.float32), dsp.bandpass(950, SAMPLE_RATE, 0.7)
    )
    return _stereo(ring)


def claves(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.15)
    return _stereo(
        np.sin(2 * np.pi * 2480 * rng.uniform(0.995, 1.005) * t) * _fall(t, 0.022)
        + 0.15 * np.sin(2 * np.pi * 4100 * t) * _fall(t, 0.008)
    )


def triangle(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(1.8)
    return _stereo(_metal(rng, t, 1900, 9000, 7, 0.5) * np.minimum(1, t / 0.001))


def muted_triangle(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.3)
    return _stereo(_metal(rng, t, 1900, 9000, 7, 0.05) * np.minimum(1, t / 0.001))


def timbale(hertz: float) -> Hit:
    """A metal shell under a tight skin."""

    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        skin = _skin(rng, hertz, 0.13, 0.04, (1.0, 1.59, 2.14, 2.65), 0.7, 6500)
        t = np.arange(skin.shape[1]) / SAMPLE_RATE
        return skin + _stereo(0.3 * _metal(rng, t, 5.5 * hertz, 7000, 9, 0.12))

    return hit


def cascara(kit: "Kit", rng: Random) -> np.ndarray:
    """The stick on the shell of a timbale."""
    t = _time(0.2)
    return _stereo(0.8 * _metal(rng, t, 1500, 6500, 9, 0.022) + 0.5 * _burst(rng, t, 2500, 8000, 0.004))


def agogo(hertz: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        t = _time(0.7)
        rows = ((1.0, 1.0, 0.16), (1.48, 0.35, 0.1), (2.76, 0.4, 0.07), (4.1, 0.2, 0.04))
        bell = sum(level * np.sin(2 * np.pi * hertz * r * t) * _fall(t, decay) for r, level, decay in rows)
        return _stereo(bell + 0.15 * _burst(rng, t, 2500, 8000, 0.004))

    return hit


def woodblock(hertz: float) -> Hit:
    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        t = _time(0.2)
        f = hertz * rng.uniform(0.99, 1.01)
        wood = np.sin(2 * np.pi * f * t) * _fall(t, 0.02) + 0.5 * np.sin(2 * np.pi * 2.63 * f * t) * _fall(t, 0.008)
        return _stereo(np.tanh(1.4 * (wood + 0.25 * _burst(rng, t, 1200, 6000, 0.004))))

    return hit


def guiro(seconds: float) -> Hit:
    """A stick drawn over the notches of a gourd, for `seconds`."""

    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        t = _time(seconds + 0.08)
        rate = 150.0 if seconds > 0.1 else 190.0  # notches in a second
        notch = np.exp(-3.5 * (t * rate * (1 + 0.3 * t / seconds) % 1.0))
        shape = np.minimum(1, t / (0.25 * seconds)) * np.minimum(1, np.maximum(0, seconds + 0.02 - t) / 0.02)
        grain = 1.2 * _noise(rng, t, 1900, 3400) + 0.6 * _noise(rng, t, 3400, 8500)
        return _stereo(grain * notch * shape)

    return hit


def cabasa(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.16)
    shape = np.minimum(1, t / 0.004) * (np.exp(-t / 0.02) + 0.5 * np.exp(-(((t - 0.045) / 0.012) ** 2)))
    return _stereo(_noise(rng, t, 5200, 10_500, steep=True) * shape)


def bodhran(hertz: float, decay: float, tip: float) -> Hit:
    """A goat skin on a frame; `tip` 0-1 how much of the stick is heard."""

    def hit(kit: "Kit", rng: Random) -> np.ndarray:
        skin = _skin(rng, hertz, decay, 0.22, (1.0, 1.59, 2.14), 0.5 * tip, 2400)
        t = np.arange(skin.shape[1]) / SAMPLE_RATE
        return skin + _stereo(0.4 * tip * _burst(rng, t, 1100, 4500, 0.006))

    return hit


def surdo(kit: "Kit", rng: Random) -> np.ndarray:
    return _skin(rng, 66, 0.32, 0.18, (1.0, 1.59, 2.14), 0.25, 1400)


def brush(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(0.55)
    circle = np.sin(np.pi * np.clip(t / 0.5, 0, 1)) ** 1.5 * (1 + 0.3 * np.sin(2 * np.pi * 9 * t))
    return _stereo(_noise(rng, t, 900, 4800) * circle, _noise(rng, t, 900, 4800) * circle[::-1])


def impact(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(3.2)
    boom = np.tanh(1.8 * _sweep(33 + 65 * np.exp(-t / 0.07)) * _fall(t, 0.7, 0.002))
    debris = [(_burst(rng, t, 120, 2200, 0.09, 0.001) + 0.25 * _burst(rng, t, 120, 2200, 0.6)) for _ in range(2)]
    return _stereo(boom + 0.5 * debris[0], boom + 0.5 * debris[1])


def sub_drop(kit: "Kit", rng: Random) -> np.ndarray:
    t = _time(2.4)
    return _stereo(np.tanh(1.4 * _sweep(30 + 62 * np.exp(-t / 0.55)) * _fall(t, 1.0, 0.004)))


def riser(kit: "Kit", rng: Random, seconds: float) -> np.ndarray:
    """Noise and a rising tone that end together after `seconds`."""
    t = _time(max(0.25, seconds))
    x = t / t[-1]
    sides = []
    for _ in range(2):
        layers = zip((500, 1500, 3600), (1600, 4200, 9500), (0.15, 0.45, 0.8), strict=True)
        sides.append(
            sum(_noise(rng, t, low, high) * np.exp(-(((x - when - 0.1) / 0.33) ** 2)) for low, high, when in layers)
        )
    tone = _sweep(110 * 2 ** (2.6 * x)) + 0.6 * _sweep(165 * 2 ** (2.6 * x)) + 0.4 * _sweep(221 * 2 ** (2.6 * x))
    shape = x**2 * np.minimum(1, (t[-1] - t) / 0.006)
    pulse = 0.75 + 0.25 * np.cos(2 * np.pi * np.cumsum(4 + 12 * x**2) / SAMPLE_RATE)
    return _stereo((0.5 * sides[0] * pulse + 0.16 * tone) * shape, (0.5 * sides[1] * pulse + 0.16 * tone) * shape)


def reverse_cymbal(kit: "Kit", rng: Random, seconds: float) -> np.ndarray:
    """A crash played backwards whose attack falls on the end of `seconds`."""
    hit = crash(kit, rng)[:, : int(max(0.25, seconds) * SAMPLE_RATE)]
    hit = dsp.fade(hit, SAMPLE_RATE, 0.004, min(0.3, seconds / 2))
    swell = np.exp(np.linspace(-2.5, 0, hit.shape[1])).astype(np.float32)
    return np.ascontiguousarray(dsp.fade(hit[:, ::-1] * swell, SAMPLE_RATE, 0.05, 0.006))
