"""What a singer knows of speech: phones, syllables, and the frames that a vocoder makes sound from.

Conventions: phones by their ARPABET names in small letters ("ae", "dh"), as CMU's lexicon and Flite write them; time in
seconds of the spoken line; frames every HOP seconds.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

HOP = 0.005  # seconds between two frames
BANDS = (500.0, 1500.0, 3000.0, 5000.0, 7000.0)  # hertz: where the strength of voicing is known
VOWELS = frozenset(["aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"])
DIPHTHONGS = frozenset(["ay", "aw", "oy", "ey", "ow"])
SIBILANTS = frozenset(["s", "sh", "z", "zh", "ch", "jh"])


@dataclass(frozen=True, slots=True)
class Phone:
    """A speech sound; `start` and `end` in seconds of the spoken line."""

    name: str
    start: float
    end: float

    @property
    def vowel(self) -> bool:
        return self.name in VOWELS


@dataclass(frozen=True, slots=True)
class Syllable:
    """Phones around one vowel; `stress` 0 or 1."""

    phones: tuple[Phone, ...]
    stress: int

    @property
    def nucleus(self) -> int:
        """Index of the vowel."""
        return next((place for place, phone in enumerate(self.phones) if phone.vowel), 0)


Word = tuple[Syllable, ...]


@dataclass(frozen=True, eq=False)
class Frames:
    """How the mouth stands, frame by frame.

    cepstra   float32 (frames, order + 1): mel-cepstrum of the log amplitude, frequency warped by WARP at 16 kHz
    strength  float32 (frames, len(BANDS)): the periodic share of the amplitude, 0-1
    voiced    float32 (frames,): 1 where the vocal folds swing
    """

    cepstra: np.ndarray
    strength: np.ndarray
    voiced: np.ndarray


WARP = 0.42  # all-pass constant of the mel scale at WARP_RATE (Tokuda et al., ICSLP 1994)
WARP_RATE = 16_000.0


@dataclass(frozen=True, eq=False)
class Spoken:
    """A line as somebody says it: its words, and the frames they are made of."""

    words: tuple[Word, ...]
    frames: Frames


class Singer(Protocol):
    """Somebody who can say a line; the vocoder makes song of it."""

    name: str
    early: float  # seconds by which its vowels are heard after they are said to begin

    def speak(self, words: tuple[str, ...], high: bool) -> Spoken:
        """A line of plain words (a-z and apostrophes), one `Word` for each, by the high or the low voice."""

    def syllables(self, words: tuple[str, ...]) -> tuple[Word, ...]:
        """The words of a line without its sound."""


def warped(hertz: np.ndarray) -> np.ndarray:
    """Where frequencies lie on the warped axis, radians: 0 to pi for 0 to 8 kHz."""
    angle = 2 * np.pi * np.asarray(hertz, float) / WARP_RATE
    return angle + 2 * np.arctan2(WARP * np.sin(angle), 1 - WARP * np.cos(angle))


def syllabified(phones: list[tuple[Phone, bool, int]]) -> Word:
    """Syllables of one word from (phone, first of its syllable, stress); what has no vowel joins its neighbour."""
    groups: list[tuple[list[Phone], int]] = []
    for phone, first, stress in phones:
        if first or not groups:
            groups.append(([], stress))
        groups[-1][0].append(phone)
    found: list[tuple[list[Phone], int]] = []
    homeless: list[Phone] = []
    for members, stress in groups:
        if any(phone.vowel for phone in members):
            found.append((homeless + members, stress))
            homeless = []
        elif found:
            found[-1][0].extend(members)
        else:
            homeless += members
    if homeless and not found:
        found = [(homeless, 0)]
    return tuple(Syllable(tuple(members), stress) for members, stress in found)
