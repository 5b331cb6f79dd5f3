"""A voice that sings: Flite's English voices through our own vocoder, or a formant singer of our own."""

from functools import cache

from composer.voice.flite import Flite, FliteError, find
from composer.voice.formant import Formant
from composer.voice.phones import Singer
from settings import settings

__all__ = ["Flite", "FliteError", "Formant", "Singer", "find", "singer"]

HOW = "make voice, or apt install libflite1, or set STUDIO_FLITE to the folder that holds libflite.so.1"


@cache
def singer() -> tuple[Singer, str]:
    """Who sings in this process, and what the user should know about it ("" where there is nothing to say)."""
    place = find(settings().flite)
    if place is None:
        return (
            Formant(),
            f"Flite was not found, so the studio's own formant singer sings, less clearly; to get it: {HOW}.",
        )
    try:
        return Flite(place), ""
    except FliteError as error:
        return Formant(), f"The studio's own formant singer sings, less clearly, since {error}."
