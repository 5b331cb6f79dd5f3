"""Edit: some bars of a song, or one of its parts, made anew.

Two ways. A song of this composer is *rewritten*: what is wished is composed anew, and the new notes are taken inside
the regions, the old ones outside. Any other song is *recomposed*: the regions get new music in the tempo, key and
chords that were heard there.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from composer.arrange import compose
from composer.chance import chance
from composer.form import Section
from composer.harmony import Harmony, raised
from composer.original import SLACK, Original, grid, named, sketch
from composer.plan import STYLES, Plan
from composer.stanzas import VOCALS
from composer.tidy import clean
from composer.traits import groove_of
from composer.wish import Wish
from song.chart import read_symbol
from song.score import Chord, Note, Score, Track

EARLY = 0.06  # seconds; a player may be that much before the beat and still mean it
UPBEAT = 0.1  # beats that new music plays at least before it is heard
_ALIVE = 0.8  # energy at which everybody plays
_TURN = 0.35  # how far "busier" and "simpler" go

Span = tuple[float, float]


# --- rewriting a song of our own --------------------------------------------------------------------------------------


def rewritten(plan: Plan, score: Score, spans: Iterable[Span], wish: Wish, seed: int) -> tuple[Plan, Score, list[str]]:
    """The song with the wish come true inside `spans` (seconds), and what the user should know about it."""
    early = EARLY * plan.bpm / 60
    inside = [(start * plan.bpm / 60, end * plan.bpm / 60) for start, end in spans]
    levels = [(role, *span, by) for role, by in wish.levels.items() for span in inside]
    plan = replace(plan, band=plan.band | wish.guests, levels=(*plan.levels, *levels))
    fresh = _fresh(plan, score, wish, inside, seed)
    notices: list[str] = []
    tracks = []
    for role, part in plan.band.items():
        old = next((track for track in score.tracks if track.role == role), None)
        new = fresh.tracks.get(role)
        if role in wish.roles:
            if wish.roles[role] != "none" and not _plays(new, inside, early):
                notices.append(f"{part.name} rests in these seconds; there is nothing of it to be made anew.")
            notes = clean(_merged(old, new, inside, early), drums=role == "drums")
            known = old or new
            old = replace(known, notes=tuple(notes)) if known else None
        tracks += [old] if old and old.notes else []
    chords = _spliced(score.chords, fresh.chords, inside) if wish.harmony else score.chords
    lyrics = _words(score.lyrics, fresh.lyrics, inside, early) if VOCALS in wish.roles else score.lyrics
    return plan, replace(score, tracks=tuple(tracks), chords=chords, lyrics=lyrics), notices


@dataclass(frozen=True)
class _Fresh:
    """What was composed anew: the tracks by role, the chords, and the words as they are sung to it."""

    tracks: dict[str, Track]
    chords: tuple[Chord, ...]
    lyrics: tuple[tuple[float, str], ...]


def _fresh(plan: Plan, score: Score, wish: Wish, inside: list[Span], seed: int) -> _Fresh:
    """New notes by role. Who would rest in a region plays there all the same where he was asked to."""
    early = EARLY * plan.bpm / 60
    other = _reseeded(plan, seed)
    chords = compose(other).chords if wish.harmony else score.chords
    other = replace(other, grid=grid(plan.sections, harmonies(chords), plan.beats_per_bar))
    tracks: dict[str, Track] = {}
    lyrics: tuple[tuple[float, str], ...] = ()
    for verb in sorted({verb for verb in wish.roles.values() if verb != "none"}):
        turned = _turned(other, verb)
        roles = [role for role, wanted in wish.roles.items() if wanted == verb]
        made = _in_every_key(turned)
        found = {track.role: track for track in made.tracks if track.role in roles}
        if resting := [role for role in roles if not _plays(found.get(role), inside, early)]:
            awake = _in_every_key(_awake(turned, inside, resting))
            found |= {track.role: track for track in awake.tracks if track.role in resting}
        tracks |= found
        lyrics = made.lyrics if VOCALS in roles else lyrics
    return _Fresh(tracks, chords, lyrics)


def _reseeded(plan: Plan, seed: int) -> Plan:
    """The same song under another roll of the dice, in the same swing."""
    groove = groove_of(plan, STYLES[plan.style])
    swing = round(min(1.0, (groove.swing - 0.5) * 6), 3) if groove.swing > 0.51 else plan.swing
    return replace(plan, seed=int(chance(seed, "edit", plan.seed).integers(2**32)), grid={}, tune=(), swing=swing)


def _in_every_key(plan: Plan) -> Score:
    """The song on given chords, with each section's tunes in the key that the section was raised to."""
    scores = {
        shift: compose(replace(plan, key=raised(plan.key, shift))) for shift in {one.shift for one in plan.sections}
    }
    first = next(iter(scores.values()))
    if len(scores) == 1:
        return first
    tracks = []
    for role in plan.band:
        parts = {shift: next((t for t in one.tracks if t.role == role), None) for shift, one in scores.items()}
        known = next((track for track in parts.values() if track), None)
        if known:
            notes = [n for shift, t in parts.items() if t for n in t.notes if _shift(plan, n.start) == shift]
            tracks.append(replace(known, notes=tuple(sorted(notes, key=lambda note: note.start))))
    return replace(first, tracks=tuple(tracks))


def _shift(plan: Plan, beat: float) -> int:
    bar = (beat + EARLY) / plan.beats_per_bar
    return next((one.shift for one in plan.sections if bar < one.start + one.bars), plan.sections[-1].shift)


def _plays(track: Track | None, inside: list[Span], early: float) -> bool:
    return track is not None and any(_within(note.start, inside, early) for note in track.notes)


def _turned(plan: Plan, verb: str) -> Plan:
    turn = {"busier": _TURN, "simpler": -_TURN}.get(verb, 0.0)
    density, complexity = (min(1.0, max(0.0, value + turn)) for value in (plan.density, plan.complexity))
    return replace(plan, density=density, complexity=complexity)


def _awake(plan: Plan, inside: list[Span], roles: list[str]) -> Plan:
    """The plan with its sections in the regions so lively that nobody rests."""
    bar = plan.beats_per_bar
    sections = tuple(
        replace(one, energy=max(one.energy, _ALIVE))
        if any(start < (one.start + one.bars) * bar and end > one.start * bar for start, end in inside)
        else one
        for one in plan.sections
    )
    return replace(plan, sections=sections, named=tuple(dict.fromkeys((*plan.named, *roles))))


def harmonies(chords: Iterable[Chord]) -> tuple[Harmony, ...]:
    return tuple(Harmony(one.start, one.duration, one.root, one.intervals, _bass(one), one.symbol) for one in chords)


def _bass(chord: Chord) -> int:
    return read_symbol(chord.symbol).bass if "/" in chord.symbol else chord.root


def _within(beat: float, inside: Iterable[Span], early: float) -> bool:
    return any(start - early <= beat < end - early for start, end in inside)


def _merged(old: Track | None, new: Track | None, inside: list[Span], early: float) -> list[Note]:
    """Old notes outside, ending where a region begins; new notes inside, none before it and none beyond its end."""
    kept = [_ended(note, inside) for note in (old.notes if old else ()) if not _within(note.start, inside, early)]
    for note in new.notes if new else ():
        for start, end in inside:
            if start - early <= note.start < end - early:
                begin = max(start, note.start)
                kept.append(replace(note, start=begin, duration=round(max(0.05, min(note.end, end) - begin), 5)))
    return kept


def _words(
    old: tuple[tuple[float, str], ...], new: tuple[tuple[float, str], ...], inside: list[Span], early: float
) -> tuple[tuple[float, str], ...]:
    """Old syllables outside, new ones inside. A line that is cut ends where it is cut."""
    found = [(beat, text) for beat, text in old if not _within(beat, inside, early)]
    for start, end in inside:
        found += [(max(start, beat), text) for beat, text in new if start - early <= beat < end - early]
    found.sort(key=lambda one: one[0])
    for edge in (edge for span in inside for edge in span):
        last = max((place for place, (beat, _) in enumerate(found) if beat < edge - early), default=-1)
        if last >= 0 and not found[last][1].endswith(("\r", "\n")):
            found[last] = found[last][0], f"{found[last][1].rstrip()}\r"
    return tuple(found)


def _ended(note: Note, inside: list[Span]) -> Note:
    """A note of before, over by the time a region begins."""
    limit = min((start for start, _ in inside if note.start < start < note.end), default=note.end)
    return replace(note, duration=round(max(0.05, limit - note.start), 5)) if limit < note.end else note


def _spliced(old: Iterable[Chord], new: Iterable[Chord], inside: list[Span]) -> tuple[Chord, ...]:
    pieces: list[Chord] = []
    for one in old:
        edges = [(one.start, one.start + one.duration)]
        for start, end in inside:
            split = [part for a, b in edges for part in ((a, min(b, start)), (max(a, end), b))]
            edges = [(a, b) for a, b in split if b - a > 1e-6]
        pieces += [replace(one, start=a, duration=round(b - a, 5)) for a, b in edges]
    for one in new:
        for start, end in inside:
            a, b = max(start, one.start), min(end, one.start + one.duration)
            pieces += [replace(one, start=a, duration=round(b - a, 5))] * (b - a > 1e-6)
    return tuple(sorted(pieces, key=lambda one: one.start))


# --- recomposing a stretch of any song --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Patch:
    """New music for a stretch of a song: it goes in at `start` seconds of the song and leaves at `end`; the plan's own
    second `lead_in` falls on `start`."""

    plan: Plan
    start: float
    end: float
    lead_in: float


def recomposed(
    request: Any, original: Original, span: Span, words: str, style: str | None, energies: tuple[float, ...]
) -> Patch:
    """A plan for a region, in whole bars around it, at the tempo that the song has right there and with the energy of
    its section (`energies`, one a section). Raises BadRequest."""
    start, end = on_beats(original, span)
    low, high = original.beat(start), original.beat(end)
    first = math.floor((low - UPBEAT) / original.bar)  # with something before it that the crossfade can come from
    bars = max(1, math.ceil((high - 1e-6) / original.bar) - first)
    bpm = round((high - low) * 60 / (end - start), 4)
    bar_seconds = original.bar * 60 / bpm
    drawn = sketch(
        request,
        words,
        bars * bar_seconds + SLACK,
        style=style,
        bpm=bpm,
        key=str(original.key),
        meter=original.heard.meter,
        ending="ring",
    )
    middle = first + bars // 2
    energy = next((e for one, e in zip(original.sections, energies, strict=True) if middle < one.start + one.bars), 0.7)
    sections = named([Section("A", 0, bars, energy)])
    chords = tuple(
        replace(one, start=one.start + place * original.bar)
        for place in range(bars)
        for one in original.bar_chords(first + place)
    )
    plan = replace(
        drawn,
        bpm=bpm,
        duration=round(bars * bar_seconds + SLACK, 3),
        sections=sections,
        grid=grid(sections, chords, original.bar),
    )
    return Patch(plan, start, end, (low - first * original.bar) * 60 / bpm)


def on_beats(original: Original, span: Span) -> Span:
    """The outermost beats inside a region, in seconds; the region itself where it holds no two."""
    beats = [beat for beat in original.heard.beats if span[0] - 0.001 <= beat <= span[1] + 0.001]
    if len(beats) < 2:
        return span
    return max(span[0], beats[0]), min(span[1], beats[-1])
