"""Source: the song that a cover, an extension or an edit starts from."""

from dataclasses import dataclass

from song.audio import Audio
from song.heard import Heard
from song.take import Recipe


@dataclass(frozen=True, eq=False)
class Source:
    """A take of the library or an upload, as an engine is handed it.

    audio    its samples as they are kept, at their own rate; two channels, a mono upload on both
    heard    what its plan says, or what listening found
    lineage  the recipe of a take, then of what that was made from, and so on; empty for an upload
    """

    id: str
    title: str
    audio: Audio
    heard: Heard
    lineage: tuple[Recipe, ...] = ()
