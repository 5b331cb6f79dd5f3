"""Lyrics and form: which lines are sung in which section, and how many bars each line gets.

Decided before a note is written, and by our own count of syllables, so that the plan can say what will not be sung.
"""

import math
import re
import textwrap
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from composer.form import LETTERS, Section
from composer.rhythm import steps_in_bar
from composer.style import Part
from composer.voice.letters import parts
from composer.voice.text import plain
from song.lyrics import Lyrics
from song.sections import canonical

VOCALS, BACKING = "vocals", "backing"  # roles: the singer, and who joins in choruses
_RANGES = {"low": (45, 64), "high": (55, 76)}
_NAMES = {"A": "verse", "P": "prechorus", "B": "chorus", "bridge": "bridge"}
_KINDS = {
    "prechorus": "P", "pre": "P", "lift": "P", "chorus": "B", "hook": "B", "refrain": "B", "drop": "B",
    "postchorus": "B", "bridge": "bridge", "middle": "bridge", "middleeight": "bridge", "breakdown": "bridge",
    "intro": "intro", "outro": "outro", "coda": "outro", "ending": "outro",
}  # fmt: skip
_PLAYED = {"solo": "solo", "instrumental": "solo", "guitarsolo": "solo", "interlude": "solo", "break": "breakdown"}
_SILENT = ("intro", "outro", "solo", "build", "coda", "interlude", "development")  # nobody sings there unasked
_ELSEWHERE = {"P": "AB", "bridge": "AB", "intro": "AB", "outro": "BA", "B": "A", "A": "B"}
EASY, FASTEST = 3.2, 6.0  # syllables a second
_LONGEST_LINE = 20  # syllables in one breath
_SHORTEST = 2.0  # seconds of a line that takes its time
WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)  # bars


@dataclass(frozen=True)
class Stanza:
    """Lines that belong together; `kind` is a letter of the form, "intro", "outro", or "solo" where nobody sings."""

    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A line in a section: `start` and `width` in steps, `ends` where its stanza does."""

    text: str
    start: int
    width: int
    ends: bool = False


@dataclass(frozen=True)
class Layout:
    """Section id -> the lines sung there, and the lines for which there is no room."""

    sections: dict[str, tuple[Place, ...]]
    unsung: tuple[str, ...]


def voices(singer: str, band: Sequence[Part]) -> dict[str, Part]:
    """The players of a song with words, a little in front of their band. `singer` is "low" or "high"."""
    low, high = _RANGES[singer]
    together = sum(10 ** (part.lufs / 10) for part in band) or 10**-1.8
    loud = round(10 * math.log10(together) - 2.0, 1)
    lead = Part(
        f"{singer.capitalize()} voice",
        53,
        f"voice_{singer}",
        loud,
        width=0.1,
        reverb=0.24,
        delay=0.1,
        low=low,
        high=high,
    )
    backing = Part(
        "Backing voices", 53, f"voice_{singer}", loud - 8, width=0.9, reverb=0.35, low=low, high=min(81, high + 5)
    )
    return {VOCALS: lead, BACKING: backing}


def syllables(text: str) -> int:
    """How many syllables a line has, by rule; 0 where it has no word that can be sung."""
    return sum(len(parts(word)) for word in plain(text))


def stanzas(lyrics: Lyrics) -> list[Stanza]:
    """The stanzas of lyrics by their tags, long lines broken; a chorus without lines repeats the one before."""
    found: list[Stanza] = []
    chorus: tuple[str, ...] = ()
    for section in lyrics.sections:
        name = re.sub(r"[^a-z]", "", section.name)
        name = name.removesuffix("x")
        if name in _PLAYED and not section.lines:
            found.append(Stanza(_PLAYED[name], ()))
            continue
        kind = _KINDS.get(name) or _KINDS.get(canonical(section.name), "A")
        lines = tuple(piece for line in section.lines for piece in broken(line.text))
        lines = lines or (chorus if kind == "B" else ())
        if lines or kind in ("intro", "outro"):
            found.append(Stanza(kind, lines))
        if kind == "B":
            chorus = lines
    return found


def again(lyrics: Lyrics, times: int) -> Lyrics:
    """The words so many times, what is tagged as intro or outro but once."""
    kinds = [_KINDS.get(canonical(section.name), "A") for section in lyrics.sections]
    tagged = list(zip(kinds, lyrics.sections, strict=True))
    middle = [section for kind, section in tagged if kind not in ("intro", "outro")]
    edges = {name: [section for kind, section in tagged if kind == name] for name in ("intro", "outro")}
    return replace(lyrics, sections=(*edges["intro"], *middle * times, *edges["outro"])) if times > 1 else lyrics


def broken(text: str) -> list[str]:
    """A line in pieces that can be sung in one breath."""
    words = text.split()
    count = -(-syllables(text) // _LONGEST_LINE)
    if count <= 1:
        return [text]
    goal, pieces, sung = syllables(text) / count, [""], 0
    for word in words:
        if sung >= goal * len(pieces) - 1 and len(pieces) < count:
            pieces.append("")
        pieces[-1] = f"{pieces[-1]} {word}".strip()
        sung += syllables(word)
    return [piece for piece in pieces if piece]


def sections_for(
    lyrics: Lyrics, bpm: float, meter: tuple[int, int], count: Callable[[str], int] = syllables
) -> tuple[tuple[str, int | None, float | None], ...]:
    """A form that follows the lyrics, as `form.written` reads it: (name, bars, None), with an intro and an outro.
    `count` gives the syllables of a line."""
    bar = meter[0] * 4 / meter[1] * 60 / bpm
    items: list[tuple[str, int | None, float | None]] = []
    for stanza in stanzas(lyrics):
        bars = round(sum(_widths(stanza.lines, bar, count))) if stanza.lines else 4
        items.append((_NAMES.get(stanza.kind, stanza.kind), max(4, -(-bars // 4) * 4), None))
    edge = 2 if bar > 3.2 else 4
    if items and items[0][0] != "intro":
        items.insert(0, ("intro", edge, None))
    if items and items[-1][0] != "outro":
        items.append(("outro", edge, None))
    return tuple(items)


def seconds(lyrics: Lyrics, bpm: float, meter: tuple[int, int], count: Callable[[str], int] = syllables) -> float:
    """How long a song takes in which all of the lyrics are sung once at an easy pace, with an intro and an outro. For
    languages that the composer does not sing, `count` is that of composer.syllables."""
    bars = sum(bars or 0 for _, bars, _ in sections_for(lyrics, bpm, meter, count))
    return bars * meter[0] * 4 / meter[1] * 60 / bpm


def _widths(lines: Sequence[str], bar: float, count: Callable[[str], int] = syllables) -> list[float]:
    """Bars for each line at an easy pace: the same for all, more for one that could not be sung in it."""
    counts = sorted(count(line) for line in lines)
    usual = counts[min(len(counts) - 1, int(len(counts) * 0.8))]
    easy = next((width for width in WIDTHS if width * bar >= max(_SHORTEST, usual / EASY)), WIDTHS[-1])
    return _at_least(lines, easy, bar, count)


def _at_least(lines: Sequence[str], width: float, bar: float, count: Callable[[str], int] = syllables) -> list[float]:
    """`width` bars for each line, or twice that as often as its syllables need it."""
    found = []
    for line in lines:
        needed = count(line) / FASTEST / bar
        own = width
        while own < needed and own < WIDTHS[-1]:
            own *= 2
        found.append(own)
    return found


def lay(lyrics: Lyrics, sections: Sequence[Section], bpm: float, meter: tuple[int, int]) -> Layout:
    """Every stanza into a section of its kind, in order.

    What is too long for its section goes on in the next of the kind. A chorus that comes back is sung again.
    """
    bar = meter[0] * 4 / meter[1] * 60 / bpm
    sung = [stanza for stanza in stanzas(lyrics) if any(syllables(line) for line in stanza.lines)]
    kinds = [_kind(section, sung) for section in sections]
    if not any(kinds):
        kinds = [kind or "A" for kind in kinds]
    waiting = _queues(sung, set(kinds))
    chorus: tuple[str, ...] = ()
    found: dict[str, tuple[Place, ...]] = {}
    for number, (section, kind) in enumerate(zip(sections, kinds, strict=True)):
        queue = waiting.get(kind, deque())
        lines = queue.popleft() if queue else chorus if kind == "B" else ()
        while len(queue) > kinds[number + 1 :].count(kind) and _fits(lines + queue[0], section.bars, bar):
            lines += queue.popleft()
        if kind == "B" and lines:
            chorus = lines
        places, rest = _packed(lines, section.bars, bar, steps_in_bar(meter), kind == "B")
        if rest and kind != "B":
            queue.appendleft(rest)
        elif rest and chorus is lines and kind not in kinds[number + 1 :]:
            queue.append(rest)
        if places:
            found[section.id] = places
    left = [line for queue in waiting.values() for lines in queue for line in lines]
    voiceless = [line.text for part in lyrics.sections for line in part.lines if not syllables(line.text)]
    return Layout(found, tuple(dict.fromkeys([*left, *voiceless])))


def _kind(section: Section, sung: Sequence[Stanza]) -> str:
    """Which stanzas a section waits for, "" for none."""
    if section.name in ("intro", "outro") and any(stanza.kind == section.name for stanza in sung):
        return section.name
    return "" if section.name in _SILENT else LETTERS.get(section.name, "A")


def _queues(sung: Sequence[Stanza], kinds: set[str]) -> dict[str, deque[tuple[str, ...]]]:
    """Stanzas by the kind of section that will sing them; a song without bridge sings its bridge as a verse."""
    queues: dict[str, deque[tuple[str, ...]]] = {}
    for stanza in sung:
        options = [stanza.kind, *_ELSEWHERE.get(stanza.kind, "AB"), *sorted(kinds - {""})]
        kind = next((option for option in options if option in kinds), stanza.kind)
        queues.setdefault(kind, deque()).append(stanza.lines)
    if "B" in kinds and "B" not in queues and len(queues.get("A", ())) > 1:  # words without a chorus: all go on
        queues["B"] = deque()
        ordered, queues["A"] = list(queues["A"]), deque()
        for number, lines in enumerate(ordered):
            queues["AB"[number % 2]].append(lines)
    return queues


def _fits(lines: tuple[str, ...], bars: int, bar: float) -> bool:
    return sum(_widths(lines, bar)) <= bars


def _packed(
    lines: tuple[str, ...], bars: int, bar: float, steps: int, again: bool
) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Lines in the bars of a section, and those that do not fit: faster where it is narrow, apart where it is wide."""
    singable = tuple(line for line in lines if syllables(line))
    if not singable:
        return (), ()
    widths = _widths(singable, bar)
    width = min(widths)
    while sum(widths) > bars and width > WIDTHS[0]:
        width /= 2
        widths = _at_least(singable, width, bar)
    count = len(widths)
    while count and sum(widths[:count]) > bars:
        count -= 1
    if not count:  # one line that is longer than its section: as fast as it can be
        count, widths = 1, [float(bars)]
    rest, singable, widths = singable[count:], singable[:count], widths[:count]
    if again and not rest and 2 * sum(widths) <= bars:
        singable, widths = singable * 2, widths * 2
    apart = 2 if 2 * sum(widths) <= bars else 1
    places, now = [], 0.0
    for number, (text, own) in enumerate(zip(singable, widths, strict=True)):
        last = number + 1 == len(singable)
        places.append(Place(text, round(now * steps), round(own * steps), last))
        now += own * apart
    return tuple(places), rest


def notice(unsung: Sequence[str]) -> str:
    """What the user should know about lines that have no place."""
    heads = [f'"{textwrap.shorten(line, 60, placeholder="...")}"' for line in unsung[:3]]
    shown = "; ".join(heads) + ("; and others" if len(unsung) > 3 else "")
    lines = "1 line has" if len(unsung) == 1 else f"{len(unsung)} lines have"
    return (
        f"{lines} no room in this song and will not be sung: {shown}. Make it longer, or name its sections in the form."
    )
