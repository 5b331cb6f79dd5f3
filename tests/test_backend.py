"""Words in, a kept song out: the whole way through the house, judged by the sound."""

import io
import json
import zipfile
from pathlib import Path

import mido
import numpy as np
import pyloudnorm
import pytest
import soundfile

import post_process
import tasks
from backend import Studio
from composer import mix
from composer.plan import plan
from engines import ENGINES, Engine
from listen import likely_tonics, longest_silence, tempo_near
from settings import Settings
from song.audio import Audio
from song.errors import BadRequest, CannotMake, DiskFull, EngineMissing, NotFound
from song.files import SESSIONS
from song.key import Key
from song.progress import silent
from song.request import MODES, Generate, Knobs, fields, groups, read
from song.take import Kept, Take

WISH = "dusty lo-fi hip hop with rhodes and vinyl crackle, 82 bpm, D minor"


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline"))
    opened.start()
    yield opened
    opened.close()


def song(studio: Studio, prompt: str = WISH, **knobs) -> Kept:
    job = list(studio.follow(studio.submit(Generate(prompt=prompt, **knobs)).id))[-1]
    assert job.state == "done", job
    return studio.library.take(job.takes[0])


@pytest.fixture(scope="module")
def take(studio) -> Kept:
    return song(studio, seed=7, duration=20)


def sound(take: Kept) -> Audio:
    return post_process.read(Path(take.files["audio"]))


def test_the_plan_obeys_the_words(take):
    plan = take.recipe.plan
    assert (plan["style"], plan["bpm"], plan["key"], plan["meter"]) == ("lofi", 82, "D minor", "4/4")
    assert "82 bpm, D minor, 4/4" in plan["words"]


def test_a_plan_becomes_knobs_that_plan_the_same_and_what_was_asked_stays(studio):
    loose = song(studio, "solo piano", seed=5, duration=8, key="F minor").recipe
    asked = loose.planned()
    assert asked.key == loose.request.key == "F minor" and asked.duration == 8
    assert (asked.style, asked.bpm, asked.meter) == tuple(loose.plan[name] for name in ("style", "bpm", "meter"))
    assert asked.form == ", ".join(f"{one['name']}: {one['bars']}" for one in loose.plan["sections"])
    again = song(studio, **asked.model_dump(exclude={"mode"})).recipe
    same = ("style", "bpm", "key", "meter", "duration")
    assert [again.plan[name] for name in same] == [loose.plan[name] for name in same]
    shapes = [[(one["name"], one["bars"]) for one in recipe.plan["sections"]] for recipe in (loose, again)]
    assert shapes[0] == shapes[1] and again.plan["band"] == loose.plan["band"]
    assert asked.chords == loose.plan["chart"] == again.plan["chart"] and "|" in asked.chords


def test_the_song_is_as_long_and_as_loud_as_promised(take):
    samples, rate = soundfile.read(take.files["audio"], always_2d=True)
    assert (rate, samples.shape) == (48000, (20 * 48000, 2))
    assert soundfile.info(take.files["audio"]).subtype == "PCM_24"
    assert pyloudnorm.Meter(rate).integrated_loudness(samples) == pytest.approx(-14, abs=0.5)
    assert take.recipe.facts.true_peak_dbtp <= -1.0
    assert np.abs(samples.mean(axis=0)).max() < 1e-3


def test_the_same_request_gives_the_same_samples(studio, take):
    again = song(studio, seed=7, duration=20)
    assert again.id != take.id
    assert Path(again.files["midi"]).read_bytes() == Path(take.files["midi"]).read_bytes()
    assert again.recipe.samples_sha256 == take.recipe.samples_sha256


def test_another_seed_gives_another_song(studio, take):
    assert song(studio, seed=8, duration=20).recipe.samples_sha256 != take.recipe.samples_sha256


def test_variations_differ_and_each_can_be_made_again_alone(studio):
    job = list(studio.follow(studio.submit(Generate(prompt="house", duration=5, seed=3, variations=3)).id))[-1]
    recipes = [studio.library.take(id).recipe for id in job.takes]
    assert [recipe.seed for recipe in recipes] == [3, 4, 5]
    assert len({recipe.samples_sha256 for recipe in recipes}) == 3
    alone = song(studio, "house", duration=5, seed=4)
    assert alone.recipe.samples_sha256 == recipes[1].samples_sha256


def test_a_recipe_is_enough_to_make_the_song_again(studio, take, tmp_path):
    made, _, identical = studio.replay(take.recipe, tmp_path)
    assert identical
    assert post_process.read(made).samples.tobytes() == sound(take).samples.tobytes()


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_lossless_exports_hold_the_same_samples_and_the_recipe(studio, take, kind):
    path = studio.export(take.id, kind)
    assert post_process.read(path).samples.tobytes() == sound(take).samples.tobytes()


def test_every_export_is_there(studio, take):
    assert soundfile.info(studio.export(take.id, "mp3")).format == "MP3"
    recipe = json.loads(studio.export(take.id, "recipe").read_text())
    assert recipe["request"]["prompt"] == WISH and recipe["seed"] == 7
    tracks = mido.MidiFile(studio.export(take.id, "midi")).tracks
    tempo = next(message.tempo for message in tracks[0] if message.type == "set_tempo")
    assert mido.tempo2bpm(tempo) == pytest.approx(82, abs=0.01)
    with pytest.raises(BadRequest, match="kind"):
        studio.export(take.id, "aac")


def test_the_song_is_made_of_the_sum_of_its_stems(studio, take):
    """The mix before mastering is that sum: mastered and finished, it is the song again."""
    total = np.zeros((2, 20 * 48000), np.float32)
    with zipfile.ZipFile(studio.export(take.id, "stems")) as archive:
        sounds = {name: archive.read(name) for name in archive.namelist() if name.endswith(".wav")}
        words = archive.read("About.txt").decode()
    stems = [name for name in sounds if name[0].isdigit()]
    assert len(stems) >= 4 and set(sounds) == {*stems, "Residual.wav"}
    for name in stems:
        total += soundfile.read(io.BytesIO(sounds[name]), dtype="float32")[0].T
    left, _ = soundfile.read(io.BytesIO(sounds["Residual.wav"]), dtype="float32")
    null = post_process.stems_told(studio.export(take.id, "stems"))["null"]
    assert null["stems_db"] <= -90 and null["whole_db"] <= -90 and f"to {null['stems_db']:g} dB" in words
    assert np.square(left).mean() <= 1e-9 * np.square(total).mean()
    mastered = Audio(mix.mastered(total, plan(take.recipe.request)))
    assert np.abs(post_process.finish(mastered).audio.samples - sound(take).samples).max() < 1e-4


@pytest.mark.parametrize("kind", SESSIONS)
def test_a_take_opens_in_a_daw_with_the_stems_and_the_song_as_they_are(studio, take, kind):
    with zipfile.ZipFile(studio.export(take.id, "stems")) as archive:
        before = {name: archive.read(name) for name in archive.namelist() if name[0].isdigit()}
    path = studio.export(take.id, kind)
    with zipfile.ZipFile(path) as archive:
        sounds = {Path(name).name: archive.read(name) for name in archive.namelist() if name.endswith(".wav")}
        words = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith(".wav"))
    assert sounds == before | {f"{len(before) + 1:02d} Mix.wav": Path(take.files["audio"]).read_bytes()}
    assert all(section["name"].encode() in words for section in take.recipe.plan["sections"])
    assert b"Drums MIDI" in words and b"82" in words
    assert studio.export(take.id, kind) == path and studio.library.take(take.id).files[kind] == str(path)


def test_a_full_disk_refuses_a_session_before_it_is_written(studio, take, monkeypatch):
    Path(studio.export(take.id, "reaper")).unlink()
    monkeypatch.setattr(studio, "settings", studio.settings.model_copy(update={"min_free_disk": 2**60}))
    with pytest.raises(DiskFull, match="Not enough room on the disk"):
        studio.export(take.id, "reaper")
    assert "reaper" not in studio.library.take(take.id).files


def test_a_fault_in_the_score_costs_a_notice_and_not_the_song(studio, monkeypatch):
    monkeypatch.setattr("composer.midi.write", lambda score, path: 1 / 0)
    take = song(studio, "rock", duration=5, seed=1)
    assert "MIDI file could not be written" in take.recipe.notices[-1]
    assert "midi" not in take.files and sound(take).duration == 5
    with pytest.raises(NotFound, match="no midi file"):
        studio.export(take.id, "midi")


def test_stems_of_a_take_that_cannot_be_made_again_are_refused(studio, tmp_path):
    take = song(studio, "rock", duration=5, seed=1)
    folder = Path(take.files["recipe"]).parent
    foreign = take.recipe.model_copy(update={"samples_sha256": "0" * 64})
    with pytest.raises(CannotMake, match="stems would differ"):
        studio.lane.call("stems", {"recipe": foreign.model_dump(mode="json")}, folder)
    assert not (folder / "stems.zip").exists()


@pytest.mark.parametrize(
    ("style", "bpm", "key"),
    [
        ("lo-fi hip hop", 82, "D minor"),
        ("house", 124, "A minor"),
        ("psytrance", 142, "E phrygian"),
        ("trap", 140, "F# minor"),
        ("cinematic orchestral", 96, "C minor"),
        ("ambient", 70, "G lydian"),
        ("rock", 132, "E minor"),
        ("jazz", 160, "Bb major"),
    ],
)
def test_every_style_is_heard_in_its_tempo_and_key(studio, style, bpm, key):
    take = song(studio, f"{style}, {bpm} bpm, {key}", duration=30, seed=11)
    audio, wanted = sound(take), Key.parse(key)
    assert (take.recipe.plan["bpm"], take.recipe.plan["key"]) == (bpm, key)
    # Overtones of a chord sound its fifth, so the keys a fifth above rank high as well; nine keys would be wrong.
    assert wanted.tonic in likely_tonics(audio, wanted.scale)[:3]
    if style != "ambient":  # it has no beat to hear
        assert tempo_near(audio, bpm) == pytest.approx(bpm, rel=0.01)
    assert longest_silence(audio) < 0.1
    assert np.abs(audio.samples[:, -1]).max() < 1e-3, "the ending is not cut"


class Remembering:
    """A request that remembers which of its knobs were read. It passes for one of its class."""

    def __init__(self, request: Knobs, read: set[str]):
        self._request, self._read = request, read

    @property
    def __class__(self):
        return type(self._request)

    def __getattr__(self, name: str):
        if name in fields(type(self._request)):
            self._read.add(name)
        value = getattr(self._request, name)
        if name == "model_copy":
            return lambda **changes: Remembering(value(**changes), self._read)
        return value


STUDIO_READS = {"engine", "variations", "title", "source", "lyricist", "target_lufs", "ceiling_dbtp", "fade_in"}
STUDIO_READS |= {"fade_out"}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_an_engine_reads_the_knobs_it_promises_and_no_others(studio, take, neural, mode, engine):
    asked = {"prompt": "house", "seed": 1, "lyrics": "[verse]\nOh sing with me"}
    asked |= {"duration": 10, "source": take.id, "regions": "2-6", "seconds": 2, "precision": "fp32"}
    request = mode(**{name: value for name, value in asked.items() if name in fields(mode)})
    seen: set[str] = set()
    source = tasks._source({"source": studio.source(take.id).model_dump(mode="json")}, silent)
    engine().generate(Remembering(request, seen), silent, source)
    assert promised(engine, mode) - STUDIO_READS <= seen <= promised(engine, mode) | STUDIO_READS


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_no_knob_is_idle(mode):
    """Every knob is read by some engine, or by the studio itself."""
    assert set(fields(mode)) - set().union(*(promised(engine, mode) for engine in ENGINES)) <= STUDIO_READS


def promised(engine: type[Engine], mode: type[Knobs]) -> set[str]:
    return {name for group, members in groups(mode) if group in engine.groups for name in members}


def test_what_an_engine_does_not_use_is_said(studio):
    take = song(studio, "rock", duration=5, seed=1, temperature=0.5, stride=10)
    assert "composer does not use: temperature, stride." in take.recipe.notices
    assert not any("does not use" in notice for notice in song(studio, "rock", duration=5, seed=1).recipe.notices)


@pytest.mark.parametrize(
    ("knob", "value"),
    [("style", "jazz"), ("bpm", 150.0), ("key", "A major"), ("meter", "5/4"), ("ending", "fade"), ("humanize", 1.0),
     ("target_lufs", -20.0), ("ceiling_dbtp", -8.0),
     ("fade_in", 2.0), ("fade_out", 2.0), ("duration", 7.0), ("seed", 2)],
)  # fmt: skip
def test_every_knob_changes_the_song(tmp_path, knob, value):
    plain = Generate(prompt=WISH, duration=6, seed=1)
    turned = Generate(**(plain.model_dump() | {knob: value}))
    made = []
    for number, request in enumerate((plain, turned)):
        folder = tmp_path / str(number)
        folder.mkdir()
        made.append(tasks.make({"id": str(number), "request": request.model_dump(mode="json")}, folder, silent))
    assert made[0]["samples_sha256"] != made[1]["samples_sha256"]


def test_title_engine_and_variations_reach_the_take(studio):
    take = song(studio, "rock", duration=5, seed=1, title="My song", engine="composer")
    assert (take.recipe.title, take.recipe.engine) == ("My song", "composer")


@pytest.mark.parametrize(
    ("knobs", "field"), [({"style": "no such style"}, "style"), ({"engine": "no such engine"}, "engine")]
)
def test_what_only_the_studio_can_know_is_refused_before_anything_is_written(studio, knobs, field):
    before = studio.library.count()
    with pytest.raises(BadRequest) as refused:
        studio.submit(Generate(prompt="lofi", **knobs))
    assert refused.value.field == field and studio.library.count() == before


def test_the_studio_can_be_told_to_make_shorter_songs_only(tmp_path):
    short = Studio(Settings(home=tmp_path, lane="inline", max_duration=10))
    for request in (Generate(prompt="lofi", duration=11), Generate(prompt="two minutes of lofi")):
        with pytest.raises(BadRequest, match="at most 10 seconds"):
            short.submit(request)
    short.close()


BROKEN = {
    "three channels": np.zeros((3, 4800), np.float32),
    "none": np.zeros((0, 4800), np.float32),
    "empty": np.zeros((2, 0), np.float32),
    "not finite": np.full((2, 4800), np.nan, np.float32),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("mode", ["generate", "extend"])
def test_sound_that_is_none_is_one_failed_job(studio, take, monkeypatch, kind, mode):
    def broken(engine, request, *_):
        return Take(request, "composer", "1", Audio(BROKEN[kind]))

    knobs = {"prompt": "rock", "seed": 1} | ({"source": take.id, "seconds": 2} if mode == "extend" else {"duration": 5})
    with monkeypatch.context() as patch:
        patch.setattr(type(studio.engines["composer"]), "generate", broken)
        job = list(studio.follow(studio.submit(read({"mode": mode, **knobs})).id))[-1]
    assert (job.state, job.error_code) == ("failed", "engine_failed") and "broken sound" in job.error
    assert song(studio, "rock", duration=5, seed=1).recipe.duration == 5


def test_an_engine_that_lacks_something_says_what(studio, monkeypatch):
    monkeypatch.setattr(type(studio.engines["composer"]), "available", lambda self: "It needs a moon; wait for night.")
    with pytest.raises(EngineMissing, match="wait for night"):
        studio.submit(Generate(prompt="lofi", engine="composer"))
