"""What was heard, as the user corrected it."""

from bisect import bisect_left
from itertools import pairwise
from typing import Protocol

from song.chart import Bar, read_chart
from song.errors import BadRequest
from song.heard import Heard, HeardChord

SURE = 1.0


class Findings(Protocol):
    """The corrections: see `song.request.Findings`. None and "" mean that what was heard is right."""

    @property
    def source_bpm(self) -> float | None: ...
    @property
    def source_key(self) -> str | None: ...
    @property
    def source_meter(self) -> str | None: ...
    @property
    def source_downbeat(self) -> float | None: ...
    @property
    def source_chords(self) -> str: ...


def corrected(heard: Heard, said: Findings) -> Heard:
    """What was heard with every correction in its place, each with confidence 1. Raises BadRequest."""
    if said.source_key:
        heard = heard.model_copy(update={"key": said.source_key, "key_confidence": SURE})
    if said.source_bpm or said.source_meter or said.source_downbeat is not None:
        heard = _counted(heard, said)
    if said.source_chords:
        heard = heard.model_copy(update={"chords": _charted(heard, said.source_chords)})
    return heard


def _counted(heard: Heard, said: Findings) -> Heard:
    """Beats and bars by the corrected tempo, meter and first downbeat."""
    if said.source_downbeat is not None and said.source_downbeat >= heard.duration:
        raise BadRequest("source_downbeat", f"lies beyond the song, which ends at {heard.duration:.4g} s")
    meter = said.source_meter or heard.meter
    bpm = said.source_bpm or heard.bpm
    first = said.source_downbeat
    if first is None:
        first = heard.downbeats[0] if heard.downbeats else heard.beats[0] if heard.beats else 0.0
    bar = _quarters(meter) * 60 / bpm
    beats, downbeats = _grid(first, 60 / bpm, heard.duration), _steps(first, bar, heard.duration)
    if bpm == heard.bpm and len(heard.beats) > 1:  # only the counting changes: a tempo that breathes goes on to do so
        near = bisect_left(heard.beats, first - 30 / bpm)
        shift = first - heard.beats[min(near, len(heard.beats) - 1)]
        beats = tuple(beat + shift for beat in heard.beats if 0 <= beat + shift <= heard.duration)
        count = round(bar / (heard.beats[1] - heard.beats[0]))
        at = min(range(len(beats)), key=lambda place: abs(beats[place] - first))
        downbeats = beats[at::count]
    sure = {"bpm_confidence": SURE, "meter_confidence": SURE, "beat_confidence": SURE, "downbeat_confidence": SURE}
    return heard.model_copy(update={"bpm": bpm, "meter": meter, "beats": beats, "downbeats": downbeats, **sure})


def _quarters(meter: str) -> float:
    above, below = meter.split("/")
    return int(above) * 4 / int(below)


def _grid(anchor: float, step: float, duration: float) -> tuple[float, ...]:
    """Every `step` seconds through the whole song, `anchor` among them."""
    return _steps(anchor - int(anchor / step + 1e-6) * step, step, duration)


def _steps(start: float, step: float, duration: float) -> tuple[float, ...]:
    return tuple(round(start + place * step, 6) for place in range(int((duration - start) / step + 1e-6) + 1))


def _charted(heard: Heard, text: str) -> tuple[HeardChord, ...]:
    """The chart, bar by bar from the first downbeat, from its start again as long as the song lasts."""
    try:
        bars = read_chart(text).bars
    except ValueError as error:
        raise BadRequest("source_chords", str(error)) from None
    if not bars:
        raise BadRequest("source_chords", 'holds no bars; write them like "| Am | F | C | G |"')
    edges = [*heard.downbeats, heard.duration]
    found: list[HeardChord] = []
    for place, (start, end) in enumerate(pairwise(edges)):
        found += _placed(bars[place % len(bars)], start, end, heard.meter)
    return tuple(found)


def _placed(bar: Bar, start: float, end: float, meter: str) -> list[HeardChord]:
    above, below = meter.split("/")
    scale = (end - start) / _quarters(meter)
    return [
        HeardChord(
            start=round(start + at * scale, 6),
            end=round(start + (at + length) * scale, 6),
            symbol="N" if chord.silent else chord.text,
            confidence=SURE,
        )
        for at, length, chord in bar.placed((int(above), int(below)))
    ]
