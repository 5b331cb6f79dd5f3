"""A vocoder: mel-cepstra, pitch and voicing to sound. Pulses and noise through minimum-phase filters, at 48 kHz.

Source and filter as in the mixed-excitation vocoder of HMM synthesis (Yoshimura et al., Eurospeech 2001). The complex
logarithm of a minimum-phase filter is linear in its cepstrum (Oppenheim and Schafer, 1975), so every filter is one
product of a row of numbers and a table: cepstrum, shares of voicing by band, tilt above what the voice knew, delay.
"""

import math
from functools import lru_cache

import numpy as np
import scipy.fft
from numba import njit

from composer.voice.phones import BANDS, HOP, WARP_RATE, Frames, warped
from song.audio import SAMPLE_RATE

_SIZE = 2048  # frames of a pulse's answer
_NOISE = 1024  # frames of a breath's answer
_STEP = round(HOP * SAMPLE_RATE)
_EDGE = 0.48 * WARP_RATE  # hertz: above it the voice's own spectrum is not known
_TILTS = (-18.0, -8.0)  # dB an octave above that edge: voiced sounds die sooner than hisses
_JITTER = 0.004  # of a period
_SILENT = 1e-4
_BATCH = 256
_HERTZ = np.arange(_SIZE // 2 + 1) * SAMPLE_RATE / _SIZE


def vocode(
    frames: Frames, source: np.ndarray, hertz: np.ndarray, level: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Sound of a line, float32 (len(source) * 240,).

    source  seconds in `frames` for every 5 ms of sound, -1 where there is silence
    hertz   pitch and `level` amplitude, for every 5 ms
    """
    voiced = _at(frames.voiced[:, None], source)[:, 0]
    voiced = np.convolve(np.pad((voiced > 0.5).astype(float), 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
    sounding = (source >= 0).astype(float)
    gain = np.convolve(np.pad(sounding, 2), (0.1, 0.2, 0.4, 0.2, 0.1), "valid") * level
    filled = _filled(source)
    cepstra = _at(frames.cepstra, filled)
    strength = np.clip(_at(frames.strength, filled), 0.0, 1.0)
    out = np.zeros(len(source) * _STEP + 2 * _SIZE, np.float32)
    _pulses(out, cepstra, strength, voiced, gain, hertz, rng)
    _breath(out, cepstra, strength, voiced, gain, rng)
    return out[: len(source) * _STEP]


def _at(rows: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Rows at times in seconds, between the frames by a straight line."""
    where = np.clip(source / HOP, 0, len(rows) - 1.001)
    first = where.astype(int)
    part = (where - first).astype(np.float32)[:, None]
    return rows[first] * (1 - part) + rows[np.minimum(first + 1, len(rows) - 1)] * part


def _filled(source: np.ndarray) -> np.ndarray:
    """Silent stretches keep the mouth of what is next to them, so that edges do not click."""
    known = np.flatnonzero(source >= 0)
    if not len(known):
        return np.zeros(len(source))
    nearest = np.searchsorted(known, np.arange(len(source)), side="right") - 1
    return source[known[np.maximum(nearest, 0)]]


@lru_cache(maxsize=4)
def _table(order: int) -> np.ndarray:
    """complex64 (order + 1 + bands + 1 + 1, bins): the answer of each number of a row, see `_rows`."""
    known = np.minimum(_HERTZ, _EDGE)
    cosines = np.cos(np.arange(order + 1)[:, None] * warped(known))
    octaves = np.log2(np.maximum(_HERTZ, _EDGE) / _EDGE) / 8.686
    real = np.vstack([cosines, _hats(_HERTZ), octaves])
    delay = -2j * np.pi * np.arange(_SIZE // 2 + 1) / _SIZE
    return np.vstack([_minimum_phase(real), delay]).astype(np.complex64)


def _hats(hertz: np.ndarray) -> np.ndarray:
    """How much each band speaks for a frequency, (bands, bins); straight lines between their middles."""
    return np.array([np.interp(hertz, BANDS, row) for row in np.eye(len(BANDS))])


def _minimum_phase(real: np.ndarray) -> np.ndarray:
    """The complex logarithm whose real part is given: the cepstrum folded to positive time."""
    cepstrum = np.fft.irfft(real, _SIZE, axis=1)
    cepstrum[:, 1 : _SIZE // 2] *= 2
    cepstrum[:, _SIZE // 2 + 1 :] = 0
    return np.fft.rfft(cepstrum, _SIZE, axis=1)


def _rows(cepstra: np.ndarray, share: np.ndarray, tilt: np.ndarray | float, delay: np.ndarray) -> np.ndarray:
    """What `_table` reads: cepstra, log shares by band, tilt in dB an octave, delay in frames."""
    count = len(cepstra)
    logs = np.log(np.maximum(share, 1e-3))
    tilted = np.broadcast_to(np.asarray(tilt, np.float32), count)
    return np.column_stack([cepstra, logs, tilted, delay]).astype(np.float32)


def _pulses(
    out: np.ndarray,
    cepstra: np.ndarray,
    strength: np.ndarray,
    voiced: np.ndarray,
    gain: np.ndarray,
    hertz: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """The voiced part: one answer for every swing of the folds."""
    places = _swings(hertz, _STEP / SAMPLE_RATE, len(hertz) * _STEP)
    places = places + _JITTER * rng.standard_normal(len(places)) * SAMPLE_RATE / _between(hertz, places)
    loud = _between(voiced * gain, places) * np.sqrt(SAMPLE_RATE / _between(hertz, places))
    places, loud = places[loud > _SILENT], loud[loud > _SILENT]
    table = _table(cepstra.shape[1] - 1)
    real, imag = np.ascontiguousarray(table.real), np.ascontiguousarray(table.imag)
    for start in range(0, len(places), _BATCH):
        here = places[start : start + _BATCH]
        now = here / _STEP * HOP
        whole = np.floor(here).astype(np.int64)
        rows = _rows(_at(cepstra, now), _at(strength, now), _TILTS[0], here - whole)
        spectrum = np.empty((len(rows), real.shape[1]), np.complex64)
        _answers(rows, real, imag, loud[start : start + _BATCH].astype(np.float32), spectrum)
        spectrum[:, :3] *= np.array([0.0, 0.3, 0.8], np.float32)  # no rumble
        _overlap(out, scipy.fft.irfft(spectrum, _SIZE, axis=1, overwrite_x=True), whole)


def _between(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.interp(places / _STEP, np.arange(len(values)), values)


def _breath(
    out: np.ndarray,
    cepstra: np.ndarray,
    strength: np.ndarray,
    voiced: np.ndarray,
    gain: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """The noise: all of what is unvoiced, and in voiced frames what the bands leave."""
    noise = rng.standard_normal((len(voiced) + 1) * _STEP).astype(np.float32)
    window = np.hanning(2 * _STEP + 1)[: 2 * _STEP].astype(np.float32)
    share = voiced[:, None] * (1 - strength) + (1 - voiced[:, None])
    tilt = _TILTS[1] + (_TILTS[0] - _TILTS[1]) * voiced
    table = np.ascontiguousarray(_table(cepstra.shape[1] - 1)[:-1, ::2].real)
    sounding = np.flatnonzero(gain > _SILENT)
    sounding = sounding[(sounding > 0)]
    for start in range(0, len(sounding), _BATCH):
        here = sounding[start : start + _BATCH]
        pieces = noise[(here[:, None] - 1) * _STEP + np.arange(2 * _STEP)] * window
        rows = _rows(cepstra[here], share[here], tilt[here], np.zeros(len(here)))[:, :-1]
        filters = np.empty((len(rows), table.shape[1]), np.float32)
        _amplitudes(rows, table, gain[here].astype(np.float32), filters)
        spectrum = scipy.fft.rfft(pieces, _NOISE, axis=1) * filters
        # Half of the answer lies before its cause, at the end of the ring.
        answer = np.roll(scipy.fft.irfft(spectrum, _NOISE, axis=1), _NOISE // 4, axis=1)
        _overlap(out, answer.astype(np.float32), (here - 1) * _STEP - _NOISE // 4)


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract", "reassoc", "nsz"})
def _answers(rows, real, imag, loud, out):
    """loud * exp(rows @ (real + i imag)), row by row, without a pool of threads that would differ from run to run."""
    size = real.shape[1]
    a, b = np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(rows.shape[0]):
        a[:] = math.log(max(loud[row], np.float32(1e-9)))
        b[:] = 0.0
        for number in range(rows.shape[1]):
            weight = rows[row, number]
            for k in range(size):
                a[k] += weight * real[number, k]
                b[k] += weight * imag[number, k]
        for k in range(size):
            amplitude = math.exp(a[k])
            out[row, k] = complex(amplitude * math.cos(b[k]), amplitude * math.sin(b[k]))


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract", "reassoc", "nsz"})
def _amplitudes(rows, table, gain, out):
    """gain * exp(rows @ table), row by row."""
    for row in range(rows.shape[0]):
        out[row] = 0.0
        for number in range(rows.shape[1]):
            weight = rows[row, number]
            for k in range(table.shape[1]):
                out[row, k] += weight * table[number, k]
        for k in range(table.shape[1]):
            out[row, k] = gain[row] * math.exp(out[row, k])


@njit(cache=True, nogil=True)
def _swings(hertz, hop, total):
    """Where the vocal folds close, in frames of sound."""
    places = np.empty(int(hertz.max() * hop * hertz.shape[0]) + 8)
    count = 0
    phase = 0.0
    step = total // hertz.shape[0]
    for i in range(total):
        frame = i // step
        part = (i - frame * step) / step
        after = hertz[min(frame + 1, hertz.shape[0] - 1)]
        rate = (hertz[frame] + (after - hertz[frame]) * part) * hop / step
        phase += rate
        if phase >= 1.0:
            phase -= 1.0
            if count < places.shape[0]:
                places[count] = i - phase / rate
                count += 1
    return places[:count]


@njit(cache=True, nogil=True)
def _overlap(out, answers, places):
    """Adds every answer to `out` where it belongs; what lies outside is lost."""
    for row in range(answers.shape[0]):
        first = places[row]
        for i in range(max(0, -first), min(answers.shape[1], out.shape[0] - first)):
            out[first + i] += answers[row, i]
