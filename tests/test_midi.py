"""A score survives the trip through a Standard MIDI File, and others can read what we write."""

import functools
import io
from pathlib import Path

import mido
import pytest

from composer import midi
from composer.arrange import compose
from composer.plan import STYLES, plan
from song.request import Generate
from song.score import Marker, Note, Score, Track


@functools.cache
def composed(prompt: str, seed: int = 1, duration: float = 30) -> Score:
    return compose(plan(Generate(prompt=prompt, seed=seed, duration=duration)))


def written(score: Score) -> bytes:
    file = io.BytesIO()
    midi.write(score, file)
    return file.getvalue()


@pytest.mark.parametrize("style", STYLES)
def test_round_trip(style: str) -> None:
    score = composed(style)
    back = midi.read(io.BytesIO(written(score)))
    assert back.bpm == pytest.approx(score.bpm, abs=0.01)
    assert (back.meter, back.key, back.beats) == (score.meter, score.key, pytest.approx(score.beats, abs=0.01))
    assert [marker.name for marker in back.markers] == [marker.name for marker in score.markers]
    played = [track for track in score.tracks if not track.role.startswith("texture")]
    assert [track.name for track in back.tracks] == [track.name for track in played]
    for ours, theirs in zip(played, back.tracks, strict=True):
        if ours.drums:
            assert theirs.drums
            continue
        assert theirs.program == ours.program
        assert len(theirs.notes) == len(ours.notes)
        for a, b in zip(sorted(ours.notes, key=_order), sorted(theirs.notes, key=_order), strict=True):
            assert (a.pitch, a.velocity) == (b.pitch, b.velocity)
            assert b.start == pytest.approx(a.start, abs=1 / midi.TICKS)


def _order(note: Note) -> tuple[int, int]:
    return round(note.start * midi.TICKS), note.pitch


def test_meter_and_modes_reach_the_file() -> None:
    file = mido.MidiFile(file=io.BytesIO(written(composed("rock in 7/8, F# dorian, 120 bpm"))))
    facts = {message.type: message for message in file.tracks[0]}
    assert file.type == 1
    assert (facts["time_signature"].numerator, facts["time_signature"].denominator) == (7, 8)
    assert facts["key_signature"].key == "C#m"  # dorian on F# has the four sharps of C# minor
    assert mido.tempo2bpm(facts["set_tempo"].tempo) == pytest.approx(120)


def test_drums_are_on_channel_ten_and_in_general_midi() -> None:
    for style in STYLES:
        score = composed(style)
        file = mido.MidiFile(file=io.BytesIO(written(score)))
        for track, midi_track in zip(
            [track for track in score.tracks if not track.role.startswith("texture")], file.tracks[1:], strict=True
        ):
            notes = [message for message in midi_track if message.type == "note_on"]
            assert {message.channel for message in notes} == {9} if track.drums else 9 not in {m.channel for m in notes}
            if track.drums:
                assert all(35 <= message.note <= 81 for message in notes)


def test_every_note_that_starts_also_ends() -> None:
    for midi_track in mido.MidiFile(file=io.BytesIO(written(composed("psytrance", duration=60)))).tracks:
        sounding: set[int] = set()
        for message in midi_track:
            if message.type == "note_on":
                assert message.note not in sounding
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)
        assert not sounding


def test_same_score_same_bytes(tmp_path: Path) -> None:
    score = composed("lofi")
    midi.write(score, tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == written(score) == written(composed("lofi"))
    assert midi.read(tmp_path / "a.mid").bpm == score.bpm


def test_names_beyond_latin_survive() -> None:
    track = Track("Klavier für Zoë 夢", "chords", 0, "piano", (Note(60, 80, 0, 1),))
    score = Score(100, (4, 4), "C major", 4, (track,), (Marker(0, "Prélude"),))
    back = midi.read(io.BytesIO(written(score)))
    assert back.tracks[0].name == "Klavier für Zoë 夢"
    assert back.markers[0].name == "Prélude"


@pytest.mark.parametrize("content", [b"", b"MThd", b"RIFF1234WAVE", b"MThd\x00\x00\x00\x06\x00\x01\x00\x05\x01\xe0"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"song\.mid is not a MIDI file"):
        midi.read(path)


def test_others_files_without_our_facts_are_read() -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=96)
    track = mido.MidiTrack()
    track.append(mido.Message("note_on", note=64, velocity=90, time=96))
    track.append(mido.Message("note_on", note=64, velocity=0, time=48))
    file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    score = midi.read(io.BytesIO(stream.getvalue()))
    assert (score.bpm, score.meter, score.key) == (120.0, (4, 4), "C major")
    assert score.tracks[0].notes == (Note(64, 90, 1.0, 0.5),)
