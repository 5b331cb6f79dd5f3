"""Heard: what listening to a song found, with a confidence each. Of our own takes it is what their plan says.

Conventions: seconds from the start of the audio, confidence 0-1, pitch as MIDI number.
"""

from pydantic import BaseModel, ConfigDict


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True)


class HeardChord(_Found):
    """A chord as musicians write it, "Am" or "F"; "N" where none sounds."""

    start: float
    end: float
    symbol: str
    confidence: float


class HeardSection(_Found):
    """A stretch of the song; those of one label are alike."""

    start: float
    end: float
    label: str
    confidence: float


class HeardNote(_Found):
    """A note of the melody."""

    start: float
    end: float
    pitch: int
    confidence: float


class Heard(_Found):
    """What a listener would write down. `beats` and `downbeats` reach over the whole song."""

    duration: float
    bpm: float  # quarter notes in a minute
    bpm_confidence: float
    meter: str  # "4/4"
    meter_confidence: float
    beats: tuple[float, ...]
    beat_confidence: float
    downbeats: tuple[float, ...]
    downbeat_confidence: float
    key: str  # "A minor"
    key_confidence: float
    chords: tuple[HeardChord, ...]
    sections: tuple[HeardSection, ...]
    melody: tuple[HeardNote, ...]
    lufs: float
