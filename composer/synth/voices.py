"""Four ways to make a tone: analogue, fm, modal and plucked. Each kernel plays all notes of a track into one stem.

Conventions: 48 kHz; `out` is float32 (2, frames) and is added to; `notes` is float64 (notes, 6) with the columns below;
levels are linear, times in seconds, pitch offsets in cents or semitones as named. Every note starts and ends at zero.

One file for all four: numba's cache on disk notices a change in the file of a kernel, not in those it calls elsewhere.

Sources: Välimäki & Huovilainen 2007 (polyBLEP); Zavalishin 2012, "The art of VA filter design" (the TPT state variable
filter); Chowning 1973 (FM); Karplus & Strong 1983 and Jaffe & Smith 1983 (plucked strings); Fletcher & Rossing 1998,
"The physics of musical instruments" (partials of bars and stiff strings).
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from song.audio import SAMPLE_RATE

# Columns of `notes`: frames, frames, hertz, hertz before a glide or 0, 0-1, a whole number.
START, LENGTH, HERTZ, FROM_HERTZ, VELOCITY, SEED = range(6)
LIGHT = 512  # frames between two values of `light`, the octaves by which a section opens or closes the filters
_RATE = float(SAMPLE_RATE)
_BLOCK = 32  # envelopes and modulation are computed once a block and glide in between
_VECTOR = {"contract", "nnan", "nsz", "reassoc"}
_TINY = 1e-15
_CONTROL = 128  # frames between two looks at what moves slowly


class Analogue(NamedTuple):
    """Unison oscillators -> state variable low-pass -> amplifier, as in a subtractive synthesiser."""

    wave: float = 0.0  # 0 saw, 1 pulse, 2 triangle, 3 sine, 4 saw synced to the pitch, 5 triangle in sixteen steps
    voices: float = 1.0
    detune: float = 0.0  # cents between the middle and the outermost voice
    spread: float = 0.0  # 0 mono - 1 voices fill the stereo field
    width: float = 0.5  # of the pulse
    pwm: float = 0.0  # how far the width of the pulse sways
    pwm_rate: float = 0.6
    sync: float = 0.0  # octaves that the envelope drives a synced saw above the pitch
    octave: float = 0.0  # level of one more voice an octave above
    sub: float = 0.0  # level of a sine an octave below (wave 3: at the pitch itself)
    noise: float = 0.0  # breath or bow while the note sounds
    chiff: float = 0.0  # noise of the onset, gone after 60 ms
    fixed: float = 0.0  # 1: every note starts at the same phase, for an even bass
    attack: float = 0.005
    decay: float = 0.3
    sustain: float = 1.0
    release: float = 0.1
    cutoff: float = 2000.0  # hertz at middle C and velocity 80
    track: float = 0.3  # 0 fixed cutoff - 1 follows the pitch
    env: float = 0.0  # octaves that the envelope opens the filter
    env_attack: float = 0.001
    env_decay: float = 0.2
    env_sustain: float = 0.0
    resonance: float = 0.1  # 0-0.95
    poles: float = 2.0  # 2 or 4
    touch: float = 1.0  # octaves from the softest to the hardest note
    lfo_rate: float = 0.0
    lfo_beats: float = 0.0  # cycles in a beat: a wobble in step with the music, instead of `lfo_rate`
    lfo_depth: float = 0.0  # octaves of the cutoff
    vibrato: float = 0.0  # cents
    vibrato_rate: float = 5.2
    vibrato_delay: float = 0.3
    glide: float = 0.06  # time constant of a slide from the note before, where there is one
    bend: float = 0.0  # semitones above the pitch at the onset
    bend_time: float = 0.03
    drift: float = 3.0  # cents by which each voice wanders
    drive: float = 0.0  # 0 clean, 1-8 saturation after the filter
    tremolo: float = 0.0  # part of the loudness that shakes
    tremolo_rate: float = 5.0
    level: float = 1.0


class Fm(NamedTuple):
    """Two pairs of carrier and modulator; the second is the strike (tine, hammer, breath)."""

    ratio: float = 1.0  # modulator over carrier
    depth: float = 1.0  # modulation index
    depth_decay: float = 0.6
    depth_sustain: float = 0.2
    strike_ratio: float = 1.0  # second carrier over the pitch
    strike_mod: float = 14.0
    strike_depth: float = 0.8
    strike_level: float = 0.2
    strike_decay: float = 0.12
    attack: float = 0.002
    decay: float = 2.5
    sustain: float = 0.0
    release: float = 0.2
    touch: float = 1.0  # how much velocity moves the indices
    detune: float = 2.0  # cents between left and right
    tremolo: float = 0.0
    tremolo_rate: float = 4.6
    level: float = 1.0


class Modal(NamedTuple):
    """Partials that ring and die, each at its own pace; the table of partials is passed beside it."""

    attack: float = 0.001
    release: float = 0.25
    stiffness: float = 0.0  # inharmonicity B of a stiff string at middle C
    touch: float = 1.0  # how much a soft note loses its high partials
    shorten: float = 0.5  # how much faster high notes die
    strike: float = 0.0  # level of the hammer's noise
    strike_hertz: float = 2500.0
    tremolo: float = 0.0
    tremolo_rate: float = 5.0
    spread: float = 0.5
    low_left: float = 0.0  # 1: low notes left, high notes right, as at a piano
    level: float = 1.0


class Plucked(NamedTuple):
    """A string: noise burst, delay line, loop filter. Two polarisations slightly out of tune, for life and width."""

    seconds: float = 4.0  # ring time to -60 dB at middle C
    damping: float = 0.3  # 0 steel - 0.5 gut: loss of highs in each round trip
    bright: float = 6000.0  # hertz, of the pluck at velocity 80
    touch: float = 1.5  # octaves from the softest to the hardest pluck
    position: float = 0.18  # where it is plucked, as part of the string
    detune: float = 1.2  # cents between polarisations
    release: float = 0.08
    click: float = 0.0  # finger or pick on the string
    spread: float = 0.4
    level: float = 1.0


@njit(cache=True, nogil=True, inline="always")
def _cosine(turns):
    # cos(2 pi turns) folded to a quarter turn and expanded to the 11th power: error 6e-8, no table, no branch.
    x = abs(turns - np.floor(turns) - 0.5) - 0.25
    y = x * x
    return x * (
        6.283185307179586
        - y
        * (
            41.341702240399755
            - y * (81.60524927607504 - y * (76.70585975306136 - y * (42.05869394489765 - y * 15.09464257682299)))
        )
    )


@njit(cache=True, nogil=True, inline="always")
def _random(state):
    return (state * 1103515245 + 12345) & 0x7FFFFFFF


@njit(cache=True, nogil=True, inline="always")
def _saturate(x):
    x = min(3.0, max(-3.0, x))
    return x * (27.0 + x * x) / (27.0 + 9.0 * x * x)


@njit(cache=True, nogil=True)
def _envelope(t, length, attack, decay, sustain, release):
    # Smooth-step attack, exponential decay to `sustain`, exponential release that truly reaches zero.
    if t <= 0.0 or t >= length + release:
        return 0.0
    if t < attack:
        a = t / attack
        level = a * a * (3.0 - 2.0 * a)
    else:
        level = sustain + (1.0 - sustain) * math.exp(-3.0 * (t - attack) / decay)
    if t > length:
        level *= (math.exp(-5.0 * (t - length) / release) - 0.006737947) / 0.993262053
    return level


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _oscillate(wave, phase, step, width, gain_left, gain_right, left, right):
    # One voice, one block. Phases are computed from the block's start, not accumulated: the loops have no order.
    p0, dt = np.float32(phase), np.float32(step)
    sharp = np.float32(1.0 / max(step, 1e-6))
    gl, gr, one, two, zero = np.float32(gain_left), np.float32(gain_right), np.float32(1), np.float32(2), np.float32(0)
    if wave == 0 and step <= phase <= 1.0 - step * (_BLOCK + 1):  # no edge in this block
        for i in range(_BLOCK):
            y = two * (p0 + dt * np.float32(i)) - one
            left[i] += gl * y
            right[i] += gr * y
    elif wave == 0:
        for i in range(_BLOCK):
            p = p0 + dt * np.float32(i)
            p -= np.floor(p)
            rise, fall = max(zero, one - p * sharp), max(zero, one - (one - p) * sharp)
            y = two * p - one + rise * rise - fall * fall
            left[i] += gl * y
            right[i] += gr * y
    elif wave == 1:
        shift = np.float32(width)
        for i in range(_BLOCK):
            p = p0 + dt * np.float32(i)
            p -= np.floor(p)
            q = p + shift
            q -= np.floor(q)
            rise, fall = max(zero, one - p * sharp), max(zero, one - (one - p) * sharp)
            y = two * p + rise * rise - fall * fall
            rise, fall = max(zero, one - q * sharp), max(zero, one - (one - q) * sharp)
            y -= two * q + rise * rise - fall * fall
            left[i] += gl * y
            right[i] += gr * y
    elif wave == 2:
        for i in range(_BLOCK):
            p = p0 + dt * np.float32(i)
            p -= np.floor(p)
            y = np.float32(4.0) * abs(p - np.float32(0.5)) - one
            left[i] += gl * y
            right[i] += gr * y
    elif wave == 4:  # `width` saws to a cycle, the last one cut off where the cycle ends
        ratio = np.float32(width)
        cut = ratio - np.floor(ratio - np.float32(1e-4))
        fine = sharp / ratio
        for i in range(_BLOCK):
            p = p0 + dt * np.float32(i)
            p -= np.floor(p)
            q = p * ratio
            q -= np.floor(q)
            rise, fall = max(zero, one - p * sharp), max(zero, one - (one - p) * sharp)
            y = two * q - one + cut * (rise * rise - fall * fall)
            if p * sharp >= one:
                rise = max(zero, one - q * fine)
                y += rise * rise
            if p * ratio < ratio - cut:
                fall = max(zero, one - (one - q) * fine)
                y -= fall * fall
            left[i] += gl * y
            right[i] += gr * y
    elif wave == 5:
        for i in range(_BLOCK):
            p = p0 + dt * np.float32(i)
            p -= np.floor(p)
            y = np.floor(np.float32(32.0) * abs(p - np.float32(0.5))) * np.float32(0.133333) - one
            left[i] += gl * y
            right[i] += gr * y
    else:
        for i in range(_BLOCK):
            y = np.float32(_cosine(p0 + dt * np.float32(i)))
            left[i] += gl * y
            right[i] += gr * y


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def analogue(out, notes, patch, light):
    """Plays `notes` with an Analogue patch (all fields float)."""
    frames = out.shape[1]
    left, right = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    phases, cents, gl, gr, steps = np.empty(16), np.empty(16), np.empty(16), np.empty(16), np.empty(16)
    restless = patch.lfo_depth * patch.lfo_rate > 1.0
    f1 = f2 = f3 = 0.0
    voices = int(patch.voices)
    wave = int(patch.wave)
    block_seconds = _BLOCK / _RATE
    for n in range(notes.shape[0]):
        start, velocity, hertz = int(notes[n, START]), notes[n, VELOCITY], notes[n, HERTZ]
        length = notes[n, LENGTH] / _RATE
        state = int(notes[n, SEED]) & 0x7FFFFFFF
        for j in range(voices):
            state = _random(state)
            phases[j] = 0.5 if patch.fixed > 0 else state / 2147483648.0
            place = 2.0 * j / (voices - 1.0) - 1.0 if voices > 1 else 0.0
            state = _random(state)
            cents[j] = place * patch.detune + (state / 1073741824.0 - 1.0) * 0.12 * patch.detune
            side = place * patch.spread * (1.0 if j % 2 == 0 else -1.0)  # neighbours in pitch lie on opposite sides
            gl[j] = math.sqrt(0.5 * (1.0 - side)) / math.sqrt(voices)
            gr[j] = math.sqrt(0.5 * (1.0 + side)) / math.sqrt(voices)
        sub_phase, top_phase = 0.75, 0.5
        if patch.wave == 3:
            for j in range(voices):
                phases[j] = 0.25 if patch.fixed > 0 else phases[j]
        gain = patch.level * velocity**1.5
        touch = patch.touch * (velocity - 0.63)
        follow = patch.track * math.log2(hertz / 261.63)
        slide = math.log2(notes[n, FROM_HERTZ] / hertz) if notes[n, FROM_HERTZ] > 0 else 0.0
        bent = slide != 0 or patch.bend != 0
        k = 2.0 - 2.0 * patch.resonance
        damp = 1.41 if patch.poles > 2 else k
        a1 = a2 = b1 = b2 = c1 = c2 = d1 = d2 = 0.0
        before = 0.0
        total = int((length + patch.release) * _RATE) + 1
        for offset in range(0, total, _BLOCK):
            begin = start + offset
            if begin >= frames:
                break
            here = min(_BLOCK, frames - begin)
            t = offset / _RATE
            after = _envelope(t + block_seconds, length, patch.attack, patch.decay, patch.sustain, patch.release)
            if patch.tremolo > 0:
                after *= 1.0 - patch.tremolo * (0.5 + 0.5 * _cosine(patch.tremolo_rate * t + 0.0007 * hertz))
            pitch = hertz
            if bent and (slide != 0 or t < 8.0 * patch.bend_time):
                octaves = slide * math.exp(-t / patch.glide) + patch.bend / 12.0 * math.exp(-t / patch.bend_time)
                pitch = hertz * 2.0**octaves
            slowly = offset % _CONTROL > 0 and t > 0.06 and not restless  # what moves slowly is looked at less often
            opened = patch.env_sustain + (1.0 - patch.env_sustain) * math.exp(
                -3.0 * max(0.0, t - patch.env_attack) / patch.env_decay
            )
            if t < patch.env_attack:
                opened = t / patch.env_attack
            left[:] = np.float32(0.0)
            right[:] = np.float32(0.0)
            if not slowly:
                depth = patch.vibrato * min(1.0, max(0.0, (t - patch.vibrato_delay) / 0.4))
                for j in range(voices):
                    wander = patch.drift * _cosine((0.23 + 0.17 * j) * t + 0.37 * j + hertz * 0.01)
                    if depth > 0:  # players of a section do not shake in step
                        wander += depth * _cosine(patch.vibrato_rate * (1.0 + 0.06 * j) * t + 0.29 * j - 0.25)
                    steps[j] = 2.0 ** ((cents[j] + wander) / 1200.0) / _RATE
            for j in range(voices):
                step = pitch * steps[j]
                shape = patch.width
                if patch.pwm > 0:
                    shape += patch.pwm * _cosine(patch.pwm_rate * (1.0 + 0.13 * j) * t + 0.31 * j)
                if wave == 4:
                    shape = min(2.0 ** (patch.sync * opened), 0.4 / step)
                _oscillate(wave, phases[j], step, shape, gl[j], gr[j], left, right)
                phases[j] += step * _BLOCK
                phases[j] -= math.floor(phases[j])
            if patch.octave > 0:
                step = 2.0 * pitch / _RATE
                _oscillate(0, top_phase, step, 0.5, 0.7 * patch.octave, 0.7 * patch.octave, left, right)
                top_phase += step * _BLOCK
                top_phase -= math.floor(top_phase)
            breath = patch.noise + patch.chiff * math.exp(-t / 0.06)
            if breath > 1e-4:
                for i in range(_BLOCK):
                    state = _random(state)
                    left[i] += np.float32(breath * (state / 1073741824.0 - 1.0))
                    state = _random(state)
                    right[i] += np.float32(breath * (state / 1073741824.0 - 1.0))
            if not slowly:
                octaves = patch.env * opened + touch + follow + light[min(begin // LIGHT, light.shape[0] - 1)]
                if patch.lfo_depth > 0:
                    octaves += patch.lfo_depth * _cosine(patch.lfo_rate * begin / _RATE)
                g = math.tan(math.pi * min(19_000.0, max(40.0, patch.cutoff * 2.0**octaves)) / _RATE)
                f1 = 1.0 / (1.0 + g * (g + damp))
                f2 = g * f1
                f3 = g * f2
            for i in range(_BLOCK):
                v = left[i] - a2 + _TINY
                u = f1 * a1 + f2 * v
                w = a2 + f2 * a1 + f3 * v
                a1, a2 = 2.0 * u - a1, 2.0 * w - a2
                left[i] = w
                v = right[i] - b2 + _TINY
                u = f1 * b1 + f2 * v
                w = b2 + f2 * b1 + f3 * v
                b1, b2 = 2.0 * u - b1, 2.0 * w - b2
                right[i] = w
            if patch.poles > 2:
                f1 = 1.0 / (1.0 + g * (g + k))
                f2 = g * f1
                f3 = g * f2
                for i in range(_BLOCK):
                    v = left[i] - c2 + _TINY
                    u = f1 * c1 + f2 * v
                    w = c2 + f2 * c1 + f3 * v
                    c1, c2 = 2.0 * u - c1, 2.0 * w - c2
                    left[i] = w
                    v = right[i] - d2 + _TINY
                    u = f1 * d1 + f2 * v
                    w = d2 + f2 * d1 + f3 * v
                    d1, d2 = 2.0 * u - d1, 2.0 * w - d2
                    right[i] = w
            if patch.sub > 0:  # below the filter, so that a closed filter keeps its foundation
                step = pitch * (1.0 if wave == 3 else 0.5) / _RATE
                _oscillate(3, sub_phase, step, 0.5, 0.7 * patch.sub, 0.7 * patch.sub, left, right)
                sub_phase += step * _BLOCK
                sub_phase -= math.floor(sub_phase)
            if patch.drive > 0:
                for i in range(_BLOCK):
                    left[i] = np.float32(_saturate(patch.drive * left[i]))
                    right[i] = np.float32(_saturate(patch.drive * right[i]))
            _add(out[0, begin : begin + here], left, gain * before, gain * (after - before) / _BLOCK)
            _add(out[1, begin : begin + here], right, gain * before, gain * (after - before) / _BLOCK)
            before = after


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _add(target, block, level, slope):
    first, rise = np.float32(level), np.float32(slope)
    for i in range(target.shape[0]):
        target[i] += block[i] * (first + rise * np.float32(i))


@njit(cache=True, nogil=True, inline="always")
def _cosine32(turns):
    # The same in single precision, one term shorter: error 1e-6.
    x = abs(turns - np.floor(turns) - np.float32(0.5)) - np.float32(0.25)
    y = x * x
    fourth = np.float32(76.549643) - y * np.float32(39.535702)
    return x * (np.float32(6.2831852) - y * (np.float32(41.341655) - y * (np.float32(81.600998) - y * fourth)))


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _fm_block(carrier, carrier_step, modulator, modulator_step, index, block):
    c, dc, m, dm = np.float32(carrier), np.float32(carrier_step), np.float32(modulator), np.float32(modulator_step)
    deep = np.float32(index)
    for i in range(_BLOCK):
        step = np.float32(i)
        block[i] = _cosine32(c + dc * step + deep * _cosine32(m + dm * step))


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def fm(out, notes, patch):
    """Plays `notes` with an Fm patch (all fields float)."""
    frames = out.shape[1]
    block = np.empty(_BLOCK, np.float32)
    block_seconds = _BLOCK / _RATE
    for n in range(notes.shape[0]):
        start, velocity, hertz = int(notes[n, START]), notes[n, VELOCITY], notes[n, HERTZ]
        length = notes[n, LENGTH] / _RATE
        decay = patch.decay * (261.63 / hertz) ** 0.35  # low notes ring longer
        gain = 0.7 * patch.level * velocity**1.5
        hard = (velocity / 0.63) ** (1.6 * patch.touch)
        before = np.zeros(2)
        total = int((min(length, 2.4 * decay + 8.0 * patch.sustain * length) + patch.release) * _RATE) + 1
        for offset in range(0, total, _BLOCK):
            begin = start + offset
            if begin >= frames:
                break
            here = min(_BLOCK, frames - begin)
            t = offset / _RATE
            end = t + block_seconds
            level = _envelope(
                end, min(length, (total - 1) / _RATE - patch.release), patch.attack, decay, patch.sustain, patch.release
            )
            strike = level * math.exp(-end / patch.strike_decay) * patch.strike_level * hard
            index = (
                patch.depth
                * hard
                * (patch.depth_sustain + (1.0 - patch.depth_sustain) * math.exp(-t / patch.depth_decay))
            )
            index = min(index, 0.35 * _RATE / hertz / (patch.ratio + 1.0)) / 6.283185307
            strike_depth = min(patch.strike_depth * hard, 2.0) / 6.283185307
            audible = hertz * patch.strike_mod < 16_000.0
            sway = patch.tremolo * _cosine(patch.tremolo_rate * begin / _RATE)
            for side in range(2):
                cycles = hertz * (1.0 + (side * 2 - 1) * patch.detune / 2.0 / 1731.0) / _RATE
                phase = cycles * offset - 0.25
                phase -= math.floor(phase)
                turn = cycles * patch.ratio * offset
                _fm_block(phase, cycles, turn - math.floor(turn), cycles * patch.ratio, index, block)
                swayed = gain * (1.0 + sway * (side * 2 - 1))
                target = out[side, begin : begin + here]
                _add(target, block, swayed * before[0], swayed * (level - before[0]) / _BLOCK)
                if strike > 1e-4 and audible:
                    phase = cycles * patch.strike_ratio * offset - 0.25
                    turn = cycles * patch.strike_mod * offset
                    _fm_block(
                        phase - math.floor(phase),
                        cycles * patch.strike_ratio,
                        turn - math.floor(turn),
                        cycles * patch.strike_mod,
                        strike_depth,
                        block,
                    )
                    _add(target, block, swayed * before[1], swayed * (strike - before[1]) / _BLOCK)
            before[0], before[1] = level, strike


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _ring(real, imag, cos, sin, gain_left, gain_right, left, right):
    # All partials of one note turn together; the loop over partials runs in vector registers.
    for i in range(_BLOCK):
        a = np.float32(0.0)
        b = np.float32(0.0)
        for j in range(real.shape[0]):
            x, y = real[j], imag[j]
            a += gain_left[j] * y
            b += gain_right[j] * y
            real[j] = x * cos[j] - y * sin[j]
            imag[j] = x * sin[j] + y * cos[j]
        left[i] = a
        right[i] = b


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def modal(out, notes, patch, partials):
    """Plays `notes` with a Modal patch (all fields float).

    `partials` is float64 (partials, 4): ratio, level, seconds to -60 dB (0 for ever), what softness takes from it, 0-1.
    """
    frames = out.shape[1]
    left, right = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    room = (partials.shape[0] + 7) // 8 * 8
    real, imag = np.zeros(room, np.float32), np.zeros(room, np.float32)
    cos, sin = np.zeros(room, np.float32), np.zeros(room, np.float32)
    gl, gr = np.zeros(room, np.float32), np.zeros(room, np.float32)
    height, loss = np.zeros(room), np.zeros(room)
    for n in range(notes.shape[0]):
        start, velocity, hertz = int(notes[n, START]), notes[n, VELOCITY], notes[n, HERTZ]
        length = notes[n, LENGTH] / _RATE
        state = int(notes[n, SEED]) & 0x7FFFFFFF
        gain = patch.level * velocity**1.5
        faster = (hertz / 261.63) ** patch.shorten
        stiffness = patch.stiffness * (hertz / 261.63) ** 1.3
        place = patch.low_left * min(0.6, max(-0.6, math.log2(hertz / 330.0) / 4.0))
        count = 0
        for p in range(partials.shape[0]):
            ratio = partials[p, 0]
            frequency = hertz * ratio * math.sqrt((1.0 + stiffness * ratio * ratio) / (1.0 + stiffness))
            state = _random(state)
            if frequency > 17_000.0:
                continue
            chance = state / 1073741824.0 - 1.0
            soft = min(1.0, max(0.0, 1.25 - velocity)) * patch.touch * partials[p, 3]
            level = partials[p, 1] * math.exp(-3.0 * soft) * (1.0 + 0.08 * chance)
            angle = 6.283185307179586 * frequency / _RATE
            shrink = math.exp(-6.907755 * faster / (partials[p, 2] * _RATE)) if partials[p, 2] > 0 else 1.0
            side = min(0.95, max(-0.95, place + patch.spread * chance))
            real[count], imag[count] = 1.0, 0.0
            cos[count], sin[count] = shrink * math.cos(angle), shrink * math.sin(angle)
            gl[count], gr[count] = level * math.sqrt(0.5 * (1.0 - side)), level * math.sqrt(0.5 * (1.0 + side))
            height[count], loss[count] = level, shrink**_BLOCK
            count += 1
        before = 0.0
        knock, low = patch.strike * (0.4 + velocity), 0.0
        pole = 1.0 - math.exp(-6.2831853 * patch.strike_hertz * (0.4 + velocity) / _RATE)
        total = int((length + patch.release) * _RATE) + 1
        for offset in range(0, total, _BLOCK):
            begin = start + offset
            if begin >= frames or count == 0:
                break
            here = min(_BLOCK, frames - begin)
            t = offset / _RATE
            after = _envelope(t + _BLOCK / _RATE, length, patch.attack, 1.0, 1.0, patch.release)
            used = (count + 7) // 8 * 8
            _ring(real[:used], imag[:used], cos[:used], sin[:used], gl[:used], gr[:used], left, right)
            if knock > 1e-4:
                fall = math.exp(-1.0 / (0.006 * _RATE))
                for i in range(_BLOCK):
                    state = _random(state)
                    low += (knock * (state / 1073741824.0 - 1.0) - low) * pole
                    knock *= fall
                    left[i] += np.float32(low)
                    right[i] += np.float32(low)
            sway = patch.tremolo * _cosine(patch.tremolo_rate * begin / _RATE)
            _add(
                out[0, begin : begin + here],
                left,
                gain * before * (1 - sway),
                gain * (after - before) * (1 - sway) / _BLOCK,
            )
            _add(
                out[1, begin : begin + here],
                right,
                gain * before * (1 + sway),
                gain * (after - before) * (1 + sway) / _BLOCK,
            )
            before = after
            for j in range(count - 1, -1, -1):  # what has died makes room: a long note soon costs little
                height[j] *= loss[j]
                if height[j] < 1e-5:
                    count -= 1
                    real[j], imag[j], cos[j], sin[j] = real[count], imag[count], cos[count], sin[count]
                    gl[j], gr[j], height[j], loss[j] = gl[count], gr[count], height[count], loss[count]
                    real[count] = imag[count] = gl[count] = gr[count] = 0.0


@njit(cache=True, nogil=True)
def plucked(out, notes, patch):
    """Plays `notes` with a Plucked patch (all fields float)."""
    frames = out.shape[1]
    size = 4096
    line = np.zeros(size, np.float32)
    burst = np.zeros(size, np.float32)
    for n in range(notes.shape[0]):
        start, velocity = int(notes[n, START]), notes[n, VELOCITY]
        length = notes[n, LENGTH] / _RATE
        gain = patch.level * velocity**1.4
        seed = int(notes[n, SEED]) & 0x7FFFFFFF
        bright = patch.bright * 2.0 ** (patch.touch * (velocity - 0.63))
        pole = 1.0 - math.exp(-6.2831853 * min(bright, 20_000.0) / _RATE)
        total = min(int((length + patch.release) * _RATE) + 1, frames - start)
        for polar in range(2):
            hertz = notes[n, HERTZ] * 2.0 ** ((polar - 0.5) * patch.detune / 1200.0)
            period = _RATE / hertz
            damping = patch.damping
            # loss per round trip: highs by the two-point mean, everything by a factor that gives the ring time
            ring = patch.seconds * (261.63 / hertz) ** 0.45 * (1.0 if polar == 0 else 1.5)
            keep = 10.0 ** (-3.0 / (hertz * ring))
            back = period - damping
            whole = int(back) - 1  # four-point Lagrange interpolation around it
            d = back - whole
            h0 = -(d - 1.0) * (d - 2.0) * (d - 3.0) / 6.0
            h1 = d * (d - 2.0) * (d - 3.0) / 2.0
            h2 = -d * (d - 1.0) * (d - 3.0) / 2.0
            h3 = d * (d - 1.0) * (d - 2.0) / 6.0
            state = seed + polar * 7919
            pulse = min(size, int(period) + 1)
            low = slow = 0.0
            mean = 0.0
            for i in range(pulse):
                state = _random(state)
                low += (state / 1073741824.0 - 1.0 - low) * pole
                slow += (low - slow) * pole
                burst[i] = slow
                mean += slow
            mean /= pulse
            scale = 0.0
            for i in range(pulse):
                burst[i] -= mean
                scale += burst[i] * burst[i]
            scale = 0.35 / math.sqrt(scale / pulse + 1e-9)
            comb = max(1, int(patch.position * period))
            line[:] = np.float32(0.0)
            side = patch.spread * (0.5 if polar == 0 else -0.5)
            level = gain * (0.75 if polar == 0 else 0.45)
            gain_left, gain_right = level * (0.5 - 0.5 * side), level * (0.5 + 0.5 * side)
            last = 0.0
            fade = math.exp(-5.0 / (max(patch.release, 0.002) * _RATE))
            held = int(length * _RATE)
            damper = 1.0
            click = patch.click * (1.0 if polar == 0 else 0.0)
            for i in range(total):
                at = i - whole
                value = (
                    h0 * line[at & 4095]
                    + h1 * line[(at - 1) & 4095]
                    + h2 * line[(at - 2) & 4095]
                    + h3 * line[(at - 3) & 4095]
                )
                looped = keep * ((1.0 - damping) * value + damping * last) + _TINY
                last = value
                if i < pulse + comb:
                    if i < pulse:
                        looped += scale * burst[i]
                    if i >= comb:
                        looped -= 0.9 * scale * burst[i - comb]
                line[i & 4095] = looped
                if i > held:
                    damper *= fade
                sound = looped
                if click > 1e-4:
                    state = _random(state)
                    sound += click * (state / 1073741824.0 - 1.0)
                    click *= 0.996
                if i < 48:
                    sound *= i / 48.0
                shade = damper if i <= total - 96 else damper * (total - 1 - i) / 95.0
                out[0, start + i] += sound * shade * gain_left
                out[1, start + i] += sound * shade * gain_right
