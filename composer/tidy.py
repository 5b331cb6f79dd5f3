"""Tidying up what was played: no holes in the part that carries the others, no pitch struck while it still sounds."""

from dataclasses import replace

from song.score import Note

BREATH = 0.02  # beats between a note and the next on the same pitch
_TOGETHER = 0.08  # beats within which notes count as one chord


def legato(notes: list[Note], start: float, end: float) -> list[Note]:
    """Let a part ring on through its rests, from the first beat of its section, `start`, to its last, `end`."""
    chords = _together(notes)
    if not chords:
        return notes
    first = chords[0][0].start
    if first - start > 0.1:
        chords.insert(0, [replace(note, start=start, duration=first - start) for note in chords[0]])
    elif start == 0:  # a song starts on time
        chords[0] = [replace(note, start=0.0, duration=note.end) if note.start == first else note for note in chords[0]]
    kept: list[Note] = []
    reach = start
    for place, chord in enumerate(chords):
        limit = chords[place + 1][0].start if place + 1 < len(chords) else end - BREATH
        reach = max(reach, max(note.end for note in chord))
        if limit - reach > BREATH:
            chord = [replace(note, duration=round(max(note.duration, limit - note.start), 5)) for note in chord]
            reach = limit
        kept += chord
    return kept


def _together(notes: list[Note]) -> list[list[Note]]:
    """Notes in groups that start together."""
    groups: list[list[Note]] = []
    for note in sorted(notes, key=lambda note: (note.start, note.pitch)):
        if groups and note.start - groups[-1][0].start < _TOGETHER:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def shortened(note: Note, end: float) -> Note:
    """A note that ends at `end` at the latest."""
    return replace(note, duration=round(end - note.start, 5)) if note.end > end else note


def clean(notes: list[Note], drums: bool) -> list[Note]:
    """In order, and no pitch struck while it still sounds."""
    notes = sorted(notes, key=lambda note: (note.start, note.pitch, -note.velocity))
    kept: list[Note] = []
    sounding: dict[int, int] = {}
    for note in notes:
        before = sounding.get(note.pitch)
        if before is not None and kept[before].end > note.start - (0 if drums else BREATH):
            room = round(note.start - kept[before].start - (0 if drums else BREATH), 5)
            if room < 0.03:
                kept[before] = replace(kept[before], duration=max(kept[before].duration, note.duration))
                continue
            kept[before] = replace(kept[before], duration=min(room, kept[before].duration))
        sounding[note.pitch] = len(kept)
        kept.append(note)
    return kept
