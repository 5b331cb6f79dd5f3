"""Edit: some bars of a song, or one of its parts, made anew.

Two ways. A song of this composer is *rewritten*: what is wished is composed anew, and the new notes are taken inside
the regions, the old ones outside. Any other song is *recomposed*: the regions get new music in the tempo, key and
chords that were heard there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from composer.arrange import compose
from composer.chance import chance
from composer.form import Section
from composer.harmony import Harmony
from composer.original import SLACK, Original, grid, named, sketch
from composer.plan import Plan
from composer.tidy import clean
from composer.wish import Wish
from song.chart import read_symbol
from song.score import Chord, Note, Score, Track

EARLY = 0.06  # seconds; a player may be that much before the beat and still mean it
_ALIVE = 0.8  # energy at which everybody plays
_TURN = 0.35  # how far "busier" and "simpler" go

Span = tuple[float, float]


# --- rewriting a song of our own --------------------------------------------------------------------------------------


def rewritten(plan: Plan, score: Score, spans: Iterable[Span], wish: Wish, seed: int) -> tuple[Plan, Score, list[str]]:
    """The song with the wish come true inside `spans` (seconds), and what the user should know about it."""
    early = EARLY * plan.bpm / 60
    inside = [(start * plan.bpm / 60, end * plan.bpm / 60) for start, end in spans]
    plan = replace(plan, band=plan.band | wish.guests)
    fresh = _fresh(plan, score, wish, inside, seed)
    notices: list[str] = []
    tracks = []
    for role, part in plan.band.items():
        old = next((track for track in score.tracks if track.role == role), None)
        if role not in wish.roles:
            tracks += [old] if old else []
            continue
        new = fresh.get(role, ())
        if wish.roles[role] != "none" and not any(_within(note, inside, early) for note in new):
            notices.append(f"{part.name} rests in these seconds; nothing of it was there to be made anew.")
        notes = clean(_merged(old.notes if old else (), new, inside, early), drums=role == "drums")
        tracks.append(Track(part.name, role, part.program, part.patch, tuple(notes), drums=role == "drums"))
    kept = tuple(track for track in tracks if track.notes)
    chords = _spliced(score.chords, fresh_chords(plan, seed), inside) if wish.harmony else score.chords
    return plan, replace(score, tracks=kept, chords=chords), notices


def fresh_chords(plan: Plan, seed: int) -> tuple[Chord, ...]:
    return compose(_reseeded(plan, seed)).chords


def _reseeded(plan: Plan, seed: int) -> Plan:
    """The same song under another roll of the dice."""
    return replace(plan, seed=int(chance(seed, "edit", plan.seed).integers(2**32)), grid={}, tune=())


def _fresh(plan: Plan, score: Score, wish: Wish, inside: list[Span], seed: int) -> dict[str, tuple[Note, ...]]:
    """New notes by role. Who would rest in a region plays there all the same where he was asked to."""
    other = _reseeded(plan, seed)
    if not wish.harmony:
        other = replace(other, grid=grid(plan.sections, _harmonies(score), plan.beats_per_bar))
    wishes = sorted({verb for verb in wish.roles.values() if verb != "none"})
    found: dict[str, tuple[Note, ...]] = {}
    for verb in wishes:
        turned = _turned(other, verb)
        roles = [role for role, wanted in wish.roles.items() if wanted == verb]
        notes = _notes(compose(turned), roles)
        early = EARLY * plan.bpm / 60
        if resting := [role for role in roles if not any(_within(note, inside, early) for note in notes.get(role, ()))]:
            notes |= _notes(compose(_awake(turned, inside, resting)), resting)
        found |= notes
    return found


def _turned(plan: Plan, verb: str) -> Plan:
    turn = {"busier": _TURN, "simpler": -_TURN}.get(verb, 0.0)
    density, complexity = (min(1.0, max(0.0, value + turn)) for value in (plan.density, plan.complexity))
    return replace(plan, density=density, complexity=complexity)


def _notes(score: Score, roles: list[str]) -> dict[str, tuple[Note, ...]]:
    return {track.role: track.notes for track in score.tracks if track.role in roles}


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


def _harmonies(score: Score) -> tuple[Harmony, ...]:
    return tuple(
        Harmony(one.start, one.duration, one.root, one.intervals, _bass(one), one.symbol) for one in score.chords
    )


def _bass(chord: Chord) -> int:
    return read_symbol(chord.symbol).bass if "/" in chord.symbol else chord.root


def _within(note: Note, inside: Iterable[Span], early: float) -> bool:
    return any(start - early <= note.start < end - early for start, end in inside)


def _merged(old: Iterable[Note], new: Iterable[Note], inside: list[Span], early: float) -> list[Note]:
    """Old notes outside, ending where a region begins; new notes inside, none before it and none beyond its end."""
    kept = [_ended(note, inside) for note in old if not _within(note, inside, early)]
    for note in new:
        for start, end in inside:
            if start - early <= note.start < end - early:
                begin = max(start, note.start)
                kept.append(replace(note, start=begin, duration=round(max(0.05, min(note.end, end) - begin), 5)))
    return kept


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


def recomposed(request: Any, original: Original, span: Span, words: str, style: str | None, energy: float) -> Patch:
    """A plan for a region, in whole bars around it, at the tempo that the song has right there. Raises BadRequest."""
    start, end = on_beats(original, span)
    low, high = original.beat(start), original.beat(end)
    first = int(low // original.bar + 1e-6) if low >= 0 else -int(-low // original.bar + 1)
    bars = max(1, -int(-(high - first * original.bar) // original.bar))
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
