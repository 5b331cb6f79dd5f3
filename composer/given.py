"""What is given about a song's shape: its sections, and chords that are kept exactly."""

from collections.abc import Iterable
from dataclasses import replace

from composer.form import LETTERS, Section
from composer.harmony import Harmony
from song.chart import Bar, Chart, ChordName
from song.key import MODES, Key
from song.sections import Wanted, canonical

_EDGES = ("intro", "outro")
_SHORT = ("intro", "outro", "prechorus", "break", "build", "interlude", "tag", "coda", "vamp")
_LONGEST = 20  # bars a section may be stretched to before the sections go round again
_ROOMY = 1.4  # times as long as the words need: from here on more is sung or played, not the same slower
# How well a mode is liked where two fit the chords alike.
_LIKED = {"major": 0.06, "minor": 0.06, "mixolydian": 0.0, "dorian": 0.0, "lydian": -0.03, "phrygian": -0.03}


def passages(chart: Chart | None) -> tuple[Wanted, ...]:
    """The tagged passages of a chart as the sections of a song; none where it has no tags."""
    if chart is None or not chart.tagged:
        return ()
    named = [passage for passage in chart.passages if passage.name]
    names = [_known(passage.name) for passage in named]
    lengths = [_rounded(len(one.bars), 4 if name in _SHORT else 8) for one, name in zip(named, names, strict=True)]
    return tuple(Wanted(name, bars) for name, bars in zip(names, lengths, strict=True))


def filled(items: tuple[Wanted, ...], chart: Chart | None) -> tuple[Wanted, ...]:
    """Sections whose length nobody gave become as long as the first of their name, as their chords, or as is usual."""
    known: dict[str, int] = {item.name: item.bars for item in reversed(items) if item.bars}
    found: list[Wanted] = []
    for item in items:
        chords = len(_passage(chart, item.name)[0]) if chart and chart.tagged else 0
        usual = 4 if item.name in _SHORT else 8
        found.append(replace(item, bars=item.bars or known.get(item.name) or _rounded(chords, usual)))
    return tuple(found)


def rounds(items: tuple[Wanted, ...], bars: int) -> tuple[Wanted, ...]:
    """The middle of a chart's sections once more and again, until no section has to be stretched too far."""
    middle = tuple(item for item in items if item.name not in _EDGES) or items
    opening = items[:1] if items[0].name == "intro" else ()
    ending = items[-1:] if items[-1].name == "outro" and len(items) > 1 else ()
    times = 1
    while bars / (len(opening) + len(ending) + times * len(middle)) > _LONGEST and times < 40:
        times += 1
    return items if times == 1 else (*opening, *(middle * times), *ending)


def sung_again(items: tuple[Wanted, ...], bars: int) -> tuple[tuple[Wanted, ...], int]:
    """The sections of lyrics for a song of so many bars, and how often their words are sung: round and round where
    there is room, with somebody playing a solo in between and a last chorus where no whole round fits any more. `items`
    have bars. Intro and outro stay as they are."""
    middle = tuple(item for item in items if item.name not in _EDGES)
    opening = items[: items[0].name == "intro"]
    ending = items[-1:] if items[-1].name == "outro" and len(items) > 1 else ()
    room, need = bars - _total((*opening, *ending)), _total(middle)
    if not middle or room < _ROOMY * need:
        return items, 1
    if room >= 4 * need:  # a few words in a long song: they take their time
        middle, need = tuple(replace(item, bars=2 * (item.bars or 0)) for item in middle), 2 * need
    solo, found, times = Wanted("solo", 8 if room >= 3 * need + 16 else 4), middle, 1
    while (left := room - _total(found)) >= need:
        found += (solo, *middle) if left >= need + _total((solo,)) else middle
        times += 1
    chorus = tuple(item for item in middle if LETTERS.get(item.name) == "B")[-1:]
    if chorus and left >= _total(chorus) + 4:
        found = (*found, replace(solo, bars=min(8, (left - _total(chorus)) // 4 * 4)), *chorus)
    elif left >= 4:
        found = (*found[:-1], replace(solo, bars=min(8, left // 4 * 4)), *found[-1:])
    return (*opening, *found, *ending), times


def _total(items: Iterable[Wanted]) -> int:
    return sum(item.bars or 0 for item in items)


def _rounded(bars: int, usual: int) -> int:
    """How long a passage is played: more than once where it is shorter than is usual."""
    return bars * max(1, usual // bars) if bars else usual


def _known(name: str) -> str:
    known = canonical(name)
    return known if known in LETTERS else {"a": "A", "b": "B", "c": "C"}.get(known, "A")


def grid(
    chart: Chart, sections: Iterable[Section], meter: tuple[int, int], notices: list[str]
) -> dict[str, tuple[Harmony, ...]]:
    """Section id -> its chords, in beats of the song. A chart without tags runs on from section to section and starts
    anew where it fits; tagged passages are looped over the sections of their name."""
    found: dict[str, tuple[Harmony, ...]] = {}
    place = 0
    for section in sections:
        bars, missing = _passage(chart, section.name)
        if missing:
            notices.append(f"The chart has no chords for {section.name}; those of {missing} are used.")
        begin = 0 if chart.tagged or len(bars) <= section.bars else place % len(bars)
        row = [bars[(begin + bar) % len(bars)] for bar in range(section.bars)]
        place = begin + section.bars
        found[section.id] = _harmonies(row, section.start, meter)
    if any(slot.silent for bar in chart.bars for slot in bar.slots):
        notices.append("The band plays on through N.C.: the chord before it is held.")
    return found


def _passage(chart: Chart, name: str) -> tuple[tuple[Bar, ...], str]:
    """(the bars for a section, the tag that they were borrowed from): by name, by kind, else the first passage."""
    if not chart.tagged:
        return chart.bars, ""
    exact = next((one for one in chart.passages if one.name and _known(one.name) == name), None)
    if exact:
        return exact.bars, ""
    letter = LETTERS.get(name, "A")
    alike = [one for one in chart.passages if LETTERS[_known(one.name)] == letter]
    nearest = (alike or list(chart.passages))[0]
    return nearest.bars, nearest.name or "the first bars"


def _harmonies(bars: list[Bar], first: int, meter: tuple[int, int]) -> tuple[Harmony, ...]:
    """Bars as chords without gaps: where nobody would play, the chord before is held, at the start the one after."""
    beats = meter[0] * 4 / meter[1]
    placed = [
        Harmony((first + number) * beats + start, length, chord.root, chord.intervals, chord.bass, chord.text)
        for number, bar in enumerate(bars)
        for start, length, chord in bar.placed(meter)
        if not chord.silent
    ]
    edges = [one.start for one in placed[1:]] + [(first + len(bars)) * beats]
    starts = [first * beats] + [one.start for one in placed[1:]]
    return tuple(
        replace(one, start=start, beats=round(end - start, 6))
        for one, start, end in zip(placed, starts, edges, strict=True)
    )


def sounding(chart: Chart) -> bool:
    """True where the chart has a chord at all."""
    return any(not slot.silent for bar in chart.bars for slot in bar.slots)


def key_of(chart: Chart, tonic: int | None, mode: str | None) -> Key:
    """The key of a chart: the scale that holds most of its tones, whose tonic begins, ends and is led to by a fifth.

    `tonic` and `mode` are kept where somebody said them.
    """
    keys = [
        Key(root, name)
        for root in ([tonic] if tonic is not None else range(12))
        for name in ([mode] if mode else _LIKED)
        if name in MODES
    ]
    return max(keys, key=lambda key: _fit(chart, key))


def _two_five_one(two: ChordName, five: ChordName, one: ChordName) -> bool:
    """True where a minor chord only leads to a dominant that resolves."""
    falls = (five.root - two.root) % 12 == 5 and (one.root - five.root) % 12 == 5
    return falls and 3 in two.intervals and {4, 10} <= set(five.intervals)


def _fit(chart: Chart, key: Key) -> float:
    slots = [(slot, 1 / len(bar.slots)) for bar in chart.bars for slot in bar.slots if not slot.silent]
    scale = set(key.pitch_classes) | ({(key.tonic + 11) % 12} if key.mode == "minor" else set())
    total = sum(weight for _, weight in slots)
    inside = sum(weight * sum(tone in scale for tone in slot.tones[:4]) / len(slot.tones[:4]) for slot, weight in slots)
    third = 3 if key.minorish else 4

    def home(slot_root: int, intervals: tuple[int, ...]) -> float:
        return float(slot_root == key.tonic) * (
            1.0 if third in intervals else 0.3 if not {3, 4} & set(intervals) else -0.5
        )

    names = [slot for slot, _ in slots]
    around = list(zip(names, names[1:] + names[:1], names[2:] + names[:2], strict=True)) if len(names) > 2 else []
    seconds = {place for place, three in enumerate(around) if _two_five_one(*three)}

    def at_home(place: int) -> float:
        return home(names[place].root, names[place].intervals) * (0.2 if place in seconds else 1.0)

    there = sum(weight * max(0.0, at_home(place)) for place, (_, weight) in enumerate(slots)) / total
    led = sum(
        (one.root - other.root) % 12 == 7 and 3 not in one.intervals and home(other.root, other.intervals) > 0
        for (one, _), (other, _) in zip(slots, slots[1:] + slots[:1], strict=True)
    )
    return (
        inside / total
        + 0.16 * at_home(0)
        + 0.08 * at_home(len(names) - 1)
        + 0.25 * there
        + 0.1 * min(1, led)
        + _LIKED.get(key.mode, -0.05)
    )
