"""Words -> what they say about a song. Reads plain English as musicians and others type it; knows nothing of plans.

Each reader looks for one thing and is careful with words that only look like it: "a minor detail" is no key, "90s" no
length, "in a dark club" no tonic.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from composer.instruments import BY_WORD
from composer.vocabulary import KIN, LANES, MARKS, METERS, METERS_IN, MOODS, NEAREST_METER, NUMBERS, PACES, ROLE_WORDS
from song.key import Key

_MODE = r"(major|minor|maj|min|dorian|phrygian|lydian|mixolydian|locrian|ionian|aeolian)"
_NOTE = r"([A-Ga-g])(\s?[#♯♭]|b(?=[\s,.;:!?)m-]|$|maj|min)|[ -]?sharp|[ -]?flat)?"
_AFTER = r"(?=\s*(?:$|[,.;:!?)(/&+\n]|-\s|with\b|and\b|at\b|for\b|but\b|\d|about\b|around\b|please\b|bpm\b))"
_LONG_KEY = re.compile(rf"(?<![\w#'’]){_NOTE}[ -]*{_MODE}\b", re.IGNORECASE)
_SHORT_KEY = re.compile(r"(?<![\w#'’-])([A-G])([#♯b♭])?m(?![\w'’#])(?! I\b)")
_IN_KEY = re.compile(rf"\b(?:in|key of|key:|key is|key)\s+(?:the key of\s+)?{_NOTE}(m)?(?![\w'’#]){_AFTER}")
_SHARP = re.compile(r"(?<![\w#'’])([A-G])([#♯])(?![\w'’#])")
_BARE_MODE = re.compile(
    r"\b(minor|major)\b(?=\s+(?:key|scale|mode|mood|tonality|chords?|feel|blues|progressions?|harmon|ballad|tune|melod))"
    r"|\bin (?:a )?(minor|major)\b(?!\s+\w)|\b(dorian|phrygian|lydian|mixolydian|locrian)\b"
)
_BPM = (
    r"(\d{1,4}(?:\.\d+)?)\s*(?:-|–|to)\s*(\d{1,4}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)",
    r"(\d{1,4}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute|beats/min|b\.p\.m\.?)\b",
    r"\b(?:bpm|tempo)\s*(?:is|of|at|around|about|:|=)?\s*(\d{1,4}(?:\.\d+)?)\b(?!\s*(?:sec|min|bar|s\b))",
    r"(?:♩|\bq)\s*=\s*(\d{2,3}(?:\.\d+)?)",
    r"\bat (?:about |around |roughly )?(\d{2,3}(?:\.\d+)?)(?![\d:%/]|\.\d)(?!\s*(?:s\b|secs?|seconds?|min|minutes?|am\b|pm\b|hz|khz|bars?|db|percent|lufs|°))",
    r"(?:^|[,;])\s*(?:about |around )?((?:[5-9]|1\d|2[0-2])\d)\s*(?=[,;]|$)",
)
_COUNT = r"(\d+(?:\.\d+)?|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + r")"
_HOURS = re.compile(rf"\b{_COUNT}[ -]?(?:hours?|hrs?)\b")
_MINUTES = re.compile(
    rf"\b{_COUNT}[ -]?(?:minutes?|mins?|m)\b(?:\s*(?:and\s+)?(a half\b))?(?:\s*(?:and\s+)?{_COUNT}[ -]?(?:seconds?|secs?|s)\b)?"
)
_SECONDS = re.compile(rf"\b{_COUNT}[ -]?(?:seconds?|secs?|s)\b")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])(?!\s*(?:am|pm|a\.m|p\.m))")
_BARS = re.compile(rf"\b{_COUNT}[ -]?(?:bars?|measures?)\b")
_DECADE = re.compile(r"^(?:[2-9]0|00)s$")
_LONG_ENOUGH = re.compile(r"^\s*(?:long|loop|clip|track|length|duration|piece|version|song\b)")
_NO = (
    "no", "without", "minus", "w/o", "avoid", "avoiding", "skip", "skip the", "leave out", "excluding", "exclude", "except", "zero", "lose the",
    "don't want", "do not want", "don't use", "do not use", "not any", "nor", "instead of", "rather than", "free of", "lacking", "never", "remove", "omit",
    "don't add", "do not add", "hold the", "don't include", "do not include",
)  # fmt: skip
_FILLERS = {
    "any",
    "the",
    "a",
    "an",
    "of",
    "kind",
    "real",
    "live",
    "heavy",
    "loud",
    "big",
    "more",
    "some",
    "use",
    "much",
    "too",
    "please",
    "for",
    "added",
    "crazy",
    "busy",
}
_WITH = {"with", "and", "featuring", "feat", "plus", "add", "a", "an", "ft", "then", "has"}
_VOICE = r"(vocals?|singers?|singing|sung|vocalists?|rappers?|rapping|rapped|lyrics|voices?|vocal chops|spoken word)"
_ENDINGS = (
    ("fade", r"(?<!no )(?<!not )(?<!without a )(?<!without )(?<!don't )\bfad(?:e|es|ing)[ -]?(?:out|away|to (?:silence|nothing|black))\b|\bfade at the end\b|\b(?:ends?|ending|finish(?:es)?) (?:with|in|on) a (?:long |slow )?fade\b|\bfade ending\b"),
    ("stop", r"\b(?:ends?|ending|stops?|stopping|finish(?:es)?|cuts?(?: off)?) (?:suddenly|abruptly|hard|cold|dead|short|on the beat|on a hit|on the one|sharply)\b|\b(?:sudden|abrupt|hard|cold|dead|tight|clean) (?:end|ending|stop|finish|cut)\b|\bstop on the beat\b"),
    ("ring", r"\bring(?:s|ing)?[ -]?out\b|\bringing (?:end|ending|chord|finish|last chord)\b|\blet (?:it|the (?:last|final) chord) ring\b|\b(?:last|final) chord (?:that )?(?:rings?|held|sustain\w*|hangs?)\b|\brings? at the end\b|\bsustained (?:end|ending|final|last)\b"),
)  # fmt: skip


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


@dataclass
class _Reading:
    """The text in three shapes: as typed, lower case, and lower case with what was understood blanked out."""

    typed: str
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.typed = self.typed.replace("’", "'").replace("‘", "'").replace("–", "-").replace("—", ", ")
        self.low = self.typed.lower()
        self.left = self.low

    def take(self, start: int, end: int) -> None:
        self.left = self.left[:start] + " " * (end - start) + self.left[end:]


def read(prompt: str, aliases: Mapping[str, str]) -> Said:
    """Everything the words say. `aliases`: what people call the styles -> style id."""
    text = _Reading(prompt)
    bpm = _bpm(text)
    key, tonic, mode = _key(text)
    seconds, bars = _length(text)
    meter = _meter(text)
    ending = next((name for name, pattern in _ENDINGS if re.search(pattern, text.low)), None)
    vocals, instrumental = _vocals(text)
    kin = _first_phrase(text, KIN, masked=True)
    denied, mutes = _denied(text)
    named, only = _named(text)
    clash = [word for word, _ in named if any(_same(word, other) for other in denied)]
    if clash:
        text.notices.append(f"The words both ask for and refuse {_listed(clash)}; it is left out.")
        named = tuple(pair for pair in named if pair[0] not in clash)
    styles = _styles(text, aliases)
    moods = _moods(text)
    if vocals and not instrumental:
        text.notices.append("Nobody sings here: this engine plays instruments only, so the song is instrumental.")
    return Said(
        styles=styles, kin=kin, bpm=bpm, mark=_mark(text), pace=_pace(text), key=key, tonic=tonic, mode=mode, meter=meter,
        moods=moods, named=named, denied=denied, mutes=mutes, only=only and bool(named), seconds=seconds, bars=bars,
        ending=ending, vocals=vocals, notices=tuple(text.notices),
    )  # fmt: skip


def hinted(prompt: str, hints: Iterable[str]) -> int:
    """How many of some telling words the text holds."""
    low = prompt.lower()
    return sum(bool(re.search(rf"\b{re.escape(word)}\b", low)) for word in hints)


def _bpm(text: _Reading) -> float | None:
    found: list[tuple[int, float]] = []
    for pattern in _BPM:
        for match in re.finditer(pattern, text.left):
            values = [float(value) for value in match.groups() if value]
            if sum(values) > 0 and match.group(1) not in ("808", "303", "909", "707", "606"):
                found.append((match.start(), sum(values) / len(values)))
                text.take(*match.span())
        if found:
            break
    if not found:
        return None
    values = list(dict.fromkeys(value for _, value in sorted(found)))
    if len(values) > 1:
        text.notices.append(f"The words give more than one tempo; the first, {values[0]:g} bpm, is used.")
    return values[0]


def _key(text: _Reading) -> tuple[Key | None, int | None, str | None]:
    """A whole key, or a tonic alone, or a mode alone."""
    found: list[tuple[int, Key]] = []
    for match in _LONG_KEY.finditer(text.typed):
        if _is_article(text.typed, match):
            continue
        found.append((match.start(), Key.parse(f"{match[1]}{_accidental(match[2])} {match[3]}")))
        text.take(*match.span())
    for match in _SHORT_KEY.finditer(text.typed):
        found.append((match.start(), Key.parse(f"{match[1]}{_accidental(match[2])}m")))
        text.take(*match.span())
    mode = _bare_mode(text)
    if not found:
        for match in _IN_KEY.finditer(text.typed):
            if match[1] == "a" and not match[2] and "key" not in match[0]:
                continue
            named = "m" if match[3] else mode or "major"
            found.append((match.start(), Key.parse(f"{match[1]}{_accidental(match[2])} {named}")))
            text.take(*match.span())
    if found:
        keys = list(dict.fromkeys(key for _, key in sorted(found, key=lambda pair: pair[0])))
        if len(keys) > 1:
            text.notices.append(f"The words give more than one key; the first, {keys[0]}, is used.")
        return keys[0], None, None
    sharp = _SHARP.search(text.typed)
    return None, Key.parse(sharp[0]).tonic if sharp else None, mode


def _accidental(written: str | None) -> str:
    sign = (written or "").strip(" -").lower()
    return {"sharp": "#", "♯": "#", "flat": "b", "♭": "b"}.get(sign, sign)


def _is_article(typed: str, match: re.Match[str]) -> bool:
    """True where the letter is the article "a" and no tonic: "a minor detail", "in a minor key"."""
    letter, accidental = match[1], match[2]
    if letter not in "aA" or accidental:
        return False
    before, after = typed[: match.start()].rstrip(), typed[match.end() :]
    if re.search(r"key(?: of|:| is)?$", before, re.IGNORECASE):
        return False
    opens = letter == "A" and (not before or before[-1] in ".!?")
    if letter == "A" and not opens:
        return False
    return not re.match(_AFTER, after)


def _bare_mode(text: _Reading) -> str | None:
    match = _BARE_MODE.search(text.left)
    return next(group for group in match.groups() if group) if match else None


def _number(written: str) -> float:
    return NUMBERS[written] if written in NUMBERS else float(written)


def _length(text: _Reading) -> tuple[float | None, int | None]:
    """Seconds, or a number of bars."""
    total = _spoken_length(text)
    if total is not None:
        return total, None
    bars = _BARS.search(text.left)
    if bars:
        text.take(*bars.span())
        return None, int(_number(bars[1]))
    for pattern, seconds in (
        (r"\b(?:short|quick|tiny) loop\b", 12.0), (r"\bjingle\b|\bsting(?:er)?\b", 8.0), (r"\bloop\b", 20.0),
        (r"\bshort (?:\w+ )?(?:song|piece|track|clip|tune|intro|beat|version|snippet)\b|\bsnippet\b", 15.0),
        (r"\b(?:full|whole)[ -](?:length )?(?:song|track|length)\b", 180.0), (r"\blong (?:\w+ )?(?:song|piece|track|version|mix)\b", 180.0),
    ):  # fmt: skip
        if re.search(pattern, text.left):
            return seconds, None
    return None, None


def _spoken_length(text: _Reading) -> float | None:
    for pattern, unit in ((_HOURS, 3600.0), (_MINUTES, 60.0)):
        match = pattern.search(text.left)
        if match:
            extra = match.groups()[1:]
            half = 0.5 if extra and extra[0] else 0.0
            seconds = _number(extra[1]) if len(extra) > 1 and extra[1] else 0.0
            text.take(*match.span())
            return (_number(match[1]) + half) * unit + seconds
    clock = _CLOCK.search(text.left)
    if clock:
        text.take(*clock.span())
        return int(clock[1]) * 60.0 + int(clock[2])
    for match in _SECONDS.finditer(text.left):
        if match[1] in ("a", "an", "half a", "a half") or _is_decade(text.left, match):
            continue
        text.take(*match.span())
        return _number(match[1])
    return None


def _is_decade(low: str, match: re.Match[str]) -> bool:
    """ "90s house" is an era; "90s long" and "for 90s" are lengths."""
    if not _DECADE.match(match[0]) or match[0] in ("30s", "20s"):
        return False
    before = low[: match.start()].rstrip()
    return not (
        _LONG_ENOUGH.match(low[match.end() :])
        or re.search(r"(?:for|length|duration|exactly|about|is|:|=|make it)$", before)
    )


def _meter(text: _Reading) -> tuple[int, int] | None:
    match = re.search(r"(?<![\d/])(\d{1,2})\s?/\s?(2|4|8|16)(?![\d/])", text.left)
    if match:
        text.take(*match.span())
        said = (int(match[1]), int(match[2]))
        if said in ((2, 4), (3, 4), (4, 4), (5, 4), (6, 8), (7, 8)):
            return said
        near = NEAREST_METER.get(said, (4, 4))
        text.notices.append(f"{match[1]}/{match[2]} is not among the meters here; {near[0]}/{near[1]} is used.")
        return near
    inside = re.search(rf"\bin ({'|'.join(METERS_IN)})(?:[ -]?time)?{_AFTER}(?!\s*\d)", text.left)
    if inside:
        text.take(*inside.span())
        return METERS_IN[inside[1]]
    word = _first_phrase(text, METERS)
    return METERS[word] if word else None


def _vocals(text: _Reading) -> tuple[bool, bool]:
    """(somebody is asked to sing, but is sent away again)."""
    refused = re.search(
        rf"\b(?:no|without|zero|minus)\s+(?:any\s+)?(?:\w+\s+(?:or|and)\s+)?{_VOICE}\b|\binstrumental\b", text.low
    )
    return bool(re.search(rf"\b{_VOICE}\b", text.low)), bool(refused)


def _phrase(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(r"(?<![\w&'])(" + "|".join(re.escape(word) for word in longest_first) + r")(?![\w'])")


_INSTRUMENT = _phrase(BY_WORD)
_LANE_OR_INSTRUMENT = _phrase((*BY_WORD, *LANES))
_NEGATION = _phrase(_NO)
_LESS = re.compile(r"\b(drum|bass|beat|guitar|piano)[ -]?less\b")


def _first_phrase(text: _Reading, words: Iterable[str], masked: bool = False) -> str | None:
    match = _phrase(words).search(text.left)
    if match and masked and (" " in match[1] or "&" in match[1]):
        text.take(*match.span())  # "drum and bass" names no instruments
    return match[1] if match else None


def _denied(text: _Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Instruments that must not play, and single drums."""
    found = [match[1] + ("s" if match[1] == "drum" else "") for match in _LESS.finditer(text.left)]
    spans = [match.span() for match in _LESS.finditer(text.left)]
    for match in _NEGATION.finditer(text.left):
        words, end = _refused_list(text.left, match.end())
        found += words
        if words:
            spans.append((match.start(), end))
    for start, end in spans:
        text.take(start, end)
    mutes = [lane for word in found if word in LANES for lane in LANES[word]]
    return tuple(dict.fromkeys(word for word in found if word in BY_WORD)), tuple(dict.fromkeys(mutes))


def _refused_list(low: str, at: int) -> tuple[list[str], int]:
    """The instruments after a "no", as far as the list goes on: "no drums, bass or vocals"."""
    words: list[str] = []
    end = at
    while True:
        filler = re.match(r"\s*([a-z']+)\b", low[at:])
        while filler and filler[1] in _FILLERS:
            at += filler.end()
            filler = re.match(r"\s*([a-z']+)\b", low[at:])
        item = re.compile(r"\s*(?:" + _LANE_OR_INSTRUMENT.pattern + rf"|{_VOICE}\b)").match(low, at)
        if not item:
            return words, end
        words.append(item[0].strip())
        at = end = item.end()
        joint = re.match(
            r"\s*(?:or|nor|and|&|/)\s+(?:no\s+)?|\s*,\s*(?=(?:[\w '-]+,\s*)*[\w '-]{2,25}\s*,?\s*\b(?:or|nor)\b)|\s*,\s*(?:or|nor|and no)\s+",
            low[at:],
        )
        if not joint:
            return words, end
        at += joint.end()


def _named(text: _Reading) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Instruments that are asked for, each with the role it was given; and whether nothing else should play."""
    named: dict[str, str] = {}
    only = bool(
        re.search(
            r"\b(?:just|only|nothing but|unaccompanied|solely|purely)\s+(?:an?\s+|the\s+|some\s+|\w+\s+)?"
            + _INSTRUMENT.pattern,
            text.left,
        )
    )
    only = only or bool(re.search(_INSTRUMENT.pattern + r"\s+(?:only|alone|duo|duet|trio)\b", text.left))
    for match in _INSTRUMENT.finditer(text.left):
        word = match[1]
        before = re.findall(r"[a-z&+]+", text.left[: match.start()])[-3:]
        after = (re.findall(r"^[\s-]*([a-z]+)", text.left[match.end() :]) or [""])[0]
        if word in ("beat", "beats") or (word in ("keys", "organ", "tape", "sub") and after in ("signature", "donor")):
            continue
        role = ROLE_WORDS.get(after, "") or (ROLE_WORDS.get(before[-1], "") if before else "")
        soloist = (before and before[-1] == "solo" and not _WITH & set(before[:-1])) or (
            after == "solo" and not _WITH & set(before)
        )
        only = only or bool(soloist)
        named[word] = named.get(word, "") or ("" if soloist else role)
    trio = re.search(r"\b(piano|jazz|guitar|organ) trio\b|\bjazz (quartet|quintet)\b", text.left)
    if trio:
        for word in (
            trio[1] if trio[1] in ("guitar", "organ") else "piano",
            "double bass",
            "jazz drums",
            *(("saxophone",) if trio[2] else ()),
            *(("trumpet",) if trio[2] == "quintet" else ()),
        ):
            named.setdefault(word, "")
        only = True
    return tuple(named.items()), only or bool(re.search(r"\bstring quartet\b", text.left) and len(named) == 1)


def _same(word: str, other: str) -> bool:
    return BY_WORD[word][1].name == BY_WORD[other][1].name


def _listed(words: Iterable[str]) -> str:
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last


def _styles(text: _Reading, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Styles that the words name. In "jazzy lofi" the last one is the noun, before any "with"."""
    shy = _INSTRUMENT.sub(lambda match: " " * len(match[0]) if " " in match[0] else match[0], text.left)
    for hay in (shy, text.left):
        found = [(match.start(), match[1]) for match in _phrase(aliases).finditer(hay)]
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


def _moods(text: _Reading) -> tuple[str, ...]:
    found: list[tuple[int, str]] = []
    for name, mood in MOODS.items():
        for match in _phrase(mood.words).finditer(text.low):
            if not re.search(
                r"\b(?:not|no|never|without|isn't|less)\s+(?:too |so |very |really |overly )?$",
                text.low[: match.start()],
            ):
                found.append((match.start(), name))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def _mark(text: _Reading) -> float | None:
    word = _first_phrase(text, MARKS)
    return MARKS[word] if word else None


def _pace(text: _Reading) -> float:
    match = _phrase(PACES).search(text.low)
    if not match or re.search(r"\bnot\s+(?:too |so |very )?$", text.low[: match.start()]):
        return 0.0
    return PACES[match[1]]
