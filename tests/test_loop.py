"""Bars of a song as a loop: what it holds is read from the file's own chunks, and the seam from its samples."""

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

import dsp
import takes
import tasks
from backend import Studio
from composer import loop
from composer.arrange import compose
from composer.plan import plan
from engines.composer import Composer
from settings import Settings
from song.audio import Audio
from song.errors import BadRequest, CannotMake
from song.progress import silent
from song.request import Generate
from song.score import Note, Score, Track

RATE = 48_000
PLAN = plan(Generate(prompt="house, 120 bpm, A minor", form="intro 2, drop 4, outro 2", seed=3, duration=18))


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def take(studio):
    wish = Generate(prompt="house, 120 bpm, A minor", form="intro 2, drop 4, outro 2", seed=3, duration=18)
    job = list(studio.follow(studio.submit(wish).id))[-1]
    return studio.library.take(job.takes[0])


def chunks(path: Path) -> dict[bytes, bytes]:
    """The chunks of a RIFF file, walked by hand."""
    content, at, found = path.read_bytes(), 12, {}
    assert content[:4] == b"RIFF" and struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    while at < len(content):
        code, size = struct.unpack_from("<4sI", content, at)
        found[code] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def test_the_liveliest_bars_come_as_a_file_that_says_where_it_loops(studio, take):
    path = studio.export(take.id, "loop")
    told = studio.loop(take.id)[1]
    assert (told["bar"], told["bars"]) == (3, 4), "the drop"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (RATE, 2, "PCM_24", 4 * 2 * RATE)
    found = chunks(path)
    manufacturer, product, period, note, *_, count, more = struct.unpack_from("<9I", found[b"smpl"])
    assert (manufacturer, product, period, note, count, more) == (0, 0, 20833, 60, 1, 0)
    assert struct.unpack_from("<6I", found[b"smpl"], 36) == (0, 0, 0, info.frames - 1, 0, 0)
    flags, _, _, _, beats, below, above, tempo = struct.unpack("<IHHfIHHf", found[b"acid"])
    assert (flags & 1, beats, below, above, tempo) == (0, 16, 4, 4, 120.0)
    assert beats * 60 / tempo * RATE == info.frames


def test_the_seam_is_a_step_like_any_other(studio, take):
    path, told = studio.loop(take.id, bar=2, bars=1)
    sound = soundfile.read(path, dtype="float32")[0].T
    assert told["seam_db"] <= 0 and loop.seam_db(Audio(sound)) == told["seam_db"]
    assert np.abs(sound).max() > 0.1


def test_a_loop_is_as_loud_as_its_song_was_to_be_and_has_no_fades():
    asked = {"target_lufs": -20.0, "ceiling_dbtp": -6.0, "fade_in": 1.0, "fade_out": 1.0}
    made = Composer().looped(PLAN, compose(PLAN), loop.Bars(4, 1), asked, silent)
    assert dsp.true_peak(made.samples, RATE) <= -6.0 + 0.05
    assert np.abs(made.samples[:, :2400]).max() > 0.5 * np.abs(made.samples).max()  # a kick, at once
    loud = Composer().looped(PLAN, compose(PLAN), loop.Bars(4, 1), {}, silent)
    assert dsp.loudness(loud.samples, RATE) > dsp.loudness(made.samples, RATE) + 3


def test_playing_it_four_times_is_the_same_four_times(studio, take):
    once, _ = soundfile.read(studio.export(take.id, "loop"))
    four, _ = soundfile.read(studio.export(take.id, "loop4"))
    assert np.array_equal(four, np.tile(once, (4, 1)))
    assert struct.unpack("<IHHfIHHf", chunks(studio.export(take.id, "loop4"))[b"acid"])[4] == 64


def test_a_game_pack_is_one_zip_whose_files_are_those_of_its_cue_sheet(studio, take):
    path, told = studio.gamepack(take.id, bar=3, bars=1)
    assert studio.gamepack(take.id, bar=3, bars=1) == (path, told)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        cues = json.loads(archive.read("cues.json"))
        listed = [one for kind in ("layers", "transitions", "stingers") for one in cues[kind]]
        assert archive.namelist() == [*(one["file"] for one in listed), "cues.json", "recipe.json"]
        archive.extractall(path.parent / "unpacked")
    assert told == {"name": path.name, **cues} and cues["title"] == take.recipe.title
    for one in listed:
        place = path.parent / "unpacked" / one["file"]
        info, found = soundfile.info(place), chunks(place)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "PCM_24")
        assert info.frames == one.get("samples", 2 * RATE)
        assert (b"smpl" in found) == (b"acid" in found) == ("loop_end" in one)
        if "loop_end" in one:
            assert struct.unpack_from("<6I", found[b"smpl"], 36) == (0, 0, 0, one["loop_end"] - 1, 0, 0)
    with pytest.raises(BadRequest, match="bar: this song has bars 1 to 8"):
        studio.gamepack(take.id, bar=99)


def test_a_seam_is_measured_against_what_is_around_it():
    time = np.arange(RATE) / RATE
    whole, broken = (np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (100, 100.25))
    assert loop.seam_db(Audio(np.stack([whole, whole]))) == pytest.approx(0, abs=0.1)
    assert loop.seam_db(Audio(np.stack([whole, broken]))) > 30


def test_the_tail_of_the_end_sounds_in_the_head():
    """One short note at the very end of a bar: all that is heard on the first beat is what rings on."""
    note = Note(69, 100, PLAN.beats_per_bar - 0.25, 0.2)
    score = Score(PLAN.bpm, PLAN.meter, "A minor", 8.0, (Track("Lead", "lead", 0, "vibraphone", (note,)),), ())
    made = Composer().looped(PLAN, score, loop.Bars(0, 1), {}, silent)
    assert made.frames == 2 * RATE
    head, before = made.samples[:, : RATE // 10], made.samples[:, -RATE // 8 - RATE // 20 : -RATE // 8]
    assert np.abs(head).max() > 0.02, "the tail"
    assert np.abs(before).max() < np.abs(head).max(), "long after it, and just before the note, it is quieter"
    assert loop.seam_db(made) <= 0


def test_a_loop_begins_on_the_barline():
    note = Note(36, 127, 4 * PLAN.beats_per_bar, 0.25)
    score = Score(PLAN.bpm, PLAN.meter, "A minor", 32.0, (Track("Kit", "drums", 0, "house", (note,), drums=True),), ())
    sound = Composer().looped(PLAN, score, loop.Bars(4, 1), {}, silent).samples
    assert np.abs(sound[:, :240]).max() > 20 * np.abs(sound[:, -240:]).max(), "the kick, and what is left of the last"


def test_the_end_goes_over_into_what_came_before_the_head():
    sound = Audio(np.random.default_rng(1).normal(0, 0.1, (2, 6 * RATE)).astype(np.float32))
    over, _ = loop.repeated(PLAN, compose(PLAN), loop.Bars(2, 1))
    assert over.duration == 8.0
    sound = Audio(np.concatenate([sound.samples, sound.samples[:, : 2 * RATE]], axis=1))
    made = loop.cut(sound, over, loop.Bars(2, 1))
    join = round(loop.JOIN * RATE)
    assert np.array_equal(made.samples[:, :-join], sound.samples[:, 4 * RATE : 6 * RATE - join])
    assert np.abs(made.samples[:, -1] - sound.samples[:, 4 * RATE - 1]).max() < 0.002


def test_every_time_has_the_same_notes():
    score = compose(PLAN)
    bar = PLAN.beats_per_bar
    over, again = loop.repeated(PLAN, score, loop.Bars(2, 2))
    times = round(over.bars / 2)
    assert times == 3 and over.duration == times * 2 * PLAN.bar_seconds
    assert again.beats == times * 2 * bar
    drums = next(track for track in again.tracks if track.drums).notes
    per = len(drums) // times
    for first, later in zip(drums[:per], drums[-per:], strict=True):
        assert (later.pitch, later.velocity) == (first.pitch, first.velocity)
        assert later.start - first.start == pytest.approx((times - 1) * 2 * bar, abs=loop.EARLY)
    meant = next(track for track in score.tracks if track.drums).notes
    assert per == sum(2 * bar <= note.start + loop.EARLY < 4 * bar for note in meant)


def test_what_is_held_into_the_loop_is_struck_again():
    notes = (Note(60, 90, 0.0, 16.0), Note(64, 90, 6.0, 2.2), Note(67, 90, 7.95, 0.5), Note(70, 90, 11.0, 9.0))
    score = Score(PLAN.bpm, PLAN.meter, "", 16.0, (Track("Pad", "pad", 89, "pad_warm", notes),), ())
    _, again = loop.repeated(PLAN, score, loop.Bars(2, 1))
    found = [(note.pitch, note.start, note.duration) for note in again.tracks[0].notes if 3.5 < note.start < 7.5]
    assert found == [(60, 4.0, 4.0), (67, pytest.approx(3.95), 0.5), (70, 7.0, 1.0)]


@pytest.mark.parametrize(
    ("bar", "bars", "sentence"),
    [
        (0, None, "bar: this song has bars 1 to 8"),
        (9, 1, "bar: this song has bars 1 to 8"),
        (7, 3, "bars: from bar 7 on there are 1 to 2"),
        (1, 0, "bars: from bar 1 on there are 1 to 8"),
    ],
)
def test_bars_that_are_not_there_are_refused(studio, take, bar, bars, sentence):
    with pytest.raises(BadRequest, match=sentence):
        studio.loop(take.id, bar, bars)


def test_a_song_without_a_score_says_why_it_cannot_be_looped(tmp_path):
    recipe = takes.recipe().model_dump(mode="json")
    with pytest.raises(CannotMake, match="No score of this song is known"):
        tasks.loop({"recipe": recipe, "sheet": None, "bar": None, "bars": None, "times": 1}, tmp_path, silent)
    assert not list(tmp_path.iterdir())
