"""How words fit a song: what each line has to hurry, and which sections are too short for their words.

The words are laid on bars as the studio's own composer lays them, at the tempo and length that were asked for. A line
is green at the pace at which songs are easily sung, amber up to the fastest that a singer articulates, red beyond it,
and red where it has no room at all.

Other languages than English are for engines with weights, which part their words as they please: there each line is
given as much of the song as it needs of the whole, a tenth of which is left to beginning and end, and syllables are
counted by the letters, see composer.syllables.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from composer import stanzas
from composer.language import foreign
from composer.plan import Plan, plan
from composer.rhythm import steps_in_bar
from composer.syllables import syllables
from song.lyrics import Lyrics, Section
from song.request import read

_GREEN = 1.25 * stanzas.EASY  # syllables a second; lines get bars and halves of bars, so a little is given
_USUAL_BPM, _SUNG = 110.0, 0.9  # where no tempo is said; of the song
Colour = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class LineFit:
    """A line: its syllables, the seconds it has (0 where it has no room), and how that is to sing."""

    text: str
    syllables: int
    seconds: float
    colour: Colour


@dataclass(frozen=True)
class SectionFit:
    """Words under one tag: the seconds they need at an easy pace, and those it has. `place` is its number among the
    sections of the lyrics, from 0."""

    place: int
    name: str
    lines: tuple[LineFit, ...]
    needs: float
    has: float

    @property
    def sentence(self) -> str:
        """What is wrong in plain words; "" where the words fit."""
        if all(line.colour == "green" for line in self.lines):
            return ""
        return f"{self.name} needs about {self.needs:.0f} s, has {self.has:.0f} s"


def measure(words: str, asked: Mapping[str, Any] | None = None) -> tuple[SectionFit, ...]:
    """How `words` fit a song; `asked` are knobs of Generate such as bpm and duration, those left out are as the
    composer would choose them. Nothing where nobody can sing. Raises BadRequest."""
    request = read({"prompt": "a song", "seed": 0, "mode": "generate"} | dict(asked or {}) | {"lyrics": words})
    planned = plan(request)
    if planned.lyrics is None:
        return _evenly(Lyrics.parse(request.lyrics), request) if foreign(request.lyrics) else ()
    room = _room(planned)
    return tuple(
        _section(planned, place, name, [line.text for line in section.lines], room)
        for place, name, section in _sung(Lyrics.parse(request.lyrics), stanzas.syllables)
    )


def _sung(lyrics: Lyrics, count: Callable[[str], int]) -> Iterator[tuple[int, str, Section]]:
    """The sections with something to sing: place, name with its number where there are several, and the section."""
    sung = [(place, part) for place, part in enumerate(lyrics.sections) if any(count(line.text) for line in part.lines)]
    several = Counter(section.name for _, section in sung)
    seen: Counter[str] = Counter()
    for place, section in sung:
        seen[section.name] += 1
        yield place, f"{section.name} {seen[section.name]}" if several[section.name] > 1 else section.name, section


def _evenly(lyrics: Lyrics, request: Any) -> tuple[SectionFit, ...]:
    """Words that the composer does not sing; where no length is said, the song is as long as they need."""
    bar = 4 * 60 / (request.bpm or _USUAL_BPM)
    sung = list(_sung(lyrics, syllables))
    needs = {place: [_needed(syllables(line.text), bar) for line in part.lines] for place, _, part in sung}
    whole = sum(map(sum, needs.values()))
    share = _SUNG * request.duration / whole if request.duration and whole else 1.0
    found = []
    for place, name, part in sung:
        fits = tuple(
            _line(line.text, needed * share, syllables(line.text))
            for line, needed in zip(part.lines, needs[place], strict=True)
        )
        needed = sum(needs[place])
        found.append(SectionFit(place, name.capitalize() or "The song", fits, needed, needed * share))
    return tuple(found)


Room = dict[str, deque[tuple[float, float]]]


def _room(planned: Plan) -> Room:
    """What each line gets: its words -> (its own seconds, those of its section), once for each time it is sung."""
    assert planned.lyrics is not None
    layout = stanzas.lay(planned.lyrics, planned.sections, planned.bpm, planned.meter)
    step = planned.bar_seconds / steps_in_bar(planned.meter)
    room: Room = {}
    for section in planned.sections:
        for place in layout.sections.get(section.id, ()):
            room.setdefault(place.text, deque()).append((place.width * step, section.bars * planned.bar_seconds))
    return room


def _section(planned: Plan, place: int, name: str, lines: list[str], room: Room) -> SectionFit:
    laid = [_taken(line, room, name.startswith(("chorus", "hook", "refrain"))) for line in lines]
    needs = sum(_needed(stanzas.syllables(line), planned.bar_seconds) for line in lines)
    fits = tuple(_line(line, own, stanzas.syllables(line)) for line, (own, _) in zip(lines, laid, strict=True))
    return SectionFit(place, name.capitalize() or "The song", fits, needs, max(whole for _, whole in laid))


def _taken(line: str, room: Room, returns: bool) -> tuple[float, float]:
    """The room of a line, which the song may sing in several breaths; (0, 0) where there is none. A chorus that
    `returns` and is not sung again keeps what it had."""
    if places := room.get(line):
        return places[0] if returns and len(places) == 1 else places.popleft()
    pieces = [places[0] for text, places in room.items() if places and text in line and len(text.split()) > 2]
    return (sum(own for own, _ in pieces), max(whole for _, whole in pieces)) if pieces else (0.0, 0.0)


def _line(text: str, seconds: float, count: int) -> LineFit:
    colour: Colour = ("green" if not count else "red") if not seconds else _colour(count / seconds)
    return LineFit(text, count, round(seconds, 2), colour)


def _needed(count: int, bar: float) -> float:
    """The seconds that a line needs to be green: as few bars as the composer gives to a line."""
    widths = (width * bar for width in stanzas.WIDTHS)
    longest = stanzas.WIDTHS[-1] * bar
    return next((seconds for seconds in widths if _colour(count / seconds) == "green"), longest) if count else 0.0


def _colour(pace: float) -> Colour:
    """How it is to sing so many syllables a second."""
    if pace <= _GREEN:
        return "green"
    return "amber" if pace <= stanzas.FASTEST else "red"
