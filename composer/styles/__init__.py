"""The styles, one table of data per file."""

from composer.style import Style
from composer.styles import ambient, cinematic, house, jazz, lofi, psytrance, rock, techno, trap

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
}
