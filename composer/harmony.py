"""Harmony: which chord sounds when.

A letter of the form (A, P, B, bridge) has one progression for the whole song; every section colours it in its own way
(secondary dominants, borrowed chords, turnarounds), but never its first chord, so that the section before can lead
there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from composer.chance import chance
from composer.style import Style
from song.key import MODES, Key

_ROMAN = re.compile(r"^([b#]?)([IV]+|[iv]+)([^/]*)(?:/([135]))?$")
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
# What is written after a numeral -> (symbol for a capital numeral, intervals), then the same for a small numeral.
_MAJORISH: dict[str, tuple[str, tuple[int, ...]]] = {
    "": ("", (0, 4, 7)), "6": ("6", (0, 4, 7, 9)), "69": ("6/9", (0, 4, 7, 9, 14)), "7": ("7", (0, 4, 7, 10)),
    "9": ("9", (0, 4, 7, 10, 14)), "13": ("13", (0, 4, 7, 10, 14, 21)), "maj7": ("maj7", (0, 4, 7, 11)),
    "maj9": ("maj9", (0, 4, 7, 11, 14)), "maj13": ("maj13", (0, 4, 7, 11, 14, 21)), "maj7#11": ("maj7#11", (0, 4, 7,
    11, 18)),
    "add9": ("add9", (0, 4, 7, 14)), "sus2": ("sus2", (0, 2, 7)), "sus4": ("sus4", (0, 5, 7)),
    "7sus4": ("7sus4", (0, 5, 7, 10)), "9sus4": ("9sus4", (0, 5, 7, 10, 14)), "7b9": ("7b9", (0, 4, 7, 10, 13)),
    "7#9": ("7#9", (0, 4, 7, 10, 15)), "7alt": ("7alt", (0, 4, 10, 15, 20)), "7#11": ("7#11", (0, 4, 7, 10, 18)),
    "5": ("5", (0, 7)), "aug": ("aug", (0, 4, 8)),
}  # fmt: skip
_MINORISH: dict[str, tuple[str, tuple[int, ...]]] = {
    "": ("m", (0, 3, 7)), "6": ("m6", (0, 3, 7, 9)), "69": ("m6/9", (0, 3, 7, 9, 14)), "7": ("m7", (0, 3, 7, 10)),
    "9": ("m9", (0, 3, 7, 10, 14)), "11": ("m11", (0, 3, 7, 10, 14, 17)), "add9": ("m(add9)", (0, 3, 7, 14)),
    "maj7": ("m(maj7)", (0, 3, 7, 11)), "o": ("dim", (0, 3, 6)), "o7": ("dim7", (0, 3, 6, 9)), "7b5": ("m7b5", (0,
    3, 6, 10)),
    "5": ("5", (0, 7)), "sus2": ("sus2", (0, 2, 7)), "sus4": ("sus4", (0, 5, 7)),
}  # fmt: skip


@dataclass(frozen=True)
class Harmony:
    """A chord in place: `start` and `beats` in beats of the song, `root` and `bass` as pitch classes."""

    start: float
    beats: float
    root: int
    intervals: tuple[int, ...]
    bass: int
    symbol: str

    @property
    def tones(self) -> tuple[int, ...]:
        """The chord's pitch classes, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def fifth(self) -> int:
        """Semitones from the root to whatever fifth the chord has."""
        return next((interval for interval in self.intervals if interval in (6, 7, 8)), 7)

    @property
    def third(self) -> int:
        return next((interval for interval in self.intervals if interval in (3, 4)), self.fifth)

    @property
    def seventh(self) -> int:
        return next((interval for interval in self.intervals if interval in (9, 10, 11)), 12)


@lru_cache(maxsize=4096)
def chord(numeral: str, key: Key, start: float = 0.0, beats: float = 0.0) -> Harmony:
    """A roman numeral in a key: `chord("bVImaj7", Key.parse("C minor"))` is Abmaj7."""
    found = _ROMAN.match(numeral)
    if not found:
        raise ValueError(f"not a roman numeral: {numeral}")
    accidental, letters, suffix, inversion = found.groups()
    root = (key.tonic + _DEGREES[letters.lower()] + {"b": -1, "#": 1, "": 0}[accidental]) % 12
    symbol, intervals = (_MAJORISH if letters.isupper() else _MINORISH)[suffix]
    harmony = Harmony(start, beats, root, intervals, root, "")
    bass = {None: root, "1": key.tonic, "3": (root + harmony.third) % 12, "5": (root + harmony.fifth) % 12}[inversion]
    slash = f"/{key.name(bass)}" if bass != root else ""
    return replace(harmony, bass=bass, symbol=f"{key.name(root)}{symbol}{slash}")


def raised(key: Key, semitones: int) -> Key:
    """The key some semitones up."""
    return Key((key.tonic + semitones) % 12, key.mode) if semitones else key


def rows_for(style: Style, mode: str) -> tuple[str, ...]:
    """The style's progressions for a mode; a mode that it has no table for borrows one and bends it to its scale."""
    if mode in style.progressions:
        return style.progressions[mode]
    minorish = 3 in MODES[mode]
    order = ("minor", "dorian", "phrygian") if minorish else ("major", "mixolydian", "lydian")
    kin = next((name for name in order if name in style.progressions), None) or next(iter(style.progressions))
    return tuple(bent(row, kin, mode) for row in style.progressions[kin])


def bent(row: str, source: str, target: str) -> str:
    """A row of one mode in another: each degree goes to its counterpart, with the chord that the new scale gives it."""
    uses, *bars = row.split()
    return " ".join(
        [uses, *(",".join(_bent_chord(numeral, source, target) for numeral in bar.split(",")) for bar in bars)]
    )


def _bent_chord(numeral: str, source: str, target: str) -> str:
    found = _ROMAN.match(numeral)
    assert found is not None, numeral
    accidental, letters, suffix, _ = found.groups()
    offset = (_DEGREES[letters.lower()] + {"b": -1, "#": 1, "": 0}[accidental]) % 12
    if offset not in MODES[source]:
        return numeral  # a borrowed chord stays borrowed
    degree = MODES[source].index(offset)
    scale = MODES[target]
    third, fifth, seventh = ((scale[(degree + up) % 7] - scale[degree]) % 12 for up in (2, 4, 6))
    return (
        _spelled(scale[degree])
        if fifth == 7 and suffix == "5"
        else _numeral(scale[degree], third, fifth, seventh, len(suffix))
    )


def _spelled(offset: int) -> str:
    names = ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII")
    return names[offset]


def _numeral(offset: int, third: int, fifth: int, seventh: int, rich: int) -> str:
    name = _spelled(offset)
    name = name if third == 4 else name.lower()
    if fifth == 6:
        return name + ("7b5" if rich else "o")
    return name + (({11: "maj7", 10: "7"}[seventh] if third == 4 else "7") if rich else "")


def progressions(style: Style, key: Key, seed: int, free: float = 0.0, rich: float = 0.0) -> dict[str, str]:
    """One row for each letter of the song: A, B, bridge and P, different where the table allows.

    `free` 0-1 is how much a row may be recast for this song, `rich` -1 to 1 makes its chords plainer or fuller.
    """
    rows = rows_for(style, key.mode)
    chosen: dict[str, str] = {}
    for letter in ("A", "B", "bridge", "P"):
        fitting = [row for row in rows if letter in _uses(row)]
        fitting = fitting or [row for row in rows if letter == "P" and "bridge" in _uses(row)] or list(rows)
        fresh = [row for row in fitting if row.split(" ", 1)[1] not in chosen.values()] or fitting
        # A song says early where home is: rows that start on the tonic are likelier in A.
        odds = np.array([1.6 if letter == "A" and _at_home(row) else 1.0 for row in fresh])
        pick = int(chance(seed, "progression", letter).choice(len(fresh), p=odds / odds.sum()))
        chosen[letter] = fresh[pick].split(" ", 1)[1]
    return {letter: recast(row, key, free, rich, chance(seed, "recast", letter)) for letter, row in chosen.items()}


def recast(row: str, key: Key, free: float, rich: float, rng: np.random.Generator) -> str:
    """A row made a song's own: said twice with another end, begun in its middle, a chord replaced by its relative."""
    bars = row.split()
    rolls = rng.random(4)
    if len(bars) == 4 and rolls[0] < 0.45 * free:  # a question and an answer
        bars = [*bars, *bars[:3], _relative(bars[3], key, rng)]
    elif len(bars) == 4 and not _at_home(f"x {row}") and rolls[1] < 0.3 * free and bars[0] != bars[2]:
        bars = bars[2:] + bars[:2]
    if len(bars) <= 8 and rolls[2] < 0.9 * free:
        place = int(rng.integers(1, len(bars)))
        bars[place] = _relative(bars[place], key, rng)
    draws = rng.random(len(bars))
    return " ".join(
        ",".join(_enriched(name, key, rich, draw) for name in bar.split(","))
        for bar, draw in zip(bars, draws, strict=True)
    )


_THIRDS = {"I": ("vi", "iii"), "vi": ("I", "IV"), "IV": ("ii", "vi"), "ii": ("IV",), "iii": ("I", "vi"), "V": ("iii",),
           "i": ("bVI", "bIII"), "bVI": ("iv", "i"), "iv": ("bVI",), "bIII": ("i", "v"), "bVII": ("v", "iv"),
           "v": ("bVII", "bIII")}  # fmt: skip


def _relative(bar: str, key: Key, rng: np.random.Generator) -> str:
    """A chord that shares two notes with a bar's only chord; the bar itself where none lies in the key."""
    found = _ROMAN.match(bar)
    if not found or found[4]:
        return bar
    scale = set(key.pitch_classes)
    options = [name for name in _THIRDS.get(found[1] + found[2], ()) if set(chord(name, key).tones) <= scale]
    if not options:
        return bar
    name = options[int(rng.integers(len(options)))]
    full = any(mark in found[3] for mark in ("7", "9", "11", "13"))
    if not full:
        return name
    seventh = (chord(name, key).root + 11) % 12 in scale
    return name + (("maj7" if seventh else "7") if name[-1].isupper() else "7")


_PLAIN = {"maj7": "", "maj9": "", "maj13": "", "maj7#11": "", "7": "", "9": "", "13": "", "11": "", "add9": "", "6": "",
          "69": "", "7b9": "7", "7#9": "7", "7alt": "7", "7#11": "7", "9sus4": "sus4", "7sus4": "sus4"}  # fmt: skip
_FULLER = {"": "add9", "maj7": "maj9", "7": "9", "add9": "maj9"}
_FULLER_MINOR = {"": "7", "7": "9", "add9": "9"}


def _enriched(numeral: str, key: Key, rich: float, draw: float) -> str:
    """A numeral with fewer or more notes above its triad, as far as the key has them; altered chords stay."""
    found = _ROMAN.match(numeral)
    assert found is not None, numeral
    accidental, letters, suffix, inversion = found.groups()
    end = f"/{inversion}" if inversion else ""
    if draw >= abs(rich):
        return numeral
    if rich < 0:
        dominant = letters == "V" and suffix in ("7", "9", "13")
        return accidental + letters + ("7" if dominant and rich > -0.8 else _PLAIN.get(suffix, suffix)) + end
    table = _FULLER if letters.isupper() else _FULLER_MINOR
    full = accidental + letters + (table.get(suffix, suffix) if suffix or rich > 0.5 else "") + end
    return full if set(chord(full, key).tones) <= set(key.pitch_classes) else numeral


def _at_home(row: str) -> bool:
    found = _ROMAN.match(row.split()[1].split(",")[0])
    return found is not None and not found[1] and found[2].lower() == "i"


def _uses(row: str) -> tuple[str, ...]:
    word = row.split(" ", 1)[0]
    return ("bridge",) if word == "bridge" else tuple(word)


def section_chords(
    style: Style,
    key: Key,
    row: str,
    start: float,
    bars: int,
    beats_per_bar: float,
    chord_bars: int,
    next_chord: Harmony,
    closing: bool,
    rng: np.random.Generator,
    boldness: float = 1.0,
) -> list[Harmony]:
    """The chords of a section. `closing`: the last chord of the song follows, so the last bar becomes a cadence."""
    plain = row.split()
    written = [plain[(bar // chord_bars) % len(plain)].split(",") for bar in range(bars)]
    colour = {name: odds * boldness for name, odds in style.spice.items()}
    roots = [chord(numerals[0], key).root for numerals in written] + [next_chord.root]
    for bar in range(bars):
        last = bar == bars - 1
        if closing and last and bars > 1:
            written[bar] = [str(rng.choice(_in_mode(style.cadences, key)))]
        elif len(written[bar]) == 1 and (beats_per_bar >= 3 or bar):
            coloured = _coloured(written[bar][0], key, roots[bar], roots[bar + 1], bar, last, colour, rng)
            written[bar] = coloured if bar else [written[bar][0], *coloured[1:]]
    placed = (_placed(names, key, start + bar * beats_per_bar, beats_per_bar) for bar, names in enumerate(written))
    return [harmony for bar in placed for harmony in bar]


def exactly(given: Sequence[Harmony], start: float, end: float) -> list[Harmony]:
    """Chords that were given for a stretch of beats, unchanged, the first and last one held to its edges."""
    inside = [one for one in given if one.start < end - 1e-6 and one.start + one.beats > start + 1e-6]
    if not inside:
        return []
    bounds = [start, *(one.start for one in inside[1:]), end]
    return [
        replace(one, start=low, beats=round(high - low, 6))
        for one, (low, high) in zip(inside, pairwise(bounds), strict=True)
    ]


def _in_mode(cadences: tuple[str, ...], key: Key) -> list[str]:
    """Cadence chords with at most one tone from outside: the leading tone of a minor key, a borrowed sixth."""
    scale = set(key.pitch_classes)
    strange = {name: sum(tone not in scale for tone in chord(name, key).tones[:4]) for name in cadences}
    allowed = 1 if key.mode in ("major", "minor") else 0
    return [name for name in cadences if strange[name] <= max(allowed, min(strange.values()))]


def _coloured(
    numeral: str,
    key: Key,
    root: int,
    target: int,
    bar: int,
    last: bool,
    odds: dict[str, float],
    rng: np.random.Generator,
) -> list[str]:
    """One bar's chord, perhaps with a dominant of the next one in its second half, perhaps borrowed."""
    roll = rng.random(5)
    rich = any(mark in numeral for mark in ("7", "9", "13", "11"))
    moving = root != target
    leading = _dominant((target - key.tonic) % 12, rich, roll[1] < odds.get("tritone", 0))
    leads = moving and chord(leading, key).root != root
    if numeral in ("V", "V7") and roll[4] < odds.get("sus", 0):
        return ["Vsus4" if numeral == "V" else "V7sus4", numeral]
    if leads and last and roll[0] < odds.get("turnaround", 0):
        return [numeral, leading]
    if leads and bar % 2 and roll[0] < odds.get("secondary", 0) and (target - root) % 12 != 5:
        return [numeral, leading]
    if bar % 4 == 3 and moving and key.mode in ("major", "minor") and roll[2] < odds.get("borrow", 0):
        return [numeral, ("iv6" if rich else "iv") if not key.minorish else ("IV9" if rich else "IV")]
    if bar % 2 == 0 and roll[3] < odds.get("passing", 0) and (target - root) % 12 == 2:
        return [numeral, _spelled((root + 1 - key.tonic) % 12).lower() + "o7"]
    return [numeral]


def _dominant(offset: int, rich: bool, tritone: bool) -> str:
    """The dominant that leads to a degree, or its substitute a tritone away."""
    root = _spelled((offset + (1 if tritone else 7)) % 12)
    if tritone:
        return root + ("9" if rich else "7")
    return root + ("7b9" if offset in (2, 4, 9) else "9") if rich else root


def _placed(numerals: list[str], key: Key, start: float, beats: float) -> list[Harmony]:
    if len(numerals) == 1 or beats < 2:
        return [replace(chord(numerals[0], key), start=start, beats=beats)]
    first = float(int(beats + 1) // 2) if beats != 3 else 2.0
    return [
        replace(chord(numerals[0], key), start=start, beats=first),
        replace(chord(numerals[1], key), start=start + first, beats=beats - first),
    ]


def at(chords: list[Harmony], beat: float) -> Harmony:
    """The chord that sounds at a beat."""
    sounding = chords[0]
    for harmony in chords:
        if harmony.start > beat + 1e-6:
            break
        sounding = harmony
    return sounding
