"""How well lines are timed by a vocal: `make bench NAME=align ARGS=72`. The last line is JSON.

    start_s      median of how far the start of a line is off, seconds
    start_90_s   the same for the worst tenth
    within_0.5   share of the lines that start within half a second of their truth
    within_1     and within one
    even_...     the same for lines that are laid out evenly over the song, as they are where nobody hears the vocal
    refused      songs with a voice whose words were not timed
    fooled       songs whose band alone was taken for a voice, as loud as it is in the song, and 20 dB below
    align_s      seconds of CPU time for a minute of song

Songs are the composer's, of many styles, lengths and forms, with words of the embedded writer and seeds from 900 on, on
which nothing was tuned. A line starts, by its truth, where the vowel of its first syllable falls on its note; the
consonants before it are heard earlier. Half of the songs are asked with their instrumental sections as tags, half
without. The vocal is the composer's own, once clean, and once as separation leaves it: doubled a few cents off and 14
to 22 ms late, with a room of 0.9 s, everything else leaking at -20 dB, nothing left above 5.5 kHz. `extra` are songs of
which one sung line is not in the words, `unsung` those whose words have a line that nobody sings; there the other lines
count.

It is a synthetic voice that mostly sings one syllable a note. What people's voices do to these figures nobody knows.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import signal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import lyrics as writers  # noqa: E402  (found by the line above, wherever this is started from)
from analysis import words  # noqa: E402
from composer.plan import STYLES  # noqa: E402
from composer.stanzas import BACKING, VOCALS, syllables  # noqa: E402
from engines.composer import Composer  # noqa: E402
from song.audio import SAMPLE_RATE, Audio  # noqa: E402
from song.errors import CannotMake  # noqa: E402
from song.lyrics import Line, Lyrics, Section  # noqa: E402
from song.progress import silent  # noqa: E402
from song.request import Generate  # noqa: E402
from song.writing import read_brief  # noqa: E402

FIRST = 900
TOPICS = (
    "my father's old truck",
    "dancing all night",
    "heartbreak in December",
    "the morning after a storm",
    "Berlin at night",
    "coffee and rain",
    "the midnight train",
    "an astronaut who is homesick",
    "a mountain road",
    "losing my dog",
    "leaving home",
)
FORMS = (
    "verse, chorus, verse, chorus",
    "intro, verse, chorus, solo, verse, chorus",
    "verse, chorus, verse, chorus, bridge, chorus",
    "intro, verse, verse, solo, chorus",
    "verse, verse, chorus",
    "intro, verse, chorus, interlude, bridge, chorus, outro",
)
UNSUNG = Line("A line that nobody ever sings")


class Song(NamedTuple):
    """Voice and band, mono, and the words: as they were asked for, and with their truth."""

    voice: np.ndarray
    band: np.ndarray
    asked: Lyrics
    starts: np.ndarray


def song(number: int) -> Song | None:
    """The n-th song; None where its style has no singer."""
    seed, style = FIRST + number, list(STYLES)[number * 11 % len(STYLES)]
    brief = {"brief": TOPICS[number % len(TOPICS)], "structure": FORMS[number % len(FORMS)], "seed": seed}
    *_, written = writers.growing(read_brief(brief | {"lines": (4, 2, 6, 4)[number % 4]}), None)
    duration = float(np.random.default_rng(seed).integers(45, 150))
    asked = {"prompt": f"{style} song with vocals", "style": style, "duration": duration, "seed": seed}
    take = Composer().generate(Generate.model_validate(asked | {"lyrics": str(written.lyrics)}), silent)
    if take.lyrics is None or VOCALS not in take.stems or take.score is None:
        return None
    parts = {name: stem.samples.mean(axis=0) for name, stem in take.stems.items()}
    voice = np.sum([part for name, part in parts.items() if name in (VOCALS, BACKING)], axis=0)
    band = np.sum([part for name, part in parts.items() if name not in (VOCALS, BACKING)], axis=0)
    marks = [(take.score.seconds(mark.beat), mark.name.lower()) for mark in take.score.markers]
    typed = _typed(take.lyrics, marks if number // 2 % 2 else [])
    return Song(voice, band, typed, np.array([line.start for line in take.lyrics.lines]))


def _typed(sung: Lyrics, marks: list[tuple[float, str]]) -> Lyrics:
    """The words as somebody types them: no times, and the sections of `marks` in which nobody sings as tags."""
    found = [(one.lines[0].start or 0.0, one) for one in sung.sections]
    for (start, name), (end, _) in pairwise([*marks, (float("inf"), "")] if marks else []):
        if not any(start - 0.6 <= (line.start or 0.0) < end - 0.6 for line in sung.lines):
            found.append((start, Section(name)))
    ordered = [one for _, one in sorted(found, key=lambda item: item[0])]
    return Lyrics(tuple(Section(one.name, tuple(Line(line.text) for line in one.lines)) for one in ordered))


def separated(voice: np.ndarray, band: np.ndarray, seed: int) -> np.ndarray:
    """The voice as a separator leaves it."""
    t = np.arange(len(voice))
    late = (0.018 + 0.004 * np.sin(2 * np.pi * 0.5 * t / SAMPLE_RATE)) * SAMPLE_RATE
    room = np.random.default_rng(seed).standard_normal(round(0.9 * SAMPLE_RATE))
    room *= 10 ** (-3 * np.arange(len(room)) / len(room))
    wet = signal.fftconvolve(voice, room / np.sqrt(np.square(room).sum()))[: len(voice)]
    heard = voice + 0.5 * np.interp(t - late, t, voice) + 0.2 * wet + 0.1 * band
    return signal.sosfilt(signal.butter(2, 5500, fs=SAMPLE_RATE, output="sos"), heard)


def without(asked: Lyrics, place: int) -> Lyrics:
    return _changed(asked, lambda number, line: () if number == place else (line,))


def with_more(asked: Lyrics, place: int) -> Lyrics:
    return _changed(asked, lambda number, line: (UNSUNG, line) if number == place else (line,))


def _changed(asked: Lyrics, change: Callable[[int, Line], tuple[Line, ...]]) -> Lyrics:
    lines = iter(enumerate(asked.lines))
    sections = [
        Section(one.name, tuple(new for _ in one.lines for new in change(*next(lines)))) for one in asked.sections
    ]
    return Lyrics(tuple(sections))


def ways(made: Song, seed: int) -> Iterator[tuple[str, np.ndarray, Lyrics, np.ndarray, np.ndarray]]:
    """How a song is asked: a name, the vocal, the words, and of which of their lines the truth is known."""
    chance, every = np.random.default_rng(seed), np.arange(len(made.starts))
    parted = separated(made.voice, made.band, seed)
    yield "clean", made.voice, made.asked, every, made.starts
    yield "separated", parted, made.asked, every, made.starts
    place = int(chance.integers(len(every)))
    yield "extra", parted, without(made.asked, place), every[:-1], np.delete(made.starts, place)
    place = int(chance.integers(len(every)))
    yield "unsung", parted, with_more(made.asked, place), every + (every >= place), made.starts


def aligned(asked: Lyrics, voice: np.ndarray, whole: np.ndarray) -> Lyrics | None:
    sounds = (Audio(one.astype(np.float32)[None], SAMPLE_RATE) for one in (voice, whole))
    try:
        return words.aligned(asked, [syllables(line.text) for line in asked.lines], *sounds)
    except CannotMake:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how well lines are timed by a vocal.")
    parser.add_argument("songs", type=int, nargs="?", default=72)
    count = parser.parse_args().songs
    errors: dict[str, list[np.ndarray]] = {}
    refused: dict[str, int] = {}
    fooled, songs, spent, minutes = 0, 0, 0.0, 0.0
    for number in range(count):
        if (made := song(number)) is None:
            continue
        whole = made.voice + made.band
        seconds, songs = len(whole) / SAMPLE_RATE, songs + 1
        even = np.array([line.start for line in made.asked.spread(0.0, seconds).lines])
        errors.setdefault("even", []).append(np.abs(even - made.starts))
        for name, vocal, asked, places, truth in ways(made, FIRST + number):
            begun = time.process_time()
            found = aligned(asked, vocal, whole)
            spent, minutes = spent + time.process_time() - begun, minutes + seconds / 60
            if found is None:
                refused[name] = refused.get(name, 0) + 1
            else:
                errors.setdefault(name, []).append(np.abs(np.array([one.start for one in found.lines])[places] - truth))
        fooled += sum(aligned(made.asked, level * made.band, whole) is not None for level in (1.0, 0.1))
    figures = {"songs": songs, "fooled": fooled, "align_s": round(spent / minutes, 3)}
    print(f"{songs} songs, load {os.getloadavg()[0]:.1f}; {fooled} bands taken for a voice")
    for name, found_errors in errors.items():
        figures |= told(name, np.concatenate(found_errors), refused.get(name, 0))
    print(json.dumps(figures))


def told(name: str, errors: np.ndarray, refused: int) -> dict[str, float]:
    found = {
        "start_s": round(float(np.median(errors)), 3),
        "start_90_s": round(float(np.percentile(errors, 90)), 3),
        "within_0.5": round(float((errors < 0.5).mean()), 4),
        "within_1": round(float((errors < 1).mean()), 4),
        "refused": refused,
    }
    print(f"  {name:<10} {len(errors)} lines   " + "   ".join(f"{key} {value:g}" for key, value in found.items()))
    return {f"{name}_{key}": value for key, value in found.items()}


if __name__ == "__main__":
    main()
