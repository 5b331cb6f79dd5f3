"""Score -> the sound of the voice: lines of notes with their words, each sung in one breath.

A line depends on its own notes and words and on the seed alone, so another take of one line leaves the others as they
were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from composer.chance import chance
from composer.voice import desk
from composer.voice.formant import Formant
from composer.voice.phones import HOP, Singer, Syllable, Word
from composer.voice.text import plain
from composer.voice.timing import Sung, Tone, loudness_curve, pitch_curve, time_map
from composer.voice.vocoder import vocode
from song.audio import SAMPLE_RATE
from song.score import Note, Score, Track

HIGH = "voice_high"  # the patch of the high singer; every other is the low one
_BEFORE, _AFTER = 0.4, 0.35  # seconds of a line's sound before its first note and after its last
_UNITY = 1 / 16_000  # Flite's cepstra are of 16-bit sound
_SAME = 0.01  # beats: a syllable belongs to the note that starts this near


@dataclass(frozen=True)
class Breath:
    """What is sung in one breath: plain words, and for each the notes of its syllables."""

    words: tuple[str, ...]
    notes: tuple[tuple[tuple[Note, ...], ...], ...]  # word, syllable, note

    @property
    def start(self) -> float:
        """Beats."""
        return self.notes[0][0][0].start

    @property
    def end(self) -> float:
        return self.notes[-1][-1][-1].end


def breaths(track: Track, lyrics: Sequence[tuple[float, str]]) -> list[Breath]:
    """The lines of a voice. Notes before its first syllable, and syllables without a note, are not sung."""
    found: list[Breath] = []
    words: list[tuple[str, list[tuple[Note, ...]]]] = []
    fresh = True
    for text, notes in _syllables(track, lyrics):
        if fresh:
            words.append(("", []))
        words[-1] = (words[-1][0] + text, [*words[-1][1], notes])
        fresh = text[-1:].isspace()
        if text.endswith(("\r", "\n")):
            found += _breath(words)
            words = []
    return found + _breath(words)


def _syllables(track: Track, lyrics: Sequence[tuple[float, str]]) -> Iterator[tuple[str, tuple[Note, ...]]]:
    notes = sorted(track.notes, key=lambda note: note.start)
    for place, (beat, text) in enumerate(lyrics):
        until = lyrics[place + 1][0] if place + 1 < len(lyrics) else float("inf")
        own = tuple(note for note in notes if beat - _SAME <= note.start < until - _SAME)
        if own and abs(own[0].start - beat) <= _SAME:
            yield text, own


def _breath(words: list[tuple[str, list[tuple[Note, ...]]]]) -> list[Breath]:
    """A line from written words; a written word may be several plain ones ("24"), or none ("-")."""
    sung: list[tuple[str, tuple[tuple[Note, ...], ...]]] = []
    for text, notes in words:
        spoken = plain(text)
        for word, own in zip(spoken, _dealt(notes, len(spoken)), strict=True):
            sung.append((word, tuple(own)))
    return [Breath(tuple(word for word, _ in sung), tuple(notes for _, notes in sung))] if sung else []


def _dealt(notes: list[tuple[Note, ...]], count: int) -> list[list[tuple[Note, ...]]]:
    """Syllables' notes dealt to words, at least one each where there are enough."""
    if count <= 1:
        return [notes] * count
    cuts = np.linspace(0, len(notes), count + 1).round().astype(int)
    return [notes[a:b] or notes[-1:] for a, b in pairwise(cuts)]


def sing(
    stem: np.ndarray, track: Track, score: Score, seed: int, singer: Singer, doubled: Sequence[tuple[float, float]]
) -> None:
    """Adds the voice of a track to a stem, float32 (2, frames).

    doubled  spans in beats in which the voice is doubled, as choruses are; a track of another role than "vocals" is
             always doubled, and stands at the sides
    """
    lead = track.role == "vocals"
    for breath in breaths(track, score.lyrics):
        rng = chance(seed, track.role, track.name, round(breath.start * 480), "voice")
        sound, first = _line(breath, score, singer, track.patch == HIGH, rng)
        wide = not lead or any(start <= breath.start < end for start, end in doubled)
        place(stem, sound, first, 1.0 if lead else 0.0, (0.28 if lead else 0.7) * wide, float(rng.random()))


def _line(breath: Breath, score: Score, singer: Singer, high: bool, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The sound of a line, and the frame of the song at which it begins (it may be negative)."""
    line = performed(breath, score, singer, high)
    origin = score.seconds(breath.start) - _BEFORE
    count = int((line[-1].end + _AFTER) / HOP)
    source = time_map(line, count, singer.early)
    hertz = 440 * 2 ** ((pitch_curve(line, count, rng) - 69) / 12)
    spoken = singer.speak(breath.words, high)
    sound = vocode(spoken.frames, source, hertz, loudness_curve(line, count), rng)
    return sound * np.float32(_UNITY), round(origin * SAMPLE_RATE)


def performed(breath: Breath, score: Score, singer: Singer, high: bool) -> list[Sung]:
    """The syllables of a line on their tones, in seconds of the line's own time."""
    origin = score.seconds(breath.start) - _BEFORE
    line: list[Sung] = []
    for word, notes in zip(singer.speak(breath.words, high).words, breath.notes, strict=True):
        for syllable, own in _matched(word, notes):
            tones = tuple(
                Tone(score.seconds(note.start) - origin, score.seconds(note.duration), note.pitch, _loud(note))
                for note in own
            )
            line.append(Sung(syllable, tones))
    return line


def _loud(note: Note) -> float:
    """Velocity as amplitude: 12 dB from the softest note to the loudest."""
    return float(10 ** (0.6 * (note.velocity / 127 - 1)))


def _matched(word: Word, notes: tuple[tuple[Note, ...], ...]) -> Iterator[tuple[Syllable, tuple[Note, ...]]]:
    """A word's syllables on its notes. If counts differ, the last note is shared or the vowel held."""
    if len(word) <= len(notes):
        yield from zip(word[:-1], notes, strict=False)
        yield word[-1], tuple(note for own in notes[len(word) - 1 :] for note in own)
        return
    yield from zip(word, notes[:-1], strict=False)
    rest, last = word[len(notes) - 1 :], notes[-1][-1]
    share = (notes[-1][-1].end - notes[-1][0].start) / len(rest)
    for number, syllable in enumerate(rest):
        yield syllable, (Note(last.pitch, last.velocity, notes[-1][0].start + number * share, share),)


def place(stem: np.ndarray, sound: np.ndarray, first: int, middle: float, sides: float, phase: float) -> None:
    """Adds a line to a stem: `middle` dry, and `sides` doubled as tape machines do it, late and wavering a little.

    The doubles lie 11-31 ms behind on either side and waver by some cents (automatic double tracking, Abbey Road 1966).
    """
    if middle:
        start, stop = max(0, -first), min(len(sound), stem.shape[1] - first)
        if stop > start:
            stem[:, first + start : first + stop] += np.float32(middle) * sound[start:stop]
    if sides:
        _double(stem, sound, first, sides, phase)


@njit(cache=True, nogil=True)
def _double(stem, sound, first, amount, phase):
    block = 64
    for side in range(2):
        rate = 2 * np.pi * (0.43 + 0.16 * side) / SAMPLE_RATE
        turn = 2 * np.pi * (phase + 0.37 * side)
        before = _lag(0, rate, turn, side)
        for begin in range(0, sound.shape[0] + 1500, block):
            after = _lag(begin + block, rate, turn, side)
            for i in range(begin, begin + block):
                late = i - (before + (after - before) * (i - begin) / block)
                whole = int(np.floor(late))
                if 0 <= whole < sound.shape[0] - 1 and 0 <= first + i < stem.shape[1]:
                    part = late - whole
                    stem[side, first + i] += amount * (sound[whole] * (1 - part) + sound[whole + 1] * part)
            before = after


@njit(cache=True, nogil=True)
def _lag(frame, rate, turn, side):
    """Frames by which a double is late."""
    return 1008.0 - 288.0 * side + 90.0 * np.sin(rate * frame + turn) + 55.0 * np.sin(2.7 * rate * frame + turn)


def warm() -> None:
    """Compile what sings, or load it from the cache: a line of our own singer's, which needs no library."""
    track = Track("Voice", "vocals", 53, HIGH, (Note(60, 90, 0.0, 0.5),))
    score = Score(120.0, (4, 4), "C major", 1.0, (track,), (), lyrics=((0.0, "oh\r"),))
    stem = np.zeros((2, SAMPLE_RATE), np.float32)
    sing(stem, track, score, 0, Formant(), [(0.0, 4.0)])
    desk.polish(stem)
    desk.presence(stem)
