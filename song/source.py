"""Source: the song that a cover, an extension or an edit starts from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from song.audio import Audio
from song.heard import Heard
from song.take import Recipe


class Origin(BaseModel):
    """A song in the library that something can start from, by its files: a take, or an upload.

    audio   24-bit WAV
    heard   JSON of a `Heard`, once somebody listened; of our own takes the sheet says the same
    sheet   JSON of what the engine wrote down about its take, see `song.take.Take.sheet`
    recipe  of a take; None for an upload
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    duration: float  # seconds
    path: Path
    heard: Path
    sheet: Path | None = None
    recipe: Recipe | None = None
    added: float = 0.0  # when an upload came in; seconds since 1970
    notices: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where the page finds its sound."""
        return f"files/{self.id}/wav"


@dataclass(frozen=True, eq=False)
class Source:
    """A song to start from, as an engine is handed it.

    audio   its samples as they are kept, at their own rate; two channels, a mono upload on both
    heard   what its plan says, or what listening found; not yet corrected by the request
    recipe  of a take; None for an upload
    sheet   what the engine wrote down about it, empty for an upload
    """

    id: str
    title: str
    audio: Audio
    heard: Heard
    recipe: Recipe | None
    sheet: dict[str, Any]
    notices: tuple[str, ...] = ()  # what was put right when an upload was let in
