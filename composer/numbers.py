"""Tempo, key, length and meter, as people write them.

Each reader is careful with words that only look like it: "a minor detail" is no key, "90s house" no length, "808" no
tempo.
"""

import re

from composer.reading import Reading, first_phrase
from composer.vocabulary import METERS, METERS_IN, NEAREST_METER, NUMBERS, ONES, TENS
from song.key import Key

_MODE = (
    r"(?:natural |harmonic |melodic )?(major|minor|maj|min|dorian|phrygian|lydian|mixolydian|locrian|ionian|aeolian)"
)
_NOTE = r"([A-Ga-g])(\s?[#♯♭]|b(?=[\s,.;:!?)m-]|$|maj|min)|[ -]?sharp|[ -]?flat)?"
_AFTER = r"(?=\s*(?:$|[,.;:!?)(/&+|\[\]\n]|-\s|with\b|and\b|at\b|for\b|but\b|\d|about\b|around\b|please\b|bpm\b))"
_LONG_KEY = re.compile(rf"(?<![\w#'’]){_NOTE}[ -]*{_MODE}\b", re.IGNORECASE)
_SHORT_KEY = re.compile(r"(?<![\w#'’-])(?<!I )([A-G])([#♯b♭])?m(?![\w'’#])(?! I\b)")
_TAG_KEY = re.compile(
    rf"(?:^|[,;|/.\]\[])\s*(?![a-g][,;|\s]){_NOTE}(m)?\s*(?=[,;|/.\[\]]|$)|\b(?!A |a ){_NOTE}(m)?(?= blues\b)"
)
_IN_KEY = re.compile(rf"\b(?i:in|key of|key:|key is|key)\s+(?:the key of\s+)?{_NOTE}(m)?(?![\w'’#]){_AFTER}")
_SHARP = re.compile(r"(?<![\w#'’])([A-G])([#♯])(?![\w'’#])")
_BARE_MODE = re.compile(
    r"\b(minor|major)\b(?=\s+(?:key|scale|mode|mood|tonality|chords?|feel|blues|progressions?|harmon|ballad|tune|melod))"
    r"|\bin (?:a )?(minor|major)\b(?!\s+\w)|\b(dorian|phrygian|lydian|mixolydian|locrian)\b"
)
_SPELLED = "|".join((*ONES, *TENS, "hundred", "a hundred", "and"))
_SPOKEN_TEMPO = re.compile(rf"\b((?:(?:{_SPELLED})[ -]?){{1,5}})\s*(?=-?\s*(?:bpm|beats per minute|b\.p\.m))")
_SPOKEN_AT = re.compile(rf"(?<=\bat )((?:(?:{_SPELLED})[ -]?){{2,5}})(?=\s*(?:[,.;!]|$))")
_SLOWLY = (
    r"(?:an? )?(?:about |around |roughly |approximately |exactly |circa |ca\.? |approx\.? |nice |steady |slow |slower "
    r"|fast |faster |brisk |lazy |relaxed |chill |laid-back |moderate |leisurely |cool |driving |mid-tempo |~\s?)*"
)
_IS = r"(?:(?:is|of|at|around|about|set to|should be|:|=|~|-)\s*)*"
_NO_LENGTH = r"\b(?!\s*(?:sec|min|bar|s\b))"
_BPM = (
    r"(?<![\d:])([2-9]\d|\d{3})\s*(?:-|–|to)\s*(\d{2,3})\s*-?\s*(?:bpm|beats per minute)",
    r"(\d{1,4}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute|beats/min|b\.p\.m\.?)\b",
    rf"\b(?:bpm|tempo|speed)\s*{_IS}(\d{{1,4}}(?:\.\d+)?)\s*(?:-|–|to)\s*(\d{{2,3}}(?:\.\d+)?){_NO_LENGTH}",
    rf"\b(?:bpm|tempo)\s*{_IS}(\d{{1,4}}(?:\.\d+)?){_NO_LENGTH}",
    r"(?<![\d:/])(\d{2,3}(?:\.\d+)?)\s*tempo\b",
    r"(?:♩|\bq|\bquarter(?: note)?s?|\bcrotchets?)\s*=\s*(\d{2,3}(?:\.\d+)?)",
    rf"(?:\bat |@\s?){_SLOWLY}(\d{{2,3}}(?:\.\d+)?)(?![\d:%/]|\.\d|')"
    r"(?!\s*-?\s*(?:s\b|secs?|seconds?|min|minutes?|am\b|pm\b|hz|khz|bars?|db|percent|lufs|°|degrees|years?|k\b|km))",
    r"(?:^|[,;|!.])\s*(?:about |around |~)?((?:[5-9]|1\d|2[0-2])\d)\s*(?=[,;|!]|\.(?!\d)|$)",
    r"(?:(?<=[a-z)]\s)|(?<=\d/\d\s))((?:[6-9]|1\d|2[0-2])\d)"
    r"\s*(?=$|[,;]|with\b|w/|in [a-g]\b|[a-g][#b♯♭]? ?(?:m\b|maj|min))",
)
_DOTTED = re.compile(
    r"(?:♩\.|\bdotted[ -](?:quarters?|crotchets?|q)(?:[ -]notes?)?)\s*(?:=|at|is|:)?\s*(\d{2,3}(?:\.\d+)?)"
    r"|\b(\d{2,3}(?:\.\d+)?)\s+dotted[ -](?:quarters?|crotchets?)(?:[ -]notes?)?(?: (?:per|a) minute)?"
)
_MACHINES = ("808", "909", "707", "606", "303")  # drum machines and a bass, no numbers
_COUNT = r"(\d+(?:\.\d+)?|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + r")"
_HOURS = re.compile(rf"\b{_COUNT}[ -]?(?:hours?|hrs?)\b")
_MINUTE = r"[ -]?(?:minutes?|minuets?(?= long)|mintues?|mins?|(?<=\d)m|(?<=\d )m)\b"
_MINUTES = re.compile(
    rf"\b{_COUNT}{_MINUTE}(?:\s*(?:and\s+)?(a half\b))?"
    rf"(?:\s*(?:,\s*)?(?:and\s+)?{_COUNT}(?:[ -]?(?:seconds?|secs?|(?<=\d)s)\b|(?=\s*(?:long|$|[,.]))))?"
)
_SHORTHAND = re.compile(r"\b(\d{1,2})\s?(?:m|min|')\s?(\d{1,2})\s?(?:s|sec|\"|'')?(?![\w'])")
_FRACTION = re.compile(r"\b(\d{1,2})\s(1/2|½)(?=[ -]?min)|\b(\d{1,2})½")
_RANGE = re.compile(r"\b(\d{1,3}(?:\.\d+)?)\s?(?:-|to|or)\s?(\d{1,3}(?:\.\d+)?)[ -]?(min(?:ute)?s?|sec(?:ond)?s?)\b")
_OWN_LENGTH = (  # what has bars of its own: it is part of the song
    r"(?!\s*(?:of\s+)?(?:long\s+)?(?:blues|intro|verse|chorus|bridge|drop|outro|build|breakdown|break|solo|section|phrase"
    r"|hook|pre-?chorus|riff|pattern|melody|progression|chord|fill|build-?up|turnaround))"
)
_SECONDS = re.compile(rf"\b{_COUNT}[ -]?(?:seconds?|secs?|(?<=\d)s|(?<=\d )s)\b")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])(?!\s*(?:am|pm|a\.m|p\.m))")
_BARS = re.compile(rf"\b{_COUNT}[ -]?(?:bars?|measures?)\b{_OWN_LENGTH}")
_DECADE = re.compile(r"^(?:[2-9]0|00|1[5-9]\d0|20\d0)s$")
_JAZZ_AGE = re.compile(r"\s*(?:jazz|swing|big band|blues|ragtime|style|era|gangster|dixieland|feel)")
_LONG_ENOUGH = re.compile(r"^\s*(?:long|loop|clip|track|length|duration|piece|version|song\b)")


def bpm(text: Reading) -> float | None:
    _spell_out(text)
    if dotted := _DOTTED.search(text.left):
        text.take(*dotted.span())
        return round(1.5 * float(dotted[1] or dotted[2]), 3)
    found: list[tuple[int, float]] = []
    for pattern in _BPM:
        for match in re.finditer(pattern, text.left):
            values = [float(value) for value in match.groups() if value]
            if sum(values) > 0 and match.group(1) not in _MACHINES:
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


def _spell_out(text: Reading) -> None:
    """Numbers in words become digits where they are a tempo: "one twenty bpm", "a hundred and ten bpm"."""
    match = _SPOKEN_TEMPO.search(text.left) or _SPOKEN_AT.search(text.left)
    value = _spoken(match[1]) if match else 0
    if match and value:
        written = f"{value:g}"
        text.left = text.left[: match.start(1)] + written.ljust(len(match[1])) + text.left[match.end(1) :]


def _spoken(words: str) -> float:
    total = 0
    for word in re.findall(r"[a-z]+", words):
        if word == "hundred":
            total = max(1, total) * 100
        elif word in TENS:  # "one twenty" is a hundred and twenty
            total = total * 100 + TENS[word] if 0 < total < 10 else total + TENS[word]
        else:
            total += ONES.get(word, 0)
    return float(total)


def key(text: Reading) -> tuple[Key | None, int | None, str | None]:
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
        for match in (*_IN_KEY.finditer(text.typed), *_TAG_KEY.finditer(text.typed)):
            letter, accidental, small = match.groups()[:3] if match[1] else match.groups()[3:]
            if letter == "a" and not accidental and "key" not in match[0].lower():
                continue
            named = "m" if small else mode or "major"
            found.append((match.start(), Key.parse(f"{letter}{_accidental(accidental)} {named}")))
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


def _bare_mode(text: Reading) -> str | None:
    match = _BARE_MODE.search(text.left)
    return next(group for group in match.groups() if group) if match else None


def _number(written: str) -> float:
    return NUMBERS[written] if written in NUMBERS else float(written)


def length(text: Reading) -> tuple[float | None, int | None]:
    """Seconds, or a number of bars."""
    total = _spoken_length(text)
    if total is not None:
        return total, None
    bars = _BARS.search(text.left)
    if bars:
        text.take(*bars.span())
        return None, int(_number(bars[1]))
    loop = re.search(r"\b(short |quick |tiny |little )?loop\b", text.left)
    if loop:
        return None, 4 if loop[1] else 8
    for pattern, seconds in (
        (r"\bjingle\b|\bsting(?:er)?\b", 8.0),
        (r"\bshort (?:\w+ )?(?:song|piece|track|clip|tune|intro|beat|version|snippet)\b|\bsnippet\b", 15.0),
        (r"\b(?:full|whole)[ -](?:length )?(?:song|track|length)\b", 180.0),
        (r"\blong (?:\w+ )?(?:song|piece|track|version|mix)\b", 180.0),
    ):  # fmt: skip
        if re.search(pattern, text.left):
            return seconds, None
    return None, None


def _spoken_length(text: Reading) -> float | None:
    text.left = _FRACTION.sub(lambda match: f"{match[1] or match[3]}.5".rjust(len(match[0])), text.left)
    if span := _RANGE.search(text.left):
        text.take(*span.span())
        return (float(span[1]) + float(span[2])) / 2 * (60 if span[3].startswith("min") else 1)
    if short := _SHORTHAND.search(text.left):
        text.take(*short.span())
        return int(short[1]) * 60.0 + int(short[2])
    for pattern, unit in ((_HOURS, 3600.0), (_MINUTES, 60.0)):
        match = pattern.search(text.left)
        if match:
            extra = match.groups()[1:]
            half = 0.5 if extra and extra[0] else 0.0
            seconds = _number(extra[1]) if len(extra) > 1 and extra[1] else 0.0
            text.take(*match.span())
            if unit == 60 and len(extra) > 1 and extra[1] in ("a", "an"):
                seconds = 0.0
            return (_number(match[1]) + half) * unit + seconds
    clock = _CLOCK.search(text.left)
    if clock:
        text.take(*clock.span())
        return int(clock[1]) * 60.0 + int(clock[2])
    for match in _SECONDS.finditer(text.left):
        if match[1] in (*_MACHINES, "a", "an", "half a", "a half") or _is_decade(text.left, match):
            continue
        text.take(*match.span())
        return _number(match[1])
    return None


def _is_decade(low: str, match: re.Match[str]) -> bool:
    """ "90s house" is an era; "90s long" and "for 90s" are lengths."""
    if not _DECADE.match(match[0]):
        return False
    if match[0] in ("30s", "20s"):
        return bool(
            re.match(r"\s*(?:jazz|swing|big band|blues|ragtime|style|era|gangster|dixieland|feel)", low[match.end() :])
        )
    before = low[: match.start()].rstrip()
    return not (
        _LONG_ENOUGH.match(low[match.end() :])
        or re.search(r"(?:for|length|duration|exactly|about|is|:|=|make it)$", before)
    )


def meter(text: Reading) -> tuple[int, int] | None:
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
    word = first_phrase(text, METERS)
    return METERS[word] if word else None
