"""Sections as people write them down: "intro 4, verse 8, chorus 8, 2x (verse, chorus), outro".

A section has a name, and bars and an energy where somebody cares.
"""

import difflib
import re
from dataclasses import dataclass, replace

# What people call the sections, and what they are called here.
NAMES: dict[str, tuple[str, ...]] = {
    "intro": ("introduction", "opening", "start", "count in"),
    "verse": ("vs", "strophe", "stanza", "couplet"),
    "prechorus": ("pre chorus", "pre", "lift", "channel", "climb", "build to chorus"),
    "chorus": ("refrain", "hook", "ch", "post chorus", "postchorus"),
    "bridge": (
        "middle eight",
        "middle 8",
        "middle",
        "c section",
        "b section",
        "mid section",
        "middle section",
        "c",
        "part c",
    ),
    "drop": ("drops",),
    "build": ("buildup", "build up", "riser", "rise", "ramp"),
    "breakdown": ("break down",),
    "break": ("instrumental break", "turnaround", "pause"),
    "interlude": (),
    "vamp": (),
    "solo": ("guitar solo", "piano solo", "sax solo", "instrumental", "solos", "lead break"),
    "head": ("head in", "head out", "out head"),
    "theme": ("main theme", "motif", "subject"),
    "strain": (),
    "trio": (),
    "development": (),
    "reprise": ("recapitulation", "recap"),
    "groove": ("main groove", "main", "loop"),
    "climax": ("peak", "finale"),
    "montuno": (),
    "mambo": (),
    "swell": (),
    "drift": (),
    "A": ("a section", "part a"),
    "B": ("part b",),
    "tag": (),
    "outro": ("ending", "end", "coda", "outtro", "fade", "fade out", "close"),
}
_BY_WORD = {word.lower(): name for name, words in NAMES.items() for word in (name, *words)}
_FIRST = r"(?:first|second|third|last|final|double|big|main|short|long|quiet|loud|half)"
_SEPARATORS = re.compile(r"[,;\n|>→]+|\s-+\s|--+")
_TIMES = re.compile(r"^(\d{1,2})\s?[x×]\s*|\s*\(?(?<![a-z])[x×]\s?(\d{1,2})\)?$", re.IGNORECASE)
_ENERGY = re.compile(r"@\s*(\d*\.?\d+)\s*(%)?")
_BARS = re.compile(r"(\d{1,3})[\s-]*(?:bars?|measures?|b)\b|[:=]\s*(\d{1,3})\b|\((\d{1,3})\)", re.IGNORECASE)
_LETTERS = re.compile(r"[ABC]{2,12}")
_GROUP = re.compile(
    r"(?:(\d{1,2})\s?[x×]\s*)?\((?!\d)([^()]*[,;\n|>→ -][^()]*)\)\s*(?:[x×]\s?(\d{1,2}))?", re.IGNORECASE
)
_WORDS = "|".join(sorted(map(re.escape, _BY_WORD), key=len, reverse=True))
_ONE = rf"(?:{_WORDS})(?:\s?\(?\d{{1,3}}(?:\s?bars?)?\)?)?(?!\w)"
_RUN = re.compile(rf"{_ONE}(?:(?:\s+|\s?-\s?){_ONE})+", re.IGNORECASE)  # "verse 8 chorus 8", "verse-chorus-verse"
_MOST_SECTIONS, _MOST_BARS = 100, 400
_EDGES = ("intro", "outro")


@dataclass(frozen=True)
class Wanted:
    """A section that was asked for; `bars` and `energy` (0-1) are None where nobody said."""

    name: str
    bars: int | None = None
    energy: float | None = None


def canonical(name: str) -> str:
    """What a section is called here: "Verse 1", "2nd verse" and "VERSE" are "verse", "hook" is "chorus". A name that
    nobody knows comes back in lower case."""
    known = _known(name)
    return known or " ".join(name.lower().split())


def is_section(name: str) -> bool:
    """Whether a name is one of a section: "Verse 2", "final chorus"."""
    return _known(name) is not None


def read_form(text: str) -> tuple[Wanted, ...]:
    """The sections in order; commas, dashes, arrows, bars and new lines part them. Raises ValueError with one sentence
    that names what cannot be read."""
    text = re.sub(r"\b(?:and )?then\b", ",", text.replace("[", " ").replace("]", ","))
    spread = _GROUP.sub(lambda match: _times(match[1] or match[3], f"{match[2]},"), text)
    found: list[tuple[Wanted, int | None]] = []
    for item in (part.strip(" .-:") for part in _SEPARATORS.split(spread)):
        run = None if _known(item) else _RUN.fullmatch(item)
        for one in re.findall(_ONE, item, re.IGNORECASE) if run else [item] * bool(item):
            found += _item(one)
    if not found:
        raise ValueError('has no sections; write them like "intro 4, verse 8, chorus 8, outro 4"')
    if len(found) > _MOST_SECTIONS:
        raise ValueError(f"has {len(found)} sections; use at most {_MOST_SECTIONS}")
    return _counted(found)


def _times(times: str | None, text: str) -> str:
    return text * max(1, min(32, int(times or 1)))


def _item(item: str) -> list[tuple[Wanted, int | None]]:
    """One entry: (section, the bare number behind its name, which is its bars or its place in the song)."""
    if _LETTERS.fullmatch(item):
        return [(Wanted({"C": "bridge"}.get(letter, letter)), None) for letter in item]
    rest, times = item, 1
    if again := _TIMES.search(rest):
        times, rest = int(again[1] or again[2]), rest[: again.start()] + rest[again.end() :]
    energy, rest = _energy(rest)
    bars: int | None = None
    if said := _BARS.search(rest):
        bars, rest = int(said[1] or said[2] or said[3]), rest[: said.start()] + " " + rest[said.end() :]
    name, number = _name(rest, item)
    if bars is not None and not 1 <= bars <= _MOST_BARS:
        raise ValueError(f'"{item[:40]}" must have 1 to {_MOST_BARS} bars')
    return [(Wanted(name, bars, energy), number)] * max(1, min(32, times))


def _energy(text: str) -> tuple[float | None, str]:
    said = _ENERGY.search(text)
    if not said:
        return None, text
    value = float(said[1]) / (100 if said[2] or float(said[1]) > 1 else 1)
    return min(1.0, value), text[: said.start()] + " " + text[said.end() :]


def _name(text: str, item: str) -> tuple[str, int | None]:
    words = " ".join(re.sub(r"[\[\]():.]", " ", text).split())
    number = re.search(r"(?<![a-z])(\d{1,3})$|^(\d{1,3})\s|(?<=[a-z])(\d{1,3})$", words, re.IGNORECASE)
    if known := _known(words):
        counted = number and words.lower() not in _BY_WORD
        return known, int(number[1] or number[2] or number[3]) if number and counted else None
    near = difflib.get_close_matches(words.lower(), _BY_WORD, 1, 0.6)
    hint = f"did you mean {_BY_WORD[near[0]]}?" if near else f"use names like {', '.join(list(NAMES)[:8])}"
    raise ValueError(f'"{item[:40]}" is not a section; {hint}')


def _known(text: str) -> str | None:
    words = " ".join(re.sub(r"[-_]", " ", text.lower()).split())
    if words in _BY_WORD:
        return _BY_WORD[words]
    bare = re.sub(r"\d+(?:st|nd|rd|th)?", " ", words)
    bare = " ".join(re.sub(rf"\b(?:{_FIRST[3:-1]}|i{{1,3}}|iv|the|of|section|part)\b", " ", bare).split())
    return _BY_WORD.get(bare) or _BY_WORD.get(bare.removesuffix("s"))


def _counted(found: list[tuple[Wanted, int | None]]) -> tuple[Wanted, ...]:
    """A bare number is the section's bars, unless the numbers of that name count 1, 2, 3: "verse 1 ... verse 2". Nobody
    counts intros: "intro 1" is a bar."""
    numbers: dict[str, list[int]] = {}
    for wanted, number in found:
        if number is not None:
            numbers.setdefault(wanted.name, []).append(number)
    ordinal = {
        name
        for name, counted in numbers.items()
        if counted == list(range(1, len(counted) + 1)) and (name not in _EDGES or len(counted) > 1)
    }
    sections: list[Wanted] = []
    for wanted, number in found:
        if number is None or wanted.name in ordinal:
            sections.append(wanted)
        elif not 1 <= number <= _MOST_BARS:
            raise ValueError(f'"{wanted.name} {number}" must have 1 to {_MOST_BARS} bars')
        else:
            sections.append(replace(wanted, bars=wanted.bars or number))
    return tuple(sections)
