"""A game pack: one theme as loops that stack, the ways between them, and stingers, on one bar grid.

What game composers call vertical layering and horizontal re-sequencing (Sweet 2015, "Writing Interactive Music for
Video Games"): the layers are the same bars, each with players of its own, so that any of them may be faded in and out
while they run; a transition leads from one to the other in two bars; a stinger ends what was. All are the theme's
tempo, key and chords, and nothing is mastered: what is added up must stay what it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from composer.arrange import compose
from composer.edit import harmonies
from composer.form import Section
from composer.harmony import raised
from composer.loop import Bars
from composer.original import cut, grid, named
from composer.plan import STYLES, Plan
from composer.stanzas import BACKING, VOCALS
from song.errors import CannotMake
from song.key import Key
from song.score import Note, Score, Track

LAYERS = ("calm", "motion", "full")
WAY = 2  # bars of a transition; as many are heard before it, to ring into it
RING = 4.0  # seconds that the last chord of a stinger, and what a transition struck, may ring on
_LATE = {"drums": 0.2, "lead": 0.6, VOCALS: 1.0, BACKING: 0.9}  # who joins later than his style says, in energy
_RISING, _FALLING = (0, 1, 2, 4), (4, 3, 2, 1)  # steps of the scale, before the tonic


@dataclass(frozen=True)
class Passage:
    """Music beside the loop: what is played, from which bar on it is heard, and for how many bars until what follows
    it begins. What was struck before that rings on for `RING`."""

    name: str
    plan: Plan
    score: Score
    first: int
    bars: int


def layers(plan: Plan, score: Score, span: Bars) -> dict[str, tuple[str, ...]]:
    """The roles of each layer, those who join first in the first. Raises CannotMake where too few play in the span."""
    style, bar = STYLES[plan.style], plan.beats_per_bar
    start, end = span.first * bar, (span.first + span.count) * bar
    playing = [track.role for track in score.tracks if any(n.start < end and n.end > start for n in track.notes)]
    if len(playing) < len(LAYERS):
        raise CannotMake(
            f"In these bars only {len(playing)} of the band play, and a game pack needs {len(LAYERS)} at least; "
            "choose other bars, or a song with more instruments."
        )
    order = sorted(playing, key=lambda role: style.layers.get(role, 0.6) + _LATE.get(role, 0.0))
    edges = [round(place * len(order) / len(LAYERS)) for place in range(len(LAYERS) + 1)]
    return {name: tuple(order[a:b]) for name, a, b in zip(LAYERS, edges, edges[1:], strict=False)}


def key_of(plan: Plan, span: Bars) -> Key:
    """The key in which the theme lies; a section may be raised."""
    return raised(plan.key, _section(plan, span).shift)


def passages(plan: Plan, score: Score, span: Bars) -> Iterator[Passage]:
    """Two transitions, "up" and "down", and two stingers, "win" and "lose"."""
    groups = layers(plan, score, span)
    calm, everybody = set(groups["calm"]), {role for roles in groups.values() for role in roles}
    band = everybody - {"lead", VOCALS, BACKING}  # the tune is the loops' own
    yield _transition("up", plan, score, span, (0.5, 0.8, 0.95), (calm, calm, band))
    yield _transition("down", plan, score, span, (0.95, 0.6, 0.5), (everybody, band, calm))
    yield _stinger("win", plan, span, 0.95, _RISING)
    yield _stinger("lose", plan, span, 0.5, _FALLING)


def _section(plan: Plan, span: Bars) -> Section:
    return next(one for one in plan.sections if one.start <= span.first < one.start + one.bars)


def _beside(plan: Plan, span: Bars, sections: Iterable[Section]) -> Plan:
    """The same band in the theme's key, with other sections; everybody is awake, and nobody sings."""
    band = {role: part for role, part in plan.band.items() if role not in (VOCALS, BACKING)}
    return replace(
        plan,
        sections=named(sections),
        band=band,
        key=key_of(plan, span),
        named=tuple(band),
        grid={},
        tune=(),
        lyrics=None,
        ending="ring",
    )


def _transition(
    name: str, plan: Plan, score: Score, span: Bars, energies: tuple[float, ...], players: tuple[set[str], ...]
) -> Passage:
    """`WAY` bars over the theme's last chords. `energies` before, on the way and after it, which the drummer prepares;
    `players` before it, in its first bar, and in its last one."""
    theme, bar = _section(plan, span).name, plan.beats_per_bar
    sections = [Section(theme, place * WAY, WAY, energy) for place, energy in enumerate(energies)]
    other = _beside(plan, span, sections)
    last = max(0, span.count - WAY)
    bars = [*range(WAY), *(last + place for place in range(WAY)), *range(WAY)]
    theirs, of = harmonies(score.chords), [span.first + one % span.count for one in bars]
    chords = [
        chord
        for at, place in enumerate(of)
        for chord in cut(theirs, place * bar, (place + 1) * bar, (at - place) * bar)
    ]
    other = replace(other, grid=grid(other.sections, chords, bar), duration=2 * WAY * other.bar_seconds + RING)
    made = compose(replace(other, duration=3 * WAY * other.bar_seconds + RING))
    who = [players[0]] * WAY + [players[1]] + [players[2]] * (WAY - 1)
    tracks = [replace(track, notes=_while_there(track, who, bar)) for track in made.tracks]
    ends = replace(made, tracks=tuple(track for track in tracks if track.notes), beats=len(who) * bar)
    return Passage(name, replace(other, sections=other.sections[:2]), ends, WAY, WAY)


def _while_there(track: Track, who: list[set[str]], bar: float) -> tuple[Note, ...]:
    """A player's notes in the bars in which he plays, none held into one where he does not."""
    found = []
    for place, players in enumerate(who):
        start, end = place * bar, (place + 1) * bar
        if track.role not in players:
            continue
        stays = place + 1 < len(who) and track.role in who[place + 1]
        inside = [note for note in track.notes if start <= note.start + 1e-6 < end]
        found += inside if stays else [replace(n, duration=min(n.duration, end - n.start)) for n in inside]
    return tuple(found)


def _stinger(name: str, plan: Plan, span: Bars, energy: float, steps: tuple[int, ...]) -> Passage:
    """A bar that leads to the tonic, which rings on from the next barline: the tune rises to it, or falls."""
    other = _beside(plan, span, [Section(_section(plan, span).name, 0, 1, energy)])
    if name == "lose":
        other = replace(other, band={role: part for role, part in other.band.items() if role != "drums"})
    other = replace(other, duration=other.bar_seconds + RING, tune=_tune(other, steps))
    return Passage(name, other, compose(other), 0, 1)


def _tune(plan: Plan, steps: tuple[int, ...]) -> tuple[Note, ...]:
    """The steps on the last beats of the first bar."""
    above, below = plan.meter
    beat = 1.5 if below == 8 and above % 3 == 0 else 4 / below
    count = min(len(steps), round(plan.beats_per_bar / beat))
    first = plan.beats_per_bar - count * beat
    pitches = [60 + plan.key.tonic + plan.key.scale[step] for step in steps[-count:]]
    return tuple(Note(pitch, 96, first + place * beat, beat * 0.9) for place, pitch in enumerate(pitches))
