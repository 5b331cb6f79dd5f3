"""Words timed by a vocal: the composer's songs have both an exact truth and the voice by itself."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import words
from composer.stanzas import syllables
from engines.composer import Composer
from song.audio import Audio
from song.errors import CannotMake
from song.lyrics import Line, Lyrics, Section
from song.progress import silent
from song.request import Generate
from song.take import Take

VERSES = """
[intro]
[verse]
I walk along the river in the rain
The lights of every window call my name
And all the water carries to the sea
Is everything that you have said to me
[solo]
[chorus]
Hold on
Hold on to the morning light
Nobody ever sleeps tonight
"""


@pytest.fixture(scope="module")
def take() -> Take:
    """A song with an intro, four lines of a verse, a solo, and a chorus that is sung by two."""
    asked = {"prompt": "folk song, 104 bpm", "lyrics": VERSES, "form": "intro 4, verse 8, solo 4, chorus 8", "seed": 11}
    return Composer().generate(Generate.model_validate(asked), silent)


def mixed(take: Take, voice_db: float = 0.0, band_db: float = 0.0) -> Audio:
    """Voice and band of a song at other levels; below -200 dB they are not there."""
    gains = {name: voice_db if name in ("vocals", "backing") else band_db for name in take.stems}
    loud = [10 ** (gains[name] / 20) * stem.samples for name, stem in take.stems.items() if gains[name] > -200]
    return Audio(np.sum(loud, axis=0, dtype=np.float32), take.audio.sample_rate)


@pytest.fixture(scope="module")
def song(take: Take) -> Audio:
    return mixed(take)


@pytest.fixture(scope="module")
def vocal(take: Take) -> Audio:
    return mixed(take, 0, -300)


def untimed(lyrics: Lyrics) -> Lyrics:
    """The same words as somebody types them, with their instrumental sections."""
    verse, *rest = (replace(one, lines=tuple(Line(line.text) for line in one.lines)) for one in lyrics.sections)
    return Lyrics((Section("intro"), verse, Section("solo"), *rest))


def aligned(lyrics: Lyrics, vocal: Audio, song: Audio) -> Lyrics:
    return words.aligned(lyrics, [syllables(line.text) for line in lyrics.lines], vocal, song)


def starts(lyrics: Lyrics) -> np.ndarray:
    return np.array([line.start for line in lyrics.lines])


def test_lines_are_found_in_the_vocal_and_the_band_that_leaks_is_not_taken_for_it(take: Take, song: Audio) -> None:
    typed = untimed(take.lyrics)
    off = {band: starts(aligned(typed, mixed(take, 0, band), song)) - starts(take.lyrics) for band in (-300, -20)}
    assert len(typed.lines) == 7
    assert all(np.abs(one).max() < 0.5 and np.median(np.abs(one)) < 0.25 for one in off.values()), off
    evenly = starts(typed.spread(0, song.duration)) - starts(take.lyrics)
    assert np.median(np.abs(evenly)) > 1, "what it is better than"


def test_times_are_in_order_and_the_same_every_time(take: Take, vocal: Audio, song: Audio) -> None:
    found = aligned(untimed(take.lyrics), vocal, song)
    assert found == aligned(untimed(take.lyrics), vocal, song) and found.timing == "aligned"
    assert str(found) == str(untimed(take.lyrics))
    times = [at for line in found.lines for at in (line.start, line.end)]
    assert times == sorted(times) and times[0] > 0 and times[-1] <= song.duration


def test_a_line_that_nobody_sings_stands_between_its_neighbours(take: Take, vocal: Audio, song: Audio) -> None:
    intro, verse, *rest = untimed(take.lyrics).sections
    found = starts(aligned(Lyrics((intro, verse, *rest, Section("outro", verse.lines[:1]))), vocal, song))
    assert np.abs(found[:4] - starts(take.lyrics)[:4]).max() < 0.5 and (np.diff(found) >= 0).all()


def test_one_line_is_found_where_it_is_sung(take: Take, vocal: Audio, song: Audio) -> None:
    line, rate, alone = take.lyrics.lines[2], vocal.sample_rate, vocal.samples.copy()
    first, last = round((line.start - 0.3) * rate), round((line.end + 0.1) * rate)
    alone[:, :first], alone[:, last:] = 0, 0
    found = aligned(Lyrics((Section("", (Line(line.text),)),)), Audio(alone, rate), song).lines[0]
    assert found.start == pytest.approx(line.start, abs=0.3) and found.end == pytest.approx(line.end, abs=0.4)


NOISE = np.random.default_rng(1).normal(0, 0.5, (2, 48_000 * 20)).astype(np.float32)
UNSURE = {
    "silence": (lambda take: Audio(np.zeros((2, 48_000 * 20), np.float32), 48_000), "Hardly anything is sung"),
    "what leaked": (lambda take: mixed(take, -300, -20), "Hardly anything is sung"),
    "the band": (lambda take: mixed(take, -300, 0), "does not fit the words"),
    "noise": (lambda take: Audio(NOISE, 48_000), "does not fit the words|Less is sung"),
    "one word": (lambda take: Audio(NOISE[:, :12_000], 48_000), "Less is sung in this song than its words have lines"),
}


@pytest.mark.parametrize("what", UNSURE)
def test_where_it_is_not_sure_it_says_so(take: Take, song: Audio, what: str) -> None:
    sound, sentence = UNSURE[what]
    with pytest.raises(CannotMake, match=sentence) as error:
        aligned(untimed(take.lyrics), sound(take), song)
    assert "stay estimated." in str(error.value) and "\n" not in str(error.value)


def test_far_more_words_than_are_sung_are_refused(take: Take, vocal: Audio, song: Audio) -> None:
    wordy = Lyrics(tuple(Section("verse", untimed(take.lyrics).lines) for _ in range(4)))
    with pytest.raises(CannotMake, match="does not fit the words well enough"):
        aligned(wordy, vocal, song)
