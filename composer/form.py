"""Form: how the bars of a song are shared among its sections, from one bar to many hundreds.

A style writes its forms as sections with weights and energies. Long songs go round the middle of the form again; short
songs leave out what they can best do without.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from composer.style import Style

# Which material a section is made of: its progression and its theme.
LETTERS = {
    "intro": "A", "verse": "A", "head": "A", "theme": "A", "groove": "A", "drift": "A", "vamp": "A", "outro": "A",
    "solo": "A", "coda": "A", "reprise": "A", "strain": "A", "A": "A",
    "prechorus": "P", "P": "P",
    "chorus": "B", "hook": "B", "drop": "B", "build": "B", "swell": "B", "climax": "B", "refrain": "B", "tag": "B",
    "montuno": "B", "mambo": "B", "B": "B",
    "bridge": "bridge", "break": "bridge", "breakdown": "bridge", "interlude": "bridge", "development": "bridge",
    "trio": "bridge", "C": "bridge",
}  # fmt: skip
_ENERGIES = {"A": 0.6, "P": 0.7, "B": 0.88, "bridge": 0.5}
_EDGES = ("intro", "outro")
_SHORTEST_WITH_SECTIONS = 4  # bars


@dataclass(frozen=True)
class Section:
    """A stretch of bars. `name` as musicians say it ("intro", "A", "drop"), `energy` 0-1, `id` unique in its song.

    `shift` is how many semitones above the song's key it lies.
    """

    name: str
    start: int  # first bar, 0-based
    bars: int
    energy: float
    id: str = ""
    shift: int = 0


@dataclass(frozen=True)
class _Item:
    name: str
    weight: float
    energy: float
    shift: int = 0


def letter(section: Section) -> str:
    return LETTERS.get(section.name, "A")


def sections(
    rows: tuple[str, ...], bars: int, longest: int, rng: np.random.Generator, strain: int = 0
) -> tuple[Section, ...]:
    """Sections that fill exactly `bars`, in units of four bars (two in short songs), or in strains of their own."""
    odds = np.array([float(row.split(" ", 1)[0]) for row in rows])
    row = rows[int(rng.choice(len(rows), p=odds / odds.sum()))]
    items = _own([_item(text) for text in row.split()[1:]], rng)
    if bars < _SHORTEST_WITH_SECTIONS:
        best = max(items, key=lambda item: item.energy)
        return (Section("A", 0, bars, min(0.85, best.energy), "A1"),)
    if 0 < strain <= bars:
        return _numbered(*_strophic(items, bars, strain))
    unit = 4 if bars >= 20 else 2
    units = bars // unit
    items = _stretched(items, units * unit, longest)
    items = _thinned(items, min(units, bars // 4 + 1))
    spare = bars - units * unit
    short_end = items[-1].name == "outro" and spare >= 2  # a short outro, rather than one of seven bars
    counts = _shared(items, units + short_end, longest // unit)
    if unit == 2:
        counts = _squared(items, counts)
    lengths = [count * unit for count in counts]
    lengths[-1] += spare - unit * short_end
    return _numbered(items, lengths)


def _own(items: list[_Item], rng: np.random.Generator) -> list[_Item]:
    """A form as one song has it: sections of a name a little longer or shorter, louder or softer than the style's."""
    names = list(dict.fromkeys(item.name for item in items))
    long = {name: float(rng.uniform(0.8, 1.3)) for name in names}
    loud = {name: float(rng.uniform(-0.04, 0.04)) for name in names}
    return [
        replace(one, weight=one.weight * long[one.name], energy=round(min(1.0, one.energy + loud[one.name]), 3))
        for one in items
    ]


def _strophic(items: list[_Item], bars: int, strain: int) -> tuple[list[_Item], list[int]]:
    """Sections of one length, as a blues has its twelve bars, and how long each is. Intro and outro take the rest."""
    count, spare = divmod(bars, strain)
    middle = _thinned([item for item in items if item.name not in _EDGES], max(count, 5))[:count]
    middle = [middle[place % len(middle)] for place in range(count)]
    head, tail = items[0].name == "intro", items[-1].name == "outro"
    before = min(4, spare - 4 if tail else spare) if head else 0
    before = before if before >= 2 else 0
    after = spare - before
    lengths = [strain] * count
    if tail and after >= 2:
        middle, lengths = [*middle, items[-1]], [*lengths, after]
    else:
        lengths[-1] += after
    return ([items[0], *middle], [before, *lengths]) if before else (middle, lengths)


def choruses(plan: Sequence[Section]) -> list[int]:
    """The places of the sections that listeners wait for."""
    return [place for place, one in enumerate(plan) if letter(one) == "B" and one.name not in ("build", "tag")]


def lifted(
    plan: tuple[Section, ...], odds: float, steps: tuple[int, ...], rng: np.random.Generator
) -> tuple[Section, ...]:
    """The sections, perhaps with the last chorus and all that follows it some semitones up.

    Only where a chorus was heard before in the home key, since otherwise nobody notices a change, and where the form
    does not change key by itself.
    """
    found = choruses(plan)
    if len(found) < 2 or any(section.shift for section in plan) or rng.random() >= odds:
        return plan
    up = int(steps[int(rng.integers(len(steps)))])
    return tuple(replace(section, shift=up * (place >= found[-1])) for place, section in enumerate(plan))


def written(items: Sequence[tuple[str, int | None, float | None]], bars: int, style: Style) -> tuple[Section, ...]:
    """Sections as somebody wrote them down: (name, bars or None, energy 0-1 or None), in order, filling exactly `bars`.

    Names are those of `LETTERS`; any other is made of letter A. Lengths are kept where they fit; sections without
    one share what is left by the weight the style's forms give their name, and take their energy from there too. Where
    the lengths cannot add up to `bars` all are stretched or shortened in proportion, each to one bar at least; more
    sections than bars lose their last ones. The caller says so in a notice.
    """
    kept = [_wanted(style, *item) for item in items[: max(1, bars)]]
    said = [length for _, length, _ in items[: len(kept)]]
    open_places = [place for place, length in enumerate(said) if not length]
    room = bars - sum(length or 0 for length in said)
    if room == 0 and not open_places:
        lengths = [length or 0 for length in said]
    elif open_places and room >= len(open_places):
        shares = iter(_apportioned([kept[place].weight for place in open_places], room))
        lengths = [length or next(shares) for length in said]
    else:
        lengths = _apportioned([float(length or 1) for length in said], bars)
    found = _numbered(kept, lengths)
    asked = zip(found, (energy for _, _, energy in items), strict=False)
    return tuple(section if energy is None else replace(section, energy=energy) for section, energy in asked)


def _wanted(style: Style, name: str, bars: int | None, energy: float | None) -> _Item:
    """A section with the weight and energy that the style's forms give to its name, as far as nothing else was said."""
    usual = (_item(text) for row in style.forms for text in row.split()[1:])
    plain = _Item(name, 2.0, _ENERGIES[LETTERS.get(name, "A")])
    item = next((item for item in usual if item.name == name), plain)
    return replace(item, energy=item.energy if energy is None else energy, shift=0)


def _apportioned(weights: list[float], bars: int) -> list[int]:
    """Whole bars in proportion to `weights`, at least one each, `bars` in all, in fours or twos where there is room."""
    ideal = [weight * bars / sum(weights) for weight in weights]
    unit = next((unit for unit in (4, 2) if min(ideal) >= unit * 0.75), 1)
    counts = [max(unit, round(share / unit) * unit) for share in ideal]
    while sum(counts) != bars:
        step = max(-unit, min(unit, bars - sum(counts)))
        able = [place for place, count in enumerate(counts) if count + step >= 1]
        if not able:  # all are too short to give so much away
            unit = 1
            continue
        place = max(able, key=lambda at: (ideal[at] - counts[at]) * step)
        counts[place] += step
    return counts


def _item(text: str) -> _Item:
    name, weight, energy, *shift = text.split(":")
    return _Item(name, float(weight), float(energy), int(shift[0]) if shift else 0)


def _stretched(items: list[_Item], bars: int, longest: int) -> list[_Item]:
    """Go round the middle of the form until no section has to be longer than a listener likes."""
    middle = [item for item in items if item.name not in _EDGES]
    end = len(items) - (items[-1].name in _EDGES)
    while max(item.weight for item in items) / sum(item.weight for item in items) * bars > longest * 1.2:
        items = items[:end] + middle + items[end:]
        end += len(middle)
    return items


def _thinned(items: list[_Item], units: int) -> list[_Item]:
    items = list(items)
    while len(items) > units:
        items.pop(min(range(len(items)), key=lambda place: _importance(items, place)))
    if units <= 4:  # too short to warm up: start with some life
        items = [replace(item, energy=max(item.energy, 0.45)) for item in items]
    return items


def _importance(items: list[_Item], place: int) -> tuple[float, int]:
    """What a short song keeps: its main sections once each, then how it starts and ends, then the rest."""
    item = items[place]
    risen = place and items[place - 1].name == "build"  # a build must lead somewhere
    repeat = 0 if risen else sum(other.name == item.name for other in items[:place])
    kind = {
        "B": 10,
        "chorus": 10,
        "drop": 10,
        "climax": 10,
        "swell": 10,
        "head": 10,
        "intro": 7,
        "outro": 6,
        "build": 8,
    }.get(item.name, 9)
    kind = 3 if LETTERS.get(item.name) == "bridge" else kind
    return kind - 6 * repeat, -place


def _shared(items: list[_Item], units: int, longest: int) -> list[int]:
    """Units for each section: one each, then always to the one that is furthest behind its weight."""
    total = sum(item.weight for item in items)
    counts = [1] * len(items)
    limits = [max(1, longest // 2 if item.name in (*_EDGES, "build") else longest) for item in items]
    for _ in range(units - len(items)):
        open_places = [place for place in range(len(items)) if counts[place] < limits[place]] or list(range(len(items)))
        behind = max(open_places, key=lambda place: (items[place].weight / total * units - counts[place], -place))
        counts[behind] += 1
    return counts


def _squared(items: list[_Item], counts: list[int]) -> list[int]:
    """Four bars rather than two or six, since tunes are square: odd sections give to each other, or to the edges."""
    counts = list(counts)
    main = [place for place, item in enumerate(items) if item.name not in (*_EDGES, "build")]
    odd = sorted((place for place in main if counts[place] % 2), key=lambda place: -counts[place])
    while len(odd) > 1 and counts[odd[0]] > 1:
        giver, taker = odd.pop(0), odd.pop()
        counts[giver] -= 1
        counts[taker] += 1
    edges = [place for place, item in enumerate(items) if item.name in _EDGES]
    if odd and counts[odd[0]] > 1 and edges:
        counts[odd[0]] -= 1
        counts[edges[0]] += 1
    return counts


def _numbered(items: list[_Item], lengths: list[int]) -> tuple[Section, ...]:
    found: list[Section] = []
    visits: dict[str, int] = {}
    start = 0
    for item, bars in zip(items, lengths, strict=True):
        visits[item.name] = visits.get(item.name, 0) + 1
        again = 0.04 * min(visits[item.name] - 1, 2)
        energy = round(min(1.0, item.energy + (again if item.energy > 0.5 else 0)), 3)
        found.append(Section(item.name, start, bars, energy, f"{item.name}{visits[item.name]}", item.shift))
        start += bars
    return tuple(found)
