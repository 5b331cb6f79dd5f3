"""Take: one rendering of a request; Recipe: all that is needed to make it again; Kept: a take in the library."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from song.audio import Audio
from song.errors import NotFound
from song.files import LOOPS, SESSIONS, SOUNDS, TIMED
from song.ledger import Ledger
from song.lyrics import Lyrics
from song.request import SongRequest, fields, read
from song.schedule import turned
from song.score import Score

_DECIDED = ("style", "bpm", "key", "meter", "vocal_language")  # of a plan, by the names of the knobs


@dataclass(frozen=True, eq=False)
class Take:
    """What an engine gives back, before loudness and files.

    request   as asked, with `seed` resolved and `variations` 1: making it again gives this take
    plan      what the engine decided, as plain JSON: style, bpm, key, meter, sections, words
    stems     separate parts by name, of the audio's shape; their sum is `mix`
    mix       the song before mastering; None where that is the audio
    notices   sentences the user should see, e.g. a style that was not found; also in the recipe
    versions  what else the sound depends on, e.g. the SoundFont; joins the recipe's versions
    sheet     what the engine wants to know when the take is a source itself, as plain JSON: its `Heard` under "heard",
              and in its own terms whatever else it needs; kept beside the song
    splice    set where the sound of another song stays in this one: then the audio is final, and nobody masters it
    """

    request: SongRequest
    engine: str
    engine_version: str
    audio: Audio
    plan: dict[str, Any] = field(default_factory=dict)
    score: Score | None = None
    lyrics: Lyrics | None = None
    stems: dict[str, Audio] = field(default_factory=dict)
    mix: Audio | None = None
    notices: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    sheet: dict[str, Any] = field(default_factory=dict)
    splice: "Splice | None" = None


@dataclass(frozen=True, eq=False)
class Splice:
    """Where a take has new sound, and where that of its source, sample by sample. All places in frames of the take.

    original  the source's sound, at the take's rate; its frame 0 lies at `offset` of the take, which may be negative
    regions   (first, last) of what is new, `last` exclusive; everything else is the original
    seams     (frame, crossfade in frames) where one goes over into the other
    """

    original: Audio
    offset: int
    regions: tuple[tuple[int, int], ...]
    seams: tuple[tuple[int, int], ...]


class Region(BaseModel):
    """A stretch of a take that is new: seconds, and the same in samples, `last` exclusive."""

    model_config = ConfigDict(frozen=True)

    start: float
    end: float
    first: int
    last: int


class Seam(BaseModel):
    """Where old and new sound meet: second, loudness after less loudness before, length of the crossfade."""

    model_config = ConfigDict(frozen=True)

    at: float
    level_step_db: float
    crossfade_ms: float


class Proof(BaseModel):
    """What stayed as it was, counted on the finished 24-bit samples of source and take.

    compared, changed_outside  samples outside the regions, and how many of them differ
    offset                     where the source's first sample lies in the take
    """

    model_config = ConfigDict(frozen=True)

    regions: tuple[Region, ...]
    compared: int
    changed_outside: int
    offset: int = 0
    seams: tuple[Seam, ...] = ()


class Facts(BaseModel):
    """What is true of the finished audio. Loudness is measured; tempo and key are the plan's where there is one.

    loudness_range_lu                by EBU Tech 3342
    momentary_lufs, short_term_lufs  the loudest 0.4 s and 3 s
    crest_db                         the highest sample above the root mean square of all
    """

    model_config = ConfigDict(frozen=True)

    lufs: float
    true_peak_dbtp: float
    bpm: float | None = None
    key: str | None = None
    loudness_range_lu: float | None = None  # None in takes from before these were measured
    momentary_lufs: float | None = None
    short_term_lufs: float | None = None
    crest_db: float | None = None


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
    lyrics: Lyrics | None = None  # what is sung, with its times and what they are worth
    notices: tuple[str, ...] = ()
    seconds_spent: float
    samples_sha256: str  # of the finished 24-bit samples, interleaved, little-endian
    parent: str | None = None  # the take or upload that a cover, an extension or an edit started from
    proof: Proof | None = None  # of an extension or an edit
    stems: bool = True  # whether it can be had in separate parts

    def asked(self) -> SongRequest:
        """The request with today's meaning of its knobs, to be made again. Version 1 of ACE-Step counted the CFG
        interval from noise (0) to music (1)."""
        request: Any = self.request
        if (self.engine, self.engine_version) != ("acestep", "1"):
            return self.request
        start, end = turned((request.cfg_interval_start, request.cfg_interval_end))
        return read(request.model_dump() | {"cfg_interval_start": start, "cfg_interval_end": end})

    def planned(self) -> SongRequest:
        """The request, with what the plan decided in the knobs that were left open: to be changed, and made anew."""
        decided = {name: self.plan[name] for name in _DECIDED if self.plan.get(name)}
        if sections := self.plan.get("sections"):
            decided["form"] = ", ".join(f"{one['name']}: {one['bars']}" for one in sections)
        decided["chords"] = self.plan.get("chart", "")
        knobs = fields(type(self.request))
        open_ones = {
            name: value
            for name, value in decided.items()
            if name in knobs and getattr(self.request, name) in (None, "")
        }
        return read(self.asked().model_dump() | open_ones)


class Kept(BaseModel):
    """A take in the library: its recipe, whether it may be sold, its files by kind, and what the user did with it."""

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    ledger: Ledger
    files: dict[str, str]  # kind -> absolute path
    favourite: bool = False

    @property
    def id(self) -> str:
        return self.recipe.id

    @property
    def sound(self) -> str:
        """Where the song lies. Raises NotFound where somebody took it away."""
        if "audio" not in self.files:
            raise NotFound(f"The sound of take {self.id} is gone from its folder; make the song again from its recipe.")
        return self.files["audio"]

    @property
    def kinds(self) -> list[str]:
        """The kinds of file that it can be had as. Without stems of its own it is taken apart, or says what that
        needs."""
        sung = TIMED if self.recipe.lyrics else ()
        scores = [kind for kind in ("midi", *TIMED) if kind in self.files or kind in sung]
        loops = [*LOOPS, "gamepack"] if "midi" in self.files else []  # what has a score
        return [*SOUNDS, *scores, "stems", *SESSIONS, *loops, "picture", "recipe"]

    def summary(self) -> dict[str, Any]:
        """The take as scripts see it, the same on the page, over HTTP and on the command line."""
        recipe = self.recipe.model_dump(mode="json")
        wanted = (
            "id title created mode engine seed duration sample_rate channels plan facts lyrics notices seconds_spent"
        )
        kinds = ("audio", "midi", *TIMED, "recipe", "stems", *SESSIONS)
        return {name: recipe[name] for name in (*wanted.split(), "parent", "proof")} | {
            "files": {kind: self.files.get(kind) for kind in kinds},
            "favourite": self.favourite,
            "ledger": self.ledger.model_dump(),
            "request": recipe["request"],
        }
