"""When a sung line is where in the spoken one, and at what pitch: vowels on the beat, consonants before it.

A singer's vowel, not the consonants in front of it, falls on the beat (Sundberg, "The Science of the Singing Voice",
1987). So the consonants of a syllable take the end of the note before; what is left of a note is held on the vowel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from composer.voice.phones import DIPHTHONGS, HOP, Syllable

_CONSONANTS = 1.7  # times as long as spoken, where a line begins: sung consonants have to be understood
_FASTEST, _SLOWEST = 1.2, 3.0  # the same between notes: they are stretched as the whole note is, within these limits
_VOWEL = 0.45  # at least this part of a note is vowel
_ONSET = 0.32  # seconds that consonants may come early
_EDGES = {False: (0.45, 0.4), True: (0.4, 0.6)}  # parts of a vowel that keep their pace, by whether it moves
_FADING = 3.0  # times slower, at most, that a vowel is left than spoken: what follows it is heard in its end
_TAIL = 0.1  # seconds in which a line dies away
_TOUCH = 0.02  # notes nearer than this are bound, seconds
_GLIDE = 0.09  # seconds from pitch to pitch
_SCOOP = 0.35  # semitones below the first pitch of a line at which it begins
_VIBRATO = 0.28  # semitones to either side
_STRAIGHT = 0.28  # seconds before vibrato sets in
_DRIFT = 0.03  # semitones of slow unrest


@dataclass(frozen=True, slots=True)
class Tone:
    """A note of a line: `start` and `length` in seconds of the line's own time, `loud` 0-1."""

    start: float
    length: float
    pitch: float
    loud: float

    @property
    def end(self) -> float:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Sung:
    """A syllable and what it is sung on: one tone, or several (a melisma)."""

    syllable: Syllable
    tones: tuple[Tone, ...]

    @property
    def start(self) -> float:
        return self.tones[0].start

    @property
    def end(self) -> float:
        return self.tones[-1].end


def onset(syllable: Syllable) -> float:
    """Seconds of consonants before the vowel, as sung after a rest."""
    return min(_ONSET, _CONSONANTS * _spoken_onset(syllable))


def _spoken_onset(syllable: Syllable) -> float:
    return sum(phone.end - phone.start for phone in syllable.phones[: syllable.nucleus])


def _spoken(syllable: Syllable) -> tuple[float, float]:
    """Seconds of the vowel and of the consonants behind it, as spoken."""
    vowel, *close = syllable.phones[syllable.nucleus :]
    return vowel.end - vowel.start, sum(phone.end - phone.start for phone in close)


def time_map(line: Sequence[Sung], frames: int, early: float = 0.0) -> np.ndarray:
    """Seconds in the spoken line for each frame of the sung one, -1 where nothing sounds.

    `early` moves all of it forward: seconds by which a voice's vowels are heard later than they are written.
    """
    heads = [onset(sung.syllable) for sung in line]
    tails: list[float] = []
    bound: list[bool] = []
    for place, sung in enumerate(line):
        after = line[place + 1] if place + 1 < len(line) and line[place + 1].start - sung.end < _TOUCH else None
        bound.append(after is not None)
        vowel, close = _spoken(sung.syllable)
        open_ = _spoken_onset(after.syllable) if after else 0.0
        length = sung.end - sung.start
        slow = min(_SLOWEST, max(_FASTEST, length / max(vowel + close + open_, 1e-6)))
        slow = min(slow, (1 - _VOWEL) * length / max(close + open_, 1e-6))
        tails.append(slow * close)
        if after:
            heads[place + 1] = slow * open_
    source = np.full(frames, -1.0)
    for place, sung in enumerate(line):
        following = heads[place + 1] if bound[place] else 0.0
        for piece in _pieces(sung, heads[place], tails[place], following, bound[place]):
            _draw(source, *piece, early)
    return source


def _pieces(
    sung: Sung, head: float, tail: float, following: float, bound: bool
) -> list[tuple[float, float, float, float]]:
    """(spoken start and end, sung start and end) of the parts of a syllable, in seconds."""
    phones = sung.syllable.phones
    vowel = phones[sung.syllable.nucleus]
    end = sung.end - tail - following
    pieces = [(phones[0].start, vowel.start, sung.start - head, sung.start)]
    length = vowel.end - vowel.start
    if end - sung.start <= length:
        pieces.append((vowel.start, vowel.end, sung.start, end))
    else:  # it begins as it is spoken and ends more slowly, and the middle is held
        first, last = (part * length for part in _EDGES[vowel.name in DIPHTHONGS])
        pace = max(1.0, min(_FADING, (0.9 * (end - sung.start) - first) / max(last, 1e-6)))
        a, b = sung.start + first, end - pace * last
        pieces += [
            (vowel.start, vowel.start + first, sung.start, a),
            (vowel.start + first, vowel.end - last, a, b),
            (vowel.end - last, vowel.end, b, end),
        ]
    pieces.append((vowel.end, phones[-1].end, end, end + tail))
    if not bound:
        pieces.append((phones[-1].end, phones[-1].end + _TAIL, sung.end, sung.end + _TAIL))
    return pieces


def _draw(source: np.ndarray, spoken: float, spoken_end: float, start: float, end: float, early: float) -> None:
    start, end = start - early, end - early
    first, last = (max(0, min(len(source), int(np.ceil(edge / HOP)))) for edge in (start, end))
    if last > first and end > start:
        where = np.arange(first, last) * HOP - start
        source[first:last] = spoken + where * (spoken_end - spoken) / (end - start)


def pitch_curve(line: Sequence[Sung], frames: int, rng: np.random.Generator) -> np.ndarray:
    """MIDI pitch of each frame: a scoop into the line, glides between notes, late vibrato, a little unrest."""
    tones = [tone for sung in line for tone in sung.tones]
    now = np.arange(frames) * HOP
    pitch = np.full(frames, float(tones[0].pitch))
    for place, tone in enumerate(tones):
        inside = (now >= tone.start) & (now < tone.end)
        if place:
            through = np.clip((now - (tone.start - _GLIDE * 0.65)) / _GLIDE, 0, 1)
            pitch += (tone.pitch - tones[place - 1].pitch) * (0.5 - 0.5 * np.cos(np.pi * through))
        else:
            pitch -= np.where(inside, _SCOOP * np.exp(-np.maximum(now - tone.start, 0) / 0.03), 0.0)
        rate = 5.4 + 0.3 * rng.standard_normal()
        if tone.length > 0.45:
            rise = np.clip((now - tone.start - _STRAIGHT) / 0.3, 0, 1) * np.clip((tone.end - now) / 0.08, 0, 1)
            pitch += np.where(inside, _VIBRATO * rise * np.sin(2 * np.pi * rate * (now - tone.start)), 0.0)
    window = np.hanning(61)
    unrest = np.convolve(rng.standard_normal(frames + 60), window / np.sqrt((window**2).sum()), "valid")
    return pitch + _DRIFT * unrest


def loudness_curve(line: Sequence[Sung], frames: int) -> np.ndarray:
    """Amplitude of each frame, 0-1: tones by their loudness, with no step between them."""
    now = np.arange(frames) * HOP
    tones = [tone for sung in line for tone in sung.tones]
    level = np.interp(now, [tone.start + 0.05 for tone in tones], [tone.loud for tone in tones])
    return np.convolve(np.pad(level, 8, mode="edge"), np.full(17, 1 / 17), "valid")
