"""What the composer writes down about its own take, so that nobody has to listen to it later: plan, score, `Heard`."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from composer.plan import Plan
from song.heard import Heard, HeardChord, HeardNote, HeardSection
from song.score import Score

_TUNES = ("vocals", "lead")  # roles whose notes are the melody; the first that plays


@cache
def _adapters() -> tuple[TypeAdapter[Plan], TypeAdapter[Score]]:
    return TypeAdapter(Plan), TypeAdapter(Score)


def written(plan: Plan, score: Score) -> dict[str, Any]:
    """Plan, score and `Heard` as plain JSON."""
    plans, scores = _adapters()
    return {
        "heard": heard(plan, score).model_dump(mode="json"),
        "plan": plans.dump_python(plan, mode="json"),
        "score": scores.dump_python(score, mode="json"),
    }


def read(sheet: dict[str, Any]) -> tuple[Plan, Score] | None:
    """Plan and score of a sheet; None where it has none, or none that this composer can read."""
    if "plan" not in sheet or "score" not in sheet:
        return None
    plans, scores = _adapters()
    try:
        return plans.validate_python(sheet["plan"]), scores.validate_python(sheet["score"])
    except ValidationError:
        return None


def heard(plan: Plan, score: Score) -> Heard:
    """What a listener would write down who has the score before him. Loudness is that of no master yet."""
    whole = plan.duration
    beat = plan.meter[1] == 8 and plan.meter[0] % 3 == 0  # 6/8 is counted in dotted quarters
    beats = _every(score.seconds(1.5 if beat else 4 / plan.meter[1] if plan.meter[1] == 8 else 1.0), whole)
    return Heard(
        duration=whole,
        bpm=plan.bpm,
        bpm_confidence=1.0,
        meter=f"{plan.meter[0]}/{plan.meter[1]}",
        meter_confidence=1.0,
        beats=beats,
        beat_confidence=1.0,
        downbeats=_every(plan.bar_seconds, whole),
        downbeat_confidence=1.0,
        key=score.key,
        key_confidence=1.0,
        chords=_chords(score, whole),
        sections=_sections(plan),
        melody=_melody(score, whole),
        lufs=-18.0,
    )


def _every(step: float, whole: float) -> tuple[float, ...]:
    return tuple(round(place * step, 6) for place in range(int(whole / step + 1e-9) + 1) if place * step < whole)


def _chords(score: Score, whole: float) -> tuple[HeardChord, ...]:
    return tuple(
        HeardChord(start=start, end=end, symbol=one.symbol, confidence=1.0)
        for one in score.chords
        for start, end in [(round(score.seconds(one.start), 6), round(score.seconds(one.start + one.duration), 6))]
        if start < whole
    )


def _sections(plan: Plan) -> tuple[HeardSection, ...]:
    """What comes after the last one is the last chord, which rings."""
    return tuple(
        HeardSection(
            start=round(one.start * plan.bar_seconds, 6),
            end=round(min(plan.duration, (one.start + one.bars) * plan.bar_seconds), 6),
            label=one.name,
            confidence=1.0,
        )
        for one in plan.sections
    )


def _melody(score: Score, whole: float) -> tuple[HeardNote, ...]:
    tunes = {track.role: track.notes for track in score.tracks}
    notes = next((tunes[role] for role in _TUNES if role in tunes), ())
    return tuple(
        HeardNote(start=round(score.seconds(note.start), 6), end=round(min(whole, score.seconds(note.end)), 6),
                  pitch=note.pitch, confidence=1.0)
        for note in notes if score.seconds(note.start) < whole
    )  # fmt: skip
