"""The embedded writer: English lyrics from lines of its own, chosen by theme, tone, rhyme and meter.

Conventions: a meter is a number of syllables; a rhyme is what Holtman ("A Generative Theory of Rhyme", 1996) calls a
perfect one: the same sounds from the last stressed vowel on, and another sound before it. A loose rhyme shares the
vowel alone. Same brief and same seed, same words, on every machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from composer.chance import chance
from composer.voice.letters import parts
from composer.voice.phones import VOWELS
from song.errors import CannotMake
from song.lyrics import Line, Section
from song.sections import canonical
from song.writing import WriteLyrics
from writing import brief, stock
from writing.stock import TOPIC, Stock

KINDS = {
    "prechorus": "bridge",
    "bridge": "bridge",
    "chorus": "chorus",
    "verse": "verse",
    "A": "verse",
    "B": "chorus",
    "head": "verse",
    "theme": "verse",
}
_METERS = {"verse": (8, 9, 10), "chorus": (7, 8, 9), "bridge": (8, 9)}
_RIGHT_THEME, _ANY_THEME, _RIGHT_TONE, _WRONG_TONE = 4.0, 1.5, 1.0, 2.5
_STRONG = (frozenset({"defiant"}), frozenset({"sad"}))  # tones that nobody wants unasked
_USED_FAMILY = 1.2  # points that a rhyme costs which the song had before
_MOST_TOPICS = 1  # lines of a section that name what the song is about
_NAMES = 4.0  # points for a line that does so
_SHORT = 2.0  # points that it costs to name it in short
_COUPLET = 3.5  # points for two lines that belong together
_ASTRAY = 20.0  # points that an answer costs where what it answers is missing
_CANDIDATES = 8  # lines of a family that are tried with each other


@dataclass
class Page:
    """What is written so far: lines and rhymes must not come twice, a chorus must."""

    used: set[str] = field(default_factory=set)
    rhymes: list[int] = field(default_factory=list)
    verses: int = 0
    named: set[tuple[str, str]] = field(default_factory=set)  # (kind of section, what its lines named)
    chorus: dict[str, Section] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A line that could be taken: its text, how well it suits, and its stock."""

    text: str
    score: float
    line: Stock


def rhyming(scheme: str, count: int) -> tuple[tuple[int, ...], ...]:
    """Places of a section's lines that rhyme with each other, four lines at a time: ABAB of 4 is ((0, 2), (1, 3))."""
    groups: list[tuple[int, ...]] = []
    for start in range(0, count, 4):
        letters = _letters(scheme, min(4, count - start))
        for letter in dict.fromkeys(letters):
            groups.append(tuple(start + place for place, one in enumerate(letters) if one == letter))
    return tuple(groups)


def _letters(scheme: str, count: int) -> str:
    """A whole stanza has its scheme; what is left over rhymes as a couplet."""
    whole = "AABB" if scheme == "loose" else scheme
    return whole if count == 4 else "AAA"[:count]


class Writer:
    """Writes one song. Its sections come in order; `page` remembers what must not come again."""

    def __init__(self, request: WriteLyrics, seed: int) -> None:
        self.request, self.seed = request, seed
        self.brief = brief.read(request.brief, request.tone)
        self.page = Page()
        self.topic = next(iter(self.brief.topics), "")
        rng = chance(seed, "meters", request.brief)
        self.meters = {kind: int(rng.choice(meters)) for kind, meters in _METERS.items()}

    def title(self) -> str:
        """What the song is called: what it is about, or a title of its theme."""
        rng = chance(self.seed, "title", self.request.brief)
        leading = max(self.brief.themes, key=lambda name: self.brief.themes[name], default=stock.ANY)
        titles = stock.themes()[leading].titles
        if self.topic and rng.random() < 0.6:
            return " ".join(word if word[:1].isupper() else word.capitalize() for word in self.topic.split())
        return titles[int(rng.integers(len(titles)))]

    def section(self, name: str, number: int) -> Section:
        """The next section; one that nobody sings has no lines, and tells the composer that it is played."""
        kind = KINDS.get(canonical(name))
        if kind is None:
            return Section(name)
        if kind == "chorus" and name in self.page.chorus:
            return self.page.chorus[name]
        texts = self.lines(kind, self.request.lines, number)
        written = Section(name, tuple(Line(text) for text in texts))
        if kind == "chorus":
            self.page.chorus[name] = written
        return written

    def lines(self, kind: str, count: int, number: int) -> list[str]:
        """`count` new lines for a section of a kind, rhymed as the request wants it."""
        texts = [""] * count
        named = 0
        if self.brief.topics and kind == "verse":  # verses name all things of the brief, the others its first
            self.topic = self.brief.topics[self.page.verses % len(self.brief.topics)]
            self.page.verses += 1
        elif self.brief.topics:
            self.topic = self.brief.topics[0]
        for turn, places in enumerate(rhyming(self.request.rhyme, count)):
            rng = chance(self.seed, "lines", self.request.brief, kind, number, turn)
            for place, found in zip(places, self._rhymed(kind, len(places), rng, named + (turn > 0)), strict=True):
                texts[place] = found.text
                if TOPIC in found.line.pattern:
                    named += 1
                    self.page.named.add((kind, self.topic))
                self.page.used.add(found.text.lower())
                self.page.used.add(found.line.pattern)
        return texts

    def fitting(self, kind: str, rng: np.random.Generator) -> list[Candidate]:
        """Every new line for a section of a kind, in its best wording."""
        return [one for members in self._families(tuple(_METERS), kind, rng, False, 1).values() for one in members]

    def _rhymed(self, kind: str, count: int, rng: np.random.Generator, named: int) -> list[Candidate]:
        """The best lines that rhyme. Raises CannotMake where there are no more."""
        for kinds in ((kind,), ("verse", "chorus", "bridge")):
            for again in (False, True):
                families = self._families(kinds, kind, rng, again, named)
                chosen = [picked for members in families.values() if (picked := self._pick(members, count))]
                if chosen:
                    best = max(chosen, key=self._worth)
                    self.page.rhymes.append(stock.families()[best[0].line.end])
                    return best
        raise CannotMake("The writer knows no more lines for a song so long; ask for fewer sections or fewer lines.")

    def _families(
        self, kinds: Sequence[str], kind: str, rng: np.random.Generator, again: bool, named: int
    ) -> dict[object, list[Candidate]]:
        """Lines that fit, the best wording of each, by rhyme."""
        found: dict[object, list[Candidate]] = {}
        for line in self._stock(kinds):
            if line.end not in stock.families() or (line.pattern in self.page.used and not again):
                continue
            if TOPIC in line.pattern and (named >= _MOST_TOPICS or not self.topic):
                continue
            score = self._suits(line) + rng.random() * (3.0 if line.theme == stock.ABOUT else 1.5)
            if best := self._worded(line, kind, score):
                found.setdefault(self._family(line), []).append(best)
        return found

    def _stock(self, kinds: Sequence[str]) -> Iterator[Stock]:
        """Every line of some kinds of section; how well it suits the brief is a question of points."""
        return (line for theme in stock.themes().values() for line in theme.lines if line.kind in kinds)

    def _family(self, line: Stock) -> object:
        if self.request.rhyme == "loose":
            return vowel(line.end)
        return stock.families()[line.end]

    def _suits(self, line: Stock) -> float:
        """How well a line suits the brief."""
        if line.theme == stock.ABOUT:
            score = _RIGHT_THEME + max(self.brief.themes.values(), default=0)
            fresh = line.kind != "bridge" and (line.kind, self.topic) not in self.page.named
            score += _NAMES if TOPIC in line.pattern and fresh else 0.0
        elif line.theme == stock.ANY:
            score = _ANY_THEME + (0.0 if self.brief.themes else 3.0)
        else:
            score = _RIGHT_THEME + self.brief.themes[line.theme] if line.theme in self.brief.themes else -1.0
        if line.tones and self.brief.tones:
            score += _RIGHT_TONE if line.tones & self.brief.tones else -_WRONG_TONE
        elif line.tones in _STRONG:
            score -= _WRONG_TONE
        return score

    def _worded(self, line: Stock, kind: str, score: float) -> Candidate | None:
        """The wording that sings best in the section's meter; None where none comes near it."""
        meter = self.meters[kind]
        best: tuple[float, str] | None = None
        for short, name in enumerate(_names(self.topic) if TOPIC in line.pattern else ("",)):
            named = len(stock.stresses(name))
            for wording in line.wordings:
                off = abs(len(wording.stresses) + named - meter)
                text = _said(wording.text, name)
                if off > 1 or text.lower() in self.page.used:
                    continue
                cost = _SHORT * short + 0.8 * off + _stumbles(wording.stresses)
                if best is None or cost < best[0]:
                    best = cost, text
            if best:
                break
        return Candidate(best[1], score - best[0], line) if best else None

    def _pick(self, members: list[Candidate], count: int) -> list[Candidate]:
        """The best lines of a family that end on different sounds, in the order they were written; [] if too few."""
        ranked = sorted(members, key=lambda one: (-one.score, one.text))[:_CANDIDATES]
        best: list[Candidate] = []
        for first in ranked:
            taken = [first]
            for found in sorted(ranked, key=lambda one: -one.score - _COUPLET * _couplet(first, one)):
                if len(taken) < count and all(_differ(found, other) for other in taken):
                    taken.append(found)
            if len(taken) == count and (not best or _sum(taken) > _sum(best)):
                best = taken
        return sorted(best, key=lambda one: (one.line.theme, one.line.number))

    def _worth(self, lines: list[Candidate]) -> float:
        """What a rhyme is worth: its lines, and that the song did not have it yet. Lines of one theme agree better."""
        family = stock.families()[lines[0].line.end]
        themes = {one.line.theme for one in lines} - {stock.ANY, stock.ABOUT}
        score = _sum(lines) / len(lines)
        return score - _USED_FAMILY * self.page.rhymes.count(family) - 0.7 * max(0, len(themes) - 1)


def _names(topic: str) -> tuple[str, ...]:
    """What the song is about in full, and in short for lines without room: "my grandmother's kitchen", "my kitchen"."""
    words = topic.split()
    return (topic, f"{words[0]} {words[-1]}") if len(words) > 2 else (topic,)


def _said(text: str, topic: str) -> str:
    """A line with what the song is about in its place."""
    text = text.replace(TOPIC, topic)
    return text[:1].upper() + text[1:]


def _couplet(one: Candidate, other: Candidate) -> bool:
    """Whether two lines follow each other in their theme: they were written together."""
    return one.line.theme == other.line.theme and abs(one.line.number - other.line.number) == 1


def _sum(lines: Sequence[Candidate]) -> float:
    together = _couplet(lines[0], lines[-1])
    astray = not together and any(one.line.theme == stock.ABOUT and TOPIC not in one.line.pattern for one in lines)
    return sum(one.score for one in lines) + _COUPLET * together - _ASTRAY * astray


def _differ(one: Candidate, other: Candidate) -> bool:
    """Two ends that rhyme, but are not the same sound: "sea" and "see" are one; nor two wordings of one line."""
    names = TOPIC in one.line.pattern and TOPIC in other.line.pattern
    return not names and parts(one.line.end)[-1][0] != parts(other.line.end)[-1][0]


def _stumbles(stresses: str) -> float:
    """What a line costs the tongue: two strong syllables in a row, or three weak ones."""
    return 0.35 * (stresses.count("11") + stresses.count("000"))


def vowel(word: str) -> str:
    """The vowel on which a word ends."""
    return next(phone for phone in parts(word)[-1][0] if phone in VOWELS)
