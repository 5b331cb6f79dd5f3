"""Words -> what they say about a song. Reads plain English as musicians and others type it; knows nothing of plans."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from composer import casting, genre, numbers, structure
from composer.instruments import BY_WORD, title
from composer.reading import Reading, first_phrase, phrase
from composer.vocabulary import (
    COMPLEXITIES,
    DENSITIES,
    ENERGIES,
    KIN,
    KIN_PLAYERS,
    KIN_TEMPOS,
    MARKS,
    MOODS,
    PACES,
    SWINGS,
)
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


_NOT = r"\b(?:not|no|never|without|isn't|less|nothing)\s+(?:too |so |very |really |overly |that )?$"
_STRAIGHT = re.compile(r"\bstraight[ -](?:ahead|up|edge|from|to|into|after)\b")
_PERCENT = re.compile(r"\b(\d{2,3})\s?% swing\b|\bswing(?: of| at|:| =)? ?(\d{2,3})\s?%")
_HIGH = r"\b(?:female|woman|women|girls?|lady|soprano|alto|mezzo|diva|songstress|high)(?:'s)?(?: \w+)? ?"
_LOW = r"\b(?:male|man|men|boys?|guy|baritone|tenor|bass|deep|low|gravelly|husky)(?:'s)?(?: \w+)? ?"
_WORDLESS = re.compile(r"\b(?:wordless vocals?|chorus vocals|vocal chops|voice leading|voicings?)\b")
# What a song is about is no instrument: "a song about the sea".
_TOPIC = re.compile(
    r"(?<!how )(?<!what )\babout\s+(?![\d~]|a minute|half|one |two |three )[^,.;:!?\n]*?"
    r"(?=\s(?:with|in|at|featuring)\b|[,.;:!?\n]|$)"
)


@dataclass(frozen=True)
class Said:
    """What the words say; None and empty mean that they are silent about it."""

    styles: tuple[str, ...] = ()  # style ids, the likeliest first
    kin: str | None = None  # a genre that is not here, as it was written
    near: tuple[str, str, str] | None = None  # (what was typed, the genre it comes near, that genre's style)
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
    unled: tuple[str, ...] = ()  # instruments that must not play the tune: "no guitar solo"
    mutes: tuple[str, ...] = ()  # drum lanes to leave out
    only: bool = False
    seconds: float | None = None
    bars: int | None = None
    form: str = ""  # a section plan, as it was written
    chords: str = ""  # a chart, as it was written
    ending: str | None = None
    energy: float | None = None  # these four as the knobs of the same names
    density: float | None = None
    complexity: float | None = None
    swing: float | None = None
    vocals: bool = False  # somebody is asked to sing
    instrumental: bool = False  # nobody is to sing
    singer: str = ""  # "high" or "low" where the words say who
    notices: tuple[str, ...] = ()


def read(prompt: str, aliases: Mapping[str, str]) -> Said:
    """Everything the words say. `aliases`: what people call the styles -> style id."""
    text = Reading(prompt)
    chords, form = structure.chords(text), structure.form(text)
    swing = _swing(text)
    bpm = numbers.bpm(text)
    key, tonic, mode = numbers.key(text)
    seconds, bars = numbers.length(text)
    meter = numbers.meter(text)
    vocals, instrumental, singer = _vocals(text)
    text.left = _TOPIC.sub(lambda match: " " * len(match[0]), text.left)
    styles, kin = genre.styles(text, aliases), genre.kin(text)
    styles = () if kin and genre.weak(text, aliases) else styles
    genre.masked(text, (*aliases, *KIN))
    if not styles and not kin:  # what the song is about may be its genre: "a song about rock and roll"
        styles = genre.styles(Reading(prompt), aliases, strict=False)
    near = None if styles or kin else genre.spelled(text, aliases)
    if near and near[1] in aliases:  # "jaz trio" is a trio, too
        text.left = text.left.replace(near[0], near[1], 1)
    casting.corrected(text, _genre_words(tuple(aliases)))
    unled = casting.unled(text)
    denied, mutes = casting.denied(text)
    named, only = casting.named(text)
    if kin and not only:
        named += tuple(
            pair
            for pair in KIN_PLAYERS.get(kin, ())
            if not any(_same(pair[0], word) for word in (*denied, *dict(named)))
        )
    clash = [word for word, _ in named if any(_same(word, other) for other in denied)]
    if clash:
        text.notices.append(f"The words both ask for and refuse {_listed(clash)}; it is left out.")
        named = tuple(pair for pair in named if pair[0] not in clash)
    plain = _plain(text.low, aliases)
    return Said(
        styles=styles,
        kin=kin,
        near=near,
        bpm=bpm,
        mark=_mark(text) or (KIN_TEMPOS.get(kin or "") if not _pace(text) else None),
        pace=_pace(text),
        key=key,
        tonic=tonic,
        mode=mode,
        meter=meter,
        moods=_moods(text),
        named=named,
        denied=denied,
        unled=unled,
        mutes=mutes,
        only=only and bool(named),
        seconds=seconds,
        bars=bars,
        form=form,
        chords=chords,
        ending=next((name for name, pattern in _ENDINGS if re.search(pattern, text.low)), None),
        energy=_level(plain, ENERGIES),
        density=_level(plain, DENSITIES),
        complexity=_level(plain, COMPLEXITIES),
        swing=swing if swing is not None else _level(_STRAIGHT.sub(" ", text.low), SWINGS),
        vocals=vocals,
        instrumental=instrumental,
        singer=singer,
        notices=tuple(text.notices),
    )


@lru_cache(maxsize=4)
def _genre_words(aliases: tuple[str, ...]) -> frozenset[str]:
    """Single words that name or colour genres."""
    moods = (word for mood in MOODS.values() for word in mood.words)
    return frozenset(word for name in (*aliases, *KIN, *moods) for word in name.split())


def hinted(prompt: str, hints: Iterable[str]) -> int:
    """How many of some telling words the text holds."""
    low = prompt.lower()
    return sum(bool(re.search(rf"\b{re.escape(word)}\b", low)) for word in hints)


def _vocals(text: Reading) -> tuple[bool, bool, str]:
    """(somebody is asked to sing, nobody is to sing, "high", "low" or "")."""
    sung = _WORDLESS.sub(" ", text.low)
    refused = re.search(
        rf"\b(?:no|without|zero|minus|not|avoid)\s+(?:any\s+|a\s+)?(?:\w+\s+(?:or|and)\s+)?(?:\w+ )?{casting.VOICE}\b"
        rf"|\binstrumentals?\b|\bvoice-?less\b|\bno one sings?\b|\bnobody sings?\b|\bkaraoke\b",
        sung,
    )
    asked = bool(re.search(rf"\b{casting.VOICE}\b", sung)) and not refused
    high, low = (re.search(who + rf"(?:{casting.VOICE}|rap)\b", sung) for who in (_HIGH, _LOW))
    return asked, bool(refused), "high" if high else "low" if low else ""


def _swing(text: Reading) -> float | None:
    """A swing in percent as drum machines count it: 50 is straight, 66 triplets."""
    match = _PERCENT.search(text.left)
    if not match:
        return None
    text.take(*match.span())
    percent = float(match[1] or match[2])
    return round(min(1.0, (percent - 50) / (200 / 3 - 50) if percent >= 50 else percent / 100), 3)


def _plain(low: str, aliases: Iterable[str]) -> str:
    """The text without the names of genres: "progressive house" is not complex by its name."""
    return phrase(aliases).sub(lambda match: " " * len(match[0]), low)


def _level(low: str, table: Mapping[str, float]) -> float | None:
    """The value of the first word of a table; what is "not busy" lies on the other side, but not far."""
    match = phrase(table).search(low)
    if not match:
        return None
    value = table[match[1]]
    refused = re.search(_NOT, low[: match.start()])
    return (0.65 if value < 0.5 else 0.35) if refused else value


def _same(word: str, other: str) -> bool:
    return word == other or (BY_WORD[word][1].name == BY_WORD[other][1].name and title(word) == title(other))


def _listed(words: Iterable[str]) -> str:
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def _moods(text: Reading) -> tuple[str, ...]:
    found: list[tuple[int, str]] = []
    for name, mood in MOODS.items():
        for match in phrase(mood.words).finditer(text.low):
            if not re.search(
                _NOT,
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
