"""Regions: stretches of a song as people type them, "12-24, 0:40-0:48.5". Seconds or minutes:seconds."""

import re
from collections.abc import Iterable

from song.errors import BadRequest

SHORTEST = 0.1  # seconds; shorter than that nobody hears what was made anew
_SLACK = 0.1  # seconds that a region may reach beyond the end, from dragging and rounding
_TIME = r"(?:(\d{1,3}):)?(\d{1,4}(?:\.\d*)?|\.\d+)\s*(?:s|sec|seconds)?"
_REGION = re.compile(rf"\s*{_TIME}\s*(?:-|\u2013|\u2014|\bto\b|\.\.)\s*{_TIME}\s*", re.IGNORECASE)

Region = tuple[float, float]


def parse(text: str) -> tuple[Region, ...]:
    """(start, end) in seconds, sorted, those that touch joined; empty text gives none. Raises ValueError."""
    return joined(_region(item) for item in re.split(r"[,;\n]", text) if item.strip())


def inside(text: str, duration: float) -> tuple[Region, ...]:
    """`parse`, held against a song of `duration` seconds. Raises BadRequest."""
    try:
        found = parse(text)
    except ValueError as error:
        raise BadRequest("regions", str(error)) from None
    for start, end in found:
        if end > duration + _SLACK:
            raise BadRequest(
                "regions", f"{_written(start, end)} reaches beyond the song, which ends at {duration:.4g} s"
            )
    return tuple((start, min(end, duration)) for start, end in found)


def _region(item: str) -> Region:
    match = _REGION.fullmatch(item)
    if not match:
        raise ValueError(f'"{item.strip()[:40]}" is no region; write it like "12-24" or "0:40-0:48.5"')
    start, end = (
        60 * int(minutes or 0) + float(seconds) for minutes, seconds in (match.groups()[:2], match.groups()[2:])
    )
    if end - start < SHORTEST - 1e-9:
        why = "ends before it begins" if end < start else f"is shorter than {SHORTEST:g} s"
        raise ValueError(f'"{item.strip()[:40]}" {why}; write it like "12-24"')
    return start, end


def joined(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Regions in order, those that touch made one."""
    found: list[Region] = []
    for start, end in sorted(regions):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def _written(start: float, end: float) -> str:
    return f"{start:g}-{end:g}"
