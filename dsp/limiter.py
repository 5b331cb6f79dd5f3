"""True peak, and a limiter that looks ahead at it (ITU-R BS.1770-4, annex 2)."""

import math

import numpy as np
from numba import njit

from dsp.hands import each

_HALF_TAPS = 10  # interpolation looks 10 samples to each side, as scipy.signal.resample_poly does
_BLOCK = 32  # true peak is sought block by block; a quiet block is skipped whole
_STRETCH = 2**20  # frames that one thread works on
_LEAD_SECONDS = 2.0


def true_peak(samples: np.ndarray, sample_rate: float) -> float:
    """Highest level between and on the samples, dBTP, by 4x oversampling; -inf for silence.

    Interpolates with the filter of scipy.signal.resample_poly, which lets more of the top octave through than the
    48 taps of BS.1770's annex, so it reads the same or higher.
    """
    height = _height(samples, 4)
    return 20 * math.log10(height) if height > 0 else -math.inf


def limit(samples: np.ndarray, sample_rate: float, ceiling_dbtp: float, gain_db: float = 0.0) -> np.ndarray:
    """Look-ahead limiter on the 8x true-peak envelope, channels linked, no latency: true peak <= `ceiling_dbtp`.
    `gain_db` is applied before it.

    The gain is the running minimum of what is needed over 3 ms ahead, released with 120 ms, and averaged over the same
    3 ms: it is never above what any sample needs, and has no corners to click.
    """
    sound = np.ascontiguousarray(samples, np.float32)
    frames, up = sound.shape[1], np.float32(10 ** (gain_db / 20))
    ceiling, phases = 10 ** (ceiling_dbtp / 20), _phases(8)
    look, release = max(4, round(0.003 * sample_rate)), math.exp(-1 / (0.12 * sample_rate))
    lead = round(_LEAD_SECONDS * sample_rate)  # after which a release does not know when it began
    limited = np.empty_like(sound)

    def stretch(start: int) -> None:
        end = min(frames, start + _STRETCH)
        first, last = max(0, start - lead), min(frames, end + look + _BLOCK)
        loud = sound[:, first:last] * up
        envelope = np.zeros(last - first, np.float32)
        for row in loud:
            _peak_envelope(_pad(row), phases, ceiling, envelope)
        limited[:, start:end] = loud[:, start - first : end - first]
        if envelope.size and envelope.max() > ceiling:
            gain = _limiter_gain(envelope, ceiling, look, release)
            limited[:, start:end] *= gain[start - first : end - first]

    each(stretch, range(0, frames, _STRETCH))
    # A changing gain moves peaks by a few thousandths of a dB: what is left above the ceiling is taken off the whole.
    over = _height(limited, 8, ceiling) / ceiling
    if over > 1:
        limited *= np.float32(0.999999 / over)
    return limited


def _height(samples: np.ndarray, up: int, best: float = 0.0) -> float:
    rows, phases = np.atleast_2d(samples), _phases(up)
    frames, around = rows.shape[1], _HALF_TAPS

    def stretch(start: int) -> float:
        span = slice(max(0, start - around), start + _STRETCH + around)
        return max(float(_highest(_pad(row[span]), phases, best)) for row in rows)

    return max(best, *each(stretch, range(0, frames, _STRETCH))) if frames else best


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
VECTOR = {"contract", "nnan", "nsz", "reassoc"}


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
def _block_height(around):
    # Highest sample that the interpolation around a block can touch.
    top = np.float32(0.0)
    for i in range(_BLOCK + 2 * _HALF_TAPS):
        top = max(top, abs(around[i]))
    return top


@njit(cache=True, nogil=True, forceinline=True, fastmath=VECTOR)
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
    size = 4
    while size < look + 2:
        size *= 2
    mask = size - 1
    queue = np.empty(size, np.int64)  # a ring of indices ahead whose peaks fall: the first is the highest in the window
    head = tail = 0
    current = 1.0
    half = look // 2
    first = np.ones(half)  # two running means of half the window each: a rounded ramp
    second = np.ones(look - half)
    sum1, sum2 = float(half), float(look - half)
    a = b = 0
    for i in range(frames + look):
        if i < frames:
            while tail > head and envelope[queue[(tail - 1) & mask]] <= envelope[i]:
                tail -= 1
            queue[tail & mask] = i
            tail += 1
        now = i - look
        if now < 0:
            if i < frames and i < look:  # before the start the window fills: the ramp begins already lowered
                need = min(1.0, ceiling / max(1e-12, envelope[queue[head & mask]]))
                current = min(current, need)
            continue
        if now == 0:
            first[:] = current
            second[:] = current
            sum1, sum2 = current * half, current * (look - half)
        while queue[head & mask] < now:
            head += 1
        need = min(1.0, ceiling / max(1e-12, envelope[queue[head & mask]]))
        current = need if need < current else need + (current - need) * release
        sum1 += current - first[a]
        first[a] = current
        mean = sum1 / half
        sum2 += mean - second[b]
        second[b] = mean
        gain[now] = sum2 / (look - half)
        a = a + 1 if a + 1 < half else 0
        b = b + 1 if b + 1 < look - half else 0
    return gain
