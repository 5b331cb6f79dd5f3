"""Words -> what they say about a song. Reads plain English as musicians and others type it; knows nothing of plans."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from composer import casting, numbers
from composer.instruments import BY_WORD, title
from composer.reading import Reading, first_phrase, phrase
from composer.vocabulary import KIN, MARKS, MOODS, PACES
from song.key import Key

_ENDS = r"(?:ends?|ending|stops?|stopping|finish(?:es)?|cuts?(?: off)?)"
_ENDINGS = (
    (
        "fade",
        r"(?<!no )(?<!not )(?<!without a )(?<!without )(?<!don't )"
        r"\bfad(?:e|es|ing)[ -]?(?:out|away|to (?:silence|nothing))\b"
        rf"|\bfade (?:ending|at the end)\b|\b{_ENDS} (?:with|in|on) a (?:long |slow )?fade\b",
    ),
    (
        "stop",
        rf"\b{_ENDS} (?:suddenly|abruptly|hard|cold|dead|short|on the beat|on a hit|on the one|sharply)\b"
        r"|\b(?:sudden|abrupt|hard|cold|dead|tight|clean) (?:end|ending|stop|finish|cut)\b",
    ),
    (
        "ring",
        r"\bring(?:s|ing)?[ -]?out\b|\bringing (?:end|ending|chord|finish|last chord)\b|\brings? at the end\b"
        r"|\blet (?:it|the (?:last|final) chord) ring\b|\bsustained (?:end|ending|final|last)\b"
        r"|\b(?:last|final) chord (?:that )?(?:rings?|held|sustain\w*|hangs?)\b",
    ),
)


@dataclass(frozen=True)
class Said:
    """What the words say; None and empty mean that they are silent about it."""

    styles: tuple[str, ...] = ()  # style ids, the likeliest first
    kin: str | None = None  # a style that is not here, as it was written
    bpm: float | None = None
    mark: float | None = None  # from "andante" and the like
    pace: float = 0.0  # -1 slow to 1 fast
    key: Key | None = None
    tonic: int | None = None  # a tonic whose mode was not said
    mode: str | None = None
    meter: tuple[int, int] | None = None
    moods: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()  # (instrument word, role it was given or "")
    denied: tuple[str, ...] = ()
    mutes: tuple[str, ...] = ()  # drum lanes to leave out
    only: bool = False
    seconds: float | None = None
    bars: int | None = None
    ending: str | None = None
    vocals: bool = False
    notices: tuple[str, ...] = ()


def read(prompt: str, aliases: Mapping[str, str]) -> Said:
    """Everything the words say. `aliases`: what people call the styles -> style id."""
    text = Reading(prompt)
    bpm = numbers.bpm(text)
    key, tonic, mode = numbers.key(text)
    seconds, bars = numbers.length(text)
    meter = numbers.meter(text)
    ending = next((name for name, pattern in _ENDINGS if re.search(pattern, text.low)), None)
    vocals, instrumental = _vocals(text)
    kin = first_phrase(text, KIN, masked=True)
    denied, mutes = casting.denied(text)
    named, only = casting.named(text)
    clash = [word for word, _ in named if any(_same(word, other) for other in denied)]
    if clash:
        text.notices.append(f"The words both ask for and refuse {_listed(clash)}; it is left out.")
        named = tuple(pair for pair in named if pair[0] not in clash)
    styles = _styles(text, aliases)
    moods = _moods(text)
    if vocals and not instrumental:
        text.notices.append("Nobody sings here: this engine plays instruments only, so the song is instrumental.")
    return Said(
        styles=styles,
        kin=kin,
        bpm=bpm,
        mark=_mark(text),
        pace=_pace(text),
        key=key,
        tonic=tonic,
        mode=mode,
        meter=meter,
        moods=moods,
        named=named,
        denied=denied,
        mutes=mutes,
        only=only and bool(named),
        seconds=seconds,
        bars=bars,
        ending=ending,
        vocals=vocals,
        notices=tuple(text.notices),
    )


def hinted(prompt: str, hints: Iterable[str]) -> int:
    """How many of some telling words the text holds."""
    low = prompt.lower()
    return sum(bool(re.search(rf"\b{re.escape(word)}\b", low)) for word in hints)


def _vocals(text: Reading) -> tuple[bool, bool]:
    """(somebody is asked to sing, but is sent away again)."""
    refused = re.search(
        rf"\b(?:no|without|zero|minus)\s+(?:any\s+)?(?:\w+\s+(?:or|and)\s+)?{casting.VOICE}\b|\binstrumental\b",
        text.low,
    )
    return bool(re.search(rf"\b{casting.VOICE}\b", text.low)), bool(refused)


def _same(word: str, other: str) -> bool:
    return word == other or (BY_WORD[word][1].name == BY_WORD[other][1].name and title(word) == title(other))


def _listed(words: Iterable[str]) -> str:
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def _styles(text: Reading, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Styles that the words name. In "jazzy lofi" the last one is the noun, before any "with"."""
    shy = phrase(BY_WORD).sub(lambda match: " " * len(match[0]) if " " in match[0] else match[0], text.left)
    for hay in (shy, text.left):
        found = [(match.start(), match[1]) for match in phrase(aliases).finditer(hay)]
        if found:
            break
    else:
        return ()
    stop = re.search(r"\bwith\b|\bfeaturing\b|[.;]|\blike\b|\bbut\b", hay)
    edge = stop.start() if stop and any(at < stop.start() for at, _ in found) else len(hay)
    comma = hay.find(",")
    first_clause = [pair for pair in found if pair[0] < min(edge, comma if comma > found[0][0] else edge)]
    head = (first_clause or found)[-1]
    return tuple(dict.fromkeys([aliases[head[1]], *(aliases[word] for _, word in found)]))


def _moods(text: Reading) -> tuple[str, ...]:
    found: list[tuple[int, str]] = []
    for name, mood in MOODS.items():
        for match in phrase(mood.words).finditer(text.low):
            if not re.search(
                r"\b(?:not|no|never|without|isn't|less)\s+(?:too |so |very |really |overly )?$",
                text.low[: match.start()],
            ):
                found.append((match.start(), name))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def _mark(text: Reading) -> float | None:
    word = first_phrase(text, MARKS)
    return MARKS[word] if word else None


def _pace(text: Reading) -> float:
    match = phrase(PACES).search(text.low)
    if not match or re.search(r"\bnot\s+(?:too |so |very )?$", text.low[: match.start()]):
        return 0.0
    return PACES[match[1]]
