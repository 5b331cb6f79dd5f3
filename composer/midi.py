"""Score <-> Standard MIDI File, type 1: tempo, meter, key signature and section markers first, then the band.

Conventions: 480 ticks in a quarter note; drums on channel 10 (index 9); the same score gives the same bytes.
"""

import io
import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import mido

from song.key import MODES, Key
from song.score import Marker, Note, Score, Track

TICKS = 480  # in a quarter note
_DRUM_CHANNEL = 9
# The studio's own drums, and what General MIDI has that comes close; None: a sound that no kit has.
_TO_GM: dict[int, int | None] = {
    26: 39, 27: None, 28: 35, 29: None, 30: 35,
    87: 41, 88: 43, 89: 37, 90: 76, 91: 41, 92: 64,  # taiko, bodhran and its tip, cascara, surdo, djembe
}  # fmt: skip
_MAJORS = {
    -6: "Gb",
    -5: "Db",
    -4: "Ab",
    -3: "Eb",
    -2: "Bb",
    -1: "F",
    0: "C",
    1: "G",
    2: "D",
    3: "A",
    4: "E",
    5: "B",
    6: "F#",
}
_MINORS = {
    -6: "Ebm",
    -5: "Bbm",
    -4: "Fm",
    -3: "Cm",
    -2: "Gm",
    -1: "Dm",
    0: "Am",
    1: "Em",
    2: "Bm",
    3: "F#m",
    4: "C#m",
    5: "G#m",
    6: "D#m",
}
Target = str | os.PathLike[str] | BinaryIO


def write(score: Score, target: Target) -> None:
    """Write a Standard MIDI File to a path or an open binary file. Noise has no notes to write and stays out."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    file.tracks.append(_conductor(score))
    channels = _channels()
    for track in _lines(score):
        words = score.lyrics if track.role == "vocals" else ()
        file.tracks.append(_written(track, _DRUM_CHANNEL if track.drums else next(channels), words))
    if isinstance(target, str | os.PathLike):
        file.save(str(target))
    else:
        file.save(file=target)


def general(score: Score) -> Score:
    """The score as its MIDI file holds it: General MIDI's drums, starts and ends on ticks, no pitch over itself, no
    noise."""
    lines = (replace(track, notes=tuple(_on_ticks(track))) for track in _lines(score))
    return replace(score, tracks=tuple(lines))


def _on_ticks(track: Track) -> Iterator[Note]:
    for on, off, pitch, velocity in _spans(track):
        yield Note(pitch, velocity, on / TICKS, (off - on) / TICKS)


def _lines(score: Score) -> Iterator[Track]:
    """What has notes to write."""
    return (track for track in score.tracks if track.role != "texture")


def _channels() -> Iterator[int]:
    """All channels but the drums', again and again."""
    while True:
        yield from (channel for channel in range(16) if channel != _DRUM_CHANNEL)


def _conductor(score: Score) -> mido.MidiTrack:
    events: list[tuple[int, mido.MetaMessage]] = [
        (0, mido.MetaMessage("track_name", name=score.key)),
        (0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.bpm))),
        (0, mido.MetaMessage("time_signature", numerator=score.meter[0], denominator=score.meter[1])),
        (0, mido.MetaMessage("key_signature", key=_signature(score.key))),
    ]
    events += [(_ticks(marker.beat), mido.MetaMessage("marker", text=marker.name)) for marker in score.markers]
    return _track(events, _ticks(score.beats))


def _signature(name: str) -> str:
    """The signature as MIDI knows it, which has major and minor only: modes take the one with the same accidentals."""
    key = Key.parse(name)
    fifths = key.fifths
    return (_MINORS if key.minorish else _MAJORS)[fifths]


def _written(track: Track, channel: int, lyrics: tuple[tuple[float, str], ...] = ()) -> mido.MidiTrack:
    events: list[tuple[int, mido.Message | mido.MetaMessage]] = [
        (0, mido.MetaMessage("track_name", name=track.name)),
        (0, mido.Message("program_change", channel=channel, program=track.program)),
    ]
    events += [(_ticks(beat), mido.MetaMessage("lyrics", text=text)) for beat, text in lyrics]
    for on, off, pitch, velocity in _spans(track):
        events.append((on, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((off, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    return _track(events, 0)


def _spans(track: Track) -> list[tuple[int, int, int, int]]:
    """(on, off, pitch, velocity) in ticks; a pitch ends at the latest where it starts again."""
    spans: list[tuple[int, int, int, int]] = []
    sounding: dict[int, int] = {}
    for note in sorted(track.notes, key=lambda note: (note.start, note.pitch)):
        pitch = _TO_GM.get(note.pitch, note.pitch) if track.drums else note.pitch
        if pitch is None:
            continue
        on = _ticks(note.start)
        off = max(on + 1, _ticks(note.end))
        before = sounding.get(pitch)
        if before is not None and spans[before][1] > on:
            first = spans[before]
            if first[0] == on:
                continue
            spans[before] = (first[0], on, pitch, first[3])
        sounding[pitch] = len(spans)
        spans.append((on, off, pitch, min(127, max(1, note.velocity))))
    return spans


def _track(events: list[tuple[int, mido.Message | mido.MetaMessage]], end: int) -> mido.MidiTrack:
    """Events by time; where they meet, names and programs come first, then what ends, then what begins."""
    rank = {"note_off": 1, "note_on": 2}
    ordered = sorted(enumerate(events), key=lambda pair: (pair[1][0], rank.get(pair[1][1].type, 0), pair[0]))
    track = mido.MidiTrack()
    now = 0
    for _, (tick, message) in ordered:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track


def _ticks(beat: float) -> int:
    return round(beat * TICKS)


def read(source: Target) -> Score:
    """A Score from a Standard MIDI File: its first tempo and meter, its markers and its notes. Patches are not known.

    Raises ValueError where the file is none.
    """
    content = Path(source).read_bytes() if isinstance(source, str | os.PathLike) else source.read()
    try:
        file = _opened(content)
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        name = Path(source).name if isinstance(source, str | os.PathLike) else "this file"
        raise ValueError(f"{name} is not a MIDI file; export it again as a Standard MIDI File") from error
    scale = 1 / (file.ticks_per_beat or TICKS)
    bpm, meter, key, markers = _facts(file, scale)
    tracks = tuple(track for number, midi in enumerate(file.tracks) for track in _read_tracks(midi, number, scale))
    end = max((note.end for track in tracks for note in track.notes), default=0.0)
    stated = max((sum(message.time for message in midi) for midi in file.tracks[:1]), default=0) * scale
    bar = meter[0] * 4 / meter[1]
    beats = stated if stated else math.ceil(end / bar - 1e-6) * bar
    return Score(bpm, meter, key, beats, tracks, markers, lyrics=_read_lyrics(file, scale))


def _opened(content: bytes) -> mido.MidiFile:
    """Names are UTF-8 in our files, and Latin-1 in those that are not."""
    try:
        return mido.MidiFile(file=io.BytesIO(content), charset="utf-8")
    except UnicodeDecodeError:
        return mido.MidiFile(file=io.BytesIO(content), charset="latin-1")


def _facts(file: mido.MidiFile, scale: float) -> tuple[float, tuple[int, int], str, tuple[Marker, ...]]:
    bpm, meter, key = None, None, None
    markers: list[Marker] = []
    for midi in file.tracks:
        now = 0
        for message in midi:
            now += message.time
            if message.type == "set_tempo" and bpm is None:
                bpm = round(mido.tempo2bpm(message.tempo), 3)
            elif message.type == "time_signature" and meter is None:
                meter = (message.numerator, message.denominator)
            elif message.type == "key_signature" and key is None:
                key = str(Key.parse(message.key))
            elif message.type == "marker":
                markers.append(Marker(now * scale, message.text))
    named = _typed_key(file)
    return (
        bpm or 120.0,
        meter or (4, 4),
        named or key or "C major",
        tuple(sorted(markers, key=lambda marker: marker.beat)),
    )


def _read_lyrics(file: mido.MidiFile, scale: float) -> tuple[tuple[float, str], ...]:
    """The words of the first track that has any."""
    for midi in file.tracks:
        times = itertools.accumulate(message.time for message in midi)
        found = [(now * scale, m.text) for now, m in zip(times, midi, strict=True) if m.type == "lyrics"]
        if found:
            return tuple(found)
    return ()


def _typed_key(file: mido.MidiFile) -> str | None:
    """The key as our own files name it on their first track, since a signature cannot say "dorian"."""
    first = (
        next((message.name for message in file.tracks[0] if message.type == "track_name"), "") if file.tracks else ""
    )
    return first if first.split(" ")[-1] in MODES else None


def _read_tracks(midi: mido.MidiTrack, number: int, scale: float) -> list[Track]:
    """The notes of a MIDI track, one Track for each channel that it uses."""
    name = next((message.name for message in midi if message.type == "track_name"), f"Track {number}")
    programs: dict[int, int] = {}
    notes: dict[int, list[Note]] = {}
    sounding: dict[tuple[int, int], tuple[int, int]] = {}
    now = 0
    for message in midi:
        now += message.time
        if message.type == "program_change":
            programs.setdefault(message.channel, message.program)
        if message.type not in ("note_on", "note_off"):
            continue
        place = (message.channel, message.note)
        if place in sounding:
            start, velocity = sounding.pop(place)
            length = max(1, now - start) * scale
            notes.setdefault(message.channel, []).append(Note(message.note, velocity, start * scale, length))
        if message.type == "note_on" and message.velocity:
            sounding[place] = (now, message.velocity)
    return [
        Track(
            name, "drums" if channel == _DRUM_CHANNEL else name.lower(), programs.get(channel, 0), "",
            tuple(sorted(found, key=lambda note: (note.start, note.pitch))), drums=channel == _DRUM_CHANNEL,
        )
        for channel, found in sorted(notes.items())
    ]  # fmt: skip
