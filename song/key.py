"""Key: a tonic and a mode, read from what musicians type and written as they read it.

Conventions: pitch classes 0-11 with C = 0; scales in semitones above the tonic.
"""

import re
from dataclasses import dataclass, field

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_ALIASES = {"": "major", "maj": "major", "ionian": "major", "min": "minor", "m": "minor", "aeolian": "minor"}
_TEXT = re.compile(r"^\s*([a-g])\s*(#|♯|b|♭|-?\s*sharp|-?\s*flat)?\s*-?\s*([a-z]*)\s*$", re.IGNORECASE)
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
# How far each mode's signature lies from the major key on the same tonic, in steps along the circle of fifths.
_FIFTHS = {"lydian": 1, "major": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "phrygian": -4, "locrian": -5}


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0-11) and a mode named in `MODES`. `flats` keeps the spelling that somebody typed."""

    tonic: int
    mode: str
    flats: bool | None = field(default=None, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read "D minor", "F# dorian", "Bb", "c sharp min", "Am". Raises ValueError."""
        found = _TEXT.match(text)
        if not found:
            raise ValueError(f'"{text}" is not a key; write it like "D minor" or "F# dorian"')
        letter, accidental, mode = found[1].lower(), (found[2] or "").lower().strip("- "), found[3]
        # "M" is major and "m" minor, so case is dropped only in longer words.
        mode = "major" if mode == "M" else _ALIASES.get(mode.lower(), mode.lower())
        if mode not in MODES:
            raise ValueError(f'"{mode}" is not a mode; use one of {", ".join(MODES)}')
        step = _ACCIDENTALS[accidental]
        return cls((_LETTERS[letter] + step) % 12, mode, flats=step < 0 if step else None)

    @property
    def scale(self) -> tuple[int, ...]:
        """Semitones above the tonic."""
        return MODES[self.mode]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple((self.tonic + step) % 12 for step in self.scale)

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the signature, -5 to 6: of two equal ways the simpler."""
        around = (self.tonic * 7 + _FIFTHS[self.mode]) % 12
        return around - 12 if around > 6 else around

    @property
    def minorish(self) -> bool:
        """True where the third above the tonic is minor."""
        return 3 in self.scale

    def name(self, pitch_class: int) -> str:
        """How a pitch class is spelled in this key: flats in flat keys, sharps in sharp ones."""
        flats = self.flats
        if flats is None:  # six of either: Eb minor and Bb phrygian are read more easily than D# and A#
            flats = self.fifths < 0 or (self.fifths == 6 and self.tonic in (3, 10))
        return (_FLATS if flats else _SHARPS)[pitch_class % 12]

    def __str__(self) -> str:
        return f"{self.name(self.tonic)} {self.mode}"
