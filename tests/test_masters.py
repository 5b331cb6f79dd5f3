"""Masters: what leaves the studio in another shape, read back by others: soundfile, tinytag, wave, pyloudnorm."""

import platform
import struct
import wave
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image
from tinytag import TinyTag

import doctor
import masters
import post_process
import tags
from dsp.splice import resampled
from masters import lame
from masters.depth import pcm16
from settings import settings
from song.audio import Audio
from song.errors import BadRequest, Cancelled, CannotMake
from song.master import read_master
from song.take import Facts, Recipe
from test_post_process import lufs, sound, true_peak
from test_tags import recipe

RATE = 48_000


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe]:
    """A kept WAV that lay 0.5 s before its sound begins, and a recipe longer than a page of Ogg."""
    made = sound("music", 4).samples.copy()
    made[:, : RATE // 2] = made[:, -RATE // 4 :] = 0
    finished = post_process.measured(Audio(made * np.float32(0.8 / np.abs(made).max())))
    known = recipe(facts=finished.facts, plan={"style": "lofi", "words": "\u00fc" * 40_000})
    path = tmp_path_factory.mktemp("take") / "song.wav"
    post_process.write_wav(path, finished.audio, known)
    return path, known


@pytest.fixture
def lame_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Say where the system's LAME lies."""

    def set_it(place: Path) -> None:
        monkeypatch.setenv("STUDIO_LAME", str(place))
        settings.cache_clear()

    yield set_it
    monkeypatch.undo()
    settings.cache_clear()


def chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    raw, at = path.read_bytes(), 12
    while at < len(raw):
        size = int.from_bytes(raw[at + 4 : at + 8], "little")
        yield raw[at : at + 4], raw[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


MASTERS: list[tuple[str, dict[str, Any], str]] = [
    ("wav", {"rate": "44.1", "depth": "16"}, "PCM_16"),
    ("wav", {"rate": 96_000, "depth": "32f"}, "FLOAT"),
    ("flac", {}, "PCM_24"),
    ("flac", {"rate": "96000", "depth": "16", "trim": "true"}, "PCM_16"),
    ("mp3", {}, "MPEG_LAYER_III"),
    ("mp3", {"quality": "v0", "rate": 44_100}, "MPEG_LAYER_III"),
    ("opus", {"target_lufs": "broadcast"}, "OPUS"),
    ("opus", {"ceiling_dbtp": "-3"}, "OPUS"),
]


@pytest.mark.parametrize(("kind", "said", "subtype"), MASTERS)
def test_a_master_is_what_was_asked_for_and_carries_recipe_tags_and_cover(tmp_path, take, kind, said, subtype):
    wav, known = take
    asked = read_master(kind, said)
    path = tmp_path / f"song.{kind}"
    done = masters.convert(wav, path, known, asked)
    about, back = soundfile.info(path), post_process.read(path)
    assert (about.subtype, about.samplerate) == (subtype, asked.rate)
    seconds = 4 - (0.75 - 0.04 if asked.trim else 0)
    assert abs(back.duration - seconds) < (0.06 if kind == "mp3" else 0.021 if asked.trim else 1e-4)
    unasked = 0.0 if kind in ("mp3", "opus") else max(-1.0, known.facts.true_peak_dbtp)
    ceiling = unasked if asked.ceiling_dbtp is None else asked.ceiling_dbtp
    assert true_peak(back, 4) <= ceiling + 0.05
    wanted = known.facts.lufs if asked.target_lufs is None else asked.target_lufs
    quieter = sum(float(line.split()[0]) for line in done if "quieter" in line)
    assert abs(lufs(back) - wanted + quieter) < 0.3 or any("instead of" in line for line in done)
    shown = TinyTag.get(path, image=True)
    assert (shown.title, shown.comment, shown.genre) == (known.title, known.request.prompt, "lofi")
    assert shown.images.front_cover.data.startswith(b"\x89PNG")
    assert tags.read_recipe(path) == known
    assert any("cut at the head" in line for line in done) == asked.trim
    assert {one.name for one in tmp_path.iterdir()} == {path.name}


def test_opus_peaks_elsewhere_and_is_made_quieter_for_it(tmp_path, take):
    """Bursts overshoot by a decibel in Opus; the file keeps below the ceiling that was asked for, and it is said."""
    loud = post_process.finish(sound("bursts", 3), target_lufs=-10).audio
    known = recipe(facts=post_process.facts(loud))
    post_process.write_wav(tmp_path / "a.wav", loud, known)
    done = masters.convert(tmp_path / "a.wav", tmp_path / "a.opus", known, read_master("opus", {"ceiling_dbtp": "-1"}))
    assert true_peak(post_process.read(tmp_path / "a.opus"), 4) <= -1.0
    assert [line for line in done if "quieter than the take" in line]


@pytest.mark.parametrize(("said", "channels"), [({}, 2), ({"quality": "v0", "rate": 44_100}, 2), ({}, 1)])
def test_the_systems_lame_and_that_of_soundfile_make_the_same_mp3(tmp_path, lame_at, said, channels):
    """The first is there to be faster, not to be another one. Where the system has none, soundfile's is held to it
    alone: what comes back has the song's length, and is as near to it as MP3 can be."""
    song = post_process.measured(Audio(sound("music", 3).samples[:channels] * np.float32(0.7)))
    known, asked = recipe(facts=song.facts), read_master("mp3", said)
    post_process.write_wav(tmp_path / "a.wav", song.audio, known)
    masters.convert(tmp_path / "a.wav", tmp_path / "ours.mp3", known, asked)
    lame_at(tmp_path / "nowhere")
    assert lame.usable() is None
    masters.convert(tmp_path / "a.wav", tmp_path / "theirs.mp3", known, asked)
    wanted = resampled(song.audio.samples, RATE, asked.rate)
    backs = [post_process.read(tmp_path / f"{whose}.mp3").samples for whose in ("ours", "theirs")]
    assert [back.shape for back in backs] == [wanted.shape] * 2
    ours, theirs = (post_process.below(back - wanted, wanted) for back in backs)
    assert ours == pytest.approx(theirs, abs=0.1) and ours < -20
    if platform.machine() == "x86_64":  # others may fuse a product with a sum
        assert (tmp_path / "ours.mp3").read_bytes() == (tmp_path / "theirs.mp3").read_bytes()


def test_a_lame_that_is_none_is_no_fault_and_doctor_says_so(tmp_path, lame_at):
    (tmp_path / "libmp3lame.so.0").write_bytes(b"not a library")
    for place, words in ((tmp_path, "cannot be used"), (tmp_path / "nowhere", "no LAME found")):
        lame_at(place)
        assert lame.usable() is None
        finding = doctor._lame(settings())
        assert words in finding.said and "make lame" in finding.said and not finding.ok and not finding.fatal


def test_a_wav_says_what_studios_look_for(tmp_path, take):
    wav, known = take
    asked = read_master("wav", {"rate": 96_000, "trim": True})
    masters.convert(wav, tmp_path / "a.wav", known, asked)
    found = dict(chunks(tmp_path / "a.wav"))
    bext = found[b"bext"]
    text = [bext[a:b].rstrip(b"\0").decode() for a, b in ((0, 256), (256, 288), (288, 320), (320, 330), (330, 338))]
    assert text == ["Rain on Rhodes: dusty lo-fi hip hop", "Studio 0.1.0", known.id, "2026-01-02", "03:04:05"]
    head, version = struct.unpack("<QH", bext[338:348])
    assert version == 2 and abs(head - (0.5 - 0.02) * 96_000) < 400  # where the file begins in the take
    levels = struct.unpack("<5h", bext[412:422])
    heard = post_process.facts(post_process.read(tmp_path / "a.wav"))
    told = (heard.lufs, heard.loudness_range_lu, heard.true_peak_dbtp, heard.momentary_lufs, heard.short_term_lufs)
    assert np.abs(np.array(levels) / 100 - told).max() < 0.02
    history = bext[602:].decode().split("\r\n")
    assert history[0].startswith("A=PCM,F=48000,W=24,M=stereo,T=Studio") and history[1].startswith("A=PCM,F=96000,W=24")
    root = ElementTree.fromstring(found[b"iXML"])
    assert (root.tag, root.findtext("PROJECT"), root.findtext("TAKE")) == ("BWFXML", "Rain on Rhodes", "7")
    assert root.findtext("SPEED/FILE_SAMPLE_RATE") == "96000"
    assert int(root.findtext("SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO") or 0) == head
    assert [one.findtext("NAME") for one in root.iter("TRACK")] == ["Left", "Right"]
    with wave.open(str(tmp_path / "a.wav")) as plain:
        assert (plain.getframerate(), plain.getsampwidth(), plain.getnchannels()) == (96_000, 3, 2)
    assert dict(chunks(wav))[b"bext"][346:348] == b"\2\0"  # the kept take is one, too


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of silence, and four seconds of one tone."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE)
    mono = np.concatenate([np.zeros(RATE // 2), tone]).astype(np.float32)
    path = tmp_path_factory.mktemp("steady") / "song.wav"
    post_process.write_wav(path, Audio(np.stack([mono, mono])), recipe())
    return path


def heights(path: Path, seconds: Iterable[float]) -> list[float]:
    """How high the tone is around these moments."""
    left = post_process.read(path).samples[0]
    rate = soundfile.info(path).samplerate
    return [
        float(np.abs(left[round(at * rate) - rate // 200 : round(at * rate) + rate // 200]).max()) for at in seconds
    ]


@pytest.mark.parametrize(("kind", "said"), [("wav", {"depth": "32f"}), ("flac", {"rate": 44_100}), ("mp3", {})])
def test_a_fade_begins_where_the_sound_does_once_it_is_trimmed(tmp_path, steady, kind, said):
    asked = read_master(kind, said | {"trim": True, "fade_in": "1", "fade_out": 2})
    done = masters.convert(steady, tmp_path / f"a.{kind}", recipe(), asked)
    moments = (0.02, 0.27, 0.52, 0.77, 1.5, 2.52, 3.02, 3.52, 4.0)
    wanted = [0.5 - 0.5 * np.cos(np.pi * min(1, at, (4.02 - at) / 2)) for at in moments]
    assert heights(tmp_path / f"a.{kind}", moments) == pytest.approx([0.5 * one for one in wanted], abs=0.01)
    assert done == ("0.48 s of silence cut at the head, 0.00 s at the tail.", "Faded in over 1 s and out over 2 s.")


def test_the_loudness_that_was_asked_for_is_that_of_the_faded_song(tmp_path, steady):
    asked = read_master("wav", {"trim": True, "fade_out": 3.5, "target_lufs": "-16", "depth": "32f"})
    done = masters.convert(steady, tmp_path / "a.wav", recipe(), asked)
    back = post_process.read(tmp_path / "a.wav")
    assert lufs(back) == pytest.approx(-16, abs=0.1) and done[1:] == ("Faded out over 3.5 s.", "At -16.0 LUFS.")
    high, low = heights(tmp_path / "a.wav", (0.3, 2.27))
    assert low == pytest.approx(high / 2, rel=0.02) and np.abs(back.samples[:, -1]).max() < 1e-6


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"fade_in": 5}, "fade_in: is longer than the song, which has 4.5 s; ask for less"),
        ({"fade_out": 4.3, "trim": True}, "fade_out: is longer than the song, which has 4.0 s; ask for less"),
        (
            {"fade_in": 3, "fade_out": 2},
            "fade_out: takes 5 s with the fade at the start, and the song has 4.5 s; ask for",
        ),
    ],
)
def test_a_fade_longer_than_the_song_is_refused_in_one_sentence(tmp_path, steady, said, sentence):
    with pytest.raises(BadRequest) as refused:
        masters.convert(steady, tmp_path / "a.flac", recipe(), read_master("flac", said))
    assert str(refused.value).startswith(sentence) and not (tmp_path / "a.flac").exists()


@pytest.mark.parametrize(
    ("kind", "said", "ours"),
    [("wav", {"depth": "16"}, 1), ("flac", {}, 1), ("opus", {}, 1), ("mp3", {"target_lufs": -14}, 1), ("mp3", {}, 0)],
)
def test_a_master_says_how_far_it_is_and_leaves_nothing_half_where_it_is_stopped(
    tmp_path, take, lame_at, kind, said, ours
):
    if not ours:  # nobody's LAME but soundfile's
        lame_at(tmp_path / "nowhere")
    wav, known = take
    told: list[tuple[float, str]] = []
    out, asked = tmp_path / f"a.{kind}", read_master(kind, said)
    masters.convert(wav, out, known, asked, lambda *news: told.append(news))
    whole = post_process.read(out).samples
    out.unlink()
    fractions = [fraction for fraction, _ in told]
    assert fractions[0] == 0 and fractions == sorted(fractions) and 0.5 < fractions[-1] < 1
    assert told[-1][1] == ("Writing" if kind == "wav" else "Packing") and len(told) > 3

    def stop(fraction: float, stage: str) -> None:
        if fraction == fractions[-1]:
            raise Cancelled

    with pytest.raises(Cancelled):
        masters.convert(wav, out, known, asked, stop)
    assert not list(tmp_path.iterdir())
    masters.convert(wav, out, known, asked)
    assert np.array_equal(post_process.read(out).samples, whole)


def test_another_rate_keeps_what_is_heard_and_folds_nothing_back():
    t = np.arange(RATE) / RATE
    tone, high = (np.sin(2 * np.pi * hz * t).astype(np.float32)[None] * 0.5 for hz in (18_000, 23_000))
    kept = resampled(tone, RATE, 44_100)[0, 4_000:-4_000]
    wanted = 0.5 * np.sin(2 * np.pi * 18_000 * np.arange(44_100) / 44_100)[4_000:-4_000]
    assert kept.dtype == np.float32 and np.abs(kept - wanted).max() < 2e-4
    assert np.abs(resampled(high, RATE, 44_100)[0, 4_000:-4_000]).max() < 1e-5
    assert resampled(tone, RATE, RATE) is tone


def test_sixteen_bits_keep_what_is_smaller_than_a_step():
    quiet = (0.4 / 2**15 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)[None]
    numbers = pcm16(quiet)
    assert np.array_equal(numbers, pcm16(quiet)) and set(np.unique(numbers)) <= {-1, 0, 1}
    back = np.abs(np.fft.rfft(numbers[:, 0] / RATE * 2))
    assert back[1000] == pytest.approx(0.4, abs=0.03) and back[3000] < 0.03  # a tone, and no harmonics of it
    assert pcm16(np.array([[1.0, -1.0]], np.float32)).ravel().tolist() == [2**15 - 1, -(2**15)]


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        ("mp3", {"rate": 96_000}, "rate: must be 44100 or 48000 in mp3"),
        ("opus", {"rate": "44.1"}, "rate: must be 48000 in opus"),
        ("flac", {"depth": "32f"}, "depth: must be 16 or 24 in flac"),
        ("mp3", {"depth": "16"}, "depth: means nothing in mp3"),
        ("wav", {"quality": "v0"}, "quality: means nothing in wav"),
        ("stems", {"depth": "16"}, "kind: must be one of wav, flac, mp3, opus"),
        ("wav", {"rate": "fast"}, "rate: must be one of 44100, 48000 or 96000"),
        ("wav", {"target_lufs": "loud"}, "target_lufs: must be a number from -30 to -8, or one of streaming"),
        ("wav", {"target_lufs": "-3"}, "target_lufs: must be a number from -30 to -8"),
        ("wav", {"ceiling_dbtp": "nan"}, "ceiling_dbtp: must be a number from -9 to 0"),
        ("wav", {"fade_in": "21"}, "fade_in: must be a number from 0 to 20"),
        ("picture", {"fade_out": "2"}, "kind: must be one of wav, flac, mp3, opus"),
        ("wav", {"speed": "2"}, "speed: no such setting; known are rate"),
    ],
)
def test_what_a_file_cannot_be_is_refused_in_one_sentence(kind, said, sentence):
    with pytest.raises(BadRequest) as refused:
        read_master(kind, said)
    assert str(refused.value).startswith(sentence)


def test_masters_that_differ_have_names_that_differ():
    said = (
        {},
        {"fade_in": 2},
        {"fade_out": "2"},
        {"trim": True},
        {"rate": 44_100},
        {"target_lufs": -16},
        {"depth": "16"},
    )
    assert len({read_master("wav", one).name for one in said}) == len(said)
    assert read_master("wav", {"fade_in": 2}).name == read_master("wav", {"fade_in": "2.0"}).name == "-fadein2.0"


def test_the_best_of_mp3_is_asked_for_as_it_is_written():
    assert read_master("mp3", {"quality": "V0"}) == read_master("mp3", {"quality": "v0"})


def test_a_silent_song_cannot_be_trimmed(tmp_path):
    known = recipe(facts=Facts(lufs=-70, true_peak_dbtp=-138.5))
    post_process.write_wav(tmp_path / "a.wav", Audio(np.zeros((2, RATE), np.float32)), known)
    with pytest.raises(CannotMake, match="silent"):
        masters.convert(tmp_path / "a.wav", tmp_path / "a.flac", known, read_master("flac", {"trim": True}))
    assert not (tmp_path / "a.flac").exists()


def test_the_picture_shows_where_the_sound_is(tmp_path):
    """Three seconds: silence, a low tone, a high tone."""
    t = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 100 * t), np.sin(2 * np.pi * 10_000 * t)
    mono = np.concatenate([np.zeros(RATE), low, high]).astype(np.float32) * 0.5
    post_process.write_wav(tmp_path / "a.wav", Audio(np.stack([mono, mono])), recipe())
    masters.portray(tmp_path / "a.wav", tmp_path / "a.png", recipe().facts)
    page = np.asarray(Image.open(tmp_path / "a.png").convert("L"), float)
    caption = page[50 + 120 + 16 + 160 : 50 + 120 + 16 + 160 + 34, 16:-16]  # between spectrogram and spectrum
    tall = np.flatnonzero((caption < 128).any(axis=1))
    assert (tall[-1] - tall[0]) * 380 / page.shape[1] > 8  # pixels of its letters on a phone
    third = (page.shape[1] - 32) // 3
    silent, bass, treble = (page[48:330, 16 + n * third + 20 : 16 + (n + 1) * third - 20] for n in range(3))
    assert (silent[:100] < 128).mean() < 0.03 < 0.2 < (bass[:100] < 128).mean()
    assert bass[135:280].mean(axis=1).argmin() > treble[135:280].mean(axis=1).argmin() + 50  # low is at the bottom
