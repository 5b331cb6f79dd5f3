"""The voice: it sings what it is given, on time, in tune, the same every time; and says so where it is not Flite."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import doctor
from bench import voice as bench
from composer import midi, voice
from composer.arrange import compose
from composer.plan import plan
from composer.typed import as_typed
from composer.voice import Flite, Formant, Singer, desk
from composer.voice.letters import parts, sounds
from composer.voice.phones import VOWELS
from composer.voice.sing import breaths, sing
from composer.voice.text import parted, plain
from settings import Settings, settings
from song import captions
from song.audio import SAMPLE_RATE
from song.lyrics import Line, Lyrics, Section
from song.request import Generate
from song.score import Marker, Note, Score, Track

LINE = "take the road beside the silver ocean"
LIBRARY = voice.find(None)
SINGERS: list[Singer] = [Formant(), *([Flite(LIBRARY)] if LIBRARY else [])]  # without Flite, doctor's test says so
each_singer = pytest.mark.parametrize("who", SINGERS, ids=lambda who: who.name)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Nobody keeps a singer that another test asked for."""
    settings.cache_clear()
    voice.singer.cache_clear()
    yield
    settings.cache_clear()
    voice.singer.cache_clear()


@each_singer
@pytest.mark.parametrize("high", [False, True])
def test_held_notes_are_in_tune(who: Singer, high: bool) -> None:
    sung = bench.perform(LINE, who, 100, 64 if high else 52, 1, high)
    held = list(bench.held_pitch(sung))
    assert len(held) > 40
    assert np.mean(held) >= 0.95


@each_singer
def test_vowels_fall_on_their_notes(who: Singer) -> None:
    late = [error for seed in range(3) for error in bench.onset_errors(bench.perform(LINE, who, 100, 52, seed))]
    assert len(late) >= 6
    assert np.median(np.abs(late)) <= 15


@each_singer
def test_sound_is_finite_stays_within_its_line_and_comes_back_bit_for_bit(who: Singer) -> None:
    one, again = bench.perform(LINE, who), bench.perform(LINE, who)
    assert np.isfinite(one.sound).all()
    assert 0.05 < np.abs(one.sound).max() < 2
    assert np.array_equal(one.sound, again.sound)
    notes = one.score.tracks[0].notes
    silent = one.sound[: round((one.score.seconds(notes[0].start) - 0.45) * SAMPLE_RATE)]
    assert not silent.any()


@each_singer
def test_another_line_leaves_a_line_as_it_was(who: Singer) -> None:
    def stem(last: str) -> np.ndarray:
        notes = tuple(Note(52, 90, float(beat), 0.9) for beat in (1, 2, 9, 10))
        words = ((1.0, "hold "), (2.0, "on\r"), (9.0, last + " "), (10.0, "now\r"))
        score = Score(120, (4, 4), "C major", 16, (Track("Voice", "vocals", 53, "voice_low", notes),), (), lyrics=words)
        out = np.zeros((2, 8 * SAMPLE_RATE), np.float32)
        sing(out, score.tracks[0], score, 3, who, ())
        return out

    a, b = stem("come"), stem("go")
    assert np.array_equal(a[:, : 3 * SAMPLE_RATE], b[:, : 3 * SAMPLE_RATE])
    assert not np.array_equal(a, b)


@each_singer
def test_every_word_has_a_syllable_and_every_syllable_a_vowel(who: Singer) -> None:
    words = plain("It's 7 o'clock, and the rhythm's mmm: xyz, naïve! Qwrtp")
    found = who.syllables(words)
    assert len(found) == len(words)
    assert [[len(s.phones) > 0 for s in word] for word in found] == [[True] * len(word) for word in found]
    spoken = who.speak(words, False)
    assert [[s.stress for s in word] for word in spoken.words] == [[s.stress for s in word] for word in found]
    phones = [phone for word in spoken.words for syllable in word for phone in syllable.phones]
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(phones))
    assert phones[-1].end <= len(spoken.frames.cepstra) * 0.005 + 0.2


def test_flite_takes_nothing_but_plain_words() -> None:
    for words in (("<speak>",), ("a" * 2000,), (), ("naïve",), ("a b",)):
        if LIBRARY:
            with pytest.raises(ValueError, match="plain words"):
                Flite(LIBRARY).speak(words, False)
    assert plain("<speak> naïve\x00 \U0001f600") == ("speak", "naive")


def test_without_the_library_the_formant_singer_sings_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_FLITE", str(tmp_path))
    settings.cache_clear()
    who, notice = voice.singer()
    assert who.name == "formant"
    assert "formant singer sings" in notice
    assert "make voice" in notice
    finding = next(one for one in doctor.examine() if one.name == "voice")
    assert not finding.ok
    assert not finding.fatal
    assert "make voice" in finding.said


def test_a_library_that_is_none_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libflite.so.1").write_bytes(b"not a library")
    monkeypatch.setenv("STUDIO_FLITE", str(tmp_path))
    settings.cache_clear()
    who, notice = voice.singer()
    assert who.name == "formant"
    assert "cannot be used" in notice
    assert not next(one for one in doctor.examine() if one.name == "voice").ok


def test_doctor_says_who_sings_here() -> None:
    finding = doctor._voice(Settings())
    assert finding.ok == (LIBRARY is not None)
    assert str(LIBRARY) in finding.said if LIBRARY else "formant singer" in finding.said


def _song() -> Score:
    notes = (Note(52, 90, 0.5, 0.5), Note(54, 90, 1.0, 0.5), Note(55, 90, 1.5, 2.0), Note(50, 90, 8.0, 1.0))
    track = Track("Low voice", "vocals", 53, "voice_low", notes)
    words = ((0.5, "Wal"), (1.0, "king "), (1.5, "home\r"), (8.0, "Now\n"))
    return Score(120, (4, 4), "C major", 12, (track,), (Marker(0, "verse"), Marker(8, "chorus")), lyrics=words)


def test_lyrics_survive_the_trip_through_a_midi_file() -> None:
    file = io.BytesIO()
    midi.write(_song(), file)
    back = midi.read(io.BytesIO(file.getvalue()))
    assert back.lyrics == _song().lyrics
    lines = breaths(back.tracks[0], back.lyrics)
    assert [line.words for line in lines] == [("walking", "home"), ("now",)]
    assert [len(word) for word in lines[0].notes] == [2, 1]


def test_timed_lyrics_come_out_as_lrc() -> None:
    timed = Lyrics.sung(_song())
    assert [section.name for section in timed.sections] == ["verse", "chorus"]
    assert timed.sections[0].lines[0].text == "Walking home"
    assert (timed.sections[0].lines[0].start, timed.sections[0].lines[0].end) == (0.25, 1.75)
    assert timed.timing == "exact" and captions.lrc(timed) == "[00:00.25]Walking home\n[00:04.00]Now\n"


def test_a_typed_line_is_one_timed_line_with_its_own_text() -> None:
    line = "123 45 99 bottles, 1984 & $5 -- on the wall of the long and winding hall"
    song = plan(Generate(prompt="pop", duration=30, seed=1, lyrics=f"[verse]\n{line}\nla la\nla"))
    heard = Lyrics.sung(compose(song))
    assert len(heard.lines) > 3 and "ninety" in heard.plain()
    assert song.lyrics
    shown = as_typed(heard, song.lyrics)
    assert [one.text for one in shown.lines][:3] == [line, "la la", "la"]
    assert shown.lines[0].start == heard.lines[0].start and shown.lines[-1].end == heard.lines[-1].end
    cut = Lyrics((Section("verse", (Line("of the", 1.0, 2.0), Line("la la", 2.0, 3.0))),), "exact")
    assert as_typed(cut, song.lyrics) == cut


def test_words_are_read_as_they_are_sung() -> None:
    assert plain("It’s 24 o’clock, CAFÉ — 1984") == (
        "it's",
        "twenty",
        "four",
        "o'clock",
        "cafe",
        "nineteen",
        "eighty",
        "four",
    )
    assert plain("2000 100 0 1905 12345") == (
        "two", "thousand", "one", "hundred", "zero", "nineteen", "oh", "five", "one", "two", "three", "four", "five",
    )  # fmt: skip
    assert plain("$5 or $1") == ("five", "dollars", "or", "one", "dollar")
    assert plain("日本語 ... --") == ()
    for word in ("window", "Walking,", "beautiful", "lonely", "I", "rhythm"):
        for count in (1, 2, 3):
            assert "".join(parted(word, count)) == word
            assert len(parted(word, count)) == count


def test_letters_become_sounds() -> None:
    assert sounds("night") == ("n", "ay", "t")
    assert sounds("lantern")[-1] == "n"
    assert [stress for _, stress in parts("forever")] == [0, 1, 0]
    assert [len(parts(word)) for word in ["thousand", "careless", "horizon", "beautiful", "make"]] == [2, 2, 3, 3, 1]
    assert all(VOWELS & set(sounds(word)) for word in ("hmm", "x", "shh", "qwrtp", "'"))


def test_the_band_makes_room_and_sibilants_are_held_back() -> None:
    rng = np.random.default_rng(0)
    hiss = np.zeros((2, SAMPLE_RATE), np.float32)
    hiss[:, 20_000:26_000] = 0.2 * np.diff(rng.standard_normal(6001)).astype(np.float32)
    tone = 0.1 * np.sin(2 * np.pi * 300 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    voiced = hiss + tone
    desk._tame(voiced, np.exp(-2 * np.pi * 5200 / SAMPLE_RATE))
    assert np.abs(voiced[0, 23_000:25_000] - tone[23_000:25_000]).std() < 0.75 * hiss[0, 23_000:25_000].std()
    sung = desk.presence(np.stack([tone, tone]) * (np.arange(SAMPLE_RATE) < 24_000))
    band = np.ones((2, SAMPLE_RATE), np.float32)
    desk.give_way(band, sung)
    assert band[0, 20_000] == pytest.approx(1 - desk.UNDER, abs=0.02)
    assert band[0, -1] > 0.93
