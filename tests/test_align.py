"""Words timed by a vocal: the composer's songs have both an exact truth and the voice by itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cli
import post_process
import tags
import takes
import tiny_demucs
from analysis import words
from backend import Studio
from composer.stanzas import syllables
from engines.composer import Composer
from settings import settings
from song import captions
from song.audio import Audio
from song.errors import CannotMake
from song.lyrics import Line, Lyrics, Section
from song.progress import silent
from song.request import Generate
from song.take import Kept, Take

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


# --- a take in the library --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that takes songs apart."""
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny_demucs.checkpoint(folder / "htdemucs")
    return folder


@pytest.fixture
def studio(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(shelf))
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    opened = Studio(settings().model_copy(update={"lane": "inline", "min_free_disk": 0}))
    yield opened
    opened.close()
    settings.cache_clear()


def kept(studio: Studio, audio: Audio, vocal: Audio, lyrics: Lyrics) -> Kept:
    """A take as an engine with weights leaves it, that Demucs has taken apart, when nobody timed words by a vocal."""
    whole, folder = post_process.measured(audio).audio, studio.settings.home / "made"
    words = lyrics.spread(0.0, audio.duration)
    made = takes.recipe(
        lyrics=words,
        stems=False,
        samples_sha256=post_process.samples_sha256(whole),
        duration=whole.duration,
        sample_rate=whole.sample_rate,
        channels=whole.channels,
    )
    takes.fill(folder, made)
    post_process.write_wav(folder / "song.wav", whole, made)
    post_process.write_stems_zip(folder / "stems-htdemucs.zip", {"vocals": vocal}, "A song", vocal, takes.MADE)
    return studio.library.keep(made, folder)


def test_words_of_a_take_are_timed_by_the_vocal_once_it_is_there(studio, take, song, vocal, capsys) -> None:
    old = kept(studio, song, vocal, untimed(take.lyrics))
    assert "estimated" in studio.export("take", "vtt").read_text()
    file = Path(old.files["audio"])
    stale = [file.with_name(name) for name in ("song.mp3", "song.flac", "song.opus", "song-96000.wav", "song.mp3.json")]
    for one in stale:
        one.write_bytes(b"of words whose times are estimated")
    stems, found = studio.export("take", "stems"), studio.library.take("take").recipe
    assert studio.done(stems) == ("The lines are timed by the vocal now.",)
    assert found.lyrics.timing == "aligned" and np.abs(starts(found.lyrics) - starts(take.lyrics)).max() < 0.5
    assert tags.read_recipe(file) == tags.read_recipe(file.with_name("recipe.json")) == found
    assert not any(one.exists() for one in stale)
    assert post_process.samples_sha256(post_process.read(file)) == old.recipe.samples_sha256
    assert "heard in the vocal" in studio.export("take", "vtt").read_text()
    assert studio.export("take", "lrc").read_text() == captions.lrc(found.lyrics)
    studio.close()
    assert cli.main(["separate", "take"]) == 0
    assert "\nThe lines are timed by the vocal now.\n" in capsys.readouterr().out


def test_stems_come_although_the_words_cannot_be_timed(studio, take, vocal, caplog) -> None:
    silence = Audio(np.zeros((2, 48_000), np.float32), 48_000)
    old = kept(studio, silence, vocal, untimed(take.lyrics))
    Path(old.files["audio"]).write_bytes(b"RIFF")
    stems = studio.separate("take")
    assert stems.name == "stems-htdemucs.zip" and "the words of take could not be timed" in caplog.text
    assert studio.library.take("take") == old and studio.done(stems) == (), "and it is tried again"
