"""Score -> Track -> Note: symbolic music.

Conventions: time in beats of a quarter note from the start of the song, pitch as MIDI number (60 = middle C),
velocity 1-127, program 0-127 as in General MIDI, drums as General MIDI percussion pitches.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One note. A humanised start may lie a little before or after the grid, never before 0."""

    pitch: int
    velocity: int
    start: float
    duration: float

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True)
class Track:
    """A line in a score: what one instrument plays.

    role      the part it has in the music, e.g. "bass", "chords", "lead", "drums"
    program   General MIDI program; ignored where `drums` is true
    patch     the studio's own instrument that plays it, see composer/synth
    """

    name: str
    role: str
    program: int
    patch: str
    notes: tuple[Note, ...]
    drums: bool = False


@dataclass(frozen=True)
class Marker:
    """A named place in the song, usually where a section starts."""

    beat: float
    name: str


@dataclass(frozen=True)
class Chord:
    """What harmony sounds from `start` for `duration` beats. `symbol` as musicians write it: "Dm9"."""

    start: float
    duration: float
    symbol: str
    root: int  # pitch class 0-11
    intervals: tuple[int, ...]  # semitones above the root


@dataclass(frozen=True)
class Score:
    """A whole song in symbols. `meter` is (beats in a bar, beat unit); `beats` the length to the final barline.

    `lyrics` are (beat, syllable) as in MIDI files: the note that starts there sings it, and notes up to the next one
    go on with it. A space behind a syllable ends its word, "\\r" its line, "\\n" its stanza.
    """

    bpm: float  # quarter notes in a minute
    meter: tuple[int, int]
    key: str
    beats: float
    tracks: tuple[Track, ...]
    markers: tuple[Marker, ...]
    chords: tuple[Chord, ...] = ()
    lyrics: tuple[tuple[float, str], ...] = ()

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar: 4.0 in 4/4, 3.0 in 6/8."""
        return self.meter[0] * 4 / self.meter[1]

    def seconds(self, beat: float) -> float:
        """When a beat sounds."""
        return beat * 60 / self.bpm
