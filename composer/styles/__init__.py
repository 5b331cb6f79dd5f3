"""The styles, one table of data per file."""

from composer.style import Style
from composer.styles import (
    ambient,
    boom_bap,
    cinematic,
    deep_house,
    drill,
    drum_and_bass,
    dubstep,
    house,
    jazz,
    lofi,
    psytrance,
    rock,
    synthwave,
    techno,
    trap,
)

STYLES: dict[str, Style] = {
    "lofi": lofi.STYLE,
    "house": house.STYLE,
    "techno": techno.STYLE,
    "psytrance": psytrance.STYLE,
    "trap": trap.STYLE,
    "cinematic": cinematic.STYLE,
    "ambient": ambient.STYLE,
    "rock": rock.STYLE,
    "jazz": jazz.STYLE,
    "boom_bap": boom_bap.STYLE,
    "drill": drill.STYLE,
    "deep_house": deep_house.STYLE,
    "drum_and_bass": drum_and_bass.STYLE,
    "dubstep": dubstep.STYLE,
    "synthwave": synthwave.STYLE,
}
