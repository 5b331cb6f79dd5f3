"""A singer of our own, for machines without Flite: formants by rule, vowels and consonants from two tables.

Vowels are three resonances (Peterson and Barney, "Control methods used in a study of the vowels", JASA 1952),
consonants their loci, voicing and noise, as rule synthesis has always made them (Klatt, "Software for a
cascade/parallel formant synthesizer", JASA 1980). The envelopes become mel-cepstra for the vocoder that Flite uses too.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from composer.voice import letters
from composer.voice.phones import BANDS, HOP, SIBILANTS, WARP, WARP_RATE, Frames, Phone, Spoken, Syllable, Word

_ORDER = 40
_POINTS = 129  # of an envelope, evenly spaced on the warped axis
_HIGHER = (3500.0, 4300.0, 5300.0, 6400.0, 7500.0)  # hertz: resonances that hardly move
_WIDTHS = (70.0, 90.0, 130.0, 200.0, 260.0, 350.0, 450.0, 600.0)
_HIGH_VOICE = 1.16  # a smaller head
_LEAD = 0.1  # seconds of silence before the line
_LOUD = 7.6  # nepers: about as loud as Flite
_OFF = -90.0

# First three resonances in hertz; two rows where the vowel moves.
_VOWELS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "iy": ((280, 2250, 2950),), "ih": ((400, 1950, 2550),), "eh": ((550, 1800, 2500),), "ae": ((690, 1680, 2450),),
    "aa": ((730, 1120, 2440),), "ao": ((580, 880, 2410),), "uh": ((450, 1050, 2250),), "uw": ((310, 950, 2250),),
    "ah": ((640, 1200, 2420),), "ax": ((500, 1400, 2450),), "er": ((470, 1300, 1650),),
    "ow": ((520, 950, 2380), (370, 830, 2250)), "ay": ((730, 1200, 2480), (340, 2080, 2650)),
    "ey": ((490, 1880, 2520), (310, 2250, 2750)), "oy": ((540, 850, 2400), (350, 2000, 2600)),
    "aw": ((730, 1250, 2450), (400, 880, 2300)),
}  # fmt: skip


@dataclass(frozen=True)
class _Consonant:
    """Resonances in hertz, voicing and noise in dB, where the noise lies (hertz, octaves wide)."""

    formants: tuple[float, float, float]
    kind: str  # glide, nasal, fricative, breath or stop
    voice: float = _OFF
    noise: float = -60.0
    center: float = 3000.0
    width: float = 1.0


_CONSONANTS = {
    "w": _Consonant((300, 700, 2200), "glide", -5),
    "y": _Consonant((270, 2250, 3000), "glide", -5),
    "r": _Consonant((330, 1120, 1480), "glide", -4),
    "l": _Consonant((340, 1050, 2750), "glide", -5),
    "m": _Consonant((260, 1050, 2200), "nasal", -8),
    "n": _Consonant((260, 1550, 2550), "nasal", -8),
    "ng": _Consonant((260, 2100, 2750), "nasal", -8),
    "s": _Consonant((320, 1650, 2600), "fricative", _OFF, -4, 6500, 0.55),
    "sh": _Consonant((300, 1850, 2500), "fricative", _OFF, -2, 3200, 0.6),
    "f": _Consonant((320, 1000, 2300), "fricative", _OFF, -20, 6000, 2.2),
    "th": _Consonant((320, 1350, 2550), "fricative", _OFF, -22, 6500, 1.6),
    "hh": _Consonant((500, 1500, 2500), "breath"),
    "z": _Consonant((300, 1650, 2600), "fricative", -14, -11, 6500, 0.55),
    "zh": _Consonant((300, 1850, 2500), "fricative", -14, -9, 3200, 0.6),
    "v": _Consonant((300, 1000, 2300), "fricative", -10, -30, 6000, 2.2),
    "dh": _Consonant((300, 1350, 2550), "fricative", -10, -32, 6500, 1.6),
    "p": _Consonant((300, 850, 2200), "stop", _OFF, -14, 900, 1.6),
    "t": _Consonant((300, 1780, 2650), "stop", _OFF, -5, 4800, 0.9),
    "k": _Consonant((300, 2000, 2350), "stop", _OFF, -8, 2100, 0.7),
    "b": _Consonant((250, 850, 2200), "stop", -18, -22, 800, 1.6),
    "d": _Consonant((250, 1750, 2650), "stop", -18, -14, 4500, 0.9),
    "g": _Consonant((250, 2000, 2350), "stop", -18, -14, 2000, 0.7),
    "ch": _Consonant((300, 1850, 2500), "stop", _OFF, -4, 3300, 0.7),
    "jh": _Consonant((280, 1850, 2500), "stop", -18, -10, 3300, 0.7),
}
_LENGTHS = {"nasal": 0.07, "fricative": 0.11, "breath": 0.06, "stop": 0.1, "glide": 0.07}  # seconds


class Formant:
    """The studio's own singer."""

    name = "formant"
    early = 0.0

    def syllables(self, words: tuple[str, ...]) -> tuple[Word, ...]:
        """Phones, syllables and stress of a line, timed by rule."""
        return _timed(words)

    @lru_cache(maxsize=256)  # noqa: B019  one singer, kept as long as the process
    def speak(self, words: tuple[str, ...], high: bool) -> Spoken:
        """A line as the low or the high voice says it."""
        said = _timed(words)
        phones = [phone for word in said for syllable in word for phone in syllable.phones]
        tracks = _tracks(phones)
        return Spoken(said, _frames(tracks, _HIGH_VOICE if high else 1.0))


@lru_cache(maxsize=512)
def _timed(words: tuple[str, ...]) -> tuple[Word, ...]:
    now = _LEAD
    found = []
    for word in words:
        syllables = []
        for names, stress in letters.parts(word):
            phones = []
            for name in names:
                phones.append(Phone(name, now, now + _length(name)))
                now = phones[-1].end
            syllables.append(Syllable(tuple(phones), stress))
        found.append(tuple(syllables))
    return tuple(found)


def _length(name: str) -> float:
    """Seconds a phone is spoken."""
    if name in _VOWELS:
        return 0.2 if len(_VOWELS[name]) > 1 else 0.15
    return _LENGTHS[_CONSONANTS[name].kind] * (1.25 if name == "ch" else 1.0)


@dataclass(eq=False)
class _Tracks:
    """What the mouth does, one value a frame: hertz, and levels in dB."""

    formants: np.ndarray  # (frames, 3)
    voice: np.ndarray
    noise: np.ndarray
    breath: np.ndarray
    center: np.ndarray
    width: np.ndarray
    nasal: np.ndarray


def _tracks(phones: list[Phone]) -> _Tracks:
    count = int((phones[-1].end + 0.2) / HOP)
    tracks = _Tracks(
        np.tile([500.0, 1500.0, 2500.0], (count, 1)), np.full(count, _OFF), np.full(count, -60.0),
        np.full(count, -60.0), np.full(count, 3000.0), np.ones(count), np.zeros(count),
    )  # fmt: skip
    for place, phone in enumerate(phones):
        following = phones[place + 1].name if place + 1 < len(phones) else ""
        span = slice(round(phone.start / HOP), round(phone.end / HOP))
        if phone.vowel:
            _open(tracks, phone.name, span)
        else:
            _close(tracks, phone.name, span, _VOWELS[following][0] if following in _VOWELS else None)
    tracks.formants = np.column_stack([_smooth(column, 13) for column in tracks.formants.T])
    tracks.nasal = _smooth(tracks.nasal, 5)
    tracks.voice, tracks.noise, tracks.breath = (
        20 * np.log10(_smooth(10 ** (level / 20), size) + 1e-5)
        for level, size in ((tracks.voice, 5), (tracks.noise, 3), (tracks.breath, 5))
    )
    return tracks


def _smooth(values: np.ndarray, size: int) -> np.ndarray:
    window = np.hanning(size + 2)[1:-1]
    return np.convolve(np.pad(values, size // 2, mode="edge"), window / window.sum(), "valid")


def _open(tracks: _Tracks, name: str, span: slice) -> None:
    rows = np.array(_VOWELS[name])
    through = np.clip((np.linspace(0, 1, span.stop - span.start) - 0.35) / 0.5, 0, 1)[:, None]
    tracks.formants[span] = rows[0] * (1 - through) + rows[-1] * through
    tracks.voice[span] = -2 if name in ("iy", "uw", "ih", "ax") else 0


def _close(tracks: _Tracks, name: str, span: slice, vowel: tuple[float, float, float] | None) -> None:
    """One consonant; breath and the stops of the tongue's back take their place from the vowel that follows."""
    sound = _CONSONANTS[name]
    tracks.formants[span] = sound.formants
    tracks.center[span], tracks.width[span] = sound.center, sound.width
    if sound.kind == "stop":
        length = span.stop - span.start
        burst = span.start + round(length * (0.55 if name in SIBILANTS else 0.62))
        tracks.voice[span.start : burst] = sound.voice
        tracks.noise[burst : burst + (9 if name in SIBILANTS else 3)] = sound.noise
        if name in ("p", "t", "k"):
            tracks.breath[burst + 1 : span.stop + 2] = -17
        if name in ("k", "g") and vowel:
            tracks.formants[span, 1] = 0.5 * vowel[1] + 1000
            tracks.center[span] = 0.6 * vowel[1] + 900
        return
    tracks.voice[span], tracks.noise[span] = sound.voice, sound.noise
    tracks.nasal[span] = sound.kind == "nasal"
    if sound.kind == "breath":
        tracks.breath[span] = -14
        if vowel:
            tracks.formants[span] = vowel


def _frames(tracks: _Tracks, scale: float) -> Frames:
    """Envelopes of voice and noise -> cepstra and how much of each band is voice."""
    hertz = _hertz()[None, :]
    voice, breath, hiss = _envelopes(tracks, hertz, scale)
    periodic, noisy = np.exp(2 * voice), np.exp(2 * hiss) + 0.15 * np.exp(2 * breath)
    noisy = noisy + periodic * 10 ** (-26 / 10) * np.clip(hertz / 3000, 0.05, 1.5)
    total = periodic + noisy
    cepstra = _cepstra(0.5 * np.log(total + 1e-12) + _LOUD)
    share = np.sqrt(noisy / (total + 1e-12))
    strength = np.array([1 - np.interp(BANDS, hertz[0], row) for row in share])
    voiced = np.clip((tracks.voice + 50) / 10, 0, 1)
    return Frames(cepstra.astype(np.float32), strength.astype(np.float32), voiced.astype(np.float32))


def _envelopes(tracks: _Tracks, hertz: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log amplitude of the voice, of breath through the same mouth, and of hiss at the teeth, (frames, points)."""
    mouth = np.zeros((len(tracks.voice), hertz.shape[1]))
    for place, width in enumerate(_WIDTHS):
        center = (tracks.formants[:, place] if place < 3 else np.full(len(mouth), _HIGHER[place - 3])) * scale
        center = center[:, None]
        wide = width + (60 * tracks.nasal[:, None] if place < 3 else 0.0)
        half = wide * wide / 4
        mouth += 0.5 * np.log(
            (center**2 + half) ** 2 / (((hertz - center) ** 2 + half) * ((hertz + center) ** 2 + half))
        )
    zero, pole = (hertz / 900) ** 2, (hertz / 1000) ** 2
    nose = 0.5 * np.log(((1 - zero) ** 2 + 0.06) / ((1 - pole) ** 2 + 0.35)) - 0.9 * np.clip((hertz - 600) / 1500, 0, 1)
    mouth += tracks.nasal[:, None] * nose
    glottis = -0.5 * np.log(1 + (hertz / 350) ** 2) - 0.25 * np.log(1 + (hertz / 3500) ** 2)
    voice = mouth + glottis + tracks.voice[:, None] / 8.686
    breath = np.log(10 ** (tracks.breath[:, None] / 20)) + 0.8 * mouth - 0.2
    away = np.log2(np.maximum(hertz, 30) / tracks.center[:, None]) / tracks.width[:, None]
    return voice, breath, tracks.noise[:, None] / 8.686 - 1.2 - 0.7 * away**2


@lru_cache(maxsize=1)
def _hertz() -> np.ndarray:
    """The frequencies of an envelope's points: even on the warped axis, by the inverse of its all-pass."""
    angle = np.linspace(0, np.pi, _POINTS)
    return (angle - 2 * np.arctan2(WARP * np.sin(angle), 1 + WARP * np.cos(angle))) * WARP_RATE / (2 * np.pi)


def _cepstra(envelopes: np.ndarray) -> np.ndarray:
    """Mel-cepstra of log amplitudes: the cosine series on the warped axis, cut off after _ORDER."""
    series = scipy.fft.dct(envelopes, type=1, axis=1)[:, : _ORDER + 1] / (_POINTS - 1)
    series[:, 0] /= 2
    return series
