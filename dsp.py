"""Signal processing: numbers in, numbers out. Knows nothing of songs, scores or styles.

Conventions: sound is float32, planar and C-contiguous, (channels, frames), full scale +-1.0; frequencies in hertz,
times in seconds, levels in dB, loudness in LUFS, true peak in dBTP. Functions return new arrays and leave their input
alone unless they say otherwise. Kernels are compiled by numba, cached on disk, and release the GIL.

Sources: ITU-R BS.1770-4 (loudness, true peak); De Man 2014, "Evaluation of implementations of the EBU R128 loudness
measurement" (K-weighting at any rate); R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad coefficients";
Jot & Chaigne 1991 (feedback delay network).
"""

import math

import numpy as np
from numba import njit

SILENCE_LUFS = -70.0  # what `loudness` says of silence: the absolute gate of BS.1770
_TINY = 1e-18  # keeps recursive filters out of denormal numbers, which are a hundred times slower
_HALF_TAPS = 10  # interpolation looks 10 samples to each side, as scipy.signal.resample_poly does
_BLOCK = 32  # true peak is sought block by block; a quiet block is skipped whole


# --- filters: a biquad is (b0, b1, b2, a1, a2) with a0 = 1, a cascade is (stages, 5) float64 --------------------------


def highpass(hz: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Second-order high-pass, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return _stage((1 + cos) / 2, -(1 + cos), (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def lowpass(hz: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Second-order low-pass, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return _stage((1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def bandpass(hz: float, sample_rate: float, q: float = 1.0) -> np.ndarray:
    """Second-order band-pass with 0 dB at its centre, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    return _stage(alpha, 0.0, -alpha, 1 + alpha, -2 * cos, 1 - alpha)


def peak(hz: float, gain_db: float, sample_rate: float, q: float = 1.0) -> np.ndarray:
    """Bell, (1, 5)."""
    cos, alpha = _angle(hz, sample_rate, q)
    a = 10 ** (gain_db / 40)
    return _stage(1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a)


def low_shelf(hz: float, gain_db: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Shelf below `hz`, (1, 5)."""
    return _shelf(hz, gain_db, sample_rate, q, -1.0)


def high_shelf(hz: float, gain_db: float, sample_rate: float, q: float = math.sqrt(0.5)) -> np.ndarray:
    """Shelf above `hz`, (1, 5)."""
    return _shelf(hz, gain_db, sample_rate, q, 1.0)


def filter(samples: np.ndarray, cascade: np.ndarray) -> np.ndarray:
    """Run a cascade over (channels, frames) or (frames,), from rest."""
    sound = np.array(np.atleast_2d(samples), dtype=np.float32, order="C")
    filter_inplace(sound, cascade)
    return sound.reshape(np.shape(samples))


def filter_inplace(samples: np.ndarray, cascade: np.ndarray) -> None:
    """Like `filter`, overwriting float32 (channels, frames)."""
    stages = np.ascontiguousarray(cascade, np.float64)
    for left, right in _pairs(samples):
        _run_cascade(left, right, stages)


def _pairs(samples: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Channels two by two; an odd last one comes with an empty partner."""
    empty = np.zeros(0, np.float32)
    rows = list(samples)
    return [(row, rows[i + 1] if i + 1 < len(rows) else empty) for i, row in enumerate(rows) if i % 2 == 0]


def _angle(hz: float, sample_rate: float, q: float) -> tuple[float, float]:
    w = 2 * math.pi * min(hz, 0.49 * sample_rate) / sample_rate
    return math.cos(w), math.sin(w) / (2 * q)


def _stage(b0: float, b1: float, b2: float, a0: float, a1: float, a2: float) -> np.ndarray:
    return np.array([[b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0]])


def _shelf(hz: float, gain_db: float, sample_rate: float, q: float, side: float) -> np.ndarray:
    cos, alpha = _angle(hz, sample_rate, q)
    a = 10 ** (gain_db / 40)
    root = 2 * math.sqrt(a) * alpha
    return _stage(
        a * ((a + 1) + side * (a - 1) * cos + root),
        -side * 2 * a * ((a - 1) + side * (a + 1) * cos),
        a * ((a + 1) + side * (a - 1) * cos - root),
        (a + 1) - side * (a - 1) * cos + root,
        side * 2 * ((a - 1) - side * (a + 1) * cos),
        (a + 1) - side * (a - 1) * cos - root,
    )


@njit(cache=True, nogil=True)
def _run_cascade(left, right, stages):
    # Two channels in one loop: each recursion waits only for itself, so the two overlap and the pair costs little more.
    frames = left.shape[0]
    paired = right.shape[0] == frames
    for s in range(stages.shape[0]):
        b0, b1, b2, a1, a2 = stages[s, 0], stages[s, 1], stages[s, 2], stages[s, 3], stages[s, 4]
        l1 = l2 = r1 = r2 = 0.0
        for i in range(frames):
            x = left[i] + _TINY
            y = b0 * x + l1
            l1 = b1 * x - a1 * y + l2
            l2 = b2 * x - a2 * y
            left[i] = y
            if paired:
                x = right[i] + _TINY
                y = b0 * x + r1
                r1 = b1 * x - a1 * y + r2
                r2 = b2 * x - a2 * y
                right[i] = y


# --- loudness ---------------------------------------------------------------------------------------------------------


def k_weighting(sample_rate: float) -> np.ndarray:
    """The two stages of BS.1770's K filter at any rate, (2, 5); at 48 kHz they are the table of the recommendation."""
    k = math.tan(math.pi * 1681.9744509555319 / sample_rate)
    high = 10 ** (3.99984385397 / 20)
    band, q = high**0.499666774155, 0.7071752369554193
    shelf = _stage(
        high + band * k / q + k * k,
        2 * (k * k - high),
        high - band * k / q + k * k,
        1 + k / q + k * k,
        2 * (k * k - 1),
        1 - k / q + k * k,
    )
    k, q = math.tan(math.pi * 38.13547087613982 / sample_rate), 0.5003270373253953
    rumble = _stage(1, -2, 1, 1, 0, 0)  # the recommendation leaves this numerator unscaled
    rumble[0, 3:] = 2 * (k * k - 1) / (1 + k / q + k * k), (1 - k / q + k * k) / (1 + k / q + k * k)
    return np.concatenate([shelf, rumble])


def loudness(samples: np.ndarray, sample_rate: float) -> float:
    """Integrated loudness in LUFS with both gates of BS.1770-4; every channel weighs 1, as in mono and stereo.

    Sound shorter than one 400 ms block is measured whole. Silence, and whatever lies below the absolute gate,
    is SILENCE_LUFS.
    """
    return gated_loudness(hop_power(samples, sample_rate))


def hop_power(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """K-weighted power of every 100 ms, summed over channels, (hops,) float64; shorter sound gives one hop for all."""
    sound = np.ascontiguousarray(np.atleast_2d(samples), np.float32)
    frames = sound.shape[1]
    long_enough = frames >= round(0.4 * sample_rate)
    hops = int(frames * 10 / sample_rate) if long_enough else 1
    edges = (np.arange(hops + 1) * sample_rate / 10).astype(np.int64) if long_enough else np.array([0, frames])
    power = np.zeros(hops)
    for left, right in _pairs(sound):
        _hop_power(left, right, k_weighting(sample_rate), edges, power)
    return power


def gated_loudness(power: np.ndarray) -> float:
    """LUFS from `hop_power`: 400 ms blocks that overlap by 75 %, gates at -70 LUFS and 10 LU below what is left."""
    blocks = np.convolve(power, np.full(4, 0.25), "valid") if len(power) >= 4 else power[:1]
    for gate_lufs in (SILENCE_LUFS, None):
        mean = blocks.mean() if blocks.size else 0.0
        gate = 10 ** ((gate_lufs + 0.691) / 10) if gate_lufs is not None else mean * 0.1
        blocks = blocks[blocks > gate]
    return float(-0.691 + 10 * math.log10(blocks.mean())) if blocks.size else SILENCE_LUFS


@njit(cache=True, nogil=True)
def _hop_power(left, right, k, edges, power):
    a0, a1, a2, a3, a4 = k[0, 0], k[0, 1], k[0, 2], k[0, 3], k[0, 4]
    c3, c4 = k[1, 3], k[1, 4]
    paired = right.shape[0] == left.shape[0]
    l1 = l2 = l3 = l4 = r1 = r2 = r3 = r4 = 0.0
    for hop in range(power.shape[0]):
        total = 0.0
        for i in range(edges[hop], edges[hop + 1]):
            x = left[i] + _TINY
            y = a0 * x + l1
            l1 = a1 * x - a3 * y + l2
            l2 = a2 * x - a4 * y
            z = y + l3
            l3 = -2.0 * y - c3 * z + l4
            l4 = y - c4 * z
            total += z * z
            if paired:
                x = right[i] + _TINY
                y = a0 * x + r1
                r1 = a1 * x - a3 * y + r2
                r2 = a2 * x - a4 * y
                z = y + r3
                r3 = -2.0 * y - c3 * z + r4
                r4 = y - c4 * z
                total += z * z
        power[hop] += total / max(1, edges[hop + 1] - edges[hop])


# --- true peak and limiting -------------------------------------------------------------------------------------------


def true_peak(samples: np.ndarray, sample_rate: float) -> float:
    """Highest level between and on the samples, dBTP, by 4x oversampling; -inf for silence.

    Interpolates with the filter of scipy.signal.resample_poly, which lets more of the top octave through than the
    48 taps of BS.1770's annex, so it reads the same or higher.
    """
    height = _height(samples, 4)
    return 20 * math.log10(height) if height > 0 else -math.inf


def limit(samples: np.ndarray, sample_rate: float, ceiling_dbtp: float) -> np.ndarray:
    """Look-ahead limiter on the 8x true-peak envelope, channels linked, no latency: true peak <= `ceiling_dbtp`.

    The gain is the running minimum of what is needed over 3 ms ahead, released with 120 ms, and averaged over the same
    3 ms: it is never above what any sample needs, and has no corners to click.
    """
    sound = np.ascontiguousarray(samples, np.float32)
    ceiling = 10 ** (ceiling_dbtp / 20)
    envelope = np.zeros(sound.shape[1], np.float32)
    for row in sound:
        _peak_envelope(_pad(row), _phases(8), ceiling, envelope)
    if not envelope.size or envelope.max() <= ceiling:
        return sound.copy()
    look = max(4, round(0.003 * sample_rate))
    gain = _limiter_gain(envelope, ceiling, look, math.exp(-1 / (0.12 * sample_rate)))
    limited = sound * gain
    # A changing gain moves peaks by a few thousandths of a dB: what is left above the ceiling is taken off the whole.
    over = _height(limited, 8, ceiling) / ceiling
    if over > 1:
        limited *= np.float32(0.999999 / over)
    return limited


def _height(samples: np.ndarray, up: int, best: float = 0.0) -> float:
    for row in np.atleast_2d(samples):
        best = _highest(_pad(row), _phases(up), best)
    return float(best)


def _pad(row: np.ndarray) -> np.ndarray:
    """Silence around the sound, so that every block is whole and every tap has a sample."""
    tail = -len(row) % _BLOCK + _HALF_TAPS
    padded = np.zeros(_HALF_TAPS + len(row) + tail, np.float32)
    padded[_HALF_TAPS : _HALF_TAPS + len(row)] = row
    return padded


def _phases(up: int) -> np.ndarray:
    """Windowed-sinc taps that interpolate at 1/up ... (up-1)/up between two samples, (up - 1, 20) float32."""
    half = _HALF_TAPS * up
    taps = np.sinc(np.arange(-half, half + 1) / up) * np.kaiser(2 * half + 1, 5.0)
    taps *= up / taps.sum()
    reach = np.arange(-_HALF_TAPS + 1, _HALF_TAPS + 1) * up
    return np.stack([taps[half + phase - reach] for phase in range(1, up)]).astype(np.float32)


# Slices with known lengths let the compiler drop its index checks, and reassociation lets it use vector registers:
# fourteen times faster than the same loops over the whole array.
_VECTOR = {"contract", "nnan", "nsz", "reassoc"}


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def _block_height(around):
    # Highest sample that the interpolation around a block can touch.
    top = np.float32(0.0)
    for i in range(_BLOCK + 2 * _HALF_TAPS):
        top = max(top, abs(around[i]))
    return top


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def _interpolate(around, taps, out):
    for i in range(_BLOCK):
        total = np.float32(0.0)
        for t in range(2 * _HALF_TAPS):
            total += taps[t] * around[i + t + 1]
        out[i] = total


@njit(cache=True, nogil=True)
def _highest(padded, phases, best):
    reach = 0.0  # no interpolated value exceeds the samples around it by more than this factor
    for p in range(phases.shape[0]):
        reach = max(reach, float(np.abs(phases[p]).sum()))
    between = np.empty(_BLOCK, np.float32)
    for start in range(0, padded.shape[0] - 2 * _HALF_TAPS, _BLOCK):
        around = padded[start : start + _BLOCK + 2 * _HALF_TAPS]
        if _block_height(around) * reach <= best:
            continue
        for i in range(_HALF_TAPS, _HALF_TAPS + _BLOCK):
            best = max(best, float(abs(around[i])))
        for p in range(phases.shape[0]):
            _interpolate(around, phases[p], between)
            for i in range(_BLOCK):
                best = max(best, float(abs(between[i])))
    return best


@njit(cache=True, nogil=True)
def _peak_envelope(padded, phases, floor, envelope):
    # Exact only where it can exceed `floor`; elsewhere the plain sample peak. Overwrites with the maximum of both.
    reach = 0.0
    for p in range(phases.shape[0]):
        reach = max(reach, float(np.abs(phases[p]).sum()))
    frames = envelope.shape[0]
    between = np.empty(_BLOCK, np.float32)
    for start in range(0, padded.shape[0] - 2 * _HALF_TAPS, _BLOCK):
        around = padded[start : start + _BLOCK + 2 * _HALF_TAPS]
        here = min(_BLOCK, frames - start)
        for i in range(here):
            envelope[start + i] = max(envelope[start + i], abs(around[i + _HALF_TAPS]))
        if _block_height(around) * reach <= floor:
            continue
        for p in range(phases.shape[0]):
            _interpolate(around, phases[p], between)
            for i in range(here):
                height = abs(between[i])
                envelope[start + i] = max(envelope[start + i], height)
                if start + i + 1 < frames:  # a peak between two samples concerns both
                    envelope[start + i + 1] = max(envelope[start + i + 1], height)


@njit(cache=True, nogil=True)
def _limiter_gain(envelope, ceiling, look, release):
    frames = envelope.shape[0]
    gain = np.empty(frames, np.float32)
    queue = np.empty(frames + 1, np.int64)  # indices ahead whose peaks fall: the first is the highest in the window
    head = tail = 0
    current = 1.0
    half = look // 2
    first = np.ones(half)  # two running means of half the window each: a rounded ramp
    second = np.ones(look - half)
    sum1, sum2 = float(half), float(look - half)
    for i in range(frames + look):
        if i < frames:
            while tail > head and envelope[queue[tail - 1]] <= envelope[i]:
                tail -= 1
            queue[tail] = i
            tail += 1
        now = i - look
        if now < 0:
            if i < frames and i < look:  # before the start the window fills: the ramp begins already lowered
                need = min(1.0, ceiling / max(1e-12, envelope[queue[head]]))
                current = min(current, need)
            continue
        if now == 0:
            first[:] = current
            second[:] = current
            sum1, sum2 = current * half, current * (look - half)
        while queue[head] < now:
            head += 1
        need = min(1.0, ceiling / max(1e-12, envelope[queue[head]]))
        current = need if need < current else need + (current - need) * release
        a = now % half
        sum1 += current - first[a]
        first[a] = current
        mean = sum1 / half
        b = now % (look - half)
        sum2 += mean - second[b]
        second[b] = mean
        gain[now] = sum2 / (look - half)
    return gain


# --- dynamics, time and space -----------------------------------------------------------------------------------------


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
    answer = np.zeros((2, send.shape[1]), np.float32)
    scale = sample_rate / 48_000
    lines = (np.array(_ROOM) * scale).astype(np.int64)
    smears = (np.array(_DIFFUSION) * scale).astype(np.int64)
    gains = 10 ** (-3 * lines / sample_rate / max(0.05, seconds))
    pole = (0.15 + 0.6 * damping) ** (48_000 / sample_rate)
    dry = np.ascontiguousarray(send, np.float32)
    _fdn(dry, answer, lines, smears, gains, pole, max(1, round(predelay * sample_rate)), 0.9 / sample_rate)
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


@njit(cache=True, nogil=True, fastmath=_VECTOR)
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


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def _blend(line, late, part):
    # What comes out of a line, between two samples where its length is not whole.
    for i in range(_BLOCK):
        line[i] = late[i + 1] + (late[i] - late[i + 1]) * part


@njit(cache=True, nogil=True, fastmath=_VECTOR)
def _copy(source, into):
    for i in range(_BLOCK):
        into[i] = source[i]


@njit(cache=True, nogil=True)
def _fdn(send, answer, lines, smears, gains, pole, predelay, drift):
    # Block by block: every line is longer than a block. Rings are kept twice in a row, so that a block never wraps.
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
    frames = send.shape[1]
    half, scale, tiny = np.float32(0.5), np.float32(0.35355339059327373), np.float32(1e-18)
    phase = 0.0
    for begin in range(0, frames, _BLOCK):
        at = begin % size
        here = min(_BLOCK, frames - begin)
        for side in range(2):
            sides[side, :] = tiny
            first, last = max(0, predelay - begin), min(_BLOCK, frames + predelay - begin)
            if first < last:
                sides[side, first:last] += send[side, begin + first - predelay : begin + last - predelay]
            _smear(sides[side], ring[2 * side], at, smears[2 * side])
            _smear(sides[side], ring[2 * side + 1], at, smears[2 * side + 1])
        phase += _BLOCK * drift  # two lines breathe by a few samples, which breaks up metallic ringing
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
                answer[0, begin + i] = half * (t0 - t2 + t4 - t6)
                answer[1, begin + i] = half * (t1 - t3 + t5 - t7)
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


@njit(cache=True, nogil=True)
def _echo(sound, lag, amount, feedback, tone):
    frames = sound.shape[1]
    ring = np.zeros((2, lag), np.float32)
    low0 = low1 = slow0 = slow1 = 0.0
    at = 0
    for i in range(frames):
        y0, y1 = ring[0, at], ring[1, at]
        low0 += (y0 - low0) * tone + _TINY
        low1 += (y1 - low1) * tone + _TINY
        slow0 += (low0 - slow0) * 0.025
        slow1 += (low1 - slow1) * 0.025
        x0, x1 = sound[0, i], sound[1, i]
        ring[0, at] = 0.5 * (x0 + x1) + feedback * (low1 - slow1)
        ring[1, at] = feedback * (low0 - slow0)
        sound[0, i] = x0 + amount * (low0 - slow0)
        sound[1, i] = x1 + amount * (low1 - slow1) * 1.6
        at += 1
        if at == lag:
            at = 0
