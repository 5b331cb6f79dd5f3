"""A line of the score as MIDI messages. Conventions: 480 ticks in a quarter note, each message's time is a distance."""

import itertools

import mido

from song.score import Track

TICKS = 480  # in a quarter note
_DRUM_CHANNEL = 9


def channel(line: Track) -> int:
    """Every line has a track to itself, so only the drums need a channel of their own."""
    return _DRUM_CHANNEL if line.drums else 0


def messages(line: Track) -> list[mido.Message]:
    """The instrument, then every note; where they meet, notes end before others begin."""
    where = channel(line)
    events = [(0, mido.Message("program_change", channel=where, program=line.program))]
    for note in line.notes:
        on, off = round(note.start * TICKS), round(note.end * TICKS)
        events.append((on, mido.Message("note_on", channel=where, note=note.pitch, velocity=note.velocity)))
        events.append((off, mido.Message("note_off", channel=where, note=note.pitch, velocity=0)))
    rank = {"program_change": 0, "note_off": 1, "note_on": 2}
    events.sort(key=lambda event: (event[0], rank[event[1].type]))
    starts = itertools.pairwise([0, *(at for at, _ in events)])
    return [message.copy(time=at - before) for (before, at), (_, message) in zip(starts, events, strict=True)]
