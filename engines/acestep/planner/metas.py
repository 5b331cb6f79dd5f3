"""What the planner decides about a song in words: which values there are, how they are written and read.

Metadata are YAML with sorted keys between <think> and </think> (ACE-Step 1.5, acestep/llm_inference.py); the ranges are
the published ones (acestep/constants.py): tempo 30-300 quarter notes a minute, length 10-600 whole seconds, 70 key
names, four meters, 50 languages and "unknown".
"""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import yaml

from song.errors import BadRequest
from song.key import Key

SLOWEST, FASTEST = 30, 300  # quarter notes a minute
SHORTEST, LONGEST = 10, 600  # seconds
KEYS = tuple(
    f"{note}{sign} {mode}" for note in "ABCDEFG" for sign in ("", "#", "b", "♯", "♭") for mode in ("major", "minor")
)
METERS = {2: "2/4", 3: "3/4", 4: "4/4", 6: "6/8"}
LANGUAGES = (
    *("ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr"),
    *("ht", "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro"),
    *("ru", "sa", "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh", "unknown"),
)
CAPTION = 512  # characters
_READ = 20_000  # characters of a plan that are looked at
_NAME = re.compile(r"^([A-Za-z_]+):", re.MULTILINE)


@dataclass(frozen=True)
class Metas:
    """What is known about a song; None where nothing is."""

    bpm: int | None = None
    caption: str | None = None
    duration: int | None = None  # seconds
    keyscale: str | None = None
    language: str | None = None
    timesignature: int | None = None

    def known(self) -> dict[str, Any]:
        """Values by name, in the order in which they are written; those that are not known are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def thinking(self) -> str:
        """The think block, as the weights were taught to read it."""
        written = yaml.dump(self.known(), allow_unicode=True, sort_keys=True).strip() if self.known() else ""
        return f"<think>\n{written}\n</think>"

    @property
    def meter(self) -> str | None:
        """The meter as musicians write it."""
        return METERS[self.timesignature] if self.timesignature else None


FIELDS = tuple(field.name for field in fields(Metas))  # in alphabetical order, as YAML has them


def line(name: str, value: str | int) -> str:
    """A value as YAML writes it on a line of its own: "bpm: 120", "language: 'no'"."""
    return yaml.dump({name: value}, allow_unicode=True, width=10_000).strip()


def values(name: str, longest: int = LONGEST) -> tuple[str | int, ...]:
    """All that a field can be; a caption can be any words, so it has none."""
    every: dict[str, tuple[str | int, ...]] = {
        "bpm": tuple(range(SLOWEST, FASTEST + 1)),
        "duration": tuple(range(SHORTEST, max(SHORTEST, longest) + 1)),
        "keyscale": KEYS,
        "language": LANGUAGES,
        "timesignature": tuple(METERS),
    }
    return every.get(name, ())


# --- what the user gave -----------------------------------------------------------------------------------------------


def given(
    bpm: float | None = None,
    key: str | None = None,
    meter: str | None = None,
    seconds: float | None = None,
    language: str | None = None,
) -> tuple[Metas, tuple[str, ...]]:
    """The studio's words in the planner's, and what it cannot be told. Raises BadRequest for what nobody can play."""
    notices = []
    if bpm is not None and not SLOWEST <= round(bpm) <= FASTEST:
        raise BadRequest("bpm", f"must be a number from {SLOWEST} to {FASTEST}")
    if seconds is not None and not SHORTEST <= math.ceil(seconds) <= LONGEST:
        raise BadRequest("duration", f"must be a number from {SHORTEST} to {LONGEST}")
    if language is not None and language not in LANGUAGES:
        raise BadRequest("vocal_language", f"must be one of {', '.join(LANGUAGES)}")
    scale = _keyscale(key) if key else None
    if key and scale != str(Key.parse(key)):
        notices.append(f"The planner knows major and minor only; for it {key} is {scale}.")
    beats = next((number for number, name in METERS.items() if name == meter), None)
    if meter and beats is None:
        notices.append(f"The planner does not know the meter {meter}; it was not told.")
    return Metas(
        bpm=None if bpm is None else round(bpm),
        duration=None if seconds is None else math.ceil(seconds),
        keyscale=scale,
        language=language,
        timesignature=beats,
    ), tuple(notices)


def _keyscale(key: str) -> str:
    known = Key.parse(key)
    return f"{known.name(known.tonic)} {'minor' if known.minorish else 'major'}"


# --- reading what was written, by the planner or by anybody -----------------------------------------------------------


def read(text: str) -> tuple[Metas, tuple[str, ...]]:
    """The metadata in a think block, or in plain YAML, and a sentence for each value that cannot be. Never raises:
    what stands there may be anything."""
    found: dict[str, Any] = {}
    notices = []
    for name, said in _entries(_block(text[:_READ])):
        value = _value(name, said)
        if value is None:
            notices.append(f"The plan says {name}: {_short(said)}, which cannot be; it was left out.")
        else:
            found.setdefault(name, value)
    return Metas(**found), tuple(notices)


def _block(text: str) -> str:
    """What stands in the think block; where there is none, what comes before the first code."""
    _, tag, inside = text.partition("<think>")
    return (inside if tag else text).partition("</think>")[0].partition("<|audio_code_")[0]


def _entries(block: str) -> Iterator[tuple[str, str | None]]:
    """Name and text of each field, one by one, so that a broken one does not take the others with it."""
    starts = [(found[1].lower(), found.start(), found.end()) for found in _NAME.finditer(block)]
    ends = [*(start for _, start, _ in starts[1:]), len(block)]
    for (name, start, after), end in zip(starts, ends, strict=False):
        if name in FIELDS:
            yield name, _scalar(block[start:end], block[after:end])


def _scalar(entry: str, raw: str) -> str | None:
    """One field's text; None for lists and the like. YAML's own types and comments are not wanted: to it "no" is no
    language, and "the #1 hit" ends before the number."""
    start = raw.lstrip()[:1]
    if start in ("[", "{", "&", "*", "!"):
        return None
    if start not in ("'", '"', "|", ">"):
        return " ".join(raw.split())
    try:
        found = next(iter(yaml.load(entry, Loader=yaml.BaseLoader).values()))
    except (yaml.YAMLError, AttributeError, ValueError):
        return " ".join(raw.split())
    return " ".join(str(found).split())


def _value(name: str, text: str | None) -> str | int | None:
    """A field's value; None for what cannot be."""
    if not text:
        return None
    if name == "caption":
        return shortened(text) or None
    if name == "timesignature":
        text = next((str(beats) for beats, meter in METERS.items() if meter == text), text)
    return next((value for value in values(name) if str(value) == text), None)


def shortened(text: str) -> str:
    """A caption in one line and within bounds: cut after its last whole sentence, else after its last whole word."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(words) <= CAPTION:
        return words
    head = words[:CAPTION]
    ends = [head.rfind(mark) + 1 for mark in (".", "!", "?", "。")]
    return head[: max(ends)] if max(ends) > CAPTION // 2 else head.rpartition(" ")[0] or head


def _short(value: str | None) -> str:
    return "something that is no text" if value is None else f'"{value[:40]}"' if value else "nothing"
