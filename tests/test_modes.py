"""Cover, Extend and Edit, judged by samples: what must stay is compared bit for bit, what is new by notes and level."""

import io
import itertools
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile

import dsp
import library as room
import post_process
import tasks
from backend import Studio
from composer import cover, edit, extend, places, sheet, wish
from composer.arrange import compose
from composer.cover import semitones
from composer.original import Original
from composer.plan import plan
from engines import splicing
from settings import Settings
from song import findings, regions
from song.audio import Audio
from song.errors import BadRequest, CannotMake, NotFound
from song.files import TIMED
from song.heard import Heard
from song.key import Key
from song.progress import silent
from song.request import Edit, Generate, read
from song.take import Kept
from tabs import widgets

WISH = "lo-fi hip hop, 96 bpm, A minor, 4/4"  # a bar is 2.5 seconds
BAR = 2.5


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    opened = Studio(Settings(home=tmp_path_factory.mktemp("home"), lane="inline", min_free_disk=0))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def take(studio) -> Kept:
    return made(studio, prompt=WISH, duration=12, seed=3)


@pytest.fixture(scope="module")
def upload(studio, take, tmp_path_factory):
    """The take as a stranger's file at another rate, with what a listener would have heard of it kept beside it."""
    path = tmp_path_factory.mktemp("upload") / "some song.wav"
    samples, _ = soundfile.read(take.files["audio"], dtype="float32")
    soundfile.write(path, samples, 44_100, subtype="PCM_16")  # slower by 48 / 44.1, and that much deeper
    origin = studio.add_source(path)
    slower = 48_000 / 44_100
    heard = studio.listen(take.id)
    stretched = json.loads(heard.model_dump_json())
    for name in ("beats", "downbeats"):
        stretched[name] = [time * slower for time in stretched[name]]
    for name in ("chords", "sections", "melody"):
        stretched[name] = [
            one | {"start": one["start"] * slower, "end": one["end"] * slower} for one in stretched[name]
        ]
    stretched |= {"duration": origin.duration, "bpm": 96 / slower, "key_confidence": 0.6}
    origin.heard.write_text(json.dumps(stretched))
    return origin


def made(studio: Studio, mode: str = "generate", **knobs) -> Kept:
    job = list(studio.follow(studio.submit(read({"mode": mode, **knobs})).id))[-1]
    assert job.state == "done", job
    return studio.library.take(job.takes[0])


def failed(studio: Studio, **knobs) -> str:
    job = list(studio.follow(studio.submit(read(knobs)).id))[-1]
    assert job.state == "failed" and job.error_code == "bad_request", job
    return job.error or ""


def sound(kept: Kept) -> Audio:
    return post_process.read(Path(kept.files["audio"]))


def differing(old: Audio, new: Audio) -> np.ndarray:
    """Frames that are not the same, bit for bit."""
    return np.flatnonzero((old.samples != new.samples).any(axis=0))


def score_of(kept: Kept):
    found = sheet.read(json.loads(Path(kept.files["sheet"]).read_text()))
    assert found is not None
    return found


def notes(kept: Kept, role: str, start: float = 0.0, end: float = 1e9) -> list[tuple[float, int]]:
    """What a role plays from `start` to `end` seconds."""
    _, score = score_of(kept)
    played = next((track.notes for track in score.tracks if track.role == role), ())
    return [(one.start, one.pitch) for one in played if start <= score.seconds(one.start) < end]


# --- edit: songs of our own -------------------------------------------------------------------------------------------


def test_outside_the_region_every_sample_is_the_same_and_the_proof_says_so(studio, take):
    new = made(studio, "edit", source=take.id, prompt="new drums", regions="2.5-7.5", seed=1)
    changed = differing(sound(take), sound(new))
    assert 2.5 * 48_000 <= changed[0] < 2.6 * 48_000 and 7.4 * 48_000 < changed[-1] < 7.5 * 48_000
    proof = new.recipe.proof
    assert proof and proof.changed_outside == 0 and proof.compared >= 2 * (12 - 5) * 48_000
    assert [(one.start, one.end) for one in proof.regions] == [(2.5, pytest.approx(7.5, abs=0.01))]
    assert len(proof.seams) == 2 and all(0 < seam.crossfade_ms <= 30 for seam in proof.seams)
    assert all(abs(seam.level_step_db) < 6 for seam in proof.seams)
    assert (new.recipe.parent, new.recipe.mode, new.recipe.title) == (take.id, "edit", f"{take.recipe.title} (edited)")
    assert new.summary()["proof"]["changed_outside"] == 0


def test_the_part_that_was_named_is_new_and_all_others_play_on(studio, take):
    new = made(studio, "edit", source=take.id, prompt="new drums", regions="2.5-7.5", seed=1)
    assert notes(new, "drums", 2.4, 7.4) != notes(take, "drums", 2.4, 7.4)
    for role in score_of(take)[0].band:
        assert notes(new, role, 0, 2.4) == notes(take, role, 0, 2.4)
        assert notes(new, role, 7.45) == notes(take, role, 7.45)
        if role != "drums":
            assert notes(new, role) == notes(take, role)


def test_a_part_that_is_refused_is_silent_there_and_nowhere_else(studio, take):
    new = made(studio, "edit", source=take.id, prompt="no bass", regions="2.5-7.5", seed=1)
    assert notes(take, "bass", 2.5, 7.4) and not notes(new, "bass", 2.5, 7.4)
    assert notes(new, "bass", 7.5) and notes(new, "bass", 0, 2.4)
    assert new.recipe.proof and new.recipe.proof.changed_outside == 0
    low = dsp.lowpass(150, 48_000)
    bass = [dsp.filter(sound(one).samples[:, 3 * 48_000 : 7 * 48_000], low) for one in (take, new)]
    assert np.square(bass[1]).sum() < np.square(bass[0]).sum()


def test_no_words_mean_everything_anew_and_an_edit_can_be_edited(studio, take):
    first = made(studio, "edit", source=take.id, regions="2.5-5", seed=1)
    assert all(notes(first, role, 2.6, 4.9) != notes(take, role, 2.6, 4.9) for role in ("drums", "bass", "chords"))
    second = made(studio, "edit", source=first.id, prompt="new bass", regions="7.5-10", seed=1)
    assert second.recipe.parent == first.id
    whole = made(studio, "edit", source=take.id, regions="0-12", seed=1)
    told = [one.recipe.plan["words"] for one in (first, second, whole)]
    assert [words.endswith("; everything else as it was") for words in told] == [True, True, False]
    assert notes(second, "drums") == notes(first, "drums")
    changed = differing(sound(first), sound(second))
    assert changed[0] >= 7.5 * 48_000 and changed[-1] < 10 * 48_000


def test_regions_may_be_several_and_a_role_needs_none(studio, take):
    new = made(studio, "edit", source=take.id, prompt="no drums", regions="1-2, 0:05-0:06.5", seed=1)
    assert new.recipe.proof and len(new.recipe.proof.regions) == 2 and len(new.recipe.proof.seams) == 4
    inside = np.zeros(12 * 48_000, bool)
    for one in new.recipe.proof.regions:
        inside[one.first : one.last] = True
    assert inside[differing(sound(take), sound(new))].all()
    whole = made(studio, "edit", source=take.id, prompt="no drums", seed=1)
    assert not notes(whole, "drums") and sound(whole).frames == sound(take).frames
    assert "drums" in new.recipe.plan["band"] and "drums" not in whole.recipe.plan["band"]
    assert widgets.proof(new) and widgets.proof(whole) is None  # nothing stayed that could be proved
    assert whole.recipe.facts.lufs == pytest.approx(-14, abs=0.5)


def test_another_style_is_recomposed_in_tempo_key_and_chords_on_the_beats(studio, take):
    new = made(studio, "edit", source=take.id, style="house", regions="2.4-7.6", seed=1)
    proof = new.recipe.proof
    assert proof and proof.changed_outside == 0 and new.recipe.plan["way"] == "recomposed"
    assert [(one.start, one.end) for one in proof.regions] == [(pytest.approx(2.48, abs=0.03), pytest.approx(7.5))]
    changed = differing(sound(take), sound(new))
    assert changed[0] >= 2.4 * 48_000 and changed[-1] < 7.6 * 48_000
    assert new.recipe.facts.true_peak_dbtp <= -1.0


def test_an_edit_is_made_again_sample_by_sample_and_its_stems_sum_up(studio, take, tmp_path):
    new = made(studio, "edit", source=take.id, prompt="busier bass", regions="2.5-5", seed=1)
    assert studio.replay(new.recipe, tmp_path)[2]
    assert studio.export(new.id, "stems").is_file()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("new drums", {"drums": "new"}),
        ("no bass and drums", {"bass": "none", "drums": "none"}),
        ("busier bass, without the lead", {"bass": "busier", "lead": "none"}),
        ("Re-roll the melody", {"lead": "new"}),
        ("drums", {"drums": "new"}),
        ("make the drums a bit busier and the lead simpler", {"drums": "busier", "lead": "simpler"}),
        ("only drums and bass", {"chords": "none", "lead": "none"}),
        ("swap the drums for a church organ", {"drums": "none", "pad": "new"}),
        ("busier drums, quieter bass", {"drums": "busier"}),
    ],
)
def test_words_name_parts(words, wanted):
    assert wish.understood(words, _band()).roles == wanted


def test_parts_become_louder_and_quieter():
    assert wish.understood("busier drums, quieter bass", _band()).levels == {"bass": -4.0}
    assert wish.understood("drums and bass louder", _band()).levels == {"drums": 4.0, "bass": 4.0}
    assert wish.understood("turn the lead up", _band()).levels == {"lead": 4.0}
    with pytest.raises(BadRequest, match="Mastering"):
        wish.understood("make it louder", _band())


@pytest.mark.parametrize("words", ["new kazoo", "make the bass warmer", "busier drums, purple bass", "make it faster"])
def test_a_change_that_cannot_be_made_is_named_and_what_can_be_asked_for(words):
    with pytest.raises(BadRequest, match=f'"{words.split(", ")[-1]}" cannot be done; parts can be new, busier'):
        wish.understood(words, _band())


def test_sections_are_places():
    song = plan(Generate(prompt=WISH, seed=3, form="intro 2, verse 4, chorus 4, verse 4, chorus 4"))
    assert places.placed("new drums in the chorus", song) == (
        "new drums",
        ((6 * BAR, 10 * BAR), (14 * BAR, song.duration)),
    )
    assert places.placed("no bass in the 2nd verse and the intro", song)[1] == ((0, 2 * BAR), (10 * BAR, 14 * BAR))
    assert places.placed("as a jazz waltz", song) == ("as a jazz waltz", ())
    with pytest.raises(BadRequest, match="its sections are intro, verse"):
        places.placed("new drums in the third verse", song)


def test_a_quieter_part_is_that_in_its_section_alone(studio, take):
    new = made(studio, "edit", source=take.id, prompt="quieter drums", regions="2.5-7.5", seed=1)
    assert notes(new, "drums") == notes(take, "drums") and score_of(new)[0].levels == (("drums", 4.0, 12.0, -4.0),)
    high = dsp.highpass(5000, 48_000)
    before, after = (
        np.square(dsp.filter(sound(one).samples[:, 3 * 48_000 : 7 * 48_000], high)).sum() for one in (take, new)
    )
    assert -5 < 10 * np.log10(after / before) < -1.5
    assert new.recipe.proof and new.recipe.proof.changed_outside == 0
    assert "cannot be done" in failed(studio, mode="edit", source=take.id, prompt="new kazoo", regions="2.5-5")


def _band():
    found = plan(Generate(prompt=WISH, seed=3, duration=12))
    return replace(found, band={role: next(iter(found.band.values())) for role in ("chords", "lead", "bass", "drums")})


def test_words_that_describe_music_are_no_wish_for_parts():
    assert wish.understood("dark and dreamy house", _band()) is None
    assert wish.understood("new chords", _band()).harmony
    assert wish.understood("new chords", _band()).roles.keys() == {"chords", "lead", "bass"}
    with pytest.raises(BadRequest, match="nobody plays tuba"):
        wish.understood("no tuba", _band())
    with pytest.raises(BadRequest, match="somebody has to play"):
        wish.understood("no band", _band())


def test_notes_are_taken_inside_and_left_outside():
    old = plan(Generate(prompt=WISH, seed=3, duration=12))
    score = compose(old)
    _, new, _ = edit.rewritten(old, score, [(2.5, 5.0)], wish.everything(old), 5)
    for track in new.tracks:
        before = next((one.notes for one in score.tracks if one.role == track.role), ())
        outside = {(n.pitch, n.start) for n in before if not 3.9 <= n.start < 7.9}
        assert outside <= {(n.pitch, n.start) for n in track.notes}
        assert all(
            n.start >= 4 - 1e-6 or n.end <= 4 + 1e-3 for n in track.notes if n.start < 3.9 and len(track.notes) > 1
        )
    spans = [(one.start, one.start + one.duration) for one in new.chords]
    assert all(a[1] == pytest.approx(b[0]) for a, b in itertools.pairwise(spans)), (
        "no hole and no overlap in the chords"
    )


def test_words_that_are_sung_stay_outside_and_go_where_nobody_sings(studio):
    words = "[verse]\nWalking through the city in the morning light\nEvery window is a story in the night"
    sung = made(studio, prompt=WISH, duration=12, seed=3, lyrics=words, form="verse 4")
    for kind in TIMED:
        assert "Walking through the city" in studio.export(sung.id, kind).read_text()
    _, score = score_of(sung)
    known = sung.recipe.lyrics
    assert known and known.timing == "exact"
    assert known.lines[0].start == pytest.approx(score.seconds(score.lyrics[0][0]), abs=0.001)
    beats = [score.seconds(beat) for beat, _ in score.lyrics]
    assert any(2.5 <= time < 4.9 for time in beats) and any(time >= 5 for time in beats)
    silent_there = made(studio, "edit", source=sung.id, prompt="no vocals", regions="2.5-5", seed=1)
    left = [(beat, text.strip()) for beat, text in score_of(silent_there)[1].lyrics]
    assert left == [(b, t.strip()) for b, t in score.lyrics if not 2.44 <= score.seconds(b) < 4.94]
    anew = made(studio, "edit", source=sung.id, prompt="house", regions="5-10", seed=1).recipe.lyrics
    assert anew and anew.lines == known.lines[:1], "what stayed is still sung"
    again = made(studio, "edit", source=sung.id, prompt="new singer", regions="2.5-5", seed=1)
    assert notes(again, "vocals", 2.5, 4.9) != notes(sung, "vocals", 2.5, 4.9)
    assert notes(again, "drums") == notes(sung, "drums")


# --- edit: songs of others --------------------------------------------------------------------------------------------


def test_an_upload_is_kept_once_by_its_sound(studio, upload, tmp_path):
    again = tmp_path / "another name.wav"
    soundfile.write(again, soundfile.read(upload.path, dtype="int32")[0], 44_100, subtype="PCM_24")
    assert studio.add_source(again).id == upload.id and upload.title == "some song"
    assert [one.id for one in studio.library.sources()] == [upload.id]
    assert not list(studio.settings.temp.iterdir())


def test_a_take_that_comes_back_as_a_file_is_that_take(studio, take):
    for kind in ("wav", "flac"):
        back = studio.add_source(studio.export(take.id, kind), "somebody's copy")
        assert back.id == take.id and back.recipe == take.recipe
        assert studio.listen(back.id).bpm == 96


def test_an_upload_keeps_every_sample_outside_at_its_own_rate(studio, upload):
    new = made(studio, "edit", source=upload.id, prompt="house", regions="3-8", seed=1)
    old = post_process.read(upload.path)
    changed = differing(old, sound(new))
    assert sound(new).sample_rate == 44_100 and sound(new).frames == old.frames
    assert changed[0] >= 3 * 44_100 and changed[-1] < 8 * 44_100
    assert new.recipe.proof and new.recipe.proof.changed_outside == 0
    beats = np.array(studio.listen(upload.id).beats)
    for seam in (new.recipe.proof.seams[0].at + 0.02, new.recipe.proof.seams[1].at + 0.02):
        assert np.abs(beats - seam).min() < 0.015, "spliced on the beat"


def test_an_upload_cannot_be_taken_apart(studio, upload):
    assert "cannot be taken apart" in failed(studio, mode="edit", source=upload.id, prompt="new drums", regions="3-8")
    assert failed(studio, mode="edit", source=upload.id, prompt="house").startswith("regions: is missing")


# --- extend -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["take", "upload"])
def test_the_song_goes_on_from_a_barline_and_before_it_nothing_changes(studio, take, upload, whose):
    source = studio.source({"take": take.id, "upload": upload.id}[whose])
    new = made(studio, "extend", source=source.id, seconds=5, seed=1)
    old, long = post_process.read(source.path), sound(new)
    proof = new.recipe.proof
    assert proof and proof.changed_outside == 0
    cut, heard = proof.regions[0].first, studio.listen(source.id)
    assert np.array_equal(long.samples[:, :cut], old.samples[:, :cut]) and long.frames > old.frames
    assert np.abs(np.array(heard.downbeats) - cut / old.sample_rate).min() < 1 / old.sample_rate
    assert proof.seams[0].crossfade_ms <= 30_000 / heard.bpm + 0.1
    assert abs(proof.seams[0].level_step_db) <= 3 and new.recipe.facts.true_peak_dbtp <= -1.0
    assert proof.regions[0].last == long.frames


def test_before_the_start_comes_an_intro_that_ends_on_the_first_downbeat(studio, take):
    new = made(studio, "extend", source=take.id, seconds=5, side="start", seed=1)
    old, long = sound(take), sound(new)
    added = long.frames - old.frames
    assert added == 2 * BAR * 48_000 and new.recipe.proof and new.recipe.proof.offset == added
    clean = new.recipe.proof.regions[0].last
    assert clean - added <= 0.5 * 60 / 96 * 48_000 + 1, "rings on for half a beat at most"
    assert np.array_equal(long.samples[:, clean:], old.samples[:, clean - added :])
    assert np.square(long.samples[:, :added]).mean() > 1e-4
    assert abs(new.recipe.proof.seams[0].level_step_db) <= 3


def test_the_chords_go_on_where_the_loop_had_come_to():
    looped = Original(Heard.model_validate(_heard()))  # C G A F, C G A
    request = read({"mode": "extend", "source": "x", "seconds": 10, "seed": 1})
    joint = extend.onward(request, looped, 6, "lofi", "lofi")
    roots = [one.root for section in joint.plan.sections for one in joint.plan.grid[section.id]]
    assert roots == [9, 5, 0, 7] and joint.at == pytest.approx(6 * BAR)
    joint = extend.backward(request.model_copy(update={"seconds": 7.5}), looped, "lofi", "lofi")
    assert [one.root for one in joint.plan.grid[joint.plan.sections[0].id]] == [7, 9, 5]


def test_a_fade_or_a_closing_section_is_left_out():
    level = np.repeat([-20.0, -19, -20, -21, -20, -28, -40], 2)
    heard = Heard.model_validate(_heard() | {"duration": 17.5})
    assert extend.last_bar(Original(heard), level) == 5
    assert extend.last_bar(Original(heard), np.append(np.full(13, -20.0), -27)) == 6, "a ring decays"
    closing = [
        {"start": 0, "end": 10, "label": "A", "confidence": 1},
        {"start": 10, "end": 17.5, "label": "outro", "confidence": 1},
    ]
    heard = Heard.model_validate(_heard() | {"duration": 17.5, "sections": closing})
    assert extend.last_bar(Original(heard), np.full(14, -20.0)) == 4


def test_the_stems_of_a_joined_song_are_its_two_layers(studio, take):
    new = made(studio, "extend", source=take.id, seconds=5, seed=1)
    with zipfile.ZipFile(studio.export(new.id, "stems")) as archive:
        names = [name for name in archive.namelist() if name[:2].isdigit()]  # beside them: what is left, and words
        stems = {name[3:]: soundfile.read(io.BytesIO(archive.read(name)))[0].T for name in names}
    assert set(stems) == {"Original.wav", "New.wav"}
    assert np.abs(sum(stems.values()) - sound(new).samples).max() < 1e-6
    cut = new.recipe.proof.regions[0].first
    assert not stems["New.wav"][:, :cut].any() and not stems["Original.wav"][:, cut:].any()
    with zipfile.ZipFile(studio.export(new.id, "dawproject")) as archive:
        project = ET.fromstring(archive.read("project.xml"))
    tracks = [track.get("name") for track in project.iter("Track")]
    assert tracks == ["Original", "New", "Mix", "Master"], "no notes are known of a joined song"
    assert float(project.find("Transport/Tempo").get("value")) == new.recipe.facts.bpm
    assert len(project.findall("Arrangement/Markers/Marker")) >= 2


def test_new_music_meets_the_level_of_its_neighbours():
    """A region between a loud half and a quiet half glides from the one level to the other."""
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 20 * 48_000)).astype(np.float32)
    steps = np.where(np.arange(noise.shape[1]) < 10 * 48_000, 1.0, 10 ** (-9 / 20)).astype(np.float32)
    source = Audio(noise * steps)
    new = np.random.default_rng(2).normal(0, 0.05, (2, 8 * 48_000)).astype(np.float32)
    made = splicing.patched(source, [splicing.Piece(new, 6.0, 14.0, 0.0, (6.0, 14.0))])
    sound = made.audio.samples
    for seam in (6.0, 14.0):
        before, after = (sound[:, round(at * 48_000) :][:, :48_000] for at in (seam - 1.05, seam + 0.05))
        assert abs(dsp.loudness(before, 48_000) - dsp.loudness(after, 48_000)) < 2.5, seam
    assert np.array_equal(sound[:, : 6 * 48_000], source.samples[:, : 6 * 48_000])


def test_a_take_of_our_own_goes_on_with_its_own_band(studio, take):
    longer = made(studio, mode="extend", source=take.id, seconds=5, seed=8)
    assert longer.recipe.plan["band"] == take.recipe.plan["band"]
    asked = made(studio, mode="extend", source=take.id, seconds=5, seed=8, band="piano, double bass")
    assert asked.recipe.plan["band"] != take.recipe.plan["band"]


def test_what_was_extended_is_known_without_listening(studio, take, monkeypatch):
    new = made(studio, "extend", source=take.id, seconds=5, seed=1)
    heard = studio.listen(new.id)
    assert heard.duration == pytest.approx(new.recipe.duration) and heard.bpm == 96
    assert np.allclose(np.diff(heard.downbeats), BAR, atol=1e-4)
    again = made(studio, "edit", source=new.id, regions="8-11", prompt="rock", seed=1)
    assert again.recipe.proof and again.recipe.proof.changed_outside == 0


# --- cover ------------------------------------------------------------------------------------------------------------


def test_a_cover_keeps_tempo_key_and_chords(studio, take):
    new = made(studio, "cover", source=take.id, style="house", strength=0, seed=1)
    assert (new.recipe.plan["bpm"], new.recipe.plan["key"], new.recipe.plan["style"]) == (96, "A minor", "house")
    assert new.recipe.duration == pytest.approx(12) and new.recipe.proof is None and new.recipe.parent == take.id
    old, now = studio.listen(take.id), studio.listen(new.id)
    times = np.arange(0.3, 9.9, 0.5)
    assert [now.chord_at(time) for time in times] == [old.chord_at(time) for time in times]


def test_strength_brings_the_melody_back(studio, take):
    old = studio.listen(take.id).melody
    kept = []
    for strength in (0.0, 0.5, 1.0):
        new = made(studio, "cover", source=take.id, style="jazz", strength=strength, seed=1)
        melody = {(round(one.start, 1), one.pitch % 12) for one in studio.listen(new.id).melody}
        kept.append(np.mean([(round(one.start, 1), one.pitch % 12) in melody for one in old if one.start < 9]))
    assert kept[0] < kept[1] <= kept[2] and kept[2] > 0.8


def test_a_cover_can_be_in_another_tempo_and_key(studio, take):
    new = made(studio, "cover", source=take.id, prompt="rock, 120 bpm", key="C minor", strength=1, seed=1)
    assert (new.recipe.plan["bpm"], new.recipe.plan["key"]) == (120, "C minor")
    old, now = Original(studio.listen(take.id)), Original(studio.listen(new.id))
    assert [(one.root - 3) % 12 for one in now.chords][:3] == [one.root for one in old.chords][:3]
    assert semitones(Key.parse("A minor"), Key.parse("C major")) == 0
    assert semitones(Key.parse("A minor"), Key.parse("B minor")) == 2


def test_what_the_original_decides_is_no_setting(studio, take):
    known = Original(studio.listen(take.id))
    song = cover.covered(
        read({"mode": "cover", "prompt": "metal in 7/8", "source": take.id}), known, (0.7,) * len(known.sections)
    )
    assert "The original's 4/4 is kept; the words' 7/8 is not used." in song.notices
    more = read({"mode": "extend", "prompt": "drum and bass 174 bpm, 20 seconds", "source": take.id, "seconds": 10})
    told = extend.onward(more, known, 4, more.prompt, None).plan.notices
    assert "The original's 96 bpm is kept; the words' 174 bpm is not used." in told
    assert not any("setting" in notice for notice in (*told, *song.notices))


def test_a_cover_needs_a_style_and_a_song(studio, take):
    with pytest.raises(BadRequest, match="name a style"):
        studio.submit(read({"mode": "cover", "source": take.id}))
    with pytest.raises(BadRequest, match="source: There is no"):
        studio.submit(read({"mode": "cover", "source": "nothing", "style": "house"}))


# --- findings ---------------------------------------------------------------------------------------------------------


def _heard() -> dict:
    beats = [0.625 * place for place in range(28)]
    chords = [{"start": BAR * n, "end": BAR * (n + 1), "symbol": s, "confidence": 0.7} for n, s in enumerate("CGAFCGA")]
    sure = {f"{name}_confidence": 0.5 for name in ("bpm", "meter", "beat", "downbeat", "key")}
    return {
        "duration": 17.5, "bpm": 96, "meter": "4/4", "beats": beats, "downbeats": beats[::4], "key": "C major",
        "chords": chords, "sections": [], "melody": [], "lufs": -14, **sure,
    }  # fmt: skip


def test_what_was_heard_can_be_corrected():
    heard = Heard.model_validate(_heard())
    said = findings.corrected(heard, Edit(source="x", source_key="A minor", source_chords="| Dm | Em G |"))
    assert said.key == "A minor" and said.key_confidence == 1
    assert [said.chord_at(time) for time in (0, 2.6, 4, 5.1)] == ["Dm", "Em", "G", "Dm"]
    half = findings.corrected(heard, Edit(source="x", source_bpm=48.0))
    assert half.bpm == 48 and half.downbeats == (0, 5, 10, 15) and len(half.beats) == 15
    later = findings.corrected(heard, Edit(source="x", source_downbeat=0.64, source_meter="3/4"))
    assert np.allclose(later.downbeats[:3], [0.64, 0.64 + 3 * 0.625, 0.64 + 6 * 0.625])
    with pytest.raises(BadRequest, match="source_downbeat: lies beyond"):
        findings.corrected(heard, Edit(source="x", source_downbeat=30.0))


def test_corrections_reach_the_new_music(studio, upload):
    new = made(studio, "edit", source=upload.id, style="house", regions="3-8", seed=1, source_chords="| E | B |")
    assert {studio.listen(new.id).chord_at(time) for time in (3.5, 4.5, 5.5, 6.5)} <= {"E", "B"}


def test_what_was_heard_is_said_in_one_sentence():
    heard = Heard.model_validate(_heard())
    assert heard.words() == "I hear 96 bpm, C major, 4/4, | C | G | A | F |; correct me."
    assert heard.grid().splitlines()[0] == "| C | G | A | F |"


# --- regions, and what cannot be --------------------------------------------------------------------------------------


def test_regions_are_read_sorted_and_joined():
    assert regions.parse("0:40-0:48.5, 12 to 24; 20-25") == ((12, 25), (40, 48.5))
    assert regions.parse("") == ()


@pytest.mark.parametrize("text", ["12", "a-b", "24-12", "3-3.05", "-", "1-2-3", "1e9-2e9"])
def test_odd_regions_are_refused_in_one_sentence(text):
    with pytest.raises(BadRequest, match="regions: "):
        read({"mode": "edit", "source": "x", "regions": text})


def test_regions_beyond_the_song_are_refused_before_anything_is_written(studio, take):
    before = studio.library.count()
    with pytest.raises(BadRequest, match="ends at 12 s"):
        studio.submit(read({"mode": "edit", "source": take.id, "regions": "8-13"}))
    assert studio.library.count() == before


def test_uploads_that_are_no_songs_are_refused(studio, tmp_path):
    (tmp_path / "no.wav").write_text("this is no sound")
    for path in (tmp_path / "no.wav", tmp_path / "nothing.wav"):
        with pytest.raises(BadRequest, match="source: "):
            studio.add_source(path)
    assert not list(studio.settings.temp.iterdir())


def test_a_take_whose_source_is_gone_says_so(studio, take, tmp_path):
    other = made(studio, prompt=WISH, duration=5, seed=9)
    new = made(studio, "edit", source=other.id, prompt="new drums", regions="1-2", seed=1)
    studio.library.forget(other.id)
    with pytest.raises(CannotMake, match="no longer in the library"):
        studio.replay(new.recipe, tmp_path)
    with pytest.raises(NotFound):
        studio.listen(other.id)


def test_uploads_are_swept_after_a_month_unless_something_was_made_of_them(studio, upload, tmp_path, monkeypatch):
    made(studio, "edit", source=upload.id, prompt="house", regions="3-8", seed=1)
    path = tmp_path / "unused.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 96_000), 48_000)
    unused = studio.add_source(path)
    studio.library._sweep_sources()
    assert {one.id for one in studio.library.sources()} == {upload.id, unused.id}
    later = time.time() + room.SOURCE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    studio.library._sweep_sources()
    assert [one.id for one in studio.library.sources()] == [upload.id]
    with pytest.raises(NotFound, match="give the song again"):
        studio.source(unused.id)


def test_the_worker_hears_once_and_remembers(studio, upload, tmp_path):
    origin = studio.source(upload.id)
    stamp = origin.heard.stat().st_mtime_ns
    arguments = {"source": origin.model_dump(mode="json")}
    assert tasks.listen(arguments, tmp_path, silent) == tasks.listen(arguments, tmp_path, silent)
    assert origin.heard.stat().st_mtime_ns == stamp


def test_the_proof_counts_what_differs():
    rng = np.random.default_rng(0)
    old = Audio(rng.uniform(-0.5, 0.5, (2, 1000)).astype(np.float32))
    new = Audio(old.samples.copy())
    new.samples[0, 100:110] += np.float32(0.01)
    assert post_process.difference(old, new, []) == (2000, 10)
    assert post_process.difference(old, new, [(100, 105)]) == (1990, 5)
    assert post_process.difference(old, Audio(new.samples[:, 50:]), [], offset=-50) == (1900, 10)
