"""Tidying up what was played: no holes in the part that carries the others, no pitch struck while it still sounds, none
held into a chord that it does not belong to."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from song.score import Chord, Note

BREATH = 0.02  # beats between a note and the next on the same pitch
EARLY = 0.12  # beats before a change within which a note is meant for the new chord
_LATE = 0.06  # beats that a note may reach into the next chord
_WORTH = 0.25  # beats for which it is worth going on with another pitch
_BESIDE = 32  # notes before and after one among which those lie that sound with it
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


def resolved(notes: list[Note], chords: Sequence[Chord], goes_on: bool) -> list[Note]:
    """No note held into a chord that it is foreign to: it ends where the chord changes. Where the part `goes_on`, since
    it carries the others, the nearest tone of the new chord that is not there yet is struck instead. What belongs to
    the new chord, an anticipation too, is held as it was."""
    starts = [chord.start for chord in chords]
    tones = [frozenset((chord.root + interval) % 12 for interval in chord.intervals) for chord in chords]
    found: list[Note] = []
    waiting = sorted(notes, key=lambda note: note.start, reverse=True)
    while waiting:
        note = waiting.pop()
        place = bisect_right(starts, note.start + EARLY)
        while place < len(starts) and starts[place] < note.end - _LATE:
            if tones[place] and note.pitch % 12 not in tones[place]:
                now = starts[place]
                found.append(replace(note, duration=round(now - note.start, 5)))
                taken = {
                    one.pitch
                    for one in (*found[-_BESIDE:], *waiting[-_BESIDE:])
                    if one.start < now + EARLY and one.end > now + _LATE
                }
                if goes_on and note.end - now >= _WORTH and (pitch := _nearest(note.pitch, tones[place], taken)):
                    waiting.append(replace(note, pitch=pitch, start=now, duration=round(note.end - now, 5)))
                break
            place += 1
        else:
            found.append(note)
    return found


def _nearest(pitch: int, tones: frozenset[int], taken: set[int]) -> int | None:
    """A tone of a chord at most a third away that is not played yet."""
    near = (pitch + away for away in (-1, 1, -2, 2, -3, 3, -4, 4))
    return next((one for one in near if one % 12 in tones and one not in taken), None)
