"""Timed words as files: LRC for players of music, SubRip and WebVTT for players of video.

Each says in its own way what its times are worth, where they are not those of the notes. Lines without a time are left
out; a line ends where the next begins, at the latest, and all times are seconds from the first sample.

Sources: the LRC format as foobar2000 and MPD read it; the SubRip format as VLC and FFmpeg read it; W3C, WebVTT: The Web
Video Text Tracks Format.
"""

import html

from song.lyrics import Lyrics

WORTH = {"estimated": "times are estimated", "aligned": "times are heard in the vocal"}  # nothing where exact
_LAST = 4.0  # seconds that a line stands which nobody ends
Cue = tuple[float, float, str]


def cues(lyrics: Lyrics) -> list[Cue]:
    """(start, end, words) of every timed line, in the order they are sung."""
    timed = sorted((line.start, line.end or 0.0, line.text) for line in lyrics.lines if line.start is not None)
    found = []
    for place, (start, end, text) in enumerate(timed, 1):
        stop = end if end > start else start + _LAST
        found.append((start, min(stop, timed[place][0]) if place < len(timed) else stop, text))
    return found


def said(lyrics: Lyrics) -> str:
    """What the times are worth, in words; "" where they are exact."""
    return WORTH.get(lyrics.timing or "", "")


def lrc(lyrics: Lyrics) -> str:
    """`[01:23.45]line`; words in brackets get round ones, since square ones hold times."""
    head = f"[re:Studio; {worth}]\n" if (worth := said(lyrics)) else ""
    plain = str.maketrans("[]", "()")
    lines = [f"[{_hundredths(start)}]{text.translate(plain)}\n" for start, _, text in cues(lyrics)]
    return head + "".join(lines) if lines else ""


def srt(lyrics: Lyrics) -> str:
    """Numbered cues. The format has no header, so the first cue says what the times are worth."""
    found = cues(lyrics)
    if found and (worth := said(lyrics)):
        found[0] = (*found[0][:2], f"{found[0][2]}\n({worth})")
    blocks = [
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text.replace('-->', '->')}\n"
        for number, (start, end, text) in enumerate(found, 1)
    ]
    return "\n".join(blocks)


def vtt(lyrics: Lyrics) -> str:
    """Cues under a header; `&`, `<` and `>` are written as entities."""
    found = cues(lyrics)
    head = f"WEBVTT - {worth}" if (worth := said(lyrics)) else "WEBVTT"
    blocks = [
        f"{_clock(start, '.')} --> {_clock(end, '.')}\n{html.escape(text, quote=False)}\n" for start, end, text in found
    ]
    return "\n".join([f"{head}\n", *blocks]) if blocks else ""


FORMATS = {"lrc": lrc, "srt": srt, "vtt": vtt}


def _hundredths(seconds: float) -> str:
    whole = round(seconds * 100)
    return f"{whole // 6000:02d}:{whole // 100 % 60:02d}.{whole % 100:02d}"


def _clock(seconds: float, point: str) -> str:
    whole = round(seconds * 1000)
    minutes = whole // 60_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{whole // 1000 % 60:02d}{point}{whole % 1000:03d}"
