"""Take: one rendering of a request; Recipe: all that is needed to make it again; Kept: a take in the library."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from song.audio import Audio
from song.lyrics import Lyrics
from song.request import SongRequest
from song.score import Score


@dataclass(frozen=True, eq=False)
class Take:
    """What an engine gives back, before loudness and files.

    request   as asked, with `seed` resolved and `variations` 1: making it again gives this take
    plan      what the engine decided, as plain JSON: style, bpm, key, meter, sections, words
    stems     separate parts by name, of the audio's shape; their sum is the mix before mastering
    notices   sentences the user should see, e.g. a style that was not found; also in the recipe
    versions  what else the sound depends on, e.g. the SoundFont; joins the recipe's versions
    """

    request: SongRequest
    engine: str
    engine_version: str
    audio: Audio
    plan: dict[str, Any] = field(default_factory=dict)
    score: Score | None = None
    lyrics: Lyrics | None = None
    stems: dict[str, Audio] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)


class Facts(BaseModel):
    """What is true of the finished audio. Loudness is measured; tempo and key are the plan's where there is one."""

    model_config = ConfigDict(frozen=True)

    lufs: float
    true_peak_dbtp: float
    bpm: float | None = None
    key: str | None = None


class Recipe(BaseModel):
    """Embedded in the audio file and beside it as JSON."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    created: datetime
    mode: str
    engine: str
    engine_version: str
    versions: dict[str, str]  # studio, python, numpy, ..., and the machine: what a bit-identical replay depends on
    request: SongRequest
    seed: int
    duration: float  # seconds
    sample_rate: int
    channels: int
    plan: dict[str, Any]
    facts: Facts
    notices: tuple[str, ...] = ()
    seconds_spent: float
    samples_sha256: str  # of the finished 24-bit samples, interleaved, little-endian
    parent: str | None = None


class Kept(BaseModel):
    """A take in the library: its recipe, its files by kind, and what the user did with it."""

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    files: dict[str, str]  # kind -> absolute path
    favourite: bool = False

    @property
    def id(self) -> str:
        return self.recipe.id

    def summary(self) -> dict[str, Any]:
        """The take as scripts see it, the same on the page, over HTTP and on the command line."""
        recipe = self.recipe.model_dump(mode="json")
        wanted = "id title created mode engine seed duration sample_rate channels plan facts notices seconds_spent"
        kinds = ("audio", "midi", "recipe", "stems")
        return {name: recipe[name] for name in wanted.split()} | {
            "files": {kind: self.files.get(kind) for kind in kinds},
            "favourite": self.favourite,
            "request": recipe["request"],
        }
