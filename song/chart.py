"""Chord symbols and chord charts, as musicians type them: `| Dm7 | G7/B Cmaj7 | % |`, under [verse], [chorus] or none.

Conventions: pitch classes 0-11 with C = 0, intervals in semitones above the root. A bar is cut into equal slots, one a
symbol or slash, and a chord goes on through the slots that repeat it; `Bar.placed` puts them on the beats of a meter.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "b": -1, "##": 2, "bb": -2}
_ROOT = re.compile(r"([A-Ga-g])(##|bb|#|b)?")
_BASS = re.compile(r"/([A-Ga-g])(##|bb|#|b)?$")
_NO_CHORD = re.compile(r"n\.?\s?c\.?|n", re.IGNORECASE)
_SPELLED = str.maketrans({"♯": "#", "♭": "b", "−": "-", "–": "-", "△": "Δ", "∆": "Δ", "º": "°", "Ø": "ø", "𝄪": "##"})

# What follows the root, read from left to right: the first that fits is taken. Case counts only for M and m.
_QUALITY = re.compile(
    r"(?P<half>ø7?|half-?dim(?:inished)?7?|m7-5)|(?P<dim>dim(?:inished)?|°|o(?!m))|(?P<aug>aug(?:mented)?|\+(?![1-9]))"
    r"|(?P<min>min(?:or)?|mi(?!x)|m(?!aj|a(?!dd))|-(?!\d*5$))|(?P<dom>dom)?",
    re.IGNORECASE,
)
_STEP = re.compile(
    r"(?P<six>6/?9|6add9)|(?P<maj>maj(?:or)?|ma|(?-i:M)|Δ|\^)(?P<top>7|9|11|13)?|(?P<add>add)(?P<added>[#b]?\d{1,2})"
    r"|(?P<sus>sus)(?P<tones>24|42|2|4)?|(?P<no>no|omit)(?P<left>[35])(?:rd|th)?|(?P<alt>alt(?:ered)?)"
    r"|(?P<sign>[#b+-])(?P<degree>5|6|9|11|13|4)|(?P<plus>\+|aug)|(?P<extension>13|11|9|7|6|5|4|2)",
    re.IGNORECASE,
)
_NATURAL = {2: 14, 4: 17, 5: 7, 6: 9, 9: 14, 11: 17, 13: 21}
_STACKS = {7: (), 9: (14,), 11: (14, 17), 13: (14, 21)}  # what lies over the seventh; a thirteenth leaves out the 11th

# "[verse 1]", "Pre-chorus:" and, where a line begins, "A:".
_TAG = re.compile(
    r"\[([^\]|]{1,40})\]|(?<![\w.#-])((?:pre|post|last|final|double)[ -][a-z]{2,}|[a-z]{2,}(?:-[a-z]+)?(?: ?\d{1,2})?"
    r"|(?<=\n)[a-z]\d?|^[a-z]\d?)\s*:(?![|\]])",
    re.IGNORECASE,
)
_TIMES = re.compile(r"[\[(]?\s*(?:[x×]\s?(\d{1,2})|(\d{1,2})\s?[x×])\s*[\])]?")
_TOKEN = re.compile(r"\|:|:\||\|+[\]:]?|%+|[(\[]?\s?(?:[x×]\s?\d{1,2}|\d{1,2}\s?[x×])\s?[)\]]?(?=[\s|,;]|$)|[^\s|]+")
_MOST_BARS = 2000


@dataclass(frozen=True)
class ChordName:
    """A chord: `root` and `bass` as pitch classes, `intervals` above the root (none where nobody plays a chord)."""

    root: int
    intervals: tuple[int, ...]
    bass: int
    text: str

    @property
    def silent(self) -> bool:
        """True for N.C., no chord."""
        return not self.intervals

    @property
    def tones(self) -> tuple[int, ...]:
        """The pitch classes, root first, without a foreign bass."""
        return tuple(dict.fromkeys((self.root + interval) % 12 for interval in self.intervals))


@dataclass(frozen=True)
class Bar:
    """Equal slots of a bar, each with the chord that sounds there."""

    slots: tuple[ChordName, ...]

    def placed(self, meter: tuple[int, int]) -> list[tuple[float, float, ChordName]]:
        """(start, length, chord) in quarter notes from the barline. Where a bar cannot be shared evenly, the first
        chords get more: two chords in 3/4 are two beats and one."""
        units, unit = meter[0], 4 / meter[1]
        count = len(self.slots)
        edges = [place * units / count for place in range(count + 1)]
        if count <= units:
            edges = [float(math.ceil(edge - 1e-9)) for edge in edges]
        found: list[tuple[float, float, ChordName]] = []
        for chord, run in groupby(range(count), key=lambda place: self.slots[place]):
            places = list(run)
            start, end = edges[places[0]] * unit, edges[places[-1] + 1] * unit
            found.append((start, end - start, chord))
        return found

    def __str__(self) -> str:
        runs = [(chord, len(list(run))) for chord, run in groupby(self.slots)]
        step = math.gcd(*(length for _, length in runs))
        return " ".join(" ".join([chord.text] + ["/"] * (length // step - 1)) for chord, length in runs)


@dataclass(frozen=True)
class Passage:
    """Bars under one tag; `name` is lower case, e.g. "verse", and empty before the first tag."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    """The chords of a song, passage by passage."""

    passages: tuple[Passage, ...]

    @property
    def bars(self) -> tuple[Bar, ...]:
        """All bars in order."""
        return tuple(bar for passage in self.passages for bar in passage.bars)

    @property
    def tagged(self) -> bool:
        return any(passage.name for passage in self.passages)

    def named(self, name: str) -> tuple[Bar, ...]:
        """The bars under a tag; of several with one name the first. Empty where there is none."""
        return next((passage.bars for passage in self.passages if passage.name == name), ())

    def __str__(self) -> str:
        return "\n".join(_written(passage) for passage in self.passages)


def read_symbol(text: str) -> ChordName:
    """A chord symbol: "Dm7/G", "F#ø", "Bbmaj7#11", "C-Δ7", "N.C.". Raises ValueError with one sentence."""
    typed = text.strip()
    symbol = typed.translate(_SPELLED)
    if _NO_CHORD.fullmatch(symbol):
        return ChordName(0, (), 0, "N.C.")
    root = _ROOT.match(symbol)
    if not root:
        raise ValueError(_unreadable(typed))
    rest = symbol[root.end() :]
    bass = _BASS.search(rest)
    intervals = _intervals(re.sub(r"[()\[\],\s]", "", rest[: bass.start()] if bass else rest))
    if intervals is None:
        raise ValueError(_unreadable(typed))
    tonic = _pitch_class(root)
    return ChordName(tonic, intervals, _pitch_class(bass) if bass else tonic, typed[0].upper() + typed[1:])


def read_chart(text: str) -> Chart:
    """A chart. A line without bar lines has one chord a bar. Raises ValueError with one sentence that names the
    symbol that cannot be read."""
    passages: list[tuple[str, list[Bar]]] = []
    for name, times, lines in _tagged(text):
        bars: list[Bar] = []
        for line in lines:
            bars += _line(line, _last(bars) or _last([bar for _, earlier in passages for bar in earlier]))
        _bounded(len(bars) * times + sum(len(found) for _, found in passages))
        if bars:
            passages.append((name, bars * times))
    if not passages:
        raise ValueError('has no chords; write them like "| Dm7 | G7 | Cmaj7 |"')
    return Chart(tuple(Passage(name, tuple(bars)) for name, bars in passages))


def _bounded(bars: int) -> None:
    if bars > _MOST_BARS:
        raise ValueError(f"is too long; use at most {_MOST_BARS} bars")


def _unreadable(symbol: str) -> str:
    return f'"{symbol[:24]}" is not a chord; write it like Dm7, F#maj7, Bb/D or N.C.'


def _pitch_class(match: re.Match[str]) -> int:
    return (_LETTERS[match[1].upper()] + _SIGNS[match[2] or ""]) % 12


def _intervals(tail: str) -> tuple[int, ...] | None:
    """What follows the root, as intervals; None where it cannot be read."""
    quality = _QUALITY.match(tail)
    if quality is None or tail[:1] == "M":
        kind, at = "", 0
    else:
        kind, at = quality.lastgroup or "", quality.end()
    third, fifth = {"min": (3, 7), "dim": (3, 6), "half": (3, 6), "aug": (4, 8)}.get(kind, (4, 7))
    tones = {0: 0, 3: third, 5: fifth} | ({7: 10} if kind == "half" else {})
    extras: set[int] = set()
    tail = tail.replace("/", "") if kind == "min" and "/m" in tail.lower() else tail  # "Cm/maj7"
    while at < len(tail):
        step = _STEP.match(tail, at)
        if not step or not step[0]:
            return None
        _apply(step, kind, tones, extras)
        at = step.end()
    return tuple(sorted({*tones.values(), *extras}))


def _apply(step: re.Match[str], kind: str, tones: dict[int, int], extras: set[int]) -> None:
    """One more piece of a symbol. `tones` by degree, so that a later piece can replace an earlier one."""
    if step["six"]:
        extras |= {9, 14}
    elif step["maj"]:
        if step["top"]:
            tones[7] = 11
            extras |= set(_STACKS[int(step["top"])])
        elif step["maj"] in ("Δ", "^"):
            tones[7] = 11
    elif step["add"]:
        sign, degree = _signed(step["added"])
        extras.add(_NATURAL.get(degree, 14) + sign)
    elif step["sus"]:
        tones.pop(3, None)
        extras |= {"2": {2}, "24": {2, 5}, "42": {2, 5}}.get(step["tones"] or "4", {5})
    elif step["no"]:
        tones.pop(int(step["left"]), None)
    elif step["alt"]:
        tones[7] = 10
        tones.pop(5, None)
        extras |= {15, 20}
    elif step["sign"]:
        _alter(1 if step["sign"] in "#+" else -1, int(step["degree"]), tones, extras)
    elif step["plus"]:
        tones[5] = 8
    else:
        _extend(int(step["extension"]), kind, tones, extras)


def _signed(degree: str) -> tuple[int, int]:
    sign = {"#": 1, "b": -1}.get(degree[0], 0)
    return sign, int(degree[1:] if sign else degree)


def _alter(sign: int, degree: int, tones: dict[int, int], extras: set[int]) -> None:
    if degree == 5:
        tones[5] = 7 + sign
        return
    extras.discard(_NATURAL[degree])
    extras.add(_NATURAL[degree] + sign)


def _extend(degree: int, kind: str, tones: dict[int, int], extras: set[int]) -> None:
    if degree == 5:
        tones.pop(3, None)
    elif degree in (2, 6):
        extras.add(_NATURAL[degree])
    elif degree == 4:
        tones.pop(3, None)
        extras.add(5)
    else:
        tones.setdefault(7, 9 if kind == "dim" else 10)
        extras |= set(_STACKS[degree])
        if degree == 11 and tones.get(3) == 4:  # a major third would rub against the eleventh
            tones.pop(3)


def _tagged(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """(name, times, lines) of every passage."""
    name, times, lines = "", 1, list[str]()
    at = 0
    for tag in _TAG.finditer(text):
        if tag[1] and _TIMES.fullmatch(tag[1].strip()):
            continue  # "[x2]" is a repeat
        lines += _lines(text[at : tag.start()])
        if lines:
            yield name, times, lines
        again = _TIMES.search(tag[1] or "")
        name = " ".join(_TIMES.sub(" ", tag[1] or tag[2]).lower().split())
        times, lines, at = _times(again[0]) if again else 1, [], tag.end()
    yield name, times, lines + _lines(text[at:])


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"[\n;]", text) if line.strip(" \t\r|,;-")]


def _times(written: str) -> int:
    return max(1, min(64, int(re.sub(r"\D", "", written))))


def _last(bars: list[Bar]) -> Bar | None:
    return bars[-1] if bars else None


def _line(line: str, before: Bar | None) -> list[Bar]:
    """The bars of one line; its `|: :|` are played out, an "x3" at its end repeats all of it."""
    tokens: list[str] = _TOKEN.findall(line)
    barred = any("|" in token for token in tokens)
    bars: list[Bar] = []
    slots: list[ChordName] = []
    turn, repeated = 0, 0  # where the repeat begins; how many bars the last `:|` repeats
    for token in tokens:
        if _TIMES.fullmatch(token):
            bars, slots, before = _closed(bars, slots, before)
            again = bars[-repeated:] if repeated else bars
            _bounded(len(bars) + len(again) * _times(token))
            bars += again * (_times(token) - (2 if repeated else 1))
            turn, repeated = len(bars), 0
        elif "|" in token:
            bars, slots, before = _closed(bars, slots, before)
            if token.startswith(":"):
                repeated = len(bars) - turn
                bars += bars[turn:]
            turn = len(bars) if ":" in token else turn
        elif set(token) == {"%"}:
            if before is None:
                raise ValueError('begins with "%", which repeats the bar before; begin with a chord')
            slots = list(before.slots)
        else:
            slots += _slots(token, slots[-1] if slots else before.slots[-1] if before else None)
            if not barred:
                bars += [Bar((slot,)) for slot in slots] if set(token) != {"/"} else []
                before, slots = _last(bars) or before, []
    return _closed(bars, slots, before)[0]


def _closed(
    bars: list[Bar], slots: list[ChordName], before: Bar | None
) -> tuple[list[Bar], list[ChordName], Bar | None]:
    """The bars, with what has been read of the next one as a bar."""
    if not slots:
        return bars, [], before
    bar = Bar(tuple(slots))
    return [*bars, bar], [], bar


def _slots(token: str, held: ChordName | None) -> list[ChordName]:
    """The slots that a token stands for: a chord, slashes that hold the chord before, or chords joined by dashes."""
    if set(token) <= set("/"):
        if held is None:
            raise ValueError('begins with "/", which holds the chord before; begin with a chord')
        return [held] * len(token)
    word = token.strip(",.;") if not _NO_CHORD.fullmatch(token) else token
    word = word.strip("()") if word.count("(") != word.count(")") else word
    if not word.strip("-–—>→·•"):
        return []
    try:
        return [read_symbol(word)]
    except ValueError:
        parts = [part for part in re.split(r"[-–—>→,]+", word) if part]
        if len(parts) < 2 or not all(_ROOT.match(part) for part in parts):
            raise
        return [read_symbol(part) for part in parts]


def _written(passage: Passage) -> str:
    texts = [str(bar) for bar in passage.bars]
    shown = ["%" if place % 4 and text == texts[place - 1] else text for place, text in enumerate(texts)]
    rows = [" | ".join(shown[at : at + 4]) for at in range(0, len(shown), 4)]
    return "\n".join([f"[{passage.name}]"] * bool(passage.name) + [f"| {row} |" for row in rows])
